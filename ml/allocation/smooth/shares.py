"""Probabilities of all candidates at given charges, as the plan keeps them and a draw takes them."""

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Index, kernel, slices
from ml.allocation.smooth.passes import GROUPS, channel_laws, each, most_candidates, reduce_values
from ml.allocation.smooth.subsets import inclusion
from ml.allocation.smooth.table import SmoothTable


def probabilities(table: SmoothTable, charge: F64, temperature: float, least: float, threads: int) -> tuple[F64, F64]:
    """Probability of every candidate [M], and of no contact [N].

    Args:
        table: N people, M candidates.
        charge: per total [D].
        temperature: money, above 0.
        least: a smaller probability is 0; with one contact the person's others keep their proportions.
        threads: of the pass.
    """
    probability, nothing = np.zeros(len(table.value)), np.ones(table.people_count)
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
    work = _shares_of_one if table.is_single else _shares_of_several

    def of_range(part: tuple[int, int]) -> None:
        work(*arrays, charge, temperature, least, *part, probability, nothing)

    each(of_range, slices(table.people_count, GROUPS), threads)
    return probability, nothing


@kernel
def _shares_of_one(  # noqa: PLR0917 - a compiled loop takes its arrays in order
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
    least: float,
    low: int,
    high: int,
    probability: F64,
    nothing: F64,
) -> None:
    weight = np.empty(most_candidates(starts, low, high))
    for i in range(low, high):
        first, last = starts[i], starts[i + 1]
        if most[i] == 0 or first == last:
            continue
        best = reduce_values(klass, value, quantity, part, charge, segment[i], first, last, weight)
        none = np.exp(-best / temperature)
        z = none
        for j in range(last - first):
            weight[j] = np.exp(max((weight[j] - best) / temperature, -700.0))
            z += weight[j]
        kept = none if none >= least * z else 0.0
        for j in range(last - first):
            if weight[j] >= least * z:
                kept += weight[j]
        nothing[i] = none / kept if none >= least * z else 0.0
        for j in range(first, last):
            if weight[j - first] >= least * z:
                probability[j] = weight[j - first] / kept


@kernel
def _shares_of_several(  # noqa: PLR0917 - a compiled loop takes its arrays in order
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
    least: float,
    low: int,
    high: int,
    probability: F64,
    nothing: F64,
) -> None:
    longest = most_candidates(starts, low, high)
    share, position = np.empty(longest), np.empty(longest, dtype=np.int64)
    logs, single, pair = np.empty(8), np.empty(8), np.empty((0, 0))
    for i in range(low, high):
        first, last = starts[i], starts[i + 1]
        if most[i] == 0 or first == last:
            continue
        reduce_values(klass, value, quantity, part, charge, segment[i], first, last, share)
        count = channel_laws(klass, channel, temperature, first, last, share, logs, position)
        inclusion(logs, count, most[i], single, pair)
        total = 0.0
        for j in range(first, last):
            p = single[position[j - first]] * share[j - first]
            if p >= least:
                probability[j] = p
                total += p
        nothing[i] = max(0.0, 1.0 - total)
