r"""One pass over the table at given charges: the smooth dual, its expected totals, and their covariance.

A person with k = 1 takes candidate j with probability \(e^{r_j/\tau} / Z\), \(Z = 1 + \sum_j e^{r_j/\tau}\), where
\(r_j\) is its value less what it is charged; with k > 1 sets of contacts as in `subsets`. The dual's part of a person is
\(\tau \log Z\); its slope in the charges is minus the expected totals and its curvature their covariance over \(\tau\).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Index, kernel, slices
from ml.allocation.smooth.subsets import inclusion
from ml.allocation.smooth.table import SmoothTable

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
GROUPS = 16
"""People are cut into so many ranges, whatever the threads: sums are then taken in one order and have the same bits."""
_FAR = -36.0
"""A weight is 0 where its logarithm is so far under the person's largest: less than a 64-bit sum can hold."""


@dataclass(frozen=True, eq=False)
class PassTotals:
    """What one pass adds up to.

    Attributes:
        dual: sum of the people's parts, money.
        value: expected, money.
        totals: expected [D].
        covariance: of the totals, people being independent [D, D].
    """

    dual: float
    value: float
    totals: F64
    covariance: F64


def run_pass(table: SmoothTable, charge: F64, temperature: float, threads: int) -> PassTotals:
    """Sums over all people; the same bits for any number of threads.

    Args:
        table: N people.
        charge: per total [D].
        temperature: money, above 0.
        threads: of the pass.
    """
    size = len(charge)
    work = _one_contact if table.is_single else _several_contacts
    arrays = (
        table.starts,
        table.klass,
        table.value,
        table.quantity,
        table.segment,
        table.most,
        table.channel,
        table.part,
    )

    def of_range(part: tuple[int, int]) -> tuple[F64, F64, F64]:
        sums, totals, covariance = np.zeros(2), np.zeros(size), np.zeros((size, size))
        work(*arrays, charge, temperature, *part, sums, totals, covariance)
        return sums, totals, covariance

    found = each(of_range, slices(table.people_count, GROUPS), threads)
    sums = sum((part[0] for part in found), np.zeros(2))
    covariance = sum((part[2] for part in found), np.zeros((size, size)))
    lower = np.tril(covariance)
    return PassTotals(
        float(sums[0]),
        float(sums[1]),
        sum((part[1] for part in found), np.zeros(size)),
        lower + np.tril(lower, -1).T,
    )


def each(work: Callable[[_Part], _Result], parts: Sequence[_Part], threads: int) -> list[_Result]:
    """The work done on every part, in their order, on so many threads."""
    if threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


@kernel
def reduce_values(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    klass: Index,
    value: F32,
    quantity: F32,
    part: I64,
    charge: F64,
    s: int,
    first: int,
    last: int,
    reduced: F64,
) -> float:
    """Value less charge of one person's candidates; returns the best, at least 0."""
    best = 0.0
    for j in range(first, last):
        r = np.float64(value[j]) - charge[klass[j]]
        if quantity.size > 0 and part[s, klass[j]] >= 0:
            r -= charge[part[s, klass[j]]] * np.float64(quantity[j])
        reduced[j - first] = r
        best = max(best, r)
    return best


@kernel
def most_candidates(starts: I64, low: int, high: int) -> int:
    """Most candidates of one person in a range, at least 1."""
    longest = 1
    for i in range(low, high):
        longest = max(longest, starts[i + 1] - starts[i])
    return longest


@kernel
def _one_contact(  # noqa: C901, PLR0917 - one pass; calls inside would cost as much as the loop
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: npt.NDArray[np.uint8],
    most: npt.NDArray[np.uint8],
    channel: I64,  # noqa: ARG001 - the same arguments as for several contacts
    part: I64,
    charge: F64,
    temperature: float,
    low: int,
    high: int,
    sums: F64,
    totals: F64,
    covariance: F64,
) -> None:
    weight = np.empty(most_candidates(starts, low, high))
    mean, touched = np.zeros(charge.size), np.empty(charge.size, dtype=np.int64)
    for i in range(low, high):
        first, last = starts[i], starts[i + 1]
        if most[i] == 0 or first == last:
            continue
        best = reduce_values(klass, value, quantity, part, charge, segment[i], first, last, weight)
        z = np.exp(-best / temperature)
        for j in range(last - first):
            x = (weight[j] - best) / temperature
            weight[j] = np.exp(x) if x > _FAR else 0.0
            z += weight[j]
        sums[0] += best + temperature * np.log(z)
        count = 0
        for j in range(first, last):
            p = weight[j - first] / z
            if p == 0.0:
                continue
            t = klass[j]
            sums[1] += p * value[j]
            if mean[t] == 0.0:
                touched[count] = t
                count += 1
            mean[t] += p
            covariance[t, t] += p
            v = part[segment[i], t] if quantity.size > 0 else -1
            q = np.float64(quantity[j]) if v >= 0 else 0.0
            if q != 0.0:
                seen = False
                for m in range(count):
                    seen = seen or touched[m] == v
                if not seen:
                    touched[count] = v
                    count += 1
                mean[v] += p * q
                covariance[v, v] += p * q * q
                covariance[v, t] += p * q
        for a in range(count):
            for b in range(count):
                covariance[touched[a], touched[b]] -= mean[touched[a]] * mean[touched[b]]
        for a in range(count):
            totals[touched[a]] += mean[touched[a]]
            mean[touched[a]] = 0.0


@kernel
def channel_laws(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    klass: Index,
    channel: I64,
    temperature: float,
    first: int,
    last: int,
    reduced: F64,
    logs: F64,
    position: I64,
) -> int:
    """Logarithms of one person's channel weights in descending order, and each candidate's place among them.

    `reduced` becomes the candidate's share of its channel. Returns the number of channels.
    """
    peak, order, place = np.full(8, -np.inf), np.empty(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    for j in range(first, last):
        c = channel[klass[j]]
        peak[c] = max(peak[c], reduced[j - first])
    weight = np.zeros(8)
    for j in range(first, last):
        c = channel[klass[j]]
        x = (reduced[j - first] - peak[c]) / temperature
        reduced[j - first] = np.exp(x) if x > _FAR else 0.0
        weight[c] += reduced[j - first]
    count = 0
    for c in range(8):
        if weight[c] > 0:
            log = peak[c] / temperature + np.log(weight[c])
            m = count
            while m > 0 and logs[m - 1] < log:
                logs[m] = logs[m - 1]
                order[m] = order[m - 1]
                m -= 1
            logs[m], order[m] = log, c
            count += 1
    for m in range(count):
        place[order[m]] = m
    for j in range(first, last):
        c = channel[klass[j]]
        position[j - first] = place[c]
        reduced[j - first] /= weight[c]
    return count


@kernel
def _several_contacts(  # noqa: PLR0917 - one pass
    starts: I64,
    klass: Index,
    value: F32,
    quantity: F32,
    segment: npt.NDArray[np.uint8],
    most: npt.NDArray[np.uint8],
    channel: I64,
    part: I64,
    charge: F64,
    temperature: float,
    low: int,
    high: int,
    sums: F64,
    totals: F64,
    covariance: F64,
) -> None:
    longest = most_candidates(starts, low, high)
    share, position = np.empty(longest), np.empty(longest, dtype=np.int64)
    logs, single, pair = np.empty(8), np.empty(8), np.zeros((8, 8))
    for i in range(low, high):
        first, last = starts[i], starts[i + 1]
        if most[i] == 0 or first == last:
            continue
        reduce_values(klass, value, quantity, part, charge, segment[i], first, last, share)
        count = channel_laws(klass, channel, temperature, first, last, share, logs, position)
        sums[0] += temperature * inclusion(logs, count, most[i], single, pair)
        for j in range(first, last):
            c, t = position[j - first], klass[j]
            p = single[c] * share[j - first]
            if p == 0.0:
                continue
            sums[1] += p * value[j]
            v = part[segment[i], t] if quantity.size > 0 else -1
            q = np.float64(quantity[j]) if v >= 0 else 0.0
            totals[t] += p
            if v >= 0:
                totals[v] += p * q
            for m in range(first, last):
                d, u = position[m - first], klass[m]
                given = share[j - first] * share[m - first]
                both = (0.0 if c == d else pair[c, d]) * given - single[c] * single[d] * given
                if m == j:
                    both += p
                w = part[segment[i], u] if quantity.size > 0 else -1
                covariance[t, u] += both
                if v >= 0:
                    covariance[v, u] += both * q
                if v >= 0 and w >= 0:
                    covariance[v, w] += both * q * np.float64(quantity[m])
