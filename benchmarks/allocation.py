"""Measures the allocation against general solvers on the same instances, and how it grows.

An instance has 8 channels x 3 offers + none, heavy-tailed values of which four in ten are negative, 60 % of the pairs
eligible, and 36 limits on totals of which some seven bind. Ours is a plan of whole contacts with its proven gap; the
general solvers get the linear relaxation of the same pruned table, which is less. Every measurement is a process of its
own, so that peak memory is its own; imports and loading of compiled code are left out of the seconds.

    python -m benchmarks.allocation [--quick] [--people N ...] [--threads T]
"""

import argparse
import json
import multiprocessing
import resource
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.pruning import prune
from ml.allocation.restricted import candidate_use, person_of
from ml.allocation.solve import solve
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS, Channel, Option

COSTS: dict[Channel, float] = {
    "email": 0.002,
    "sms": 0.02,
    "direct_mail": 0.68,
    "voice": 2.5,
    "paid_social": 0.05,
    "display": 0.01,
    "web": 0.0005,
    "push": 0.001,
}
COLUMNS = Columns.of([("win_back", Option(c, o), COSTS[c]) for c in CHANNELS for o in ("none", "five_off", "ten_off")])
SEGMENTS = ("new", "regular", "lapsed")
PEERS = {"cvxpy->Clarabel": (cp.CLARABEL, {}), "cvxpy->HiGHS": (cp.HIGHS, {"solver": "ipm", "run_crossover": "off"})}


def instance(people: int, seed: int = 0, contacts: int = 1) -> Problem:
    """One instance of the family."""
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    margin = rng.lognormal(3.0, 1.2, people).astype(np.float32)[:, None]
    strength = np.log10(COLUMNS.unit_cost / 0.0001).astype(np.float32) * np.float32(0.004)
    quantity = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.01) + strength
    value = margin * quantity - (COLUMNS.unit_cost + 0.02).astype(np.float32)
    candidates = Candidates.from_dense(
        value,
        rng.random(shape, dtype=np.float32) < 0.6,
        np.maximum(quantity, 0),
        segment=rng.integers(0, len(SEGMENTS), people).astype(np.uint8),
        segments=SEGMENTS,
    )
    return Problem(candidates, COLUMNS, [*limits(people), ContactLimit(contacts)])


def limits(people: int) -> list[Term]:
    """36 limits."""
    terms: list[Term] = [TotalBudget(0.026 * people)]
    terms += [ChannelBudget(channel, maximum=0.03 * people) for channel in CHANNELS]
    capacity = {"voice": 0.001, "email": 0.08}
    terms += [ChannelCapacity(channel, capacity.get(channel, 0.5) * people) for channel in CHANNELS]
    floor = {"display": 0.25}
    terms += [ContactVolume(channel=channel, minimum=floor.get(channel, 0.0005) * people) for channel in CHANNELS]
    terms += [ChannelSpendShare(channel, 0.3) for channel in CHANNELS]
    quota = {"new": 0.00755, "regular": 0.0076, "lapsed": 0.003}
    return terms + [ObjectiveQuota("win_back", quota[segment] * people, segment) for segment in SEGMENTS]


def ours(people: int, threads: int, contacts: int = 1) -> dict[str, Any]:
    """Prices, whole contacts and certificate; then again from the prices of another day's instance."""
    solve(instance(5000, contacts=contacts), threads=threads)
    start = perf_counter()
    problem = instance(people, contacts=contacts)
    made = perf_counter() - start
    start = perf_counter()
    found = solve(problem, threads=threads)
    seconds = perf_counter() - start
    table = prune(problem, problem.rows(), threads)
    peak = _peak_gigabytes()
    yesterday = solve(instance(people, seed=1, contacts=contacts), threads=threads)
    problem.__dict__.pop("_pruned")
    start = perf_counter()
    warm = solve(problem, warm_prices=yesterday.prices, threads=threads)
    return {
        "method": "ours", "people": people, "seconds": seconds, "gap": found.gap, "value": found.value,
        "bound": found.bound, "status": found.status, "passes": found.passes, "peak_gb": peak, "made_seconds": made,
        "warm_seconds": perf_counter() - start, "warm_passes": warm.passes, "warm_gap": warm.gap,
        "candidates": len(problem.candidates), "kept": len(table.value), "bytes_each": table.bytes_per_candidate,
        "binding": len(found.binding), "phases": found.seconds,
    }  # fmt: skip


def peer(people: int, threads: int, name: str) -> dict[str, Any]:
    """A general solver on the relaxation of the pruned table."""
    problem = instance(people)
    rows = problem.rows()
    table = prune(problem, rows, threads)
    everything = np.arange(len(table.value), dtype=np.int64)
    use, owner = sp.csr_array(candidate_use(table, everything)), person_of(table, everything)
    start = perf_counter()
    x = cp.Variable(len(everything), nonneg=True)
    one_each = sp.csr_array((np.ones(len(owner)), (owner, everything)))
    program = cp.Problem(cp.Maximize(table.value.astype(np.float64) @ x), [use @ x <= rows.bound, one_each @ x <= 1])
    solver, options = PEERS[name]
    try:
        program.solve(solver=solver, **options)
        status, value = program.status, program.value
    except cp.SolverError as error:
        status, value = str(error)[:40], None
    seconds = perf_counter() - start
    return {
        "method": name, "people": people, "seconds": seconds, "value": value, "status": status,
        "peak_gb": _peak_gigabytes(),
    }  # fmt: skip


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


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _apart(work: Any, *arguments: Any) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result: dict[str, Any] = pool.apply(work, arguments)
    return result


def _print_ours(row: dict[str, Any]) -> None:
    phases = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["phases"].items())
    print(
        f"{row['people']:>9,}  ours              {row['seconds']:8.2f} s   gap {row['gap']:.1e}"
        f"   passes {row['passes']:5.1f}   {row['peak_gb']:.2f} GB"
        f"   {row['kept'] / row['people']:.1f} candidates a person x {row['bytes_each']} bytes"
        f"   {row['binding']} binding   warm {row['warm_seconds']:.2f} s, {row['warm_passes']:.1f} passes   ({phases})",
        flush=True,
    )


def _print_peer(row: dict[str, Any], own: dict[str, Any]) -> None:
    against = "-" if row["value"] is None else f"{row['value'] / own['bound'] - 1:+.1e}"
    print(
        f"{row['people']:>9,}  {row['method']:<17} {row['seconds']:8.2f} s"
        f"   {row['seconds'] / own['seconds']:6.0f} x ours   {row['peak_gb']:.2f} GB"
        f"   relaxed value against our bound {against}   {row['status']}",
        flush=True,
    )


def main() -> None:
    """Prints the table, then the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 people, general solvers at 5,000")
    parser.add_argument("--people", type=int, nargs="*", help="sizes; default 50,000 200,000 1,000,000")
    parser.add_argument("--peers-to", type=int, default=50_000, help="largest size for the general solvers")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    sizes = given.people or ([5_000, 20_000] if given.quick else [50_000, 200_000, 1_000_000])
    largest = 5_000 if given.quick else given.peers_to
    read = bandwidth(given.threads)
    print(f"Memory is read at {read:.0f} GB/s on {given.threads} threads.\n")
    figures = []
    for people in sizes:
        own = _apart(ours, people, given.threads)
        figures.append(own)
        _print_ours(own)
        for name in PEERS if people <= largest else ():
            figures.append(_apart(peer, people, given.threads, name))
            _print_peer(figures[-1], own)
    print(json.dumps({"benchmark": "allocation", "read_gb_per_second": read, "rows": figures}))


if __name__ == "__main__":
    main()
