"""Who is in which arm since when, and what the arms show: from the cycles' decisions and the published conversions."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from assets.cycles import read_json
from assets.duck import query
from assets.frames import read_mart
from assets.home import Home
from ml.learning.lift import lifts, since_assignment

COLUMNS = ["customer_id", "objective_id", "arm", "assigned_at"]


def assigned(home: Home, day: date, time_zone: str) -> pd.DataFrame:
    """Everybody who was in an objective's audience on a day so far: customer_id, objective_id, arm, assigned_at.

    A person counts from the beginning of the first day on which the objective saw them, contacted or not.
    """
    mornings = [
        path
        for path in home.root.glob("cycles/*/decisions.parquet")
        if "." not in path.parent.name and path.parent.name <= day.isoformat()
    ]
    if not mornings:
        return pd.DataFrame(columns=COLUMNS)
    sql = """
        select customer_id, objective_id, arm, min(cycle_id)::date as assigned_on
        from read_parquet($paths) group by customer_id, objective_id, arm
    """
    found = query(sql, paths=[str(path) for path in mornings])
    begins = {on: _begin(pd.Timestamp(on).date(), time_zone) for on in found["assigned_on"].unique()}
    return found.assign(assigned_at=found["assigned_on"].map(begins))[COLUMNS]


def lifts_of(home: Home, day: date, people: pd.DataFrame, time_zone: str) -> list[dict[str, Any]]:
    """The lifts as plain facts, as known at the beginning of the day."""
    if people.empty:
        return []
    generation_id = read_json(home.cycle(day.isoformat()) / "versions.json")["generation_id"]
    conversions = read_mart(home, generation_id, "fct_conversions", "customer_id, converted_at, margin")
    until = _begin(day, time_zone)
    earlier = people[people["assigned_at"] < until]
    if earlier.empty:
        earlier = people
    conversions = conversions[pd.to_datetime(conversions["converted_at"], utc=True) >= people["assigned_at"].min()]
    return [asdict(found) for found in lifts(since_assignment(earlier, conversions, until))]


def _begin(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
