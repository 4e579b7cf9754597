r"""The flight: people become decided one by one, each with its probabilities, while totals stay at their expected values.

The cube method's flight phase (Deville and Tillé, 2004; fast form of Chauvet and Tillé, 2006) in people's outcomes: an
*edge* moves probability from one outcome of a person, the hub, to another, the leaf. Edges whose effects on the H totals
are independent are parked, at most H of them. Any further edge is a combination of the parked ones, so all of them can
move together without changing a total, in one direction or the other, with chances that keep each probability's
expectation, until some outcome has probability 0 and its edge is gone. In the end only people with a parked edge are
undecided.
"""

import numpy as np

from ml.allocation.kernel import F64, I64, kernel

_GONE = 1e-12
"""A probability below this is 0."""
_DEPENDENT = 1e-9
_REFRESH = 512
"""Exchanges after which the inverse is made anew, where effects aren't whole numbers."""


@kernel
def random(state: I64) -> float:
    """Uniform in [0, 1): SplitMix64 (Steele, Lea and Flood, 2014), its state in the array's only cell."""
    z = np.uint64(state[0]) + np.uint64(0x9E3779B97F4A7C15)
    state[0] = np.int64(z)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@kernel
def fly(  # noqa: C901, PLR0917 - one loop over edges, its state in arrays
    people: I64,
    use_starts: I64,
    total: I64,
    amount: F64,
    row: I64,
    size: int,
    is_whole: bool,
    probability: F64,
    state: I64,
) -> None:
    """Decides people, all but those of at most `size` edges.

    Args:
        people: first outcome of each person, and one past the last [P + 1].
        use_starts: first use of each outcome, and one past the last [O + 1].
        total: total that is used.
        amount: how much of it.
        row: place of each total among those held; -1 where it may move.
        size: H, how many are held.
        is_whole: all amounts are 1, and an outcome has one at most.
        probability: of the outcomes [O]; sums to 1 for each person. Becomes 0 or 1 where decided.
        state: of the random numbers.
    """
    inverse, effect, weight = np.eye(size), np.zeros(size), np.zeros(size)
    leaf, hub = np.full(size, -1, dtype=np.int64), np.full(size, -1, dtype=np.int64)
    rate, ends = np.zeros(probability.size), np.empty(2 * size + 2, dtype=np.int64)
    exchanges = 0
    for i in range(people.size - 1):
        base = -1
        for o in range(people[i], people[i + 1]):
            if probability[o] <= _GONE:
                probability[o] = 0.0
                continue
            if base < 0:
                base = o
                continue
            effect[:] = 0.0
            _add_effect(o, 1.0, use_starts, total, amount, row, effect)
            _add_effect(base, -1.0, use_starts, total, amount, row, effect)
            slot = _weigh(effect, inverse, leaf, weight)
            if slot < 0:
                gone = _move(o, base, weight, leaf, hub, ends, rate, probability, state)
                if gone == o:
                    continue
                for s in range(size):
                    slot = s if leaf[s] == gone else slot
                if slot < 0:
                    slot = _heir(gone, hub, leaf)
                    if slot < 0:
                        base = o  # the person's own hub is gone, and nothing of theirs is parked
                        continue
                    base = _succeed(gone, slot, base, weight, leaf, hub, inverse)
            _exchange(inverse, weight, slot)
            leaf[slot], hub[slot] = o, base
            exchanges += 1
            if not is_whole and exchanges % _REFRESH == 0:
                _refresh(leaf, hub, use_starts, total, amount, row, inverse)


@kernel
def _add_effect(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    outcome: int, sign: float, starts: I64, total: I64, amount: F64, row: I64, effect: F64
) -> None:
    for m in range(starts[outcome], starts[outcome + 1]):
        at = row[total[m]]
        if at >= 0:
            effect[at] += sign * amount[m]


@kernel
def _weigh(effect: F64, inverse: F64, leaf: I64, weight: F64) -> int:
    """The edge in terms of the parked ones; returns an empty place for it where it is no combination of them, else -1."""
    size = weight.size
    weight[:] = 0.0
    for d in range(size):
        if effect[d] != 0.0:
            for s in range(size):
                weight[s] += effect[d] * inverse[d, s]
    free, largest = -1, 0.0
    for s in range(size):
        if abs(weight[s]) <= _DEPENDENT:
            weight[s] = 0.0
        elif leaf[s] < 0 and abs(weight[s]) > largest:
            free, largest = s, abs(weight[s])
    return free


@kernel
def _move(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    o: int, base: int, weight: F64, leaf: I64, hub: I64, ends: I64, rate: F64, probability: F64, state: I64
) -> int:
    """Moves the new edge and the parked ones together until an outcome is gone; returns it."""
    ends[0], ends[1], count = o, base, 2
    rate[o] += 1.0
    rate[base] -= 1.0
    for s in range(weight.size):
        if weight[s] != 0.0:
            rate[leaf[s]] -= weight[s]
            rate[hub[s]] += weight[s]
            ends[count], ends[count + 1] = leaf[s], hub[s]
            count += 2
    ahead, behind, first_ahead, first_behind = np.inf, np.inf, o, o
    for m in range(count):
        at = ends[m]
        if rate[at] < -_DEPENDENT and probability[at] < -ahead * rate[at]:
            ahead, first_ahead = -probability[at] / rate[at], at
        if rate[at] > _DEPENDENT and probability[at] < behind * rate[at]:
            behind, first_behind = probability[at] / rate[at], at
    gone, step = first_ahead, ahead
    if ahead + behind > 0 and random(state) * (ahead + behind) >= behind:
        gone, step = first_behind, -behind
    for m in range(count):
        at = ends[m]
        if rate[at] != 0.0:
            moved = probability[at] + step * rate[at]
            probability[at] = moved if moved > _GONE else 0.0
            rate[at] = 0.0
    probability[gone] = 0.0
    return gone


@kernel
def _heir(gone: int, hub: I64, leaf: I64) -> int:
    """A parked edge of the outcome that is gone; -1 where there is none."""
    for s in range(hub.size):
        if hub[s] == gone and leaf[s] >= 0:
            return s
    return -1


@kernel
def _succeed(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    gone: int, heir: int, base: int, weight: F64, leaf: I64, hub: I64, inverse: F64
) -> int:
    """The heir's leaf takes the place of a hub that is gone: the person's other edges start from there.

    An edge's effect is then what it was less the heir's, in the parked edges as in the new one. Returns the new base.
    """
    new = leaf[heir]
    for s in range(hub.size):
        if hub[s] == gone and leaf[s] >= 0:
            hub[s] = new
            if s != heir:
                weight[heir] += weight[s]
                for d in range(hub.size):
                    inverse[d, heir] += inverse[d, s]
    if base == gone:
        weight[heir] -= 1.0
        return int(new)
    return base


@kernel
def _exchange(inverse: F64, weight: F64, slot: int) -> None:
    """Puts the edge in the place of a parked one. `inverse` lies transposed."""
    size = weight.size
    for d in range(size):
        share = inverse[d, slot] / weight[slot]
        if share != 0.0:
            for s in range(size):
                inverse[d, s] -= share * weight[s]
        inverse[d, slot] = share


@kernel
def _refresh(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    leaf: I64, hub: I64, use_starts: I64, total: I64, amount: F64, row: I64, inverse: F64
) -> None:
    """The inverse of the parked edges' effects, anew; an empty place keeps what it stood for."""
    size = leaf.size
    effect = np.zeros(size)
    matrix = np.linalg.inv(np.ascontiguousarray(inverse.T))
    for s in range(size):
        if leaf[s] >= 0:
            effect[:] = 0.0
            _add_effect(leaf[s], 1.0, use_starts, total, amount, row, effect)
            _add_effect(hub[s], -1.0, use_starts, total, amount, row, effect)
            matrix[:, s] = effect
    fresh = np.linalg.inv(matrix)
    for d in range(size):
        for s in range(size):
            inverse[d, s] = fresh[s, d]
