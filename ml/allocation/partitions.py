"""The people in partitions, each in a process of its own: prices go out, sums and a few people's candidates come back.

Any engine that can run a function beside its data can stand in for these processes: what is asked of a partition are
the methods of `Partition`, and their arguments and answers do not grow with its people (but for `write`, which stays).
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ml.allocation.candidates import Columns
from ml.allocation.engine import Asked, ClassPrices, Decision, Mixture, OpenPeople, RangeTotals
from ml.allocation.errors import AllocationError
from ml.allocation.kernel import I64, slices
from ml.allocation.lookup import Lookup, smallest
from ml.allocation.partition import Content, Place, serve, within
from ml.allocation.problem import Problem
from ml.allocation.pruning import Classes, Table, classify, fixed_point
from ml.allocation.solve import GROUPS
from ml.allocation.terms import Term


@dataclass(frozen=True, eq=False)
class _Measures:
    """See `pruning.Measures`."""

    classes: Classes
    value_scale: float
    quantity_scale: float
    has_quantity: bool


class Partitions:
    """An `Engine` over files, one process a file. Use it as a context: leaving it ends the processes.

    Args:
        paths: of the files, in the order of the people.
        segments: names.
        problem: columns and terms, with an empty table.
        threads: of each process.
    """

    def __init__(self, paths: Sequence[Path], problem: Problem, *, threads: int = 1):
        self._problem = problem
        segments, columns, terms = problem.candidates.segments, problem.columns, list(problem.terms)
        self._workers = [_Worker(path, segments, columns, terms, threads) for path in paths]
        self.passes = 0.0

    def __enter__(self) -> Self:
        """Reads and prunes all files, and tells each where it stands."""
        self._contents: list[Content] = self._ask("content")
        people = sum(content.kept_people for content in self._contents)
        self.contacts = max(content.most for content in self._contents)
        most = people * self._problem.contacts_per_person
        self._measures = _Measures(
            classify(self._problem, self._problem.rows()),
            fixed_point(max(content.largest_value for content in self._contents), most),
            fixed_point(max(content.largest_quantity for content in self._contents), most),
            any(content.has_quantity for content in self._contents),
        )
        self.ranges = slices(people, GROUPS)
        self._ask_each("place", [(place,) for place in self._places()])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.end()

    @property
    def measures(self) -> _Measures:
        """Over all partitions."""
        return self._measures

    @property
    def people_count(self) -> int:
        """P."""
        return sum(content.kept_people for content in self._contents)

    @property
    def candidate_count(self) -> int:
        """Of all partitions."""
        return sum(content.kept_candidates for content in self._contents)

    @property
    def largest_value(self) -> float:
        """In size, money."""
        return max(content.largest_value for content in self._contents)

    def classified(self, classes: Classes) -> "Partitions":
        """See `Engine`: prices reach the partitions by class, so they need not know."""
        self._measures = replace(self._measures, classes=classes)
        return self

    def totals(self, prices: ClassPrices) -> list[RangeTotals]:
        """Of each group, over the partitions that it lies in."""
        self.passes += 1
        return _summed(self._ask("totals", prices))

    def totals_within(self, asked: Asked) -> list[RangeTotals]:
        """See `Engine`."""
        self.passes += sum(high - low for (low, high), prices in asked if prices is not None) / max(
            self.people_count, 1
        )
        return _summed(self._ask("totals_within", asked))

    def sampled(self, share: float) -> Lookup:
        """See `Engine`."""
        return Lookup(self._joined(self._ask("sampled", share)), len(self.ranges), 1)

    def nearest_ties(self, prices: ClassPrices, count: int) -> I64:
        """Of every partition's nearest those that are nearest of all."""
        self.passes += 1
        found = self._ask("nearest_ties", prices, count)
        margin, person = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return np.asarray(person[smallest(margin, count)], dtype=np.int64)

    def settle(self, prices: ClassPrices, mixed: list[Mixture]) -> int:
        """See `Engine`."""
        return sum(self._ask("settle", prices, mixed))

    def open_people(self, people: I64, share: float) -> OpenPeople:
        """See `Engine`."""
        parts: list[OpenPeople] = self._ask("open_people", people, share)
        before = [0, *accumulate(len(part.table.value) for part in parts)]
        chosen = [np.where(part.chosen >= 0, part.chosen + at, -1) for part, at in zip(parts, before, strict=False)]
        settled = [part.settled for part in parts]
        return OpenPeople(
            self._joined([part.table for part in parts]),
            np.concatenate(chosen),
            np.concatenate([part.margin for part in parts]),
            np.concatenate([part.is_tied for part in parts]),
            np.concatenate([part.others + at for part, at in zip(parts, before, strict=False)]),
            sum(settled[1:], settled[0]),
        )

    def everybody(self) -> Table:
        """See `Engine`."""
        return self._joined(self._ask("everybody"))

    def chosen(self, decision: Decision, shape: tuple[int, int]) -> I64:
        """See `Engine`; where people are many, `write` leaves the plan beside them instead."""
        return np.concatenate(self._ask("chosen", decision)).reshape(shape)

    def write(self, decision: Decision) -> list[Path]:
        """Has every partition write its people's contacts beside its file; names the new files."""
        return self._ask("write", decision)

    def _places(self) -> list[Place]:
        people = [0, *accumulate(content.people for content in self._contents)]
        candidates = [0, *accumulate(content.candidates for content in self._contents)]
        kept = [0, *accumulate(content.kept_people for content in self._contents)]
        measures = self._measures
        return [
            Place(
                people[i],
                candidates[i],
                kept[i],
                [within(group, kept[i], kept[i + 1]) for group in self.ranges],
                self.contacts,
                measures.value_scale,
                measures.quantity_scale,
            )
            for i in range(len(self._contents))
        ]

    def _joined(self, tables: list[Table]) -> Table:
        starts = [0, *accumulate(len(table.value) for table in tables)]
        starts_of_all = np.concatenate(
            [tables[0].starts[:1], *(table.starts[1:] + at for table, at in zip(tables, starts, strict=False))]
        )
        return replace(
            tables[0],
            starts=starts_of_all,
            klass=np.concatenate([table.klass for table in tables]),
            value=np.concatenate([table.value for table in tables]),
            quantity=np.concatenate([table.quantity for table in tables]),
            source=np.concatenate([table.source for table in tables]),
            person=np.concatenate([table.person for table in tables]),
            segment=np.concatenate([table.segment for table in tables]),
            most=np.concatenate([table.most for table in tables]),
            classes=self._measures.classes,
        )

    def _ask(self, name: str, *arguments: object) -> list[Any]:
        return self._ask_each(name, [arguments] * len(self._workers))

    def _ask_each(self, name: str, arguments: Sequence[tuple[object, ...]]) -> list[Any]:
        for worker, given in zip(self._workers, arguments, strict=True):
            worker.ask(name, given)
        return [worker.answer() for worker in self._workers]


class _Worker:
    def __init__(self, path: Path, segments: tuple[str, ...], columns: Columns, terms: Sequence[Term], threads: int):
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._path = path
        self._process = context.Process(
            target=serve, args=(other, path, segments, columns, terms, threads), daemon=True
        )
        self._process.start()
        other.close()

    def ask(self, name: str, arguments: tuple[object, ...]) -> None:
        with self._named():
            self._connection.send((name, arguments))

    def answer(self) -> Any:
        with self._named():
            return self._connection.recv()

    def end(self) -> None:
        with suppress(OSError):
            self._connection.send(None)
        self._process.join()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            raise AllocationError(f"The process of partition {self._path} ended; its output says why.") from error


def _summed(parts: list[list[RangeTotals]]) -> list[RangeTotals]:
    """Of each range over all partitions."""
    return [sum(of_range[1:], of_range[0]) for of_range in zip(*parts, strict=True)]
