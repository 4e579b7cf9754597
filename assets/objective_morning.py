"""An objective on a morning: its target in units, how it stands, and what is left of its period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from assets.cycles import read_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.objective_history import active_on, expected_by_day, lapse_rates
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.objectives.estimate import Estimate, from_interval
from ml.objectives.forecast import Goal, Standing, goal_of
from ml.objectives.history import Maturation, Untouched, lapse_rate, untouched
from ml.objectives.rest import Period


@dataclass(frozen=True)
class Morning:
    """Where and when objectives are compiled, and what the past says."""

    home: Home
    ledger: Ledger
    configuration: Configuration
    generation_id: str
    day: date
    at: datetime
    sales: pd.DataFrame
    arrives: Mapping[int, Maturation]
    plans: Mapping[date, Sequence[Mapping[str, Any]]]
    released: pd.DataFrame

    def begins_at(self, on: date) -> datetime:
        """When a day begins in the workspace, UTC."""
        return begins_at(self.configuration, on)


def begins_at(configuration: Configuration, on: date) -> datetime:
    """When a day begins in the workspace, UTC."""
    return datetime.combine(on, time(), ZoneInfo(configuration.policy.time_zone)).astimezone(UTC)


def standing_of(
    morning: Morning, objective: Objective, arrives: Maturation, level: Untouched | None, unit: float
) -> Standing:
    """How an objective stands on the morning, in its units."""
    by_day = expected_by_day(morning.plans, objective, morning.released)
    ends = objective.ends_on + timedelta(days=1)
    counts_from = _counts_from(morning, objective)
    here = {on: units * arrives.by((morning.day - on).days) for on, units in by_day.items()}
    at_end = {on: units * arrives.by((ends - on).days) for on, units in by_day.items() if on >= counts_from}
    counted = sum(units for on, units in here.items() if on >= counts_from)
    days = (objective.ends_on - morning.day).days + 1
    return Standing(
        expected=float(counted),
        caused=_caused(morning, objective, unit),
        maturing=float(sum(at_end.values()) - counted),
        reached_total=_reached_total(morning, objective),
        untouched_rest=level.over(days) if level else None,
        dispersion=level.dispersion if level else 1.0,
        expected_of_all=float(sum(here.values())),
    )


def goal_today(morning: Morning, objective: Objective, level: Untouched | None, rate: Estimate | None) -> Goal:
    """The target in units.

    Raises:
        NoBaselineError: It is a change, and history is too short for a baseline.
    """
    days = (objective.ends_on - objective.starts_on).days + 1
    if objective.metric != "churn_rate":
        return goal_of(objective, level.over(days) if level else None, level.words if level else "")
    policy = morning.configuration.policy.lifecycle
    active = active_on(
        morning.home, morning.generation_id, at=morning.begins_at(objective.starts_on), active_days=policy.lapsing_days
    )
    stated = objective.target.baseline
    if isinstance(stated, float):
        words = f"{stated:.1%} of {active:,} active customers, as stated"
        return goal_of(objective, Estimate(stated * active, 0.0), words)
    if rate is None:
        return goal_of(objective, None)
    shares = f"{rate.mean:.1%} ({max(0.0, rate.low):.1%} to {min(1.0, rate.high):.1%})"
    words = f"{shares} of {active:,} active customers lapsed in earlier periods of this length"
    return goal_of(objective, rate.times(active), words)


def period_of(
    morning: Morning,
    objective: Objective,
    objectives: Sequence[Objective],
    arrives: Maturation,
    spent: Mapping[str, float],
    days: int,
) -> Period:
    """The rest of the objective's period if it had so many days; others spend as much of theirs as falls into it."""
    own_days = (objective.ends_on - morning.day).days + 1
    budgets = {}
    for each in objectives:
        left, its_days = max(0.0, each.budget - spent[each.id]), (each.ends_on - morning.day).days + 1
        budgets[each.id] = left if each.id == objective.id else left * min(1.0, own_days / its_days)
    lapsed_days = morning.configuration.policy.lifecycle.lapsed_days
    effective = min(days, lapsed_days) if objective.metric == "churn_rate" else days
    return Period(objective.id, days, effective, arrives.over(effective), budgets, {})


def lapses_of(morning: Morning, objective: Objective) -> Estimate | None:
    """Share of active customers who lapse untouched over a period of the objective's length; None without the history."""
    lifecycle = morning.configuration.policy.lifecycle
    found = lapse_rates(
        morning.home,
        morning.generation_id,
        starts_at=morning.begins_at(objective.starts_on),
        days=(objective.ends_on - objective.starts_on).days + 1,
        active_days=lifecycle.lapsing_days,
        lapsed_days=lifecycle.lapsed_days,
    )
    return lapse_rate(found["lapsed"].to_numpy(dtype=float), found["people"].to_numpy(dtype=float))


def level_of(morning: Morning, objective: Objective) -> Untouched | None:
    """What a day brought before the objective started."""
    if objective.metric not in morning.sales:
        return None
    before = morning.sales.loc[morning.sales.index < pd.Timestamp(objective.starts_on), objective.metric]
    return untouched(before.to_numpy(dtype=float))


def spent_before(morning: Morning, objective: Objective) -> float:
    """Money spent or bound before this day."""
    today = morning.released[
        (morning.released["objective_id"] == objective.id) & (morning.released["cycle_on"] == morning.day.isoformat())
    ]
    return morning.ledger.budgets.spent_of(objective.id) - float(today["spend"].sum())


def _caused(morning: Morning, objective: Objective, unit: float) -> Estimate | None:
    """Units that the system arm has caused against holdout, by the newest lift before this day."""
    measure = "margin" if objective.metric == "incremental_margin" else "conversion"
    for on in sorted(morning.plans, reverse=True):
        path = morning.home.cycle(on.isoformat()) / "lift.json"
        if path.exists():
            for one in read_json(path)["lifts"]:
                wanted = (one["objective_id"], one["against"], one["measure"]) == (objective.id, "holdout", measure)
                if wanted and one["difference"] is not None:
                    people = one["system"]["people"] * unit
                    return from_interval(one["difference"] * people, one["low"] * people, one["high"] * people)
            return None
    return None


def _reached_total(morning: Morning, objective: Objective) -> float:
    if objective.metric not in morning.sales:
        return 0.0
    return float(morning.sales.loc[morning.sales.index >= pd.Timestamp(objective.starts_on), objective.metric].sum())


def _counts_from(morning: Morning, objective: Objective) -> date:
    """First day whose contacts count at the end: for churn a sale counts only in the last days before it."""
    if objective.metric != "churn_rate":
        return objective.starts_on
    return objective.ends_on - timedelta(days=morning.configuration.policy.lifecycle.lapsed_days - 1)
