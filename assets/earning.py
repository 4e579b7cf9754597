"""Each objective's level beside what its arms and its plans show: the test that was stated when it was first seen."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.lifts import assigned, begin
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.configuration.policy import AutonomyTest
from ml.entities import Autonomy
from ml.learning.advantage import Advantage, advantage, arm_days, first_purchases
from ml.objectives.active import active_objectives
from ml.policy.earning import Conduct, judge


def review(home: Home, ledger: Ledger, configuration: Configuration, day: date, at: datetime) -> list[dict[str, Any]]:
    """Judge the level of every objective of a day by what was known on its morning, and keep what was found.

    Args:
        home: The workspace.
        ledger: Where levels, tests and evidence are.
        configuration: What the operator states.
        day: The cycle's day.
        at: The clock T, UTC.

    Returns:
        What the ledger keeps of the day, by objective.
    """
    active = active_objectives(configuration.objectives, day)
    people = _first_purchases(home, ledger, configuration, day)
    for objective in active:
        level: Autonomy = ledger.objectives.see(objective.id, objective.autonomy, owner=objective.owner, at=at)  # type: ignore[assignment]
        test = ledger.earning.keep_test(objective.id, configuration.policy.autonomy, at)
        begins = _begins(ledger, objective.id, configuration.policy.time_zone)
        own = people[people["objective_id"] == objective.id]
        conduct = Conduct(*ledger.earning.conduct(objective.id, begins or objective.starts_on, day))
        shown = _shown(objective, own, begins, day, test)
        ledger.earning.keep(
            objective.id, day.isoformat(), "arms", level, judge(level, shown, conduct, test), at=at, shown=shown
        )
    return [found for found in ledger.earning.of_cycle(day.isoformat()) if found["kind"] == "arms"]


def _shown(objective: Objective, own: pd.DataFrame, begins: date | None, day: date, test: AutonomyTest) -> Advantage:
    if own.empty:
        return advantage([], test)
    first = max(begins, own["assigned_on"].min()) if begins else own["assigned_on"].min()
    days = _days(first, day)
    return advantage(arm_days(own, days, is_weighed=objective.metric == "incremental_margin"), test)


def _days(first: date, until: date) -> Sequence[date]:
    return [first + timedelta(days=n) for n in range(max(0, (until - first).days))]


def _begins(ledger: Ledger, objective_id: str, time_zone: str) -> date | None:
    """The first whole day at the level in force; None where it has been so from the beginning."""
    since = ledger.objectives.since(objective_id)
    if since is None or since[1]:
        return None
    return since[0].astimezone(ZoneInfo(time_zone)).date() + timedelta(days=1)


def _first_purchases(home: Home, ledger: Ledger, configuration: Configuration, day: date) -> pd.DataFrame:
    """First purchases of the system and the manual arm of all objectives, as known at the beginning of the day."""
    zone = configuration.policy.time_zone
    until = begin(day, zone)
    people = assigned(home, day, zone)
    people = people[people["arm"].isin(["system", "manual"])]
    people = people[pd.to_datetime(people["assigned_at"], utc=True) < until]
    sales = read_mart(home, ledger.generations.latest_of(day), "fct_conversions", "customer_id, converted_at, margin")
    return first_purchases(people, sales, until, zone)
