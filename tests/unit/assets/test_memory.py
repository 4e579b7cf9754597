"""Effects of channels are counted from decisions, their chances and purchases, each block of days once."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.cycles import write_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.memory import channel_sums
from ml.learning.contrasts import effects_of

HORIZON = 7
FIRST = date.fromordinal(date(2026, 1, 5).toordinal() // HORIZON * HORIZON)
CONFIGURATION: Any = SimpleNamespace(
    policy=SimpleNamespace(time_zone="UTC", training=SimpleNamespace(horizon_days=HORIZON))
)
PEOPLE = 4000
CHANCE = 0.3


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    found.upgrade()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One day of drawn e-mails, that make one in ten buy who wouldn't; every other person buys anyway."""
    found, draw = Home(tmp_path).make(), np.random.default_rng(1)
    who = np.array([f"p{n}" for n in range(PEOPLE)])
    contacted = draw.random(PEOPLE) < CHANCE
    buys = (np.arange(PEOPLE) % 2 == 0) | (contacted & (draw.random(PEOPLE) < 0.1))
    folder = found.cycle(FIRST.isoformat())
    folder.mkdir(parents=True)
    channel = np.where(contacted, "email", "none")
    pd.DataFrame(
        {
            "decision_id": who,
            "cycle_id": FIRST.isoformat(),
            "customer_id": who,
            "objective_id": "o",
            "uplift": 0.0,
            "channel": channel,
            "logging_propensity": np.where(contacted, CHANCE, 1 - CHANCE),
        }
    ).to_parquet(folder / "decisions.parquet")
    pd.DataFrame(
        {"customer_id": who, "objective_id": "o", "channel": "email", "is_randomized": False, "chance": CHANCE}
    ).to_parquet(folder / "chances.parquet")
    found.generation("g").mkdir(parents=True)
    sold = pd.DataFrame({"customer_id": who[buys], "converted_at": pd.Timestamp(FIRST) + pd.Timedelta(days=2)})
    sold.to_parquet(found.generation("g") / "fct_conversions.parquet")
    return found


def test_the_effect_is_counted_once_the_block_and_its_horizon_are_over(home: Home, ledger: Ledger) -> None:
    generation = home.generation("g")
    early = FIRST + timedelta(days=2 * HORIZON - 2)
    assert channel_sums(home, ledger, CONFIGURATION, generation, early) == {}
    sums = channel_sums(home, ledger, CONFIGURATION, generation, early + timedelta(days=1))
    (email,) = effects_of(sums)
    assert email.contacted.people + email.alone.people == PEOPLE
    assert email.effect == pytest.approx(0.05, abs=0.05)
    assert email.sd == pytest.approx((0.25 / 1200 + 0.25 / 2800) ** 0.5, rel=0.05)
    (generation / "fct_conversions.parquet").unlink()
    assert channel_sums(home, ledger, CONFIGURATION, generation, early + timedelta(days=9)) == sums


def test_people_whose_message_was_taken_back_are_left_out(home: Home, ledger: Ledger) -> None:
    again = home.cycle(f"{FIRST}.2")
    again.mkdir()
    decisions = pd.read_parquet(home.cycle(FIRST.isoformat()) / "decisions.parquet")
    some = decisions.query("channel == 'email'")["decision_id"].iloc[:100]
    decisions.assign(decision_id="d-" + decisions["decision_id"]).to_parquet(
        home.cycle(FIRST.isoformat()) / "decisions.parquet"
    )
    write_json({"withdraws": [f"m-{name}" for name in some]}, again / "withdraws.json")
    sums = channel_sums(home, ledger, CONFIGURATION, home.generation("g"), FIRST + timedelta(days=2 * HORIZON))
    assert sums["email"].contacted.people + sums["email"].alone.people == PEOPLE - 100


def test_people_who_could_not_have_been_left_alone_are_compared_with_nobody(home: Home, ledger: Ledger) -> None:
    path = home.cycle(FIRST.isoformat()) / "chances.parquet"
    chances = pd.read_parquet(path)
    chances.loc[:99, "chance"] = 1.0
    chances.to_parquet(path)
    sums = channel_sums(home, ledger, CONFIGURATION, home.generation("g"), FIRST + timedelta(days=2 * HORIZON))
    assert sums["email"].contacted.people + sums["email"].alone.people == PEOPLE - 100
