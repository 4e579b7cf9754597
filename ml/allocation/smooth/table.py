"""The whole value table as the smooth choice reads it: nothing pruned, since a dominated contact has a chance as well."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.allocation.kernel import F32, F64, I64, Bool, Index, kernel
from ml.allocation.problem import Problem
from ml.allocation.pruning import classify
from ml.allocation.solution import adjusted_values

SPEND = "exploration:spend"
"""Name of the limit on what contacts may take in expectation."""
CLOSED = 1e30
"""Charged for a contact of a class that no limit leaves any room for."""


@dataclass(frozen=True, eq=False)
class SmoothTable:
    r"""All candidates of N people, and the totals that the limits speak of.

    The first T of the D totals are contacts by class; each of the others is the expected conversions of the segments
    and classes that every limit uses alike. Limits are \(G z \le b\) over expected totals z [D].

    Attributes:
        starts: [N + 1].
        klass: class per candidate [M].
        value: money [M]; where effects diminish, at the exact plan's level of them.
        quantity: expected conversions [M]; empty where no limit asks.
        segment: per person [N].
        most: contacts allowed per person [N].
        channel: per class [T].
        part: total of a segment's and class's conversions [S, T]; -1 where no limit asks.
        use: G [R, D].
        limits: b [R].
        names: of the limits [R].
        cost: money per contact by class [T].
    """

    starts: I64
    klass: Index
    value: F32
    quantity: F32
    segment: npt.NDArray[np.uint8]
    most: npt.NDArray[np.uint8]
    channel: I64
    part: I64
    use: F64
    limits: F64
    names: tuple[str, ...]
    cost: F64

    @property
    def people_count(self) -> int:
        """N."""
        return len(self.starts) - 1

    @property
    def classes(self) -> int:
        """T."""
        return len(self.channel)

    @cached_property
    def is_single(self) -> bool:
        """Whether nobody may get more than one contact."""
        return bool((self.most <= 1).all())

    @cached_property
    def reach(self) -> F64:
        """The most that each total could be, were everybody given all: positive and negative parts [2, D]."""
        reach = np.zeros((2, self.use.shape[1]))
        _reach(self.starts, self.klass, self.quantity, self.segment, self.most, self.part, reach)
        return reach

    @cached_property
    def largest_quantity(self) -> F64:
        """Largest range of one candidate's conversions in each total [D]; 1 for contacts."""
        largest = np.ones(self.use.shape[1])
        if self.quantity.size:
            spread = float(np.max(self.quantity, initial=0.0) - np.min(self.quantity, initial=0.0))
            largest[self.classes :] = spread or 1.0
        return largest

    @cached_property
    def can_break(self) -> Bool:
        """Limits that some plan could break [R]: the others need no attention."""
        most, least = self.reach[0].copy(), self.reach[1]
        most[np.flatnonzero(self.is_closed)] = 0.0
        worst = np.maximum(self.use, 0) @ most + np.maximum(-self.use, 0) @ least
        return np.asarray(worst > self.limits, dtype=np.bool_)

    @cached_property
    def is_closed(self) -> Bool:
        """Classes of which not one contact fits [T]: a limit without room in which nothing gives any back."""
        closed: Bool = np.equal(self.reach[0, : self.classes], 0)
        while True:
            usable = np.append(np.logical_not(closed), np.ones(self.use.shape[1] - self.classes, dtype=np.bool_))
            takes_only = np.asarray((np.where(usable, self.use, 0.0) >= 0).all(axis=1))
            full = takes_only[:, None] & (self.use[:, : self.classes] > (self.limits * (1 + 1e-9))[:, None])
            found = np.asarray(closed | full.any(axis=0), dtype=np.bool_)
            if (found == closed).all():
                return found
            closed = found

    def charge(self, prices: F64) -> F64:
        """What the limits' prices [R] charge for a unit of each total [D]; closed classes are out of reach."""
        charge = prices @ self.use
        charge[np.flatnonzero(self.is_closed)] = CLOSED
        return np.asarray(charge, dtype=np.float64)

    def named_prices(self, prices: Mapping[str, float]) -> F64:
        """Prices by limit name as a vector [R]; limits that are not named cost nothing."""
        return np.array([max(0.0, prices.get(name, 0.0)) for name in self.names])

    def spending(self, most: float) -> "SmoothTable":
        """The table with one more limit: contacts take at most so much money."""
        row = np.concatenate([self.cost, np.zeros(self.use.shape[1] - self.classes)])
        return replace(
            self, use=np.vstack([self.use, row]), limits=np.append(self.limits, most), names=(*self.names, SPEND)
        )

    def every(self, step: int) -> "SmoothTable":
        """The table of every so many-th person, with limits that shrink alike."""
        lengths, people = np.diff(self.starts)[::step], np.arange(0, self.people_count, step)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(self.starts[people] - starts[:-1], lengths) + np.arange(starts[-1])
        return replace(
            self, starts=starts, klass=self.klass[rows], value=self.value[rows],
            quantity=self.quantity[rows] if self.quantity.size else self.quantity, segment=self.segment[people],
            most=self.most[people], limits=self.limits * len(people) / self.people_count,
        )  # fmt: skip


def smooth_table(problem: Problem, prices: Mapping[str, float]) -> SmoothTable:
    """The problem's candidates and limits, with the numbers that its parameters hold now.

    Where effects diminish, a contact is worth what it adds at the level that the prices stand for.
    """
    rows, given = problem.rows(), problem.candidates
    levels = {name: prices[name] for name in problem.curve_names if name in prices}
    classes = classify(problem, rows)
    count = len(classes.channel)
    part, conversions = _conversion_totals(classes.conversions)
    most = np.full(given.people_count, problem.contacts_per_person, dtype=np.uint8)
    if given.contacts_left is not None:
        most = np.minimum(most, given.contacts_left)
    return SmoothTable(
        starts=given.starts,
        klass=classes.of_column.astype(np.min_scalar_type(max(count - 1, 0)))[given.column],
        value=adjusted_values(problem, levels) if levels else given.value,
        quantity=given.quantity if given.quantity is not None and (part >= 0).any() else np.empty(0, dtype=np.float32),
        segment=np.zeros(given.people_count, dtype=np.uint8) if given.segment is None else given.segment,
        most=most,
        channel=classes.channel,
        part=part,
        use=np.hstack([classes.contacts, conversions]),
        limits=rows.bound,
        names=rows.names,
        cost=problem.columns.unit_cost[classes.first_column],
    )


def _conversion_totals(conversions: F64) -> tuple[I64, F64]:
    """Merges segments and classes whose conversions every limit uses alike: [R, S, T] to [S, T] and [R, V]."""
    limits, segments, classes = conversions.shape
    flat = conversions.reshape(limits, segments * classes)
    part = np.full(segments * classes, -1, dtype=np.int64)
    asked = np.flatnonzero(flat.any(axis=0))
    if not len(asked):
        return part.reshape(segments, classes), np.zeros((limits, 0))
    distinct, which = np.unique(flat[:, asked], axis=1, return_inverse=True)
    part[asked] = which.reshape(-1) + classes
    return part.reshape(segments, classes), distinct


@kernel
def _reach(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64,
    klass: Index,
    quantity: F32,
    segment: npt.NDArray[np.uint8],
    most: npt.NDArray[np.uint8],
    part: I64,
    reach: F64,
) -> None:
    last = np.full(part.shape[1], -1, dtype=np.int64)
    for i in range(len(starts) - 1):
        if most[i] == 0:
            continue
        for j in range(starts[i], starts[i + 1]):
            t = klass[j]
            if last[t] != i:  # at most one contact in a channel, so at most one of a class
                last[t] = i
                reach[0, t] += 1
            v = part[segment[i], t]
            if quantity.size > 0 and v >= 0:
                q = np.float64(quantity[j])
                reach[0, v] += max(q, 0.0)
                reach[1, v] += max(-q, 0.0)
