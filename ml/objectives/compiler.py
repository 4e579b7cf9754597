"""From an objective as stated to what the optimizer and the operator need: terms, forecast, chance, and what stands in the way.

An objective that can't be reached doesn't stop a cycle: the cycle does what it can within the limits, and says so.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from ml.allocation.terms import ObjectiveBudget, ObjectiveQuota, Term
from ml.configuration.objective import Objective
from ml.objectives.fluid import Fluid, named, of_objective, spend_of
from ml.objectives.forecast import Forecast, Goal, Standing, forecast
from ml.objectives.pacing import WITHIN
from ml.objectives.question import Answer, Question
from ml.objectives.reach import can_be_reached
from ml.objectives.rest import DayLimits, People, Period, Rest, rest_of_period
from ml.objectives.words import figure_of

PLAN_GAP: Final = 1e-3
"""Far below what a forecast knows."""
HELD: Final = 0.01
"""Part of the plan's value that a limit must hold to be named."""


@dataclass(frozen=True)
class Stated:
    """An objective with all that its compilation needs.

    Attributes:
        objective: As the operator states it.
        goal: Its target in units.
        standing: How it stands.
        spent: Money spent or bound so far, by objective.
        days: Days left, the day of the cycle included.
        period_of: The rest of the period if it had so many days; the effect is set here.
    """

    objective: Objective
    goal: Goal
    standing: Standing
    spent: dict[str, float]
    days: int
    period_of: Callable[[int], Period]


@dataclass(frozen=True)
class Plan:
    """What the rest of the period brings if each day does what is worth most.

    Attributes:
        units: That it causes by the end.
        spend: Money for the objective.
        money_worth: Marginal value of its budget: net value of one more unit of money over the rest.
        held_by: What else holds the plan back, in words, dearest first.
    """

    units: float
    spend: float
    money_worth: float
    held_by: tuple[str, ...]


@dataclass(frozen=True)
class Compiled:
    """What an objective comes to.

    Attributes:
        objective_id: Whose.
        goal: Its target in units.
        standing: How it stands.
        plan: The rest as planned.
        forecast: Where it will end.
        answer: Whether any plan reaches the target, and what stands in the way.
        needed: Units still to be caused by contacts to come.
        underspends: Why money will stay unspent; empty where it won't.
        counts: Part of what a contact of today causes that counts at the end, as the rest of the period is planned.
    """

    objective_id: str
    goal: Goal
    standing: Standing
    plan: Plan
    forecast: Forecast
    answer: Answer
    needed: float
    underspends: str
    counts: float = 1.0

    @property
    def asks(self) -> float:
        """Units by the model's own count that contacts of the days left have to cause; 0 where nothing is asked for.

        Asked for where the planned course misses the target though another plan reaches it, and a contact of today counts.
        """
        if not self.answer.is_reachable or self.plan.units >= self.needed or self.counts <= 0:
            return 0.0
        return self.needed / (self.standing.effect.ratio.mean * self.counts)

    def terms(self, allowance: float, day_share: float) -> list[Term]:
        """The objective as terms of a day's allocation.

        Args:
            allowance: What may be spent on the day.
            day_share: The day's part of what is left to be done, 0 to 1.

        Returns:
            The day's budget, and where the planned course misses the target though another plan reaches it, the day's
            part of what is needed as a quota.
        """
        terms: list[Term] = [ObjectiveBudget(self.objective_id, allowance)]
        if self.asks > 0:
            terms.append(ObjectiveQuota(self.objective_id, self.asks * day_share))
        return terms

    def facts(self) -> dict[str, Any]:
        """The same as plain values."""
        reached = self.standing.reached(self.goal)
        return {
            "target": {**_figures(self.goal.units), "is_total": self.goal.is_total, "words": self.goal.words},
            "reached": {**_figures(reached), "is_measured": self.standing.effect.is_measured},
            "maturing": self.standing.maturing,
            "forecast": {**_figures(self.forecast.units), "method": self.forecast.method},
            "chance": self.forecast.chance,
            "planned": asdict(self.plan),
            "underspends": self.underspends,
            "most": self.answer.most,
            "needed": self.needed,
            "asks": self.asks,
            "effect": {**_figures(self.standing.effect.ratio), "sd": self.standing.effect.ratio.sd},
            "is_reachable": self.answer.is_reachable,
            "conflicts": list(self.answer.words),
            "relaxations": [asdict(each) for each in self.answer.relaxations],
        }


def _figures(estimate: Any) -> dict[str, float]:
    return {"value": estimate.mean, "low": estimate.low, "high": estimate.high}


def compile_objective(people: People, stated: Stated, limits: DayLimits, *, explains: bool = True) -> Compiled:
    """Metric, target, audience, deadline and budget as a forecast, a chance, and an answer whether it can be done.

    Args:
        people: Who stands for the audience in the days left.
        stated: The objective and how it stands.
        limits: What a day allows.
        explains: Whether conflicts and moves are looked for where the target can't be reached.
    """
    ratio = stated.standing.effect.ratio.mean

    def period_of(days: int) -> Period:
        return replace(stated.period_of(days), effect={stated.objective.id: ratio})

    rest = period_of(stated.days)
    plan = _plan(rest_of_period(people, rest, limits), stated)
    needed = _needed(stated, ratio)
    question = Question(stated.objective, needed, stated.goal.units.mean, stated.spent, period_of, stated.days)
    if plan.units >= needed:
        answer = Answer(plan.units, is_reachable=True, has_plan=True)
    else:
        answer = can_be_reached(people, question, limits, explains=explains)
    return Compiled(
        stated.objective.id,
        stated.goal,
        stated.standing,
        plan,
        forecast(stated.goal, stated.standing, plan.units),
        answer,
        needed,
        _underspends(stated, plan),
        _counts(stated, rest),
    )


def _counts(stated: Stated, rest: Period) -> float:
    """Part of an effect of today that counts at the end: none where only later days' effects do, or none is pursued."""
    if not stated.objective.target.pursued or rest.effective_days < rest.days:
        return 0.0
    return rest.matures


def _needed(stated: Stated, ratio: float) -> float:
    """Units that contacts of the days left would have to cause."""
    standing, goal = stated.standing, stated.goal
    missing = goal.units.mean - standing.reached(goal).mean - ratio * standing.maturing
    if goal.is_total and standing.untouched_rest is not None:
        missing -= standing.untouched_rest.mean
    return max(0.0, missing)


def _plan(rest: Rest, stated: Stated) -> Plan:
    objective_id, rows = stated.objective.id, rest.problem.rows()
    found = Fluid(rest.problem).best(rows, value_weight=1.0, gap=PLAN_GAP)
    prices = dict(named(rows, found.prices))
    own = f"budget:{objective_id}"
    held = {
        limit: prices[limit.name] * float(bound)
        for limit, bound in zip(rest.problem.limits, np.abs(rows.bound), strict=True)
        if prices[limit.name] * float(bound) > HELD * abs(found.bound) and not limit.name.startswith("budget:")
    }
    nouns = [figure_of(limit, rest, stated.spent).noun for limit in sorted(held, key=lambda limit: -held[limit])]
    return Plan(
        float(found.units @ of_objective(rest.problem, objective_id)) * rest.scale,
        spend_of(rest.problem, found, objective_id) * rest.scale,
        prices.get(own, 0.0),
        tuple(nouns),
    )


def _underspends(stated: Stated, plan: Plan) -> str:
    left = max(0.0, stated.objective.budget - stated.spent.get(stated.objective.id, 0.0))
    unused = left - plan.spend
    if unused <= WITHIN * stated.objective.budget:
        return ""
    held = f" ({', '.join(plan.held_by)})" if plan.held_by else ""
    return (
        f"about {unused:,.0f} of the budget is likely to stay unspent: within the limits{held}, "
        "no further contact of the audience is worth what it costs"
    )
