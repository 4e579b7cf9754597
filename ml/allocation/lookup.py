"""The people of one table in this process, on any number of threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ml.allocation.best_contacts import look_up, margins, tally
from ml.allocation.engine import Asked, ClassPrices, Decision, Mixture, OpenPeople, RangeTotals
from ml.allocation.kernel import F32, I64, Bool, slices
from ml.allocation.pruning import Classes, Measures, Table, largest, picked, sampled, scattered

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
_MIXING, _OPENING = 1, 2
"""Numbers drawn by place for who takes which plan, and for who is open, must not go together."""


class Lookup:
    """The people of one table in this process, on an explicit number of threads.

    Args:
        table: the value table.
        groups: number of ranges of people whose totals are kept apart, or the ranges.
        threads: that share a pass.
        contacts: k, where the table is a part of one that has a larger k.

    Attributes:
        table: the value table.
        ranges: the groups.
        passes: full passes over the table so far.
        contacts: k.
    """

    def __init__(self, table: Table, groups: int | list[tuple[int, int]], threads: int, *, contacts: int | None = None):
        self.table = table
        self.ranges = slices(table.people_count, groups) if isinstance(groups, int) else groups
        self.passes = 0.0
        self.contacts = int(table.most.max(initial=1)) if contacts is None else contacts
        self._threads, self._pool = threads, ThreadPoolExecutor(threads)
        self._settled = _Settled.nobody(self)

    @property
    def measures(self) -> Measures:
        """The table's own."""
        return self.table

    @property
    def people_count(self) -> int:
        """P."""
        return self.table.people_count

    @property
    def candidate_count(self) -> int:
        """Of the table."""
        return len(self.table.value)

    @property
    def largest_value(self) -> float:
        """In size, money."""
        return largest(self.table.value)

    def classified(self, classes: Classes) -> "Lookup":
        """See `Engine`."""
        return Lookup(replace(self.table, classes=classes), self.ranges, self._threads, contacts=self.contacts)

    def totals(self, prices: ClassPrices) -> list[RangeTotals]:
        """Totals of each group."""
        self.passes += 1
        return self._each(lambda part: look_up(self.table, prices, *part), self.ranges)

    def totals_within(self, asked: Asked) -> list[RangeTotals]:
        """See `Engine`."""
        self.passes += sum(high - low for (low, high), prices in asked if prices is not None) / max(
            self.people_count, 1
        )
        nothing = self._nothing()
        return [nothing if prices is None else look_up(self.table, prices, *people) for people, prices in asked]

    def sampled(self, share: float) -> "Lookup":
        """About this share of the people, drawn by a hash of their place in the problem."""
        return Lookup(sampled(self.table, share), len(self.ranges), self._threads)

    def choices(self, prices: ClassPrices) -> I64:
        """Every person's candidates at the prices [P, k]; -1 where there is none."""
        self.passes += 1
        chosen = np.full((self.people_count, self.contacts), -1, dtype=np.int64)
        self._each(lambda part: look_up(self.table, prices, *part, chosen=chosen[part[0] : part[1]]), self.ranges)
        return chosen

    def margins(self, prices: ClassPrices) -> F32:
        """By how little each person's best contacts are best: the loss of the cheapest change [P]."""
        self.passes += 1
        margin = np.empty(self.people_count, dtype=np.float32)
        self._each(lambda part: margins(self.table, prices, *part, margin), self.ranges)
        return margin

    def nearest_ties(self, prices: ClassPrices, count: int) -> I64:
        """The people of the smallest margins, by place in the problem; of equal ones, those that come first."""
        margin = self.margins(prices)
        return self.table.person[smallest(margin, count)]

    def settle(self, prices: ClassPrices, mixed: list[Mixture]) -> int:
        """See `Engine`."""
        chosen = np.full((self.people_count, self.contacts), -1, dtype=np.int64)
        is_mixed = np.zeros(self.people_count, dtype=np.bool_)
        others = [other for part in self._each(lambda one: self._give(one, chosen, is_mixed), mixed) for other in part]
        self.passes += sum((one.people[1] - one.people[0]) * len(one.prices) for one in mixed) / max(
            self.people_count, 1
        )
        self._settled = _Settled(prices, chosen, others, is_mixed)
        return int(np.count_nonzero(is_mixed))

    def _give(self, mixture: Mixture, chosen: I64, is_mixed: Bool) -> list[I64]:
        """Fills a range's place in `chosen` and `is_mixed`; the candidates of its plans where these differ."""
        low, high = mixture.people
        plans = np.full((len(mixture.prices), high - low, self.contacts), -1, dtype=np.int64)
        for plan, prices in zip(plans, mixture.prices, strict=True):
            if prices is not None:
                look_up(self.table, prices, low, high, plan)
        differs = (plans != plans[0]).any(axis=(0, 2))
        mark, below = scattered(self.table.person[low:high], _MIXING), np.cumsum(mixture.weight)[:-1]
        chosen[low:high] = plans[np.searchsorted(below, mark, side="right"), np.arange(high - low)]
        is_mixed[low:high] = differs
        return [plan[differs].reshape(-1) for plan in plans]

    def open_people(self, people: I64, share: float) -> OpenPeople:
        """See `Engine`."""
        settled, table = self._settled, self.table
        is_tied = np.isin(table.person, people)
        is_open = is_tied | (settled.is_mixed & (scattered(table.person, _OPENING) < share))
        at = np.flatnonzero(is_open)
        few, shift = picked(table, at), np.zeros(self.people_count, dtype=np.int64)
        shift[at] = few.starts[:-1] - table.starts[at]
        margin = np.empty(len(at), dtype=np.float32)
        margins(few, settled.prices, 0, len(at), margin)
        others = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *settled.others]))
        others = others[others >= 0]
        owner = np.searchsorted(table.starts, others, side="right") - 1
        others, owner = others[is_open[owner]], owner[is_open[owner]]
        chosen = np.where(settled.chosen[at] >= 0, settled.chosen[at] + shift[at][:, None], -1)
        beside = tally(table, settled.chosen[~is_open])
        return OpenPeople(few, chosen, margin, is_tied[at], others + shift[owner], beside)

    def everybody(self) -> Table:
        """The table."""
        return self.table

    def chosen(self, decision: Decision, shape: tuple[int, int], before: int = 0) -> I64:
        """See `Engine`; `before` people of the problem are not in `shape`."""
        chosen, at = np.full(shape, -1, dtype=np.int64), self._settled.chosen
        chosen[self.table.person - before, : self.contacts] = np.where(at >= 0, self.table.source[at], -1)
        chosen[decision.people, : self.contacts] = decision.source
        return chosen

    def _nothing(self) -> RangeTotals:
        classes = self.table.classes
        shape = classes.conversions.shape[1:]
        return RangeTotals(0, np.zeros(shape[1], dtype=np.int64), np.zeros(shape, dtype=np.int64))

    def _each(self, work: Callable[[_Part], _Result], parts: Iterable[_Part]) -> list[_Result]:
        if self._threads == 1:
            return [work(part) for part in parts]
        return list(self._pool.map(work, parts))


@dataclass(frozen=True, eq=False)
class _Settled:
    """Everybody's candidates [P, k], and whose differ between the mixed plans [P], which give them the others."""

    prices: ClassPrices
    chosen: I64
    others: list[I64]
    is_mixed: Bool

    @classmethod
    def nobody(cls, people: "Lookup") -> "_Settled":
        table = people.table
        free = ClassPrices.of(table, np.zeros(len(table.classes.contacts)))
        nothing = np.broadcast_to(np.int64(-1), (people.people_count, people.contacts))
        return cls(free, nothing, [], np.broadcast_to(np.False_, people.people_count))


def smallest(margin: F32, count: int) -> I64:
    """Places of the `count` smallest margins, ascending; of equal ones those that come first."""
    if count >= len(margin):
        return np.arange(len(margin))
    edge = np.partition(margin, count - 1)[count - 1]
    below, equal = np.flatnonzero(margin < edge), np.flatnonzero(margin == edge)
    return np.sort(np.concatenate([below, equal[: count - len(below)]]))
