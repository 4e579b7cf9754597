"""The operator's numbers as levers on a stored problem: what a budget, cap, price or guardrail would be today.

A key is written as in the YAML files (`policy.spend_caps.per_day`). What a number means today is what remains of it after
everything that stands outside of the problem: earlier plans of the day and the randomized arms. A budget is for a period:
today's room is the share of what is left of it that pacing gave today, so each unit of budget more is that share more today.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final

import numpy as np

from ml.allocation.candidates import Columns
from ml.allocation.problem import Problem
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS, Channel

NO_CAP: Final = "none"
PER_DAY: Final = "policy.spend_caps.per_day"
PER_CHANNEL: Final = "policy.spend_caps.per_channel_per_day"
SPEND_SHARE: Final = "policy.guardrails.channel_spend_share"
SPEND_CHANGE: Final = "policy.guardrails.spend_change_per_day"
CONTACTS: Final = "policy.max_contacts_per_cycle"


class LeverError(ValueError):
    """A key that isn't a lever, or a value that it can't have; says what would be right."""


@dataclass(frozen=True)
class ObjectiveDay:
    """What an objective's budget means today.

    Attributes:
        budget: Of the period, as the operator states it.
        left: Of the budget, before today.
        room: Money for today, before the randomized arms.
        day_share: Share of what is left that pacing gives to today.
        rise_reference: Mean spend of a day that `spend_change_per_day` holds against, once there are days enough.
        even_days: Days left, where that guardrail holds against the even split of what is left. Neither where it is off.
        today: Money that is spent or bound today already.
    """

    budget: float
    left: float
    room: float
    day_share: float
    rise_reference: float | None = None
    even_days: int | None = None
    today: float = 0.0

    def room_at(self, budget: float, rise: float) -> float:
        """Today's money under another budget or another bound on the rise of a day's spend."""
        left = max(0.0, self.left + budget - self.budget)
        usual = left / self.even_days if self.even_days else self.rise_reference
        day = self.day_share * left
        return max(0.0, (day if usual is None else min(day, (1 + rise) * usual)) - self.today)

    @property
    def is_rise_bounded(self) -> bool:
        """Whether `spend_change_per_day` holds for it."""
        return self.rise_reference is not None or self.even_days is not None


@dataclass(frozen=True)
class Day:
    """What the operator's numbers were on the day of a problem, and what stands outside of it.

    Attributes:
        cycle_id: Whose problem it is.
        currency: Of the workspace.
        numbers: The operator's numbers by key; None where no cap is set.
        objectives: What each objective's budget means today.
        spent: Money by channel that is spent or bound today outside of the problem, randomized arms included.
        carried: Contacts by channel, likewise.
        randomized: Money by objective that today's randomized arms spend.
    """

    cycle_id: str
    currency: str
    numbers: Mapping[str, float | None]
    objectives: Mapping[str, ObjectiveDay] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    carried: Mapping[str, float] = field(default_factory=dict)
    randomized: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Day":
        """From what `to_dict` gave."""
        objectives = {name: ObjectiveDay(**each) for name, each in values["objectives"].items()}
        return cls(**{**values, "objectives": objectives})


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


def moved(problem: Problem, day: Day, wanted: Mapping[str, float | None]) -> tuple[Problem, list[Change]]:
    """The problem under other numbers, and each change in words. The given problem stays as it is.

    Raises:
        LeverError: A number takes effect on nothing in this problem.
    """
    changes = []
    for key in sorted(wanted, key=lambda name: name == SPEND_CHANGE):
        problem, words = _lever(key)(problem, day, wanted, key)
        changes.append(Change(key, day.numbers[key], wanted[key], words))
    return problem, changes


Lever = Callable[[Problem, Day, Mapping[str, float | None], str], tuple[Problem, str]]


def _lever(key: str) -> Lever:
    if key in _LEVERS:
        return _LEVERS[key]
    start, end = key.split(".")[:2], key.rsplit(".", 1)[-1]
    if start[0] == "objectives":
        return _objective_budget
    if key.startswith(PER_CHANNEL):
        return _channel_cap
    return {"cost": _cost, "capacity_per_day": _capacity}[end]


def _total(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    cap, outside = wanted[key], sum(day.spent.values())
    standing = [term for term in problem.terms if isinstance(term, TotalBudget)]
    if cap is None:
        return _swapped(problem, standing, []), "no cap on the day's spend"
    room = max(0.0, cap - outside)
    words = f"{room:,.2f} for this plan, after {outside:,.2f} bound outside of it"
    return _swapped(problem, standing, [_at(standing, TotalBudget(room), "amount")]), words


def _channel_cap(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    channel, cap = _channel(problem, key, 3), wanted[key]
    outside = day.spent.get(channel, 0.0)
    standing = [term for term in problem.terms if isinstance(term, ChannelBudget) and term.channel == channel]
    if cap is None:
        left = [replace(term, maximum=None) for term in standing if term.minimum is not None]
        return _swapped(problem, standing, left), f"no cap on the day's spend on {channel}"
    room = max(0.0, cap - outside)
    words = f"{room:,.2f} of this plan on {channel}, after {outside:,.2f} bound outside of it"
    return _swapped(problem, standing, [_at(standing, ChannelBudget(channel, room), "maximum")]), words


def _capacity(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    channel = _channel(problem, key, 2)
    outside = day.carried.get(channel, 0.0)
    room = max(0.0, (wanted[key] or 0.0) - outside)
    standing = [term for term in problem.terms if isinstance(term, ChannelCapacity) and term.channel == channel]
    words = f"{room:,.0f} contacts of this plan by {channel}, after {outside:,.0f} outside of it"
    return _swapped(problem, standing, [ChannelCapacity(channel, room)]), words


def _share(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    share = wanted[key] or 0.0
    standing = [term for term in problem.terms if isinstance(term, ChannelSpendShare)]
    # Where what is bound already crosses the share, the decision holds it over its own spend alone: all allowances are 0.
    spent = {} if standing and not any(term.allowance for term in standing) else day.spent
    whole = sum(spent.values())
    used = [CHANNELS[c] for c in np.unique(problem.columns.channel)]
    terms: list[Term] = []
    if share < 1 and len(used) > 1:
        terms = [ChannelSpendShare(name, share, share * whole - spent.get(name, 0.0)) for name in used]
    return _swapped(problem, standing, terms), f"no channel over {share:.1%} of the day's spend"


def _contacts(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:  # noqa: ARG001
    most = int(wanted[key] or 1)
    standing = [term for term in problem.terms if isinstance(term, ContactLimit)]
    words = f"{most} contact{'s' * (most > 1)} of a person at most; frequency caps stay"
    return _swapped(problem, standing, [ContactLimit(most)]), words


def _objective_budget(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    name = key.split(".")[1]
    problem = _objective_rooms(problem, day, wanted, [name])
    standing, budget = day.objectives[name], wanted[key] or 0.0
    words = (
        f"{_room(day, wanted, name):,.2f} today instead of {standing.room:,.2f}: the same {standing.day_share:.2%} of what is "
        f"left of it ({max(0.0, standing.left + budget - standing.budget):,.2f})"
    )
    return problem, words


def _spend_change(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:
    bound = [name for name, each in day.objectives.items() if each.is_rise_bounded]
    if not bound:
        return problem, "holds for supervised objectives only, and none is"
    problem = _objective_rooms(problem, day, wanted, bound)
    return (
        problem,
        f"a day's spend at most {1 + (wanted[key] or 0.0):.0%} of what is usual for {', '.join(bound)}",
    )


def _objective_rooms(problem: Problem, day: Day, wanted: Mapping[str, float | None], names: Sequence[str]) -> Problem:
    for name in names:
        if name in problem.columns.objectives:
            standing = [term for term in problem.terms if isinstance(term, ObjectiveBudget) and term.objective == name]
            room = max(0.0, _room(day, wanted, name) - day.randomized.get(name, 0.0))
            problem = _swapped(problem, standing, [_at(standing, ObjectiveBudget(name, room), "amount")])
    return problem


def _room(day: Day, wanted: Mapping[str, float | None], name: str) -> float:
    standing = day.objectives[name]
    budget = wanted.get(f"objectives.{name}.budget", standing.budget)
    rise = wanted.get(SPEND_CHANGE, day.numbers.get(SPEND_CHANGE))
    return standing.room_at(budget or 0.0, rise or 0.0)


def _cost(problem: Problem, day: Day, wanted: Mapping[str, float | None], key: str) -> tuple[Problem, str]:  # noqa: ARG001
    """A contact's cost is in its value and in what it uses of every budget."""
    channel, cost = _channel(problem, key, 2), wanted[key] or 0.0
    columns, candidates = problem.columns, problem.given
    is_it = columns.channel == CHANNELS.index(channel)
    more = np.where(is_it, cost - columns.unit_cost, 0.0).astype(np.float32)
    dearer: Columns = replace(columns, unit_cost=np.where(is_it, cost, columns.unit_cost))
    changed = replace(candidates, value=candidates.value - more[candidates.column])
    return Problem(
        changed, dearer, problem.terms
    ), f"{cost:,.4f} a contact by {channel}, for whoever this plan contacts"


_LEVERS: Final[dict[str, Lever]] = {
    PER_DAY: _total,
    SPEND_SHARE: _share,
    SPEND_CHANGE: _spend_change,
    CONTACTS: _contacts,
}


def _at(standing: Sequence[Term], made: Term, name: str) -> Term:
    """The standing term with the new one's number and the rest as it was; the new one where none stands."""
    return replace(standing[0], **{name: getattr(made, name)}) if standing else made  # type: ignore[type-var]


def _swapped(problem: Problem, old: Sequence[Term], new: Sequence[Term]) -> Problem:
    """New terms where the first of the old ones stood, so that a number moved back gives the same problem."""
    at = next((i for i, term in enumerate(problem.terms) if any(term is each for each in old)), len(problem.terms))
    rest = [term for term in problem.terms if not any(term is each for each in old)]
    return Problem(problem.given, problem.columns, [*rest[:at], *new, *rest[at:]])


def _channel(problem: Problem, key: str, part: int) -> Channel:
    name = key.split(".")[part]
    used = [CHANNELS[c] for c in np.unique(problem.columns.channel)]
    if name not in used:
        raise LeverError(f"{key}: no action of this plan goes by {name}; it has {', '.join(used)}")
    return CHANNELS[CHANNELS.index(name)]


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
