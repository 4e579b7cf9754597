"""Keys and values as an operator writes them, and the problem that they ask for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np

from ml.allocation.problem import Problem
from ml.entities import CHANNELS
from ml.levers import limits, prices
from ml.levers.day import CONTACTS, NO_CAP, PER_CHANNEL, PER_DAY, SPEND_CHANGE, SPEND_SHARE, Day, LeverError, Numbers
from ml.levers.parts import ValueParts
from ml.levers.prices import Lever

_OF_PARTS: Final = {"value_per_unit": prices.value_per_unit, "cost_when_redeemed": prices.offer_cost}


@dataclass(frozen=True)
class Change:
    """One number, moved.

    Attributes:
        key: The operator's key.
        before: Its number; None for no cap.
        after: The number asked about.
        words: What that means today.
    """

    key: str
    before: float | None
    after: float | None
    words: str


def parse(settings: Sequence[str], day: Day) -> dict[str, float | None]:
    """`KEY=VALUE` texts as numbers by key.

    Raises:
        LeverError: No such key, no number, or one that the key can't have.
    """
    wanted: dict[str, float | None] = {}
    for text in settings:
        key, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            raise LeverError(f"{text!r} is no KEY=VALUE; right would be {PER_DAY}=4000")
        if key not in day.numbers:
            raise LeverError(_unknown(key, day))
        wanted[key] = _number(key, value)
    return wanted


def needs_parts(keys: Iterable[str]) -> bool:
    """Whether a key is a price that only the parts of the values can follow."""
    return any(_last(key) in _OF_PARTS for key in keys)


def moved(problem: Problem, day: Day, wanted: Numbers, parts: ValueParts | None = None) -> tuple[Problem, list[Change]]:
    """The problem under other numbers, and each change in words. The given problem stays as it is.

    Args:
        problem: As stored.
        day: What the operator's numbers mean in it.
        wanted: Numbers by key.
        parts: Of the problem's values, where `needs_parts` says so.

    Raises:
        LeverError: A number takes effect on nothing in this problem.
    """
    changes = []
    for key in sorted(wanted, key=lambda name: name == SPEND_CHANGE):
        problem, words = _lever(key, parts)(problem, day, wanted, key)
        changes.append(Change(key, day.numbers[key], wanted[key], words))
    return problem, changes


def _lever(key: str, parts: ValueParts | None) -> Lever:
    if key in _LEVERS:
        return _LEVERS[key]
    if _last(key) in _OF_PARTS:
        if parts is None:
            raise LeverError(f"{key} is moved through the parts of the values, and none are given")
        return _OF_PARTS[_last(key)](parts)
    if key.startswith("objectives."):
        return limits.objective_budget
    if key.startswith(PER_CHANNEL):
        return limits.channel_cap
    return {"cost": prices.cost, "capacity_per_day": limits.capacity}[_last(key)]


def _last(key: str) -> str:
    return key.rsplit(".", 1)[-1]


_LEVERS: Final[dict[str, Lever]] = {
    PER_DAY: limits.total,
    SPEND_SHARE: limits.spend_share,
    SPEND_CHANGE: limits.spend_change,
    CONTACTS: limits.contacts,
}


def _number(key: str, text: str) -> float | None:
    """The number that a text stands for, within what its key may have."""
    may_be_none = key.startswith("policy.spend_caps.")
    if may_be_none and text.lower() == NO_CAP:
        return None
    try:
        value = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        value = float("nan")
    fits, right = _RANGES.get(key, (lambda v: v >= 0, f"a number of at least 0{', or none' if may_be_none else ''}"))
    if not (np.isfinite(value) and fits(value)):
        raise LeverError(f"{key}={text}: right would be {right}")
    return value


_RANGES: Final[dict[str, tuple[Callable[[float], bool], str]]] = {
    SPEND_SHARE: (lambda v: 0 < v <= 1, "a share above 0 and up to 1, such as 0.6"),
    SPEND_CHANGE: (lambda v: v > 0, "a share above 0, such as 0.5"),
    CONTACTS: (lambda v: v in range(1, len(CHANNELS) + 1), f"a whole number from 1 to {len(CHANNELS)}"),
}


def _unknown(key: str, day: Day) -> str:
    near = get_close_matches(key, day.numbers, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{key!r} is no budget, cap, price or guardrail of the plan of {day.cycle_id}{hint} Valid keys: {', '.join(day.numbers)}"
