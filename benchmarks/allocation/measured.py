"""What our own solve takes, each measurement in a process of its own so that peak memory is its own."""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.allocation.instances import instance
from ml.allocation.candidates import Candidates
from ml.allocation.errors import AllocationError
from ml.allocation.partition import write_partition
from ml.allocation.partitions import Partitions
from ml.allocation.problem import Problem
from ml.allocation.pruning import prune
from ml.allocation.solve import decide_on, solve

Row = dict[str, Any]
_WARMING = 3000
"""People of an instance that is solved first: compiled code is loaded, and imports are over."""


def ours(people: int, threads: int, family: str = "plain", *, warm: bool = True) -> Row:
    """Prices, whole contacts and certificate; then again from the prices of another day's instance.

    A run that ends in an error is a row that says so.
    """
    solve(instance(_WARMING, family="plain"), threads=threads)
    start = perf_counter()
    problem = instance(people, family=family)
    row: Row = {"method": "ours", "family": family, "people": people, "made_seconds": perf_counter() - start}
    start, cpu = perf_counter(), process_time()
    try:
        found = solve(problem, threads=threads)
    except AllocationError as error:
        return row | {"seconds": perf_counter() - start, "status": type(error).__name__, "why": str(error)[:200]}
    row |= {
        "seconds": perf_counter() - start, "cpu_seconds": process_time() - cpu, "gap": found.gap, "value": found.value,
        "bound": found.bound, "status": found.status, "passes": found.passes, "binding": len(found.binding),
        "phases": found.seconds, "peak_gb": peak_gigabytes(), "candidates": len(problem.candidates),
    }  # fmt: skip
    table = prune(problem, problem.rows(), threads)
    row |= {"kept": len(table.value), "bytes_each": table.bytes_per_candidate}
    return row | _from_another_day(problem, people, threads, family) if warm else row


def _from_another_day(problem: Problem, people: int, threads: int, family: str) -> Row:
    yesterday = solve(instance(people, seed=1, family=family), threads=threads)
    problem.__dict__.pop("_pruned", None)
    start = perf_counter()
    found = solve(problem, warm_prices=yesterday.prices, threads=threads)
    return {"warm_seconds": perf_counter() - start, "warm_passes": found.passes, "warm_gap": found.gap}


def in_partitions(people: int, parts: int) -> Row:
    """The same plan from Parquet files, each with a process of its own."""
    problem = instance(people)
    start = perf_counter()
    whole = solve(problem)
    alone = perf_counter() - start
    given = problem.given
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"people-{part}.parquet" for part in range(parts)]
        for part, path in enumerate(paths):
            write_partition(given, people * part // parts, people * (part + 1) // parts, path)
        outside = Problem(_none_of(given), problem.columns, problem.terms)
        start = perf_counter()
        with Partitions(paths, outside) as engine:
            begun = perf_counter() - start
            start = perf_counter()
            found = decide_on(outside, engine)
            seconds = perf_counter() - start
            same = np.array_equal(engine.chosen(found.decision, whole.chosen.shape), whole.chosen)
    return {
        "method": "partitions", "people": people, "parts": parts, "begun_seconds": begun, "seconds": seconds,
        "seconds_in_one_table": alone, "passes": found.passes, "open_people": len(found.decision.people),
        "same_plan": bool(same), "same_prices": found.prices == whole.prices, "same_bound": found.bound == whole.bound,
    }  # fmt: skip


def _none_of(given: Candidates) -> Candidates:
    """The table's kinds of columns and segments without its people."""
    return replace(
        given,
        starts=given.starts[:1],
        column=given.column[:0],
        value=given.value[:0],
        quantity=None if given.quantity is None else given.quantity[:0],
        segment=None if given.segment is None else given.segment[:0],
    )


def bandwidth(threads: int) -> float:
    """GB/s that the machine reads from memory on the threads."""
    blocks = [np.ones(32_000_000, dtype=np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        best = np.inf
        for _ in range(5):
            start = perf_counter()
            list(pool.map(np.max, blocks))
            best = min(best, perf_counter() - start)
    return sum(block.nbytes for block in blocks) / best / 1e9


def peak_gigabytes() -> float:
    """Most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def apart(work: Callable[..., Row], *arguments: Any, within: float | None = None, **options: Any) -> Row:
    """The row of a measurement in a new process; one that takes longer than `within` seconds is ended."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        answer = pool.apply_async(work, arguments, options)
        try:
            return answer.get(within)
        except multiprocessing.TimeoutError:
            return {"status": "ended at its time limit", "seconds": within, "value": None, "peak_gb": None}
