"""One daily cycle, stage by stage, and the re-optimization after an outcome file drops.

`python -m benchmarks.cycle [--quick] [--customers 20000 200000 1000000]` makes a sample market for each size, runs its
first day (whole history, training), lets the market answer, drops its outcomes (the re-optimization is timed here), and then
times the second day: the daily cycle as a scheduler runs it. Every command is the command line's own, in a process of its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

WAYFINDER: Final = Path(sys.executable).with_name("wayfinder")
DAYS: Final = (
    {"cycle": "2026-01-05T10:00:00+00:00", "noon": "2026-01-05T18:00:00+00:00", "night": "2026-01-06T04:30:00+00:00"},
    {"cycle": "2026-01-06T10:00:00+00:00", "noon": "2026-01-06T18:00:00+00:00", "night": "2026-01-07T04:30:00+00:00"},
)
STAGES: Final = {
    "landing": ("landing",),
    "dbt": ("raw__cycle", "warehouse_models"),
    "publish": ("published_generation",),
    "checks": ("suite",),
    "training": ("training_frame", "response_models"),
    "scoring": ("candidate_scores",),
    "allocation": ("allocation",),
    "plan, authority": ("plan", "authorization"),
    "dispatch": ("dispatch_",),
    "outcomes, lift, report": ("outcomes", "lift", "report"),
}
ALONE_AT_200K: Final = {"dbt": 0.9, "scoring": 5.4, "allocation": 0.6}
"""Seconds that the engine alone takes at 200,000 people, quiet, on this class of machine: features, trees, prices."""


def main() -> int:
    """Run the sizes, print a table each, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 people, under a minute")
    parser.add_argument("--customers", type=int, nargs="*", default=[20_000, 200_000])
    arguments = parser.parse_args()
    sizes = [2_000] if arguments.quick else arguments.customers
    figures = [measure(size, quick=arguments.quick) for size in sizes]
    for one in figures:
        show(one)
    growth(figures)
    print(json.dumps({"benchmark": "cycle", "sizes": figures}))
    return 0


def measure(customers: int, *, quick: bool) -> dict[str, Any]:
    """Figures of one size."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make = call(
            [
                sys.executable,
                "-m",
                "market",
                "make",
                "--home",
                str(home),
                "--customers",
                str(customers),
                "--start",
                "2026-01-05",
                "--json",
            ]
        )
        first = verb("cycle", home, "--date", "2026-01-05", at=DAYS[0]["cycle"])
        noon = verb("dispatch", home, at=DAYS[0]["noon"])
        market(home, DAYS[0]["cycle"], DAYS[0]["noon"])
        ingest = verb("ingest", home, at=DAYS[0]["noon"])
        figures = {"customers": customers, "market": make["wall"], "first": first, "noon": noon, "ingest": ingest}
        if not quick:
            verb("dispatch", home, at=DAYS[0]["night"])
            market(home, DAYS[0]["noon"], DAYS[1]["cycle"])
            second = verb("cycle", home, "--date", "2026-01-06", at=DAYS[1]["cycle"])
            rest = verb("dispatch", home, at=DAYS[1]["night"])
            figures |= {"second": second, "rest": rest}
        return figures


def market(home: Path, since: str, until: str) -> None:
    """Let the market live for a while."""
    call([sys.executable, "-m", "market", "answer", "--home", str(home), "--from", since, "--to", until, "--json"])


def verb(name: str, home: Path, *words: str, at: str) -> dict[str, Any]:
    """A verb's wall time, its own account of its stages, and the largest process so far."""
    done = call([str(WAYFINDER), name, *words, "--home", str(home), "--at", at, "--json"])
    facts = json.loads(done["answer"])
    seconds = facts.get("seconds", {})
    stages = {
        stage: round(sum(seconds[step] for step in seconds if _is_of(step, marks)), 2)
        for stage, marks in STAGES.items()
    }
    inside = sum(stages.values())
    return {
        "wall": done["wall"],
        "stages": {**stages, "start-up, imports, Dagster": round(done["wall"] - inside, 2)},
        "messages": sum(facts["messages"].values()),
        "reoptimization": round(seconds.get("reoptimization", 0.0), 2),
        "peak_gb": done["peak_gb"],
    }


def _is_of(step: str, marks: tuple[str, ...]) -> bool:
    if step.endswith("_suite"):
        return marks == ("suite",)
    return any(step == mark or (mark.endswith("_") and step.startswith(mark)) for mark in marks)


def call(command: list[str]) -> dict[str, Any]:
    """Run a command; its wall time, last line of output and the largest child so far in GB."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    wall = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stderr[-3000:]}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    return {"wall": round(wall, 2), "answer": done.stdout.strip().splitlines()[-1], "peak_gb": round(peak, 2)}


def show(figures: dict[str, Any]) -> None:
    """The table of one size."""
    daily = figures.get("second", figures["first"])
    what = "second day" if "second" in figures else "first day"
    print(f"\n{figures['customers']:,} people; the daily cycle ({what}), seconds")
    print(f"{'stage':<28}{'daily':>9}{'first day':>11}{'engine alone at 200k':>23}")
    for stage, seconds in daily["stages"].items():
        alone = f"{ALONE_AT_200K[stage]:.1f}" if stage in ALONE_AT_200K else ""
        print(f"{stage:<28}{seconds:>9.1f}{figures['first']['stages'][stage]:>11.1f}{alone:>23}")
    print(f"{'whole command':<28}{daily['wall']:>9.1f}{figures['first']['wall']:>11.1f}")
    if "rest" in figures:
        print(
            f"the day's {figures['rest']['messages']:,} later messages were handed over in {figures['rest']['wall']:.1f} s by `dispatch`"
        )
    ingest = figures["ingest"]
    print(
        f"re-optimization after outcomes dropped: {ingest['wall']:.1f} s from the command, {ingest['reoptimization']:.1f} s of work"
    )
    print(
        f"largest process: {max(figures[key]['peak_gb'] for key in ('first', 'ingest')):.2f} GB; market made in {figures['market']:.1f} s"
    )


def growth(figures: list[dict[str, Any]]) -> None:
    """How much faster than its input each stage grows, between neighbouring sizes; 1.0 is linear."""
    for small, large in pairwise(figures):
        ratio = large["customers"] / small["customers"]
        pairs = [(large.get("second", large["first"]), small.get("second", small["first"]))]
        print(
            f"\ngrowth from {small['customers']:,} to {large['customers']:,} people, time ratio / input ratio (limit 1.3)"
        )
        for after, before in pairs:
            for stage, seconds in after["stages"].items():
                if before["stages"][stage] > 0:
                    print(f"{stage:<28}{seconds / before['stages'][stage] / ratio:>8.2f}")


if __name__ == "__main__":
    sys.exit(main())
