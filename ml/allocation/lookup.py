"""The people of one table in this process, on any number of threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ml.allocation.best_contacts import look_up, margins
from ml.allocation.engine import ClassPrices, Decision, Mixed, OpenPeople, RangeTotals
from ml.allocation.kernel import F32, I64, Bool, slices
from ml.allocation.pruning import Classes, Measures, Table, largest, picked, sampled

_Result = TypeVar("_Result")


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
        self._last: tuple[ClassPrices, I64, list[RangeTotals]] | None = None

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
        return self._each(lambda part: look_up(self.table, prices, *part))

    def sampled(self, share: float) -> "Lookup":
        """About this share of the people, drawn by a hash of their place in the problem."""
        return Lookup(sampled(self.table, share), len(self.ranges), self._threads)

    def choices(self, prices: ClassPrices) -> I64:
        """Every person's candidates at the prices [P, k]; -1 where there is none."""
        return self._chosen(prices)[0]

    def margins(self, prices: ClassPrices) -> F32:
        """By how little each person's best contacts are best: the loss of the cheapest change [P]."""
        self.passes += 1
        margin = np.empty(self.people_count, dtype=np.float32)
        self._each(lambda part: margins(self.table, prices, *part, margin))
        return margin

    def nearest_ties(self, prices: ClassPrices, count: int) -> I64:
        """The people of the smallest margins, by place in the problem; of equal ones, those that come first."""
        margin = self.margins(prices)
        return self.table.person[smallest(margin, count)]

    def open_people(self, prices: ClassPrices, mixed: Mixed, people: I64) -> OpenPeople:
        """See `Engine`."""
        chosen, totals = self._chosen(prices)
        is_open, is_tied = np.zeros(self.people_count, dtype=np.bool_), np.isin(self.table.person, people)
        others = [self._differing(part, chosen, group, is_open) for part, group in zip(self.ranges, mixed, strict=True)]
        at = np.flatnonzero(is_open | is_tied)
        few, shift = picked(self.table, at), np.full(self.people_count, 0, dtype=np.int64)
        shift[at] = few.starts[:-1] - self.table.starts[at]
        margin = np.empty(len(at), dtype=np.float32)
        margins(few, prices, 0, len(at), margin)
        found = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *others]))
        owner = np.searchsorted(self.table.starts, found, side="right") - 1
        mine = np.where(chosen[at] >= 0, chosen[at] + shift[at][:, None], -1)
        settled = sum(totals[1:], totals[0]) - look_up(few, prices, 0, len(at))
        return OpenPeople(few, mine, margin, is_tied[at], found + shift[owner], settled)

    def everybody(self) -> Table:
        """The table."""
        return self.table

    def chosen(self, decision: Decision, shape: tuple[int, int]) -> I64:
        """See `Engine`."""
        chosen, at = np.full(shape, -1, dtype=np.int64), self.choices(decision.prices)
        chosen[self.table.person, : self.contacts] = np.where(at >= 0, self.table.source[at], -1)
        chosen[decision.people, : self.contacts] = decision.source
        return chosen

    def _chosen(self, prices: ClassPrices) -> tuple[I64, list[RangeTotals]]:
        if self._last is None or not self._last[0].equals(prices):
            self.passes += 1
            chosen = np.full((self.people_count, self.contacts), -1, dtype=np.int64)
            totals = self._each(lambda part: look_up(self.table, prices, *part, chosen=chosen[part[0] : part[1]]))
            self._last = prices, chosen, totals
        return self._last[1:]

    def _differing(self, part: tuple[int, int], chosen: I64, mixed: list[ClassPrices | None], is_open: Bool) -> I64:
        """Marks the people of a group whom mixed plans give something else, and says what."""
        low, high = part
        found = [np.empty(0, dtype=np.int64)]
        other = np.empty((high - low, self.contacts), dtype=np.int64)
        for prices in mixed:
            other[:] = -1
            if prices is not None:
                look_up(self.table, prices, low, high, other)
            differs = (other != chosen[low:high]).any(axis=1)
            is_open[low:high] |= differs
            found.append(other[differs].reshape(-1))
            self.passes += (high - low) / max(self.people_count, 1)
        given = np.concatenate(found)
        return given[given >= 0]

    def _each(self, work: Callable[[tuple[int, int]], _Result]) -> list[_Result]:
        if self._threads == 1:
            return [work(part) for part in self.ranges]
        return list(self._pool.map(work, self.ranges))


def smallest(margin: F32, count: int) -> I64:
    """Places of the `count` smallest margins, ascending; of equal ones those that come first."""
    if count >= len(margin):
        return np.arange(len(margin))
    edge = np.partition(margin, count - 1)[count - 1]
    below, equal = np.flatnonzero(margin < edge), np.flatnonzero(margin == edge)
    return np.sort(np.concatenate([below, equal[: count - len(below)]]))
