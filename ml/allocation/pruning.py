"""Drops candidates that no prices could make best, exactly, and packs the rest for the lookup."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Bool, Index, kernel, slices
from ml.allocation.problem import Problem, Rows

_ANY, _MORE, _SAME = 0, 1, 2
"""What another candidate's quantity must be to dominate: any (no limit asks), at least as much, the same."""
_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: the step of splitmix64 (Steele, Lea and Flood, 2014)."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Columns that mean the same to every limit, merged. T classes.

    Attributes:
        of_column: class per column [C].
        first_column: one column of each class [T].
        channel: per class [T].
        contacts: use of a contact [R, T].
        conversions: use of an expected conversion [R, S, T].
        exclusive: groups of which one person gets at most one, beside the channels [X, T].
    """

    of_column: I64
    first_column: I64
    channel: I64
    contacts: F64
    conversions: F64
    exclusive: Bool


class Measures(Protocol):
    """What gives a total its meaning.

    Attributes:
        classes: what the limits see of each candidate.
        value_scale: fixed-point units of money: sums are whole numbers, so their order does not matter.
        quantity_scale: the same for expected conversions.
        has_quantity: whether expected conversions are counted.
    """

    @property
    def classes(self) -> Classes:
        """What the limits see of each candidate."""

    @property
    def value_scale(self) -> float:
        """Units of money."""

    @property
    def quantity_scale(self) -> float:
        """Units of expected conversions."""

    @property
    def has_quantity(self) -> bool:
        """Whether conversions are counted."""


@dataclass(frozen=True, eq=False)
class Table:
    """The pruned value table, P people with at least one candidate left.

    Attributes:
        starts: [P + 1].
        klass: class per candidate, one byte where there are at most 256.
        value: per candidate, money.
        quantity: per candidate; empty where no limit asks.
        source: index of each candidate in the problem's table.
        person: index of each person in the problem's table [P].
        segment: per person [P].
        most: contacts allowed per person [P].
        classes: see `Measures`.
        value_scale: likewise.
        quantity_scale: likewise.
    """

    starts: I64
    klass: Index
    value: F32
    quantity: F32
    source: I64
    person: I64
    segment: Index
    most: npt.NDArray[np.uint8]
    classes: Classes
    value_scale: float
    quantity_scale: float

    @property
    def people_count(self) -> int:
        """P."""
        return len(self.person)

    @property
    def has_quantity(self) -> bool:
        """Whether a limit asks for expected conversions."""
        return self.quantity.size > 0

    @cached_property
    def is_single(self) -> bool:
        """Whether everybody may get exactly one contact, the case that needs no look at channels."""
        return bool((self.most == 1).all())

    @property
    def bytes_per_candidate(self) -> int:
        """What the lookup reads of each candidate in one pass."""
        return self.value.itemsize + self.klass.itemsize + (self.quantity.itemsize if self.quantity.size else 0)


def sampled(table: Table, share: float) -> Table:
    """About this share of the table's people, drawn by a hash of their place in the problem: alike in any partition."""
    return picked(table, np.flatnonzero(scattered(table.person, 0) < share))


def scattered(place: I64, use: int) -> F64:
    """A number from 0 to under 1 for each place, evenly scattered; another one for each use (the mixer of splitmix64)."""
    mixed = (place.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN) + np.uint64(use << 32)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def picked(table: Table, people: I64) -> Table:
    """The given people's part of the table, in their order."""
    lengths = np.diff(table.starts)[people]
    starts = np.zeros(len(people) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    at = np.repeat(table.starts[people] - starts[:-1], lengths) + np.arange(starts[-1])
    return replace(
        table, starts=starts, klass=table.klass[at], value=table.value[at],
        quantity=table.quantity[at] if table.quantity.size else table.quantity, source=table.source[at],
        person=table.person[people], segment=table.segment[people], most=table.most[people],
    )  # fmt: skip


def classify(problem: Problem, rows: Rows) -> Classes:
    """Merges columns of one objective, channel and cost that every limit uses alike."""
    columns = problem.columns
    told_apart = [columns.objective, columns.channel, columns.unit_cost, *problem.exclusive]
    if len(rows.names):
        told_apart += [rows.contacts.T, rows.conversions.reshape(-1, len(columns)).T]
    facts = np.column_stack(told_apart)
    _, first, of_column = np.unique(facts, axis=0, return_index=True, return_inverse=True)
    first = first.astype(np.int64)
    return Classes(
        of_column.reshape(-1).astype(np.int64),
        first,
        columns.channel[first],
        np.ascontiguousarray(rows.contacts[:, first]),
        np.ascontiguousarray(rows.conversions[:, :, first]),
        problem.exclusive[:, first],
    )


def prune(problem: Problem, rows: Rows, threads: int) -> Table:
    """Keeps each candidate that is best for its person at some prices of at least 0.

    Dropped: a candidate without positive value whose use can relieve no limit, and one beaten by another of the same
    person and class in value and, where quotas ask for it, in quantity.
    """
    given, classes = problem.candidates, classify(problem, rows)
    quantity = given.quantity if given.quantity is not None and rows.uses_conversions else np.empty(0, dtype=np.float32)
    can_relieve = np.asarray((classes.contacts < 0).any(axis=0), dtype=np.bool_)
    most_negative = classes.conversions.min(axis=(0, 1), initial=0.0)
    most_positive = classes.conversions.max(axis=(0, 1), initial=0.0)
    mode = np.where(most_positive > 0, _SAME, np.where(most_negative < 0, _MORE, _ANY)).astype(np.int64)
    kept, count = np.zeros(len(given), dtype=np.bool_), np.zeros(given.people_count, dtype=np.int64)

    relieves = np.asarray(most_negative < 0, dtype=np.bool_)
    rules: tuple[I64, Bool, Bool, I64] = (classes.of_column, can_relieve, relieves, mode)

    def mark(part: tuple[int, int]) -> None:
        _mark(given.starts, given.column, given.value, quantity, *rules, *part, kept, count)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(mark, slices(given.people_count, threads)))
    return _pack(problem, classes, quantity, kept, count, threads=threads)


def pruned(problem: Problem, rows: Rows, threads: int) -> Table:
    """`prune`, done once for a problem whose numbers change: only what the limits use is taken anew."""
    classes = classify(problem, rows)
    key = (classes.of_column.tobytes(), np.sign(classes.contacts).tobytes(), np.sign(classes.conversions).tobytes())
    known: dict[tuple[bytes, ...], Table] = problem.__dict__.setdefault("_pruned", {})
    if key not in known:
        known.clear()
        known[key] = prune(problem, rows, threads)
    return replace(known[key], classes=classes)


def _pack(problem: Problem, classes: Classes, quantity: F32, kept: Bool, count: I64, *, threads: int) -> Table:
    given = problem.candidates
    person = np.flatnonzero(count)
    starts = np.zeros(len(person) + 1, dtype=np.int64)
    np.cumsum(count[person], out=starts[1:])
    total = int(starts[-1])
    klass: Index = np.empty(total, dtype=np.min_scalar_type(max(len(classes.channel) - 1, 0)))
    value, source = np.empty(total, dtype=np.float32), np.empty(total, dtype=np.int64)
    packed_quantity = np.empty(total if quantity.size else 0, dtype=np.float32)

    def fill(part: tuple[int, int]) -> None:
        _fill(given.starts, given.column, given.value, quantity, classes.of_column, kept, person, starts, *part,
              klass, value, packed_quantity, source)  # fmt: skip

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, slices(len(person), threads)))
    limit = problem.contacts_per_person
    most = np.full(len(person), limit, dtype=np.uint8)
    if given.contacts_left is not None:
        most = np.minimum(most, given.contacts_left[person])
    segment = np.zeros(len(person), dtype=np.uint8) if given.segment is None else given.segment[person]
    contacts = len(person) * limit
    return Table(starts, klass, value, packed_quantity, source, person, segment, most, classes,
                 fixed_point(largest(value), contacts), fixed_point(largest(packed_quantity), contacts))  # fmt: skip


def largest_use(table: Table) -> F64:
    """More than any plan uses of each limit: all that candidates use of it on its own side, together [R]."""
    classes = table.classes
    use = np.maximum(classes.contacts, 0.0) @ np.bincount(table.klass, minlength=len(classes.channel))
    if table.quantity.size:
        shape = classes.conversions.shape[1:]
        at = np.repeat(table.segment.astype(np.int64), np.diff(table.starts)) * shape[1] + table.klass
        for sign in (1.0, -1.0):
            caused = np.bincount(at, weights=np.maximum(sign * table.quantity, 0.0), minlength=shape[0] * shape[1])
            use += np.maximum(sign * classes.conversions, 0.0).reshape(len(use), -1) @ caused
    return np.asarray(use, dtype=np.float64)


def fixed_point(largest: float, count: int) -> float:
    """The largest power of two at which a sum of `count` numbers of at most this size fits a 64-bit integer."""
    if largest == 0.0:
        return 1.0
    return float(2.0 ** int(61 - np.ceil(np.log2(count + 1)) - np.ceil(np.log2(largest))))


def largest(numbers: F32) -> float:
    """The largest of the numbers in size, 0 where there are none."""
    return float(max(numbers.max(initial=0.0), -numbers.min(initial=0.0)))


@kernel
def _mark(  # noqa: C901, PLR0917 - one pass; a call inside would cost as much as the loop
    starts: I64,
    column: npt.NDArray[np.uint16],
    value: F32,
    quantity: F32,
    class_of: I64,
    can_relieve: Bool,
    quantity_relieves: Bool,
    mode: I64,
    low: int,
    high: int,
    kept: Bool,
    count: I64,
) -> None:
    has_quantity = quantity.size > 0
    head = np.full(can_relieve.size, -1, dtype=np.int64)
    longest = 1
    for i in range(low, high):
        longest = max(longest, starts[i + 1] - starts[i])
    before = np.empty(longest, dtype=np.int64)
    for i in range(low, high):
        first = starts[i]
        for j in range(first, starts[i + 1]):
            c = class_of[column[j]]
            helps = has_quantity and quantity_relieves[c] and quantity[j] > 0
            hurts_less = has_quantity and mode[c] == _SAME and quantity[j] < 0
            if value[j] <= 0 and not (can_relieve[c] or helps or hurts_less):
                continue
            beaten = False
            other = head[c]
            while other >= 0 and not beaten:
                q_j, q_other = (quantity[j], quantity[other]) if has_quantity else (np.float32(0), np.float32(0))
                same = mode[c] != _SAME or q_j == q_other
                if same and value[other] >= value[j] and (mode[c] == _ANY or q_other >= q_j):
                    beaten = True
                elif same and value[j] >= value[other] and (mode[c] == _ANY or q_j >= q_other):
                    kept[other] = False
                other = before[other - first]
            if not beaten:
                kept[j] = True
                before[j - first] = head[c]
                head[c] = j
        for j in range(first, starts[i + 1]):
            head[class_of[column[j]]] = -1
            if kept[j]:
                count[i] += 1


@kernel
def _fill(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    column: npt.NDArray[np.uint16],
    value: F32,
    quantity: F32,
    class_of: I64,
    kept: Bool,
    person: I64,
    new_starts: I64,
    low: int,
    high: int,
    new_class: Index,
    new_value: F32,
    new_quantity: F32,
    source: I64,
) -> None:
    for p in range(low, high):
        at = new_starts[p]
        for j in range(starts[person[p]], starts[person[p] + 1]):
            if kept[j]:
                new_class[at] = class_of[column[j]]
                new_value[at] = value[j]
                source[at] = j
                if new_quantity.size > 0:
                    new_quantity[at] = quantity[j]
                at += 1
