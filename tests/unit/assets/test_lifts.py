"""Who is compared, what is withheld, and how looks remember the looks before them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.cycles import ASSIGNED, write_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.lifts import assigned, earlier_looks, lift_facts
from ml.configuration.objective import ArmShares
from ml.entities import ARMS
from ml.policy.arms import assign_arms

ZONE = "America/New_York"
DAY = date(2026, 1, 25)
SHARES = ArmShares(holdout=0.3, manual=0.0, random=0.0)
PEOPLE = np.array([f"c{i:04d}" for i in range(2000)], dtype=object)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"customer_id": PEOPLE, "objective_id": "grow", "segment": "active"})
    rows["arm"] = np.array(ARMS, dtype=object)[assign_arms(PEOPLE, "grow", SHARES, "s")]
    _in_audience(found, "2026-01-05", rows[:1500])
    _in_audience(found, "2026-01-06", rows.assign(segment="lapsed"))
    _in_audience(found, "2026-01-06.2", rows.assign(arm="holdout"))
    buys = rng.random(len(PEOPLE)) < np.where(rows["arm"] == "system", 0.25, 0.1)
    sold = pd.DataFrame({"customer_id": PEOPLE[buys], "converted_at": pd.Timestamp("2026-01-10"), "margin": 20.0})
    found.generation("g").mkdir(parents=True)
    sold.to_parquet(found.generation("g") / "fct_conversions.parquet")
    for day in ("2026-01-24", "2026-01-25"):
        found.cycle(day).mkdir(parents=True)
        write_json({"generation_id": "g"}, found.cycle(day) / "versions.json")
    return found


def _in_audience(home: Home, cycle_id: str, rows: pd.DataFrame) -> None:
    home.cycle(cycle_id).mkdir(parents=True)
    rows.to_parquet(home.cycle(cycle_id) / ASSIGNED)


def ledger_of(shares: dict[str, ArmShares]) -> Any:
    contacted = PEOPLE[assign_arms(PEOPLE, "grow", SHARES, "s") == ARMS.index("system")]
    cost = pd.DataFrame({"customer_id": contacted, "objective_id": "grow", "cost": 0.5})
    return SimpleNamespace(
        figures=SimpleNamespace(cost_of_people={DAY: cost, DAY - timedelta(days=1): cost}.__getitem__),
        randomizations=SimpleNamespace(shares=lambda: shares),
    )


def facts_on(home: Home, day: date, shares: ArmShares = SHARES) -> dict[str, Any]:
    return lift_facts(home, ledger_of({"grow": shares}), day, assigned(home, day, ZONE), ZONE)


def test_a_person_is_assigned_once_from_the_first_morning_in_the_audience_as_they_were_then(home: Home) -> None:
    people = assigned(home, DAY, ZONE).set_index("customer_id")
    assert len(people) == 2000
    assert people.loc["c0000", "assigned_at"] == datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert people.loc["c1999", "assigned_at"] == datetime(2026, 1, 6, 5, tzinfo=UTC)
    assert people["segment"].value_counts().to_dict() == {"active": 1500, "lapsed": 500}
    assert set(people["arm"]) == {"system", "holdout"}
    assert len(assigned(home, date(2026, 1, 5), ZONE)) == 1500


def test_lifts_segments_costs_and_shares_are_told_of_each_objective(home: Home) -> None:
    facts = facts_on(home, DAY)
    assert facts["people"] == 2000
    assert [one["measure"] for one in facts["lifts"]] == ["conversion", "margin"]
    conversion = facts["lifts"][0]
    assert conversion["low"] < conversion["fixed_low"] < 0.15 < conversion["high"]
    assert {one["segment"] for one in facts["segments"]} == {"active", "lapsed"}
    (cost,), (ratio,) = facts["costs"], facts["sample_ratio"]
    assert 0 < cost["low"] < cost["value"] < cost["high"]
    assert cost["value"] == pytest.approx(0.5 / conversion["difference"])
    assert not ratio["is_uneven"]


def test_where_the_arms_lack_their_shares_every_figure_is_withheld_with_the_reason(home: Home) -> None:
    facts = facts_on(home, DAY, ArmShares(holdout=0.5, manual=0.0, random=0.0))
    assert facts["sample_ratio"][0]["is_uneven"]
    told = [*facts["lifts"], *facts["segments"]]
    assert told
    assert all(one["difference"] is None and one["words"].startswith("withheld") for one in told)
    assert facts["costs"][0]["value"] is None
    assert facts["costs"][0]["words"].startswith("withheld")


def test_a_look_knows_the_looks_of_the_days_before_and_none_of_later_ones(home: Home) -> None:
    first = facts_on(home, date(2026, 1, 24))
    write_json(first, home.cycle("2026-01-24") / "lift.json")
    looks = earlier_looks(home, DAY)
    assert earlier_looks(home, date(2026, 1, 24)) == {}
    (look,) = looks["grow", "conversion", "holdout", "all"]
    assert look.information == first["lifts"][0]["information"]
    second = facts_on(home, DAY)
    # Nobody bought in between: the same is seen again, and the interval stays as it is.
    assert second["lifts"][0]["information"] == pytest.approx(look.information)
    assert second["lifts"][0]["low"] == pytest.approx(first["lifts"][0]["low"])


def test_money_counts_by_person_and_objective_until_the_day(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    assert ledger.figures.cost_of_people(DAY).empty
    assert ledger.randomizations.shares() == {}
    ledger.randomizations.keep("grow", SHARES, "s", datetime(2026, 1, 5, tzinfo=UTC))
    assert ledger.randomizations.shares() == {"grow": SHARES}
