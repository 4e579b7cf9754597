"""Contacts count for the creative that they were made with, once their horizon is over."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from assets.creatives import count_outcomes
from assets.cycles import write_json
from assets.home import Home
from assets.ledger.ledger import Ledger

ON = date(2026, 1, 5)
CONFIGURATION: Any = SimpleNamespace(
    policy=SimpleNamespace(time_zone="America/New_York", training=SimpleNamespace(horizon_days=14))
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    found.upgrade()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    found.generation("g").mkdir(parents=True)
    _decided(found, "2026-01-05", [("a", "x"), ("b", "x"), ("c", "y"), ("d", None), ("e", "y")])
    sold = [("a", "2026-01-05 05:00"), ("a", "2026-01-06"), ("b", "2026-01-05 04:59"), ("e", "2026-01-19 04:59")]
    sold += [("c", "2026-01-19 05:00"), ("d", "2026-01-07")]
    conversions = pd.DataFrame(sold, columns=["customer_id", "converted_at"])
    conversions["converted_at"] = pd.to_datetime(conversions["converted_at"], format="mixed")
    conversions.to_parquet(found.generation("g") / "fct_conversions.parquet")
    return found


def _decided(home: Home, cycle_id: str, rows: list[tuple[str, str | None]]) -> None:
    folder = home.cycle(cycle_id)
    folder.mkdir(parents=True, exist_ok=True)
    write_json({}, folder / "plan.json")
    columns = {
        "decision_id": [f"d-{cycle_id}-{person}" for person, _ in rows],
        "cycle_id": cycle_id,
        "objective_id": "win_back",
        "customer_id": [person for person, _ in rows],
        "channel": ["none" if creative is None else "email" for _, creative in rows],
        "offer_id": "none",
        "creative_id": ["none" if creative is None else creative for _, creative in rows],
    }
    pd.DataFrame(columns).to_parquet(folder / "decisions.parquet")


def counted(home: Home, ledger: Ledger) -> dict[str, tuple[int, int, float]]:
    rows = count_outcomes(home, ledger, CONFIGURATION, home.generation("g"), ON)
    return {row["creative_id"]: (row["people"], row["conversions"], row["probability"]) for row in rows}


def test_a_purchase_counts_within_the_horizon_of_the_workspaces_day_and_once(home: Home, ledger: Ledger) -> None:
    assert counted(home, ledger) == {"x": (2, 1, 0.5), "y": (2, 1, 0.5)}


def test_the_chances_of_the_day_are_kept_with_what_came_of_them(home: Home, ledger: Ledger) -> None:
    write_json({"shares": {"x": 0.9, "y": 0.1}}, home.cycle("2026-01-05") / "creatives.json")
    assert {name: row[2] for name, row in counted(home, ledger).items()} == {"x": 0.9, "y": 0.1}


def test_a_message_that_was_taken_back_is_no_contact(home: Home, ledger: Ledger) -> None:
    _decided(home, "2026-01-05.2", [("f", "x")])
    write_json({"withdraws": ["m-2026-01-05-a"]}, home.cycle("2026-01-05.2") / "withdraws.json")
    assert counted(home, ledger)["x"] == (2, 0, 0.5)
