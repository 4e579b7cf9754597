"""The limits of a rest of a period in an operator's words and units, and the figures that an operator would state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.allocation.terms import Limit
from ml.configuration.objective import Objective
from ml.objectives.rest import Rest

CHANNEL_WORDS: Final = {
    "email": "e-mail",
    "sms": "SMS",
    "direct_mail": "direct mail",
    "voice": "voice",
    "paid_social": "paid social",
    "display": "display",
    "web": "web",
    "push": "push",
}
SHARE_STEP: Final = 0.001


@dataclass(frozen=True)
class Figure:
    """A limit as the operator set it: its name, its number in the operator's unit, and how both are said.

    Attributes:
        noun: What it is called.
        per: The problem's number for one of the operator's.
        offset: Operator's number where the problem's is 0: money that is spent already.
        step: The finest change that an operator would state.
        say: A number with its unit.
    """

    noun: str
    per: float
    offset: float
    step: float
    say: Callable[[float], str]

    def of(self, number: float) -> float:
        """The operator's number for the problem's."""
        return number / self.per + self.offset

    def back(self, stated: float) -> float:
        """The problem's number for the operator's."""
        return max(0.0, (stated - self.offset) * self.per)


def figure_of(limit: Limit, rest: Rest, spent: dict[str, float]) -> Figure:
    """How the operator knows a limit of the rest's problem.

    Args:
        limit: One of `rest.problem.limits`.
        rest: The rest of a period.
        spent: Money spent already by objective.
    """
    kind, _, whose = limit.name.removesuffix(":minimum").partition(":")
    channel, a_day = CHANNEL_WORDS.get(whose, whose), rest.period.days / rest.scale
    if kind == "budget" and whose:
        return Figure("the budget", 1 / rest.scale, spent.get(whose, 0.0), 1.0, _money)
    if kind == "share":
        return Figure(f"the largest share of {channel} in all spend", 1.0, 0.0, SHARE_STEP, _share)
    noun, say = {
        "budget": ("the spend cap of a day", _money),
        "channel_budget": (f"the spend cap of {channel} a day", _money),
        "capacity": (f"{channel} capacity", _contacts),
        "contacts": (f"the {'fewest' if limit.is_minimum else 'most'} contacts by {channel}", _contacts),
    }[kind]
    return Figure(noun, a_day, 0.0, 1.0, say)


def target_words(objective: Objective, units: float, goal: float) -> str:
    """So many units as a target of the objective: 2,400, 250,000.00, or -15.0 %.

    Args:
        objective: Whose target.
        units: Units in question.
        goal: Units that the stated target stands for.
    """
    target = objective.target
    if target.change is not None:
        return f"{target.change * units / goal:+.1%}" if goal else f"{target.change:+.1%}"
    return f"{units:,.2f}" if target.amount is not None else f"{np.floor(units + 1e-9):,.0f}"


def _money(amount: float) -> str:
    return f"{amount:,.0f}"


def _contacts(count: float) -> str:
    return f"{count:,.0f} a day"


def _share(share: float) -> str:
    return f"{share:.1%}"
