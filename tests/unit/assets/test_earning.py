"""Levels are judged each morning by the arms' first purchases as decisions and sales tell them, and by plans since."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.cycles import ASSIGNED
from assets.earning import review
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.records import PlanRecord
from ml.configuration.policy import AutonomyTest

FIRST = date(2026, 1, 5)
NOW = FIRST + timedelta(days=20)
PEOPLE = 4000
OBJECTIVE: Any = SimpleNamespace(
    id="o", autonomy="assisted", owner="ann", metric="reactivations", starts_on=FIRST, ends_on=date(2026, 6, 1)
)


def _configuration(alpha: float = 0.05) -> Any:
    policy = SimpleNamespace(time_zone="UTC", autonomy=AutonomyTest(alpha=alpha))
    return SimpleNamespace(objectives=[OBJECTIVE], policy=policy)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    found.upgrade()
    for n in range(40):
        found.generations.publish(
            f"{FIRST + timedelta(days=n)}-1",
            cycle_on=FIRST + timedelta(days=n),
            path="x",
            at=_at(FIRST + timedelta(days=n)),
        )
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """People of four arms since the first day; the system's buy twice as often as the manual arm's, in the first 20 days."""
    found, draw = Home(tmp_path).make(), np.random.default_rng(1)
    who, arm = (
        np.array([f"p{n}" for n in range(PEOPLE)]),
        np.array(["system", "manual", "holdout", "random"])[np.arange(PEOPLE) % 4],
    )
    folder = found.cycle(FIRST.isoformat())
    folder.mkdir(parents=True)
    people = pd.DataFrame({"customer_id": who, "objective_id": "o", "arm": arm, "segment": "other"})
    people.to_parquet(folder / ASSIGNED)
    buys = draw.random(PEOPLE) < np.where(arm == "system", 0.3, 0.15)
    day = pd.Timestamp(FIRST) + pd.to_timedelta(draw.integers(0, 20, PEOPLE), unit="D")
    sold = pd.DataFrame({"customer_id": who, "converted_at": day, "margin": 1.0})[buys]
    for n in (20, 21, 22):
        generation = found.generation(f"{FIRST + timedelta(days=n)}-1")
        generation.mkdir(parents=True)
        sold.to_parquet(generation / "fct_conversions.parquet")
    return found


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC)


def _propose(ledger: Ledger, day: date, crossed: dict[str, list[str]]) -> None:
    ledger.plans.propose(
        PlanRecord(
            day.isoformat(), day.isoformat(), "h", ["o"], {"crossed": crossed}, {"generation_id": f"{day}-1"}, _at(day)
        )
    )


def test_a_shown_advantage_is_proposed_and_after_a_persons_word_the_counting_begins_anew(
    home: Home, ledger: Ledger
) -> None:
    ledger.objectives.see("o", "assisted", owner="ann", at=_at(FIRST))
    (found,) = review(home, ledger, _configuration(), NOW, _at(NOW))
    assert (found["move"], found["level"]) == ("proposed", "assisted")
    assert found["better"] > np.log(20)
    assert "of 1,000 people of the system arm" in found["words"]
    assert review(home, ledger, _configuration(), NOW, _at(NOW)) == [found]
    ledger.objectives.accept("o", by="bo", at=_at(NOW))
    later = NOW + timedelta(days=2)
    (anew,) = review(home, ledger, _configuration(), later, _at(later))
    assert (anew["level"], anew["move"]) == ("supervised", "stays")
    assert "in 1 days" in anew["words"]


def test_too_many_days_across_a_guardrail_keep_the_level(home: Home, ledger: Ledger) -> None:
    ledger.objectives.see("o", "assisted", owner="ann", at=_at(FIRST))
    for n in range(20):
        _propose(ledger, FIRST + timedelta(days=n), {"o": ["new_actions"]} if n in (3, 7) else {})
    (found,) = review(home, ledger, _configuration(), NOW, _at(NOW))
    assert found["move"] == "stays"
    assert "on 2 of 20 days (too many)" in found["words"]


def test_the_test_stays_what_it_was_when_the_objective_was_first_seen(home: Home, ledger: Ledger) -> None:
    review(home, ledger, _configuration(alpha=1e-30), NOW, _at(NOW))
    later = NOW + timedelta(days=1)
    (found,) = review(home, ledger, _configuration(alpha=0.05), later, _at(later))
    assert found["move"] == "stays"
    assert ledger.earning.test("o") == AutonomyTest(alpha=1e-30)


def test_before_anybody_was_decided_on_there_is_nothing_to_compare(tmp_path: Path, ledger: Ledger) -> None:
    home = Home(tmp_path).make()
    generation = home.generation(f"{FIRST}-1")
    generation.mkdir(parents=True)
    empty = {
        "customer_id": pd.Series(dtype=str),
        "converted_at": pd.Series(dtype="datetime64[us]"),
        "margin": pd.Series(dtype=float),
    }
    pd.DataFrame(empty).to_parquet(generation / "fct_conversions.parquet")
    (found,) = review(home, ledger, _configuration(), FIRST, _at(FIRST))
    assert found["words"].startswith("nothing to compare")
