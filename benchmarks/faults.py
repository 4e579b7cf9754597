"""Whether anything is sent twice, lost, overspent or sent without authority, whatever breaks.

- `python -m benchmarks.faults simulation --seeds 50000`: dispatch under a seeded scheduler of faults;
- `python -m benchmarks.faults mutants`: how soon it finds each bug that is planted on purpose;
- `python -m benchmarks.faults kills --kills 200`: real processes killed, on SQLite and on PostgreSQL;
- `python -m benchmarks.faults`: all of them; `--quick`: little of each.

Each prints its table; the last line is a JSON object of the figures.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from typing import Any

from benchmarks import chaos
from benchmarks.simulation.mutants import MUTANTS
from benchmarks.simulation.search import broken_seeds, first_caught

PROCESSES = 2
CHUNK = 100
PROGRESS = 500


def main() -> None:
    """Run what is asked for, print the tables, and end with the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("all", "simulation", "mutants", "kills"), default="all")
    parser.add_argument("--quick", action="store_true", help="little of each")
    parser.add_argument("--seeds", type=int, help="seeds to simulate")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--kills", type=int, help="processes to kill on each engine")
    arguments = parser.parse_args()
    seeds = arguments.seeds or (50 if arguments.quick else 50_000)
    kills = arguments.kills or (10 if arguments.quick else 200)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "simulation": lambda: simulation(arguments.first, seeds),
        "mutants": lambda: mutants(100 if arguments.quick else 1_000),
        "kills": lambda: kill_runs(kills),
    }
    chosen = parts if arguments.part == "all" else {arguments.part: parts[arguments.part]}
    figures = {name: measure() for name, measure in chosen.items()}
    print(json.dumps({"benchmark": "faults", **figures}))
    if any(part.get("broken") for part in figures.values()):
        raise SystemExit(1)


def simulation(first: int, count: int) -> dict[str, Any]:
    """Simulate seeds on both cores and name those that break an invariant.

    Seeds are counted in their order: when it's interrupted (also by SIGTERM), it tells what was done until then.
    """
    started = time.perf_counter()
    chunks = [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)]
    broken: list[tuple[int, list[str]]] = []
    done = 0
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))
    try:
        for chunk, found in zip(chunks, pool.map(broken_seeds, chunks), strict=True):
            done += len(chunk)
            broken += found
            for seed, reasons in found:
                print(f"seed {seed}: {'; '.join(reasons[:3])}", flush=True)
            if done % PROGRESS < CHUNK or done == count:
                print(f"{done:>8,} of {count:,} seeds, {_speed(done, len(broken), started)}", flush=True)
    except KeyboardInterrupt:
        print(f"interrupted: seeds {first} to {first + done - 1} were run, {_speed(done, len(broken), started)}")
    finally:
        pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, before)
    seconds = time.perf_counter() - started
    return {
        "asked": count,
        "seeds": done,
        "broken": len(broken),
        "seconds": round(seconds, 1),
        "seeds_per_second": round(done / seconds, 1),
    }


def _speed(done: int, broken: int, started: float) -> str:
    seconds = time.perf_counter() - started
    return f"{broken} broken, {seconds:,.0f} s, {done / seconds:.1f} seeds/s"


def mutants(seeds: int) -> dict[str, Any]:
    """How many seeds it takes to find each planted bug."""
    print(f"{'planted bug':<28}{'found by seed':>14}  how")
    figures: dict[str, Any] = {}
    for bug in MUTANTS:
        caught = first_caught(bug, range(seeds))
        figures[bug] = None if caught is None else caught[0]
        print(f"{bug:<28}{'not found' if caught is None else caught[0]:>14}  {'' if caught is None else caught[1][0]}")
    return figures | {"broken": sum(found is None for found in figures.values())}


def kill_runs(kills: int) -> dict[str, Any]:
    """Kill processes on both engines."""
    tallies = {"sqlite": chaos.on_sqlite(kills), "postgresql": chaos.on_postgresql(kills, server_crashes=3)}
    print(f"{'':<24}" + "".join(f"{engine:>14}" for engine in tallies))
    for name in asdict(tallies["sqlite"]):
        print(f"{name:<24}" + "".join(f"{getattr(tally, name):>14,}" for tally in tallies.values()))
    figures: dict[str, Any] = {engine: asdict(tally) for engine, tally in tallies.items()}
    return figures | {"broken": sum(not tally.is_sound() for tally in tallies.values())}


if __name__ == "__main__":
    main()
