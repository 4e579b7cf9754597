"""Given prices, each person's best contacts: one pass over the table, in any partition, on any number of threads.

Only prices go out and totals come back. Totals are summed as whole numbers (contacts, and money and conversions in
fixed point), so partitions' totals add up to the same bits however people were divided.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ml.allocation.exclusion import look_up_disjoint, things_taken
from ml.allocation.kernel import F32, F64, I64, Index, kernel, slices
from ml.allocation.pruning import Table

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class ClassPrices:
    """What a limit's price makes of each class.

    Attributes:
        contact: charged for a contact [T].
        conversion: paid for an expected conversion [S, T].
        value_weight: 1, or 0 to look for any feasible plan whatever it is worth.
    """

    contact: F64
    conversion: F64
    value_weight: float = 1.0

    @classmethod
    def of(cls, table: Table, prices: F64, value_weight: float = 1.0) -> "ClassPrices":
        r"""\(a_t = \sum_r \lambda_r A_{rt}\), \(m_{st} = -\sum_r \lambda_r A^q_{rst}\) for prices \(\lambda\) [R]."""
        conversion = -np.einsum("r,rst->st", prices, table.classes.conversions)
        return cls(prices @ table.classes.contacts, np.ascontiguousarray(conversion), value_weight)


@dataclass(frozen=True, eq=False)
class RangeTotals:
    """What the best contacts of a range of people add up to, in whole units of the table's scales.

    Attributes:
        value: money.
        contacts: per class [T].
        conversions: per segment and class [S, T].
    """

    value: int
    contacts: I64
    conversions: I64

    def __add__(self, other: "RangeTotals") -> "RangeTotals":
        """The totals of both ranges together."""
        return RangeTotals(
            self.value + other.value, self.contacts + other.contacts, self.conversions + other.conversions
        )

    def money(self, table: Table) -> float:
        """The value in money."""
        return self.value / table.value_scale

    def use(self, table: Table) -> F64:
        """Use of every limit [R]."""
        use = table.classes.contacts @ self.contacts.astype(np.float64)
        if table.quantity.size:
            use += np.einsum("rst,st->r", table.classes.conversions, self.conversions / table.quantity_scale)
        return np.asarray(use, dtype=np.float64)


def look_up(table: Table, prices: ClassPrices, low: int, high: int, chosen: I64 | None = None) -> RangeTotals:
    """Best contacts of the people `low` to `high` at the prices.

    Args:
        table: the value table.
        prices: per class.
        low: first person.
        high: one past the last person.
        chosen: if given, gets each person's candidates, -1 where there is none [high - low, k].
    """
    contacts = np.zeros(len(prices.contact), dtype=np.int64)
    conversions = np.zeros(prices.conversion.shape, dtype=np.int64)
    scales = np.array([prices.value_weight, table.value_scale, table.quantity_scale])
    out = np.empty((0, 1), dtype=np.int64) if chosen is None else chosen
    arrays = (table.starts, table.klass, table.value, table.quantity, table.segment)
    if table.is_single:
        value = _look_up_one(*arrays, prices.contact, prices.conversion, scales, low, high, contacts, conversions, out)
    elif len(table.classes.exclusive):
        taken = things_taken(table.classes.channel, table.classes.exclusive)
        value = look_up_disjoint(
            *arrays, table.most, taken, prices.contact, prices.conversion, scales, low, high, contacts, conversions, out
        )
    else:
        most, channel = table.most, table.classes.channel
        value = _look_up_several(
            *arrays, most, channel, prices.contact, prices.conversion, scales, low, high, contacts, conversions, out
        )
    return RangeTotals(int(value), contacts, conversions)


class Lookup:
    """The lookup over one table on an explicit number of threads.

    Attributes:
        table: the value table.
        ranges: the groups of people whose totals are kept apart.
        passes: full passes over the table so far.
    """

    def __init__(self, table: Table, groups: int, threads: int):
        self.table = table
        self.ranges = slices(table.people_count, groups)
        self.passes = 0.0
        self._threads = threads

    def totals(self, prices: ClassPrices) -> list[RangeTotals]:
        """Totals of each group."""
        self.passes += 1
        return self._each(lambda part: look_up(self.table, prices, *part))

    def choices(self, prices: ClassPrices, contacts: int) -> I64:
        """Every person's candidates at the prices [P, contacts]; -1 where there is none."""
        self.passes += 1
        chosen = np.full((self.table.people_count, contacts), -1, dtype=np.int64)
        self._each(lambda part: look_up(self.table, prices, *part, chosen=chosen[part[0] : part[1]]))
        return chosen

    def margins(self, prices: ClassPrices) -> F32:
        """By how little each person's best contacts are best: the loss of the cheapest change [P]."""
        self.passes += 1
        margin = np.empty(self.table.people_count, dtype=np.float32)
        table, scale = self.table, prices.value_weight
        arrays = (table.starts, table.klass, table.value, table.quantity, table.segment, table.most)
        charges = (prices.contact, prices.conversion, scale)
        self._each(lambda part: _margins(*arrays, *charges, part[0], part[1], margin))
        return margin

    def _each(self, work: Callable[[tuple[int, int]], _Result]) -> list[_Result]:
        if self._threads == 1:
            return [work(part) for part in self.ranges]
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(work, self.ranges))


@kernel
def _look_up_one(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    contact: F64,
    conversion: F64,
    scales: F64,
    low: int,
    high: int,
    contacts: I64,
    conversions: I64,
    chosen: I64,
) -> int:
    weight, value_scale, quantity_scale = scales[0], scales[1], scales[2]
    total = 0
    for i in range(low, high):
        best = 0.0
        at = -1
        if quantity.size == 0:
            for j in range(starts[i], starts[i + 1]):
                reduced = weight * value[j] - contact[klass[j]]
                at = j if reduced > best else at
                best = max(reduced, best)
        else:
            s = segment[i]
            for j in range(starts[i], starts[i + 1]):
                reduced = weight * value[j] - contact[klass[j]] + conversion[s, klass[j]] * quantity[j]
                at = j if reduced > best else at
                best = max(reduced, best)
        if at >= 0:
            total += int(np.float64(value[at]) * value_scale)
            contacts[klass[at]] += 1
            if quantity.size > 0:
                conversions[segment[i], klass[at]] += np.int64(np.float64(quantity[at]) * quantity_scale)
        if chosen.shape[0] > 0:
            chosen[i - low, 0] = at
    return total


@kernel
def _look_up_several(  # noqa: C901, PLR0912, PLR0917 - one pass; calls inside would cost as much as the loop
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    most: npt.NDArray[np.uint8],
    channel: I64,
    contact: F64,
    conversion: F64,
    scales: F64,
    low: int,
    high: int,
    contacts: I64,
    conversions: I64,
    chosen: I64,
) -> int:
    weight, value_scale, quantity_scale = scales[0], scales[1], scales[2]
    total = 0
    best = np.zeros(8)
    at = np.empty(8, dtype=np.int64)
    for i in range(low, high):
        k = most[i]
        found = 0
        for j in range(starts[i], starts[i + 1]):
            reduced = weight * value[j] - contact[klass[j]]
            if quantity.size > 0:
                reduced += conversion[segment[i], klass[j]] * quantity[j]
            if reduced <= 0 or k == 0:
                continue
            # A second offer of a channel replaces the first, else the worst gives way: the list stays sorted.
            slot = -1
            for m in range(found):
                if channel[klass[at[m]]] == channel[klass[j]]:
                    slot = m
            if slot < 0:
                if found < k:
                    slot = found
                    found += 1
                    best[slot] = -1.0
                else:
                    slot = found - 1
            if reduced > best[slot]:
                while slot > 0 and reduced > best[slot - 1]:
                    best[slot] = best[slot - 1]
                    at[slot] = at[slot - 1]
                    slot -= 1
                best[slot] = reduced
                at[slot] = j
        for m in range(found):
            j = at[m]
            total += int(np.float64(value[j]) * value_scale)
            contacts[klass[j]] += 1
            if quantity.size > 0:
                conversions[segment[i], klass[j]] += np.int64(np.float64(quantity[j]) * quantity_scale)
        if chosen.shape[0] > 0:
            for m in range(chosen.shape[1]):
                chosen[i - low, m] = at[m] if m < found else -1
    return total


@kernel
def _margins(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    most: npt.NDArray[np.uint8],
    contact: F64,
    conversion: F64,
    weight: float,
    low: int,
    high: int,
    margin: F32,
) -> None:
    best = np.zeros(9)
    for i in range(low, high):
        k = most[i]
        best[: k + 1] = -np.inf
        for j in range(starts[i], starts[i + 1]):
            reduced = weight * value[j] - contact[klass[j]]
            if quantity.size > 0:
                reduced += conversion[segment[i], klass[j]] * quantity[j]
            slot = k
            if reduced > best[slot]:
                while slot > 0 and reduced > best[slot - 1]:
                    best[slot] = best[slot - 1]
                    slot -= 1
                best[slot] = reduced
        # The cheapest change: drop the last contact, add one more, or swap it for the next best.
        least = np.inf
        for m in range(k):
            least = min(least, abs(best[m]))
        if k > 0:
            least = min(least, best[k - 1] - best[k]) if best[k - 1] > 0 else least
        margin[i] = least
