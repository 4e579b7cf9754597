"""One partition of the people: its file, and what its process answers. Nothing here knows of the other partitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.allocation.best_contacts import margins
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.engine import Asked, ClassPrices, Decision, Mixture, OpenPeople, RangeTotals
from ml.allocation.kernel import F32, I64
from ml.allocation.lookup import Lookup, smallest
from ml.allocation.problem import Problem
from ml.allocation.pruning import Table, largest, prune, sampled
from ml.allocation.terms import Term


@dataclass(frozen=True)
class Content:
    """What a partition holds, as far as the others must know.

    Attributes:
        people: of its file.
        candidates: of its file, those that a term takes out left out.
        kept_people: with a candidate left after pruning.
        kept_candidates: after pruning.
        most: contacts that one of them may get at most.
        largest_value: of a candidate in size, money.
        largest_quantity: of a candidate in size.
        has_quantity: whether a limit asks for expected conversions.
    """

    people: int
    candidates: int
    kept_people: int
    kept_candidates: int
    most: int
    largest_value: float
    largest_quantity: float
    has_quantity: bool


@dataclass(frozen=True)
class Place:
    """Where a partition stands among all people.

    Attributes:
        people: in the files before.
        candidates: likewise.
        kept_people: with a candidate left, in the files before.
        ranges: of its pruned people that belong to each group; empty where none does.
        contacts: k.
        value_scale: of all people's totals.
        quantity_scale: likewise.
    """

    people: int
    candidates: int
    kept_people: int
    ranges: list[tuple[int, int]]
    contacts: int
    value_scale: float
    quantity_scale: float


def write_partition(candidates: Candidates, low: int, high: int, path: Path) -> None:
    """Writes the people `low` to `high`, a row each, their candidates as lists."""
    first, last = int(candidates.starts[low]), int(candidates.starts[high])
    offsets = pa.array((candidates.starts[low : high + 1] - first).astype(np.int32))
    lists: dict[str, Any] = {"column": candidates.column, "value": candidates.value, "quantity": candidates.quantity}
    single = {"segment": candidates.segment, "contacts_left": candidates.contacts_left}
    written = {
        name: pa.ListArray.from_arrays(offsets, pa.array(array[first:last]))
        for name, array in lists.items()
        if array is not None
    }
    written |= {name: pa.array(array[low:high]) for name, array in single.items() if array is not None}
    pq.write_table(pa.table(written), path, compression="zstd")


def read_partition(path: Path, segments: tuple[str, ...]) -> Candidates:
    """The people of a file."""
    table = pq.read_table(path)
    lists = {
        name: table[name].combine_chunks() for name in ("column", "value", "quantity") if name in table.column_names
    }
    flat = {name: array.flatten().to_numpy() for name, array in lists.items()}
    starts = lists["column"].offsets.to_numpy().astype(np.int64)
    single = {name: table[name].to_numpy() for name in ("segment", "contacts_left") if name in table.column_names}
    return Candidates(starts - starts[0], flat["column"], flat["value"], flat.get("quantity"), segment=single.get("segment"),
                      segments=segments, contacts_left=single.get("contacts_left"))  # fmt: skip


class Partition:
    """The people of one file.

    Args:
        path: of the file.
        segments: names.
        columns: what a candidate may be.
        terms: of the problem.
        threads: of the lookup.
    """

    def __init__(self, path: Path, segments: tuple[str, ...], columns: Columns, terms: Sequence[Term], threads: int):
        problem = Problem(read_partition(path, segments), columns, terms)
        self._table, self._threads = prune(problem, problem.rows(), threads), threads
        self._people, self._candidates = problem.candidates.people_count, len(problem.candidates)
        self._path, self._shape = path, (problem.candidates.people_count, problem.contacts_per_person)

    def content(self) -> Content:
        """What it holds."""
        table = self._table
        return Content(
            self._people,
            self._candidates,
            table.people_count,
            len(table.value),
            int(table.most.max(initial=1)),
            largest(table.value),
            largest(table.quantity),
            table.has_quantity,
        )

    def place(self, place: Place) -> None:
        """Tells it where it stands."""
        self._place, local = place, self._table
        self._table = replace(
            local,
            person=local.person + place.people,
            source=local.source + place.candidates,
            value_scale=place.value_scale,
            quantity_scale=place.quantity_scale,
        )
        self._lookup = Lookup(self._table, place.ranges, self._threads, contacts=place.contacts)

    def totals(self, prices: ClassPrices) -> list[RangeTotals]:
        """Of its part of each group."""
        return self._lookup.totals(prices)

    def sampled(self, share: float) -> Table:
        """Its part of the sample."""
        return sampled(self._table, share)

    def nearest_ties(self, prices: ClassPrices, count: int) -> tuple[F32, I64]:
        """Its own smallest margins and whose they are."""
        margin = np.empty(self._table.people_count, dtype=np.float32)
        margins(self._table, prices, 0, len(margin), margin)
        at = smallest(margin, count)
        return margin[at], self._table.person[at]

    def totals_within(self, asked: Asked) -> list[RangeTotals]:
        """Of its part of each range."""
        return self._lookup.totals_within([(self._mine(people), prices) for people, prices in asked])

    def settle(self, prices: ClassPrices, mixed: list[Mixture]) -> int:
        """Settles its own people."""
        return self._lookup.settle(prices, [replace(one, people=self._mine(one.people)) for one in mixed])

    def _mine(self, people: tuple[int, int]) -> tuple[int, int]:
        return within(people, self._place.kept_people, self._place.kept_people + self._table.people_count)

    def open_people(self, people: I64, share: float) -> OpenPeople:
        """Its part of the open people; what is settled is of this partition."""
        return self._lookup.open_people(people, share)

    def everybody(self) -> Table:
        """Its table."""
        return self._table

    def chosen(self, decision: Decision) -> I64:
        """The candidates of its people by place among all, -1 where there is none [people, k]."""
        low, high = self._place.people, self._place.people + self._people
        mine = (decision.people >= low) & (decision.people < high)
        own = Decision(decision.people[mine] - low, decision.source[mine])
        return self._lookup.chosen(own, self._shape, before=low)

    def write(self, decision: Decision) -> Path:
        """Writes its people's candidates by place in its own file, -1 where there is none; names the new file."""
        chosen, path = self.chosen(decision), self._path.with_suffix(".chosen.parquet")
        local = np.where(chosen >= 0, chosen - self._place.candidates, -1)
        pq.write_table(pa.table({f"contact_{c + 1}": local[:, c] for c in range(local.shape[1])}), path)
        return path


def within(group: tuple[int, int], low: int, high: int) -> tuple[int, int]:
    """The part of a range that lies in a partition's own, counted from the partition's first person."""
    first, last = max(group[0], low), min(group[1], high)
    return (first - low, last - low) if first < last else (0, 0)


def serve(  # noqa: PLR0917 - a process takes its arguments in order
    connection: Connection, path: Path, segments: tuple[str, ...], columns: Columns, terms: Sequence[Term], threads: int
) -> None:
    """A process's whole life: reads its file, then answers (name, arguments) until told None."""
    partition = Partition(path, segments, columns, terms, threads)
    while (asked := connection.recv()) is not None:
        name, arguments = asked
        connection.send(getattr(partition, name)(*arguments))
