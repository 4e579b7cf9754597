"""The plan that other limits would give, beside today's: the same value table, other numbers, from today's prices.

Nothing is decided: what the randomized arms do and what is bound already stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from ml.allocation.kernel import I64, Bool
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation, allocation
from ml.allocation.solve import solve
from ml.allocation.stored import StoredProblem
from ml.entities import CHANNELS
from ml.levers import PER_DAY, Change, Day, LeverError, Numbers, ValueParts, moved

CURVE_GAP: Final = 1e-2
"""About a line's width: proving more of a picture can take minutes where a few contacts are most of the money."""
_CURVED: Final = ("budget", "per_day", "capacity_per_day")
_KEPT: Final = 1e-9
"""Relative room for float sums when a plan is held against a limit."""


@dataclass(frozen=True)
class PlanFigures:
    """What a plan of the system arm adds up to.

    Attributes:
        value: Net value expected, money.
        bound: No plan within the limits is worth more.
        gap: (bound - value) / bound.
        spend: Money.
        spend_by_channel: Money; channels without contacts are left out.
        contacts_by_channel: Likewise.
        contacted: People.
        prices: What one more unit of each binding limit would be worth, money.
        binding: The same limits in words.
    """

    value: float
    bound: float
    gap: float
    spend: float
    spend_by_channel: Mapping[str, float]
    contacts_by_channel: Mapping[str, int]
    contacted: int
    prices: Mapping[str, float]
    binding: tuple[str, ...]

    @classmethod
    def of(cls, problem: Problem, found: Allocation) -> "PlanFigures":
        """The figures of an allocation of the problem."""
        limits = {limit.name: limit for limit in problem.limits}
        return cls(
            found.value,
            found.bound,
            found.gap,
            found.spend,
            found.spend_by_channel,
            found.contacts_by_channel,
            int((found.chosen >= 0).any(axis=1).sum()),
            found.prices,
            tuple(limits[name].spoken() for name in found.prices),
        )


@dataclass(frozen=True)
class People:
    """How many people would be treated differently, each counted once.

    Attributes:
        affected: All of them.
        gained: Left alone today, contacted then.
        lost: Contacted today, left alone then.
        more: Contacted more often.
        fewer: Contacted less often.
        other_channel: As often, through another channel.
        other_offer: Through the same channels, with another offer.
        other_objective: The same contact for another objective.
    """

    affected: int
    gained: int
    lost: int
    more: int
    fewer: int
    other_channel: int
    other_offer: int
    other_objective: int


@dataclass(frozen=True, eq=False)
class WhatIf:
    """Today's plan and the one that other numbers would give.

    Attributes:
        changes: The numbers moved, with what that means today.
        today: Figures of the stored plan.
        then: Figures of the other one.
        people: Who would be treated differently.
        allocation: The other plan.
    """

    changes: tuple[Change, ...]
    today: PlanFigures
    then: PlanFigures
    people: People
    allocation: Allocation

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        gained = {
            name: getattr(self.then, name) - getattr(self.today, name) for name in ("value", "spend", "contacted")
        }
        return {
            "changes": [asdict(change) for change in self.changes],
            "today": asdict(self.today),
            "what_if": asdict(self.then),
            "difference": gained,
            "people": asdict(self.people),
        }


def what_if(
    stored: StoredProblem, day: Day, wanted: Numbers, *, parts: ValueParts | None = None, threads: int = 2
) -> WhatIf:
    """Solve the stored problem under other numbers, from the prices that it has today.

    Today's plan stays where it keeps the other limits and nothing better was found: a number that doesn't matter
    changes nobody's contact.

    Args:
        stored: Today's problem and plan.
        day: What the operator's numbers mean in it.
        wanted: Numbers by the operator's key (`levers.parse`).
        parts: Of the values, where a price is moved (`levers.needs_parts`).
        threads: Of the lookup.

    Raises:
        LeverError: A number takes effect on nothing.
        Infeasible: No plan keeps the other limits; names the conflict and what resolves it.
    """
    problem, changes = moved(stored.problem, day, wanted, parts)
    found = solve(problem, warm_prices=dict(stored.allocation.prices), gap=stored.gap, threads=threads)
    standing = _as_today(problem, stored.allocation, found, stored.gap, len(stored.problem.candidates))
    if standing is not None:
        found = standing
    return WhatIf(
        tuple(changes),
        PlanFigures.of(stored.problem, stored.allocation),
        PlanFigures.of(problem, found),
        people_between(stored.problem, stored.allocation.chosen, found.chosen),
        found,
    )


def people_between(problem: Problem, before: I64, after: I64) -> People:
    """Who is treated differently by two choices of candidates [N, k] and [N, k'] of one table."""
    width = max(before.shape[1], after.shape[1])
    old, new = _columns(problem, before, width), _columns(problem, after, width)
    changed = np.flatnonzero((old != new).any(axis=1))
    old, new = old[changed], new[changed]
    count_old, count_new = (old >= 0).sum(axis=1), (new >= 0).sum(axis=1)
    gained, lost = count_old == 0, count_new == 0
    as_often = count_old == count_new
    same_channels = as_often & _same(problem.columns.channel, old, new)
    offers = np.unique(problem.columns.offer_ids, return_inverse=True)[1]
    same_offers = same_channels & _same(problem.columns.channel * len(problem.columns) + offers, old, new)
    return People(
        len(changed),
        int(gained.sum()),
        int(lost.sum()),
        int((~gained & (count_new > count_old)).sum()),
        int((~lost & (count_new < count_old)).sum()),
        int((as_often & ~same_channels).sum()),
        int((same_channels & ~same_offers).sum()),
        int(same_offers.sum()),
    )


def _columns(problem: Problem, chosen: I64, width: int) -> I64:
    """Columns of the chosen candidates, -1 for none, sorted within a person [N, width]."""
    columns = np.full((len(chosen), width), -1, dtype=np.int64)
    is_chosen = chosen >= 0
    columns[:, : chosen.shape[1]][is_chosen] = problem.candidates.column[chosen[is_chosen]]
    return np.sort(columns, axis=1)


def _same(kind: I64, old: I64, new: I64) -> Bool:
    """Whether two sets of columns are of the same kinds [N]."""

    def kinds(columns: I64) -> I64:
        return np.sort(np.where(columns >= 0, kind[columns], -1), axis=1)

    return np.asarray((kinds(old) == kinds(new)).all(axis=1))


def _as_today(problem: Problem, today: Allocation, found: Allocation, gap: float, count: int) -> Allocation | None:
    """Today's choice under the other problem, where it's allowed there and worth as much as what was found."""
    if len(problem.candidates) != count or problem.contacts_per_person < (today.chosen >= 0).sum(axis=1).max(initial=0):
        return None
    standing = allocation(problem, today.chosen, bound=found.bound, prices=found.prices, passes=found.passes, gap=gap)
    if standing.value < found.value * (1 - _KEPT) or not keeps_limits(problem, today.chosen):
        return None
    return replace(standing, seconds=found.seconds)


def keeps_limits(problem: Problem, chosen: I64) -> bool:
    """Whether a choice of candidates keeps every limit on totals."""
    rows, candidates = problem.rows(), problem.candidates
    person, slot = np.nonzero(chosen >= 0)
    picked = chosen[person, slot]
    column = candidates.column[picked].astype(np.int64)
    contacts = np.bincount(column, minlength=len(problem.columns)).astype(np.float64)
    use = rows.contacts @ contacts
    if rows.uses_conversions and candidates.quantity is not None:
        segment = np.zeros(len(person), dtype=np.int64) if candidates.segment is None else candidates.segment[person]
        conversions = np.zeros(rows.conversions.shape[1:])
        np.add.at(conversions, (segment, column), candidates.quantity[picked])
        use = use + np.einsum("rsc,sc->r", rows.conversions, conversions)
    return bool((use <= rows.bound + _KEPT * np.maximum(1.0, np.abs(rows.bound))).all())


@dataclass(frozen=True)
class CurvePoint:
    """One number of the operator and what the plan is worth under it.

    Attributes:
        number: The operator's number.
        value: Net value of the plan, money.
        spend: Money.
        marginal: What one more unit of the number would be worth, money.
    """

    number: float
    value: float
    spend: float
    marginal: float

    @classmethod
    def of(cls, stored: StoredProblem, day: Day, key: str) -> "CurvePoint":
        """The stored plan itself, without another solve.

        Raises:
            LeverError: The key's number is none today.
        """
        number = day.numbers[key]
        if number is None:
            raise LeverError(f"{key} is none today: there is no point of it")
        return cls(number, stored.allocation.value, stored.allocation.spend, _marginal(stored, day, key, number))


def value_curve(
    stored: StoredProblem, day: Day, key: str, numbers: Sequence[float], *, gap: float = CURVE_GAP, threads: int = 2
) -> list[CurvePoint]:
    """What plans are worth against one of the operator's numbers, each solved from its neighbour's prices.

    Args:
        stored: Today's problem.
        day: What the operator's numbers mean in it.
        key: Of the number.
        numbers: To try.
        gap: Of each solve.
        threads: Of the lookup.

    Raises:
        LeverError: The key or a number isn't one.
        Infeasible: A number is too small for a minimum.
    """
    points, prices = [], dict(stored.allocation.prices)
    for number in sorted(numbers):
        problem, _ = moved(stored.problem, day, {key: number})
        found = solve(problem, warm_prices=prices, gap=gap, threads=threads)
        prices = found.prices
        at = replace(stored, problem=problem, allocation=found)
        points.append(CurvePoint(number, found.value, found.spend, _marginal(at, day, key, number)))
    return points


def _marginal(stored: StoredProblem, day: Day, key: str, number: float) -> float:
    """Slope of the bound's tangent: prices times how far their limits move with the number."""
    step = max(1.0, abs(number)) * 1e-3
    ahead, _ = moved(stored.problem, day, {key: number + step})
    rows, further = stored.problem.rows(), ahead.rows()
    bound = dict(zip(further.names, further.bound, strict=True))
    prices = rows.prices(dict(stored.allocation.prices))
    gains = [price * (bound.get(name, b) - b) for name, b, price in zip(rows.names, rows.bound, prices, strict=True)]
    return float(sum(gains)) / step


def curve_numbers(stored: StoredProblem, day: Day, key: str, multiples: Sequence[float]) -> list[float]:
    """Numbers that a curve is drawn at: multiples of today's, or of what is used of it where the spend cap has room.

    Raises:
        LeverError: The key isn't a budget, a cap or a capacity, or has no number today.
    """
    number = day.numbers[key]
    if key.rsplit(".", 1)[-1] not in _CURVED and not key.startswith("policy.spend_caps."):
        raise LeverError(f"a curve is drawn over a budget, a cap or a capacity; {key} is none")
    if not number:
        raise LeverError(f"a curve is drawn over multiples of today's {key}, and none is set; name another with --set")
    used = sum(day.spent.values()) + stored.allocation.spend if key == PER_DAY else number
    return [multiple * min(number, used) for multiple in multiples]


def channels_of(figures: Sequence[PlanFigures]) -> list[str]:
    """Channels that any of the plans uses, in the usual order."""
    return [name for name in CHANNELS if any(name in each.contacts_by_channel for each in figures)]
