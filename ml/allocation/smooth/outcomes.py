"""What may become of each person in the draw: one of a few sets of contacts, with probabilities that sum to 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Bool, Index, kernel
from ml.allocation.smooth.flight import random
from ml.allocation.smooth.table import SmoothTable

_SHORTEST = 1e-12


@dataclass(frozen=True, eq=False)
class Outcomes:
    """O outcomes of P people.

    Attributes:
        person: index of each person [P].
        people: first outcome of each person, and one past the last [P + 1].
        starts: first contact of each outcome, and one past the last [O + 1].
        contacts: candidates [L].
        probability: of the outcomes [O].
    """

    person: I64
    people: I64
    starts: I64
    contacts: I64
    probability: F64

    def of(self, wanted: Bool) -> "Outcomes":
        """The outcomes of some of the people [P] that are still possible."""
        kept = np.repeat(wanted, np.diff(self.people)) & (self.probability > 0)
        owner = np.repeat(np.arange(len(wanted)), np.diff(self.people))[kept]
        lengths = np.diff(self.starts)
        contacts = self.contacts[np.repeat(kept, lengths)]
        people = np.append(0, np.cumsum(np.bincount(owner, minlength=len(wanted))[wanted]))
        starts = np.append(0, np.cumsum(lengths[kept]))
        return Outcomes(self.person[wanted], people, starts, contacts, self.probability[kept])


def together(parts: list[Outcomes]) -> Outcomes:
    """The people of all parts."""

    def joined(arrays: list[I64]) -> I64:
        ends = np.cumsum([0, *(int(array[-1]) for array in arrays)])
        moved = [array[1:] + end for array, end in zip(arrays, ends[:-1], strict=True)]
        return np.concatenate([np.zeros(1, dtype=np.int64), *moved])

    return Outcomes(
        np.concatenate([part.person for part in parts]),
        joined([part.people for part in parts]),
        joined([part.starts for part in parts]),
        np.concatenate([part.contacts for part in parts]),
        np.concatenate([part.probability for part in parts]),
    )


def outcomes(
    table: SmoothTable, probability: F64, nothing: F64, part: tuple[int, int], state: I64, *, merges: bool
) -> Outcomes:
    """The outcomes of a range of people.

    With one contact: each candidate, and none. With more: the sets that systematic sampling along the person's
    candidates, channel by channel, can give; each candidate is in them with just its probability, at most one of a
    channel is, and their size is the expected one, rounded down or up.

    Args:
        table: N people.
        probability: of the candidates [M].
        nothing: of no contact [N].
        part: first person, and one past the last.
        state: of the random numbers.
        merges: candidates of a person and class are one outcome, drawn among them here: nothing tells them apart.
    """
    low, high = part
    room = int(table.starts[high] - table.starts[low]) + 2 * (high - low)
    most = 1 if table.is_single else int(table.most[low:high].max(initial=1))
    people, starts = np.zeros(high - low + 1, dtype=np.int64), np.zeros(room + 1, dtype=np.int64)
    contacts, chances = np.empty(room * most, dtype=np.int64), np.empty(room)
    if table.is_single:
        _single(table.starts, table.klass, probability, nothing, table.classes, low, high, merges, state,
                people, starts, contacts, chances)  # fmt: skip
    else:
        _systematic(table.starts, table.klass, table.channel, probability, low, high, people, starts, contacts, chances)
    last = people[-1]
    return Outcomes(np.arange(low, high), people, starts[: last + 1], contacts[: starts[last]], chances[:last])


def uses(table: SmoothTable, made: Outcomes, scale: F64) -> tuple[I64, I64, F64]:
    """What each outcome uses: first use [O + 1], total [U], amount in units of `scale` [U]."""
    starts = np.zeros(len(made.probability) + 1, dtype=np.int64)
    total, amount = np.empty(2 * len(made.contacts), dtype=np.int64), np.empty(2 * len(made.contacts))
    _uses(made.person, made.people, made.starts, made.contacts, table.klass, table.quantity, table.segment, table.part,
          scale, starts, total, amount)  # fmt: skip
    return starts, total[: starts[-1]], amount[: starts[-1]]


@kernel
def _single(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    probability: F64,
    nothing: F64,
    classes: int,
    low: int,
    high: int,
    merges: bool,
    state: I64,
    people: I64,
    contact_starts: I64,
    contacts: I64,
    chances: F64,
) -> None:
    at, filled = 0, 0
    place = np.full(classes, -1, dtype=np.int64)
    for i in range(low, high):
        first = at
        if nothing[i] > 0:
            chances[at] = nothing[i]
            at += 1
            contact_starts[at] = filled
        for j in range(starts[i], starts[i + 1]):
            if probability[j] == 0.0:
                continue
            known = place[klass[j]]
            if merges and known >= first:
                chances[known] += probability[j]
                if random(state) * chances[known] < probability[j]:
                    contacts[contact_starts[known]] = j
                continue
            place[klass[j]] = at
            chances[at] = probability[j]
            contacts[filled] = j
            filled += 1
            at += 1
            contact_starts[at] = filled
        people[i - low + 1] = at


@kernel
def _systematic(  # noqa: C901, PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    channel: I64,
    probability: F64,
    low: int,
    high: int,
    people: I64,
    contact_starts: I64,
    contacts: I64,
    chances: F64,
) -> None:
    at, filled = 0, 0
    longest = 1
    for i in range(low, high):
        longest = max(longest, starts[i + 1] - starts[i])
    order, ends, cuts = np.empty(longest, dtype=np.int64), np.empty(longest + 1), np.empty(longest + 2)
    for i in range(low, high):
        count = 0
        ends[0] = 0.0
        for c in range(8):
            for j in range(starts[i], starts[i + 1]):
                if channel[klass[j]] == c and probability[j] > 0:
                    order[count] = j
                    ends[count + 1] = ends[count] + probability[j]
                    count += 1
        for m in range(count):
            cuts[m] = ends[m + 1] - np.floor(ends[m + 1])
        cuts[count], cuts[count + 1] = 0.0, 1.0
        sorted_cuts = np.sort(cuts[: count + 2])
        first, covered = at, 0.0
        for m in range(count + 1):
            length = sorted_cuts[m + 1] - sorted_cuts[m]
            if length <= _SHORTEST:
                continue
            middle = sorted_cuts[m] + length / 2
            for n in range(count):
                # A point middle + whole number lies within [ends[n], ends[n + 1]).
                if np.ceil(ends[n] - middle) + middle < ends[n + 1]:
                    contacts[filled] = order[n]
                    filled += 1
            chances[at] = length
            covered += length
            at += 1
            contact_starts[at] = filled
        for o in range(first, at):
            chances[o] /= covered
        people[i - low + 1] = at


@kernel
def _uses(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    person: I64,
    people: I64,
    contact_starts: I64,
    contacts: I64,
    klass: Index,
    quantity: F32,
    segment: npt.NDArray[np.uint8],
    part: I64,
    scale: F64,
    starts: I64,
    total: I64,
    amount: F64,
) -> None:
    at = 0
    for p in range(person.size):
        for o in range(people[p], people[p + 1]):
            for m in range(contact_starts[o], contact_starts[o + 1]):
                j = contacts[m]
                total[at] = klass[j]
                amount[at] = 1.0
                at += 1
                v = part[segment[person[p]], klass[j]]
                if quantity.size > 0 and v >= 0:
                    total[at] = v
                    amount[at] = np.float64(quantity[j]) / scale[v]
                    at += 1
            starts[o + 1] = at
