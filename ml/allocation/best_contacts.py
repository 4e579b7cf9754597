"""Given prices, each person's best contacts: one pass over any range of people, the same function everywhere."""

import numpy as np
import numpy.typing as npt

from ml.allocation.engine import ClassPrices, RangeTotals
from ml.allocation.exclusion import look_up_disjoint, things_taken
from ml.allocation.kernel import F32, F64, I64, Index, kernel
from ml.allocation.pruning import Table


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


def margins(table: Table, prices: ClassPrices, low: int, high: int, margin: F32) -> None:
    """Loss of the cheapest change of the people `low` to `high`, into their places of `margin`."""
    arrays = (table.starts, table.klass, table.value, table.quantity, table.segment)
    charges = (prices.contact, prices.conversion, prices.value_weight)
    if table.is_single:
        _margins_of_one(*arrays, *charges, low, high, margin)
    else:
        _margins(*arrays, table.most, *charges, low, high, margin)


def tally(table: Table, chosen: I64) -> RangeTotals:
    """What chosen candidates of people in their order add up to, in the same whole units; -1 stands for none [n, k]."""
    contacts = np.zeros(len(table.classes.channel), dtype=np.int64)
    conversions = np.zeros(table.classes.conversions.shape[1:], dtype=np.int64)
    scales = np.array([table.value_scale, table.quantity_scale])
    flat = chosen[chosen >= 0]
    value = _tally(
        table.starts, table.klass, table.value, table.quantity, table.segment, scales, flat, contacts, conversions
    )
    return RangeTotals(int(value), contacts, conversions)


@kernel
def _tally(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    scales: F64,
    chosen: I64,
    contacts: I64,
    conversions: I64,
) -> int:
    value_scale, quantity_scale = scales[0], scales[1]
    total, person = 0, 0
    for j in chosen:
        total += int(np.float64(value[j]) * value_scale)
        contacts[klass[j]] += 1
        if quantity.size > 0:
            while starts[person + 1] <= j:
                person += 1
            conversions[segment[person], klass[j]] += np.int64(np.float64(quantity[j]) * quantity_scale)
    return total


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
    # Indices are unsigned and tables flat: a signed index costs a test for negative ones at each access.
    weight, value_scale, quantity_scale = scales[0], scales[1], scales[2]
    classes, one = np.uint64(contact.size), np.uint64(1)
    nobody = np.uint64(0xFFFFFFFFFFFFFFFF)
    paid, count = conversion.reshape(-1), np.zeros(conversion.size, dtype=np.int64)
    converted = np.zeros(conversion.size, dtype=np.int64)
    first = np.uint64(low)
    end = np.uint64(starts[first])
    total = 0
    for i in range(first, np.uint64(high)):
        best, at = 0.0, nobody
        j, end = end, np.uint64(starts[i + one])
        row = np.uint64(segment[i]) * classes
        if quantity.size > 0:
            while j < end:
                k = np.uint64(klass[j])
                reduced = weight * value[j] - contact[k] + paid[row + k] * quantity[j]
                at = j if reduced > best else at
                best = max(best, reduced)
                j += one
        else:
            while j < end:
                reduced = weight * value[j] - contact[np.uint64(klass[j])]
                at = j if reduced > best else at
                best = max(best, reduced)
                j += one
        if at != nobody:
            k = row + np.uint64(klass[at])
            total += int(np.float64(value[at]) * value_scale)
            count[k] += 1
            if quantity.size > 0:
                converted[k] += np.int64(np.float64(quantity[at]) * quantity_scale)
        if chosen.shape[0] > 0:
            chosen[i - first, 0] = np.int64(at)
    for s in range(conversion.shape[0]):
        for c in range(contact.size):
            contacts[c] += count[s * contact.size + c]
            conversions[s, c] += converted[s * contact.size + c]
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
    # Indices are unsigned and tables flat: a signed index costs a test for negative ones at each access.
    weight, value_scale, quantity_scale = scales[0], scales[1], scales[2]
    classes, one, none = np.uint64(contact.size), np.uint64(1), np.uint64(0)
    paid = conversion.reshape(-1)
    best, at, through = np.zeros(8), np.zeros(8, dtype=np.uint64), np.zeros(8, dtype=np.int64)
    first = np.uint64(low)
    end = np.uint64(starts[first])
    total = 0
    for i in range(first, np.uint64(high)):
        k, found = np.uint64(most[i]), none
        j, end = end, np.uint64(starts[i + one])
        if k == none:
            j = end
        row = np.uint64(segment[i]) * classes
        least = 0.0  # what doesn't beat the last of a full list beats none of it, in its channel or another
        while j < end:
            c = np.uint64(klass[j])
            reduced = weight * value[j] - contact[c]
            if quantity.size > 0:
                reduced += paid[row + c] * quantity[j]
            if reduced > least:
                # A second offer of a channel replaces the first, else the worst gives way: the list stays sorted.
                slot, m = k, none
                while m < found:
                    slot = m if through[m] == channel[c] else slot
                    m += one
                if slot == k:
                    if found < k:
                        best[found] = -1.0
                        found += one
                    slot = found - one
                if reduced > best[slot]:
                    while slot > none and reduced > best[slot - one]:
                        best[slot], at[slot], through[slot] = best[slot - one], at[slot - one], through[slot - one]
                        slot -= one
                    best[slot], at[slot], through[slot] = reduced, j, channel[c]
                    least = best[k - one] if found == k else 0.0
            j += one
        m = none
        while m < found:
            j = at[m]
            total += int(np.float64(value[j]) * value_scale)
            contacts[np.uint64(klass[j])] += 1
            if quantity.size > 0:
                converted = np.int64(np.float64(quantity[j]) * quantity_scale)
                conversions[np.uint64(segment[i]), np.uint64(klass[j])] += converted
            m += one
        if chosen.shape[0] > 0:
            for place in range(chosen.shape[1]):
                chosen[i - first, place] = np.int64(at[place]) if place < found else -1
    return total


@kernel
def _margins_of_one(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    contact: F64,
    conversion: F64,
    weight: float,
    low: int,
    high: int,
    margin: F32,
) -> None:
    classes, one = np.uint64(contact.size), np.uint64(1)
    paid = conversion.reshape(-1)
    first = np.uint64(low)
    end = np.uint64(starts[first])
    for i in range(first, np.uint64(high)):
        best, second = -np.inf, -np.inf
        j, end = end, np.uint64(starts[i + one])
        row = np.uint64(segment[i]) * classes
        while j < end:
            k = np.uint64(klass[j])
            reduced = weight * value[j] - contact[k]
            if quantity.size > 0:
                reduced += paid[row + k] * quantity[j]
            second = max(second, min(best, reduced))
            best = max(best, reduced)
            j += one
        # The cheapest change: drop the contact (or make the best one), or swap it for the next best.
        margin[i] = min(best, best - second) if best > 0 else -best


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
