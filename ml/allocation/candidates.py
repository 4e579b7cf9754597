"""The value table: what each possible contact of each person is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.allocation.errors import CandidateError
from ml.allocation.kernel import F32, F64, I64, Bool, Index, kernel
from ml.entities import CHANNELS, Option


@dataclass(frozen=True, eq=False)
class Columns:
    """What a candidate may be: an objective, a channel and an offer, with the constant cost of one contact.

    Attributes:
        objective: index into `objectives` per column [C].
        channel: index into `CHANNELS` per column [C].
        offer_ids: offer per column [C].
        unit_cost: money per contact per column [C].
        objectives: ids of the objectives.
        is_exploring: whether a contact of the column is made to learn [C]; None: none is.
    """

    objective: I64
    channel: I64
    offer_ids: tuple[str, ...]
    unit_cost: F64
    objectives: tuple[str, ...]
    is_exploring: Bool | None = None

    @classmethod
    def of(cls, entries: Sequence[tuple[str, Option, float]]) -> "Columns":
        """Makes the columns from (objective id, option, cost per contact), in the given order.

        Raises:
            CandidateError: a cost is negative or not finite.
        """
        objectives = tuple(dict.fromkeys(objective for objective, _, _ in entries))
        costs = np.array([cost for _, _, cost in entries], dtype=np.float64)
        if not (np.isfinite(costs).all() and (costs >= 0).all()):
            raise CandidateError(f"The cost of a contact must be a finite amount of at least 0; got {costs.tolist()}.")
        return cls(
            np.array([objectives.index(objective) for objective, _, _ in entries], dtype=np.int64),
            np.array([CHANNELS.index(option.channel) for _, option, _ in entries], dtype=np.int64),
            tuple(option.offer_id for _, option, _ in entries),
            costs,
            objectives,
        )

    def __len__(self) -> int:
        return len(self.offer_ids)

    def with_exploring(self) -> "Columns":
        """These columns [C] and after them the same again for contacts that are made to learn [2C].

        `Candidates.exploring` puts candidates there; column c is found again as `c % C`.
        """
        count = len(self)
        return Columns(
            np.tile(self.objective, 2),
            np.tile(self.channel, 2),
            self.offer_ids * 2,
            np.tile(self.unit_cost, 2),
            self.objectives,
            np.arange(2 * count) >= count,
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Readable name per column: `objective/channel:offer`."""
        return tuple(
            f"{self.objectives[objective]}/{CHANNELS[channel]}:{offer}"
            for objective, channel, offer in zip(self.objective, self.channel, self.offer_ids, strict=True)
        )


@dataclass(frozen=True, eq=False)
class Candidates:
    """All contacts that are allowed, person by person (compressed sparse rows).

    Person `i` has the candidates `starts[i]` to `starts[i + 1]`. N people, M candidates.

    Attributes:
        starts: [N + 1].
        column: index into the columns [M].
        value: net value in money, after the contact's own cost [M].
        quantity: expected conversions caused [M], for quotas; None where no term asks for them.
        segment: index into `segments` per person [N]; None puts everybody into the first.
        segments: names of the segments, at most 65,536.
        contacts_left: contacts that a person may still get, where it is less than the cycle's limit [N].
        value_sd: standard deviation of the value, money [M]; None where it is not known.
        recent_contacts: contacts that a person has had in the days of a `ContactFrequencyCap` [N].
    """

    starts: I64
    column: npt.NDArray[np.uint16]
    value: F32
    quantity: F32 | None = None
    segment: Index | None = None
    segments: tuple[str, ...] = field(default=("all",))
    contacts_left: npt.NDArray[np.uint8] | None = None
    value_sd: F32 | None = None
    recent_contacts: npt.NDArray[np.uint8] | None = None

    @classmethod
    def from_dense(
        cls,
        value: F32,
        eligible: Bool,
        quantity: F32 | None = None,
        *,
        segment: Index | None = None,
        segments: tuple[str, ...] = ("all",),
        contacts_left: npt.NDArray[np.uint8] | None = None,
        value_sd: F32 | None = None,
        recent_contacts: npt.NDArray[np.uint8] | None = None,
    ) -> "Candidates":
        """Keeps the eligible entries of dense [N, C] tables.

        Raises:
            CandidateError: the tables' shapes differ.
        """
        if value.shape != eligible.shape or (quantity is not None and quantity.shape != value.shape):
            raise CandidateError(f"Values {value.shape} and eligibility {eligible.shape} must have the same shape.")
        starts = np.zeros(len(value) + 1, dtype=np.int64)
        np.cumsum(np.count_nonzero(eligible, axis=1), out=starts[1:])
        column = np.empty(starts[-1], dtype=np.uint16)
        kept = np.empty(starts[-1], dtype=np.float32)
        kept_quantity = np.empty(0 if quantity is None else starts[-1], dtype=np.float32)
        dense_quantity = np.empty((0, 0), dtype=np.float32) if quantity is None else quantity
        _compress(
            np.ascontiguousarray(value, dtype=np.float32), eligible, dense_quantity, starts, column, kept, kept_quantity
        )
        return cls(
            starts,
            column,
            kept,
            None if quantity is None else kept_quantity,
            segment,
            segments,
            contacts_left,
            None if value_sd is None else np.ascontiguousarray(value_sd[eligible], dtype=np.float32),
            recent_contacts,
        )

    @property
    def people_count(self) -> int:
        """N."""
        return len(self.starts) - 1

    def __len__(self) -> int:
        return len(self.value)

    def where(self, is_kept: Bool) -> "Candidates":
        """The table with only the candidates for which it is true [M]; everybody stays in it."""
        before = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(is_kept, out=before[1:])
        return replace(
            self,
            starts=before[self.starts],
            column=self.column[is_kept],
            value=self.value[is_kept],
            quantity=None if self.quantity is None else self.quantity[is_kept],
            value_sd=None if self.value_sd is None else self.value_sd[is_kept],
        )

    def exploring(self, is_exploring: Bool, columns: Columns) -> "Candidates":
        """The table with the flagged candidates [M] in the second half of `columns.with_exploring()`.

        Args:
            is_exploring: which contacts would be made to learn.
            columns: of this table, before `with_exploring`.
        """
        moved = np.where(is_exploring, self.column.astype(np.int64) + len(columns), self.column)
        return replace(self, column=moved.astype(np.uint16))

    def check(self, columns: Columns) -> None:
        """Refuses a table that cannot be decided on.

        Raises:
            CandidateError: an index is out of range, or values are not finite; names the column and the count.
        """
        if len(self) and int(self.column.max()) >= len(columns):
            raise CandidateError(f"A candidate names column {int(self.column.max())}; there are {len(columns)}.")
        if self.segment is not None and len(self.segment) and int(self.segment.max()) >= len(self.segments):
            raise CandidateError(f"A person is in segment {int(self.segment.max())} of {len(self.segments)}.")
        for what, numbers in (("value", self.value), ("quantity", self.quantity), ("value_sd", self.value_sd)):
            if numbers is None:
                continue
            wrong = _count_not_finite(self.column, numbers, len(columns))
            if wrong.any():
                named = ", ".join(f"{columns.names[c]} ({wrong[c]})" for c in np.flatnonzero(wrong))
                raise CandidateError(f"Each {what} must be a finite number; not so in {named}. Check the scores.")


@kernel
def _compress(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    value: F32,
    eligible: Bool,
    quantity: F32,
    starts: I64,
    column: npt.NDArray[np.uint16],
    kept: F32,
    kept_quantity: F32,
) -> None:
    has_quantity = kept_quantity.size > 0
    for i in range(value.shape[0]):
        at = starts[i]
        for c in range(value.shape[1]):
            if eligible[i, c]:
                column[at] = c
                kept[at] = value[i, c]
                if has_quantity:
                    kept_quantity[at] = quantity[i, c]
                at += 1


@kernel
def _count_not_finite(column: npt.NDArray[np.uint16], numbers: F32, columns: int) -> I64:
    wrong = np.zeros(columns, dtype=np.int64)
    for j in range(numbers.size):
        if not np.isfinite(numbers[j]):
            wrong[column[j]] += 1
    return wrong
