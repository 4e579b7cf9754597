"""Measures `wayfinder what-if` from the command line, imports included, against deciding the same problem from scratch.

A home gets the stored problem of a day over the four objectives' channels and offers: 24 columns, 60 % of the pairs
eligible, a day's spend cap that binds, caps and capacities by channel, and one share guardrail for each channel. Every
question is a process of its own, as an operator would start it. Beside it the same changed problem is solved without
prices to start from, in a process that has everything loaded.

    python -m benchmarks.what_if [--quick] [--people N ...] [--repeat R]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from assets.home import Home
from benchmarks.allocation.instances import COLUMNS, COSTS
from ml.allocation.candidates import Candidates
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.stored import StoredProblem, load, save
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS
from ml.levers import CONTACTS, PER_CHANNEL, PER_DAY, SPEND_CHANGE, SPEND_SHARE, Day, ObjectiveDay, moved, parse

CYCLE: Final = "2026-01-05"
OBJECTIVE: Final = COLUMNS.objectives[0]
SHARE: Final = 0.6
GAP: Final = 1e-4


def day_of(people: int) -> Day:
    """The operator's numbers for so many people; nothing is spent yet."""
    budget = 0.05 * people * 60
    capacity = {"voice": 0.001 * people, "email": 0.08 * people}
    return Day(
        cycle_id=CYCLE,
        currency="USD",
        numbers={
            PER_DAY: 0.026 * people,
            **{f"{PER_CHANNEL}.{name}": 0.03 * people for name in CHANNELS},
            SPEND_SHARE: SHARE,
            SPEND_CHANGE: 0.5,
            CONTACTS: 1.0,
            **{f"actions.channels.{name}.cost": cost for name, cost in COSTS.items()},
            **{f"actions.channels.{name}.capacity_per_day": capacity.get(name, 0.5 * people) for name in CHANNELS},
            f"objectives.{OBJECTIVE}.budget": budget,
        },
        objectives={OBJECTIVE: ObjectiveDay(budget, budget, budget / 60, 1 / 60)},
    )


def problem_of(day: Day, people: int, seed: int = 0) -> Problem:
    """One instance: heavy-tailed values, dearer channels stronger."""
    rng = np.random.default_rng(seed)
    margin = rng.lognormal(3.0, 1.2, people).astype(np.float32)[:, None]
    strength = np.log10(COLUMNS.unit_cost / 0.0001).astype(np.float32) * np.float32(0.004)
    effect = rng.standard_normal((people, len(COLUMNS)), dtype=np.float32) * np.float32(0.01) + strength
    value = margin * effect - (COLUMNS.unit_cost + 0.02).astype(np.float32)
    candidates = Candidates.from_dense(value, rng.random(value.shape, dtype=np.float32) < 0.6)
    numbers = {key: number for key, number in day.numbers.items() if number is not None}
    terms: list[Term] = [
        ContactLimit(1),
        TotalBudget(numbers[PER_DAY]),
        ObjectiveBudget(OBJECTIVE, day.objectives[OBJECTIVE].room),
    ]
    terms += [ChannelBudget(name, numbers[f"{PER_CHANNEL}.{name}"]) for name in CHANNELS]
    terms += [ChannelCapacity(name, numbers[f"actions.channels.{name}.capacity_per_day"]) for name in CHANNELS]
    terms += [ChannelSpendShare(name, SHARE) for name in CHANNELS]
    return Problem(candidates, COLUMNS, terms)


def make_home(root: Path, people: int) -> dict[str, float]:
    """A home with one stored problem.

    Returns:
        Seconds of solving, storing and reading, and bytes a candidate.
    """
    day = day_of(people)
    problem = problem_of(day, people)
    solve(problem_of(day_of(5000), 5000), gap=GAP)  # loads the compiled code
    start = perf_counter()
    found = solve(problem, gap=GAP)
    solved = perf_counter()
    stored = StoredProblem(problem, found, GAP, {}, np.arange(people, dtype=np.uint64), {"day": day.to_dict()})
    save(stored, Home(root).cycle(CYCLE))
    saved = perf_counter()
    load(Home(root).cycle(CYCLE))
    size = sum(path.stat().st_size for path in Home(root).cycle(CYCLE).iterdir())
    return {
        "solve_seconds": solved - start,
        "save_seconds": saved - solved,
        "load_seconds": perf_counter() - saved,
        "bytes_a_candidate": size / len(problem.candidates),
        "value": found.value,
    }


def questions(people: int) -> dict[str, list[str]]:
    """What an operator would ask, by what it is about."""
    return {
        "budget + 20 %": [f"{PER_DAY}={0.0312 * people}"],
        "budget - 40 %": [f"{PER_DAY}={0.0156 * people}"],
        "cap on mail": [f"{PER_CHANNEL}.direct_mail={0.004 * people}"],
        "calls cost half": ["actions.channels.voice.cost=1.25"],
        "guardrail 30 %": [f"{SPEND_SHARE}=0.3"],
        "two contacts": [f"{CONTACTS}=2"],
        "period budget": [f"objectives.{OBJECTIVE}.budget={0.015 * people * 60}"],
    }


def ask(root: Path, wanted: list[str]) -> dict[str, Any]:
    """One question from the command line: wall and CPU seconds of the process, and its answer."""
    words = ["what-if", *(word for each in wanted for word in ("--set", each)), "--home", str(root), "--json"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *words], check=True, capture_output=True, text=True, env=os.environ
    )
    wall, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, **json.loads(done.stdout.splitlines()[-1])}


def measure(people: int, repeat: int) -> dict[str, Any]:
    """Every question at one size."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = make_home(root, people)
        stored = load(Home(root).cycle(CYCLE))
        day = Day.from_dict(stored.context["day"])
        for wanted in ([], [f"{CONTACTS}=2"]):  # compiles into the home's cache, as the cycle does
            ask(root, wanted)
        rows = []
        for name, wanted in {"replay": [], **questions(people)}.items():
            runs = sorted((ask(root, wanted) for _ in range(repeat)), key=lambda run: float(run["wall"]))
            middle = runs[len(runs) // 2]
            rows.append({"question": name, "people": people, **_figures(middle), **_scratch(stored, day, wanted)})
        return {"people": people, "made": made, "rows": rows}


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "wall": run["wall"],
        "cpu": run["cpu"],
        "solve": run["seconds"]["solve"],
        "is_same": run.get("is_same"),
        "affected": run.get("people", {}).get("affected", 0),
        "value_difference": run.get("difference", {}).get("value", 0.0),
        "gap": run.get("what_if", run["today"])["gap"],
    }


def _scratch(stored: StoredProblem, day: Day, wanted: list[str]) -> dict[str, float]:
    problem, _ = moved(stored.problem, day, parse(wanted, day))
    start = perf_counter()
    found = solve(problem, gap=stored.gap)
    return {"scratch": perf_counter() - start, "scratch_value": found.value}


def main() -> None:
    """Prints a table, then the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20,000 people, once")
    parser.add_argument("--people", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    sizes, repeat = ([20_000], 1) if given.quick else (given.people, given.repeat)
    measured = [measure(people, repeat) for people in sizes]
    print("| people | question | wall s | CPU s | of it solving s | from scratch s | affected | value | gap |")
    print("|---|---|---|---|---|---|---|---|---|")
    for each in measured:
        for row in each["rows"]:
            print(
                f"| {row['people']:,} | {row['question']} | {row['wall']:.2f} | {row['cpu']:.2f} | {row['solve']:.2f} | "
                f"{row['scratch']:.2f} | {row['affected']:,} | {row['value_difference']:+,.2f} | {row['gap']:.1e} |"
            )
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
