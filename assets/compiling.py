"""Compiles the active objectives once a morning: forecast, chance, pace, and what stands in the way of a target."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.objective_history import delays, past_plans, sales_by_day
from assets.objective_morning import (
    Morning,
    begins_at,
    goal_today,
    lapses_of,
    level_of,
    period_of,
    spent_before,
    standing_of,
)
from ml.allocation.errors import SolverStatusError
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.decision import Decided
from ml.knowledge import Knowledge
from ml.objectives.active import active_objectives
from ml.objectives.compiler import Compiled, Stated, compile_objective
from ml.objectives.estimate import Estimate
from ml.objectives.forecast import NoBaselineError
from ml.objectives.history import Maturation, maturation, weekday_pattern
from ml.objectives.pacing import MoneyWorth, Pace, pace
from ml.objectives.people import people_of
from ml.objectives.rest import DayLimits, People
from ml.policy.frequency import contact_caps

EXPLAINED_DAYS: Final = 7
"""For so long the moves found for a target that can't be reached are kept while the configuration stays the same."""
WORTH_DAYS: Final = 7
Facts = dict[str, Any]


def compile_objectives(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    known: Knowledge,
    generation_id: str,
    day: date,
    at: datetime,
) -> dict[str, Facts]:
    """Facts of each active objective, by id, as `plan.json` keeps them under `objectives`.

    A target whose forecast can't be made, for lack of history or because its solver failed, leaves `forecast` out and says
    why; its money is paced all the same.
    """
    objectives = active_objectives(configuration.objectives, day)
    if not objectives:
        return {}
    morning = _morning(home, ledger, configuration, generation_id, day, at, objectives)
    rates = {o.id: lapses_of(morning, o) for o in objectives if o.metric == "churn_rate"}
    people = people_of(
        known, objectives, configuration, at, {name: rate.mean if rate else 1.0 for name, rate in rates.items()}
    )
    limits = _limits(configuration, known)
    spent = {o.id: spent_before(morning, o) for o in objectives}
    return {o.id: _facts(morning, o, objectives, people, limits, spent, rates.get(o.id)) for o in objectives}


def expected_today(decided: Decided, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Facts]:
    """The facts with what the system arm's contacts of this plan are expected to cause, in the objective's units."""
    decisions = decided.plan.decisions
    own = decisions[(decisions["channel"] != "none") & (decisions["arm"] == "system")]
    found = {}
    for objective_id, kept in facts.items():
        rows = own[own["objective_id"] == objective_id]
        each = rows["uplift"].astype(float) * (rows["unit_value"].astype(float) if kept["is_margin"] else 1.0)
        found[objective_id] = {
            **kept,
            "expected_today": float(each.sum()) * kept["unit"],
            "contacts_today": int(
                (decisions.loc[decisions["objective_id"] == objective_id, "channel"] != "none").sum()
            ),
        }
    return found


def _morning(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    generation_id: str,
    day: date,
    at: datetime,
    objectives: Sequence[Objective],
) -> Morning:
    policy = configuration.policy
    first = min(objective.starts_on for objective in objectives)
    until_at = begins_at(configuration, day)
    sales = sales_by_day(
        home, generation_id, until_at=until_at, time_zone=policy.time_zone, lapsed_days=policy.lifecycle.lapsed_days
    )
    windows = {objective.conversion_window_days for objective in objectives}
    arrives = {days: maturation(*delays(home, generation_id, until_at=until_at, window_days=days)) for days in windows}
    plans, released = past_plans(home, first, day), ledger.figures.since(first)
    return Morning(home, ledger, configuration, generation_id, day, at, sales, arrives, plans, released)


def _facts(
    morning: Morning,
    objective: Objective,
    objectives: Sequence[Objective],
    people: People,
    limits: DayLimits,
    spent: dict[str, float],
    rate: Estimate | None,
) -> Facts:
    arrives = morning.arrives[objective.conversion_window_days]
    before = _last_facts(morning, objective)
    compiled, failure = _compiled(morning, objective, objectives, people, limits, spent, arrives, rate)
    set_today = _pace(morning, objective, spent[objective.id], arrives, compiled, before)
    facts: Facts = {
        "day": morning.day.isoformat(),
        "configuration": morning.configuration.version,
        "unit": rate.mean if rate else 1.0,
        "is_margin": objective.metric == "incremental_margin",
        "pace": asdict(set_today),
        "forecast": None,
        "without_forecast": failure,
    }
    if compiled is not None:
        facts |= compiled.facts()
        facts |= (
            _kept_explanation(morning, compiled, before)
            if _is_explained(morning, before)
            else {"explained_on": facts["day"]}
        )
    return facts


def _compiled(
    morning: Morning,
    objective: Objective,
    objectives: Sequence[Objective],
    people: People,
    limits: DayLimits,
    spent: dict[str, float],
    arrives: Maturation,
    rate: Estimate | None,
) -> tuple[Compiled | None, str]:
    days = (objective.ends_on - morning.day).days + 1
    level = level_of(morning, objective)
    try:
        stated = Stated(
            objective,
            goal_today(morning, objective, level, rate),
            standing_of(morning, objective, arrives, level, rate.mean if rate else 1.0),
            spent,
            days,
            lambda some: period_of(morning, objective, objectives, arrives, spent, some),
        )
        explains = not _is_explained(morning, _last_facts(morning, objective))
        return compile_objective(people, stated, limits, explains=explains), ""
    except (NoBaselineError, SolverStatusError) as error:
        return None, str(error)


def _pace(
    morning: Morning,
    objective: Objective,
    spent: float,
    arrives: Maturation,
    compiled: Compiled | None,
    before: Facts | None,
) -> Pace:
    series = (
        morning.sales[objective.metric]
        if objective.metric in morning.sales
        else morning.sales.get("incremental_margin")
    )
    known = np.array([]) if series is None else series.to_numpy(dtype=float)
    pattern = weekday_pattern(known, (morning.day - timedelta(days=1)).weekday())
    worth = None
    if compiled is not None:
        lately = _worth_lately(morning, objective)
        worth = MoneyWorth(lately, compiled.plan.money_worth) if lately else None
    return pace(
        max(0.0, objective.budget - spent),
        (objective.ends_on - morning.day).days + 1,
        weekdays=arrives.weekdays(pattern),
        weekday=morning.day.weekday(),
        maturation=arrives,
        chance=compiled.forecast.chance if compiled else None,
        worth=worth,
        previous=Pace(**before["pace"]) if before else None,
    )


def _limits(configuration: Configuration, known: Knowledge) -> DayLimits:
    policy, channels = configuration.policy, configuration.actions.channels
    return DayLimits(
        policy.spend_caps.per_day,
        {str(name): cap for name, cap in policy.spend_caps.per_channel_per_day.items()},
        {name: 0.0 if name in known.stopped else float(terms.capacity_per_day) for name, terms in channels.items()},
        policy.guardrails.channel_spend_share,
        contact_caps(policy, configuration.actions),
        policy.max_contacts_per_cycle,
    )


def _last_facts(morning: Morning, objective: Objective) -> Facts | None:
    for on in sorted(morning.plans, reverse=True):
        facts = morning.plans[on][0].get("objectives", {})
        if objective.id in facts:
            return dict(facts[objective.id])
    return None


def _worth_lately(morning: Morning, objective: Objective) -> float:
    days = sorted(morning.plans)[-WORTH_DAYS:]
    prices = [morning.plans[on][0]["allocation"]["prices"].get(f"budget:{objective.id}", 0.0) for on in days]
    return float(np.mean(prices)) if prices else 0.0


def _is_explained(morning: Morning, before: Facts | None) -> bool:
    """Whether an earlier morning's moves still hold: the same configuration, less than a week old."""
    if before is None or before.get("is_reachable", True) or not before.get("relaxations"):
        return False
    age = morning.day - date.fromisoformat(before["explained_on"])
    return bool(before["configuration"] == morning.configuration.version and age.days < EXPLAINED_DAYS)


def _kept_explanation(morning: Morning, compiled: Compiled, before: Facts | None) -> Facts:
    if compiled.answer.is_reachable or before is None:
        return {"explained_on": morning.day.isoformat()}
    return {name: before[name] for name in ("conflicts", "relaxations", "explained_on")}
