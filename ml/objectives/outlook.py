"""What is said of an objective: how far it is, where it will end, what may be spent, and what stands in the way.

From the facts that a morning keeps (`Compiled.facts` and the pace), in sentences for the report and the screen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.configuration.objective import Objective

UNITS = {
    "new_customers": "new customers",
    "reactivations": "reactivations",
    "churn_rate": "lapses averted",
    "incremental_margin": "of margin",
}
_CERTAIN = 0.995


@dataclass(frozen=True)
class Outlook:
    """Sentences about an objective; empty where there is nothing to say.

    Attributes:
        target: What is to be reached.
        reached: How far it is, with its interval.
        forecast: Where it will end, with its interval and the chance of the target.
        pace: What may be spent today, and why.
        underspends: Why money will stay unspent.
        conflicts: Which limits can't hold together with the target.
        moves: What would resolve it, each alone.
    """

    target: str
    reached: str
    forecast: str
    pace: str
    underspends: str
    conflicts: str
    moves: tuple[str, ...]


def outlook(objective: Objective, facts: Mapping[str, Any], currency: str) -> Outlook:
    """The sentences.

    Args:
        objective: The objective.
        facts: Its facts in `plan.json`, under `objectives`.
        currency: Of the workspace.
    """
    unit = UNITS[objective.metric]
    pace = f"{facts['pace']['allowance']:,.2f} {currency} may be spent today: {facts['pace']['reason']}"
    if facts["forecast"] is None:
        return Outlook(_stated(objective), "", f"no forecast: {facts['without_forecast']}", pace, "", "", ())
    goal, reached = facts["target"], facts["reached"]
    ends = facts["forecast"]
    return Outlook(
        target=_target(objective, goal, unit),
        reached=f"{_interval(reached)} {unit} {_basis(goal, reached)}",
        forecast=(
            f"{_interval(ends)} {unit} by {objective.ends_on}; the target is {chance_words(facts['chance'])} to be reached"
        ),
        pace=pace,
        underspends=facts["underspends"],
        conflicts="" if facts["is_reachable"] else _conflicts(facts),
        moves=() if facts["is_reachable"] else tuple(move["words"] for move in facts["relaxations"]),
    )


def chance_words(chance: float) -> str:
    """A chance as a person would say it: nothing is quite sure."""
    if chance > _CERTAIN:
        return "more than 99 % likely"
    return "less than 1 % likely" if chance < 1 - _CERTAIN else f"{chance:.0%} likely"


def _basis(goal: Mapping[str, Any], reached: Mapping[str, Any]) -> str:
    if goal["is_total"]:
        return "so far, in total"
    if reached["is_measured"]:
        return "caused so far, measured against holdout"
    return "expected of the contacts so far, not measured yet"


def _stated(objective: Objective) -> str:
    target = objective.target
    if target.change is not None:
        return f"{target.change:+.0%}"
    return f"{target.amount or target.count or 0:,.0f}"


def _target(objective: Objective, goal: Mapping[str, Any], unit: str) -> str:
    if objective.target.change is None:
        return f"{_stated(objective)} {unit}"
    return f"{_stated(objective)}, which is {_interval(goal)} {unit} ({goal['words']})"


def _interval(figure: Mapping[str, Any]) -> str:
    low, high = max(0.0, figure["low"]) if figure["value"] >= 0 else figure["low"], figure["high"]
    if round(low) == round(high):
        return f"{figure['value']:,.0f}"
    return f"{figure['value']:,.0f} ({low:,.0f} to {high:,.0f})"


def _conflicts(facts: Mapping[str, Any]) -> str:
    named = "; ".join(facts["conflicts"]) or "the target, and what contacts cause"
    asked = f" (as of {facts['explained_on']})" if facts["explained_on"] != facts["day"] else ""
    return f"no plan can reach the target within the limits{asked}. These can't hold together: {named}"
