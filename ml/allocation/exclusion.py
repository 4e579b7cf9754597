"""The lookup where offers exclude each other: a person's contacts must take different channels and different groups.

Taking the best contact first is not exact here (its offer may keep two others out), so each person's few candidates are
searched: one for each set of things taken, by branch and bound in order of value.
"""

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Bool, Index, kernel
from ml.entities import CHANNELS

MOST_GROUPS = 62 - len(CHANNELS)
"""Channels and groups of offers share the bits of a 64-bit integer."""


def things_taken(channel: I64, exclusive: Bool) -> I64:
    """What a contact of each class takes, as bits: its channel, and each group [X, T] that it belongs to [T]."""
    taken = np.left_shift(np.int64(1), channel.astype(np.int64))
    for group, members in enumerate(exclusive):
        taken |= members.astype(np.int64) << np.int64(len(CHANNELS) + group)
    return np.asarray(taken, dtype=np.int64)


@kernel
def look_up_disjoint(  # noqa: C901, PLR0912, PLR0915, PLR0917 - one pass; calls inside would cost as much as the loop
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: Index,
    most: npt.NDArray[np.uint8],
    taken: I64,
    contact: F64,
    conversion: F64,
    scales: F64,
    low: int,
    high: int,
    contacts: I64,
    conversions: I64,
    chosen: I64,
) -> int:
    """Best contacts of the people `low` to `high`; arguments and answer as in `ml.allocation.lookup`."""
    weight, value_scale, quantity_scale = scales[0], scales[1], scales[2]
    longest = 1
    for i in range(low, high):
        longest = max(longest, starts[i + 1] - starts[i])
    gain, at = np.empty(longest), np.empty(longest, dtype=np.int64)
    pick, best_pick = np.empty(9, dtype=np.int64), np.empty(9, dtype=np.int64)
    used, sums = np.zeros(10, dtype=np.int64), np.zeros(10)
    total = 0
    for i in range(low, high):
        # The best candidate of each set of things taken, in order of gain.
        found = 0
        for j in range(starts[i], starts[i + 1]):
            reduced = weight * value[j] - contact[klass[j]]
            if quantity.size > 0:
                reduced += conversion[segment[i], klass[j]] * quantity[j]
            if reduced <= 0 or most[i] == 0:
                continue
            slot = found
            for m in range(found):
                if taken[klass[at[m]]] == taken[klass[j]]:
                    slot = m
            if slot == found:
                found += 1
            elif reduced <= gain[slot]:
                continue
            while slot > 0 and reduced > gain[slot - 1]:
                gain[slot], at[slot] = gain[slot - 1], at[slot - 1]
                slot -= 1
            gain[slot], at[slot] = reduced, j
        # Depth first over what to take next; `depth` contacts are picked, `m` is tried next.
        best, best_count, depth, m = 0.0, 0, 0, 0
        while True:
            room = most[i] - depth
            reach = sums[depth]
            for ahead in range(m, min(found, m + room)):
                reach += gain[ahead]
            if reach <= best:
                if depth == 0:
                    break
                depth -= 1
                m = pick[depth] + 1
                continue
            if used[depth] & taken[klass[at[m]]] == 0:
                pick[depth] = m
                used[depth + 1] = used[depth] | taken[klass[at[m]]]
                sums[depth + 1] = sums[depth] + gain[m]
                depth += 1
                if sums[depth] > best:
                    best, best_count = sums[depth], depth
                    best_pick[:depth] = pick[:depth]
            m += 1
        for d in range(best_count):
            j = at[best_pick[d]]
            total += int(np.float64(value[j]) * value_scale)
            contacts[klass[j]] += 1
            if quantity.size > 0:
                conversions[segment[i], klass[j]] += np.int64(np.float64(quantity[j]) * quantity_scale)
        if chosen.shape[0] > 0:
            for d in range(chosen.shape[1]):
                chosen[i - low, d] = at[best_pick[d]] if d < best_count else -1
    return total
