"""Measures the smooth choice: what its probabilities and their draw cost, and that both keep what they promise.

Instances of `benchmarks.allocation` at the temperature that a share of the exact plan's value allows. *Loss* is against the
exact plan; *over* is the largest excess over a limit as a share of it, of expected totals and of the worst of five draws
(0 where every limit holds). Frequencies are over redraws of a small instance: the largest distance between
a contact's frequency and its probability, in standard deviations of a binomial beside the number of contacts compared.
Seconds are wall time, with the processor's in brackets; the exact solve of the same instance stands beside them.

    python -m benchmarks.smooth [--quick] [--people N ...] [--share S ...] [--contacts K] [--threads T]
"""

import argparse
import json
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.allocation.instances import instance
from ml.allocation.smooth.draw import draw, excess, totals_of
from ml.allocation.smooth.temperature import explore
from ml.allocation.solve import solve

_DRAWS = 5


@dataclass
class Watch:
    """Wall and processor seconds since it was made."""

    wall: float = 0.0
    cpu: float = 0.0

    def __post_init__(self) -> None:
        """Starts."""
        self._wall, self._cpu = perf_counter(), process_time()

    def stop(self) -> "Watch":
        """Reads both."""
        self.wall, self.cpu = perf_counter() - self._wall, process_time() - self._cpu
        return self

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f})"


def measure(people: int, share: float, contacts: int, threads: int) -> dict[str, Any]:
    """One row of the table."""
    problem = instance(people, contacts=contacts)
    watch = Watch()
    exact = solve(problem, threads=threads)
    solved = watch.stop()
    watch = Watch()
    plan = explore(problem, exact, share, threads=threads)
    found = watch.stop()
    row = {"people": people, "contacts": contacts, "share": share, "exact_seconds": solved.wall, "gap": exact.gap}
    if plan is None:
        print(
            f"{people:>9,}  k = {contacts}  {share:>6.2%} of value   the limits leave no room: the exact plan",
            flush=True,
        )
        return row | {"temperature": 0.0}
    watch = Watch()
    chosen = draw(plan, 0, threads=threads)
    drew = watch.stop()
    drawn = [chosen, *(draw(plan, seed, threads=threads) for seed in range(1, _DRAWS))]
    losses = [1 - problem.candidates.value[one[one >= 0]].sum(dtype=float) / exact.value for one in drawn]
    over = max(max(float(excess(plan.table, totals_of(plan.table, one)).max()), 0.0) for one in drawn)
    row |= {
        "temperature": plan.temperature, "passes": plan.passes, "seconds": found.wall, "cpu_seconds": found.cpu,
        "draw_seconds": drew.wall, "draw_cpu_seconds": drew.cpu, "loss": 1 - plan.value / exact.value,
        "drawn_loss": float(np.mean(losses)), "expected_over": max(float(excess(plan.table, plan.totals).max()), 0.0),
        "drawn_over": over, "undecided_share": float(((plan.probability > 0) & (plan.probability < 1)).mean()),
    }  # fmt: skip
    print(
        f"{people:>9,}  k = {contacts}  {share:>6.2%} of value   temperature {plan.temperature:.4f}"
        f"   {plan.passes} passes, {found}   draw {drew}   exact {solved}   loss {row['loss']:.3%}, drawn"
        f" {row['drawn_loss']:.3%}   over: expected {row['expected_over']:.1e}, drawn {over:.1e}",
        flush=True,
    )
    return row


def frequencies(people: int, redraws: int, contacts: int, threads: int, family: str = "plain") -> dict[str, Any]:
    """Frequencies of a small instance's contacts over redraws, against their probabilities."""
    problem = instance(people, seed=3, contacts=contacts, family=family)
    exact = solve(problem, threads=threads)
    plan = explore(problem, exact, 0.05, threads=threads)
    if plan is None:
        return {"people": people, "redraws": 0}
    counts = np.zeros(len(plan.probability), dtype=np.int64)
    worst = 0.0
    for seed in range(redraws):
        chosen = draw(plan, seed, threads=1)
        counts[chosen[chosen >= 0]] += 1
        worst = max(worst, float(excess(plan.table, totals_of(plan.table, chosen)).max()))
    often = plan.probability * (1 - plan.probability) * redraws > 5
    distance = np.abs(counts / redraws - plan.probability)
    spread = np.sqrt(plan.probability * (1 - plan.probability) / redraws)
    row = {
        "people": people, "contacts": contacts, "redraws": redraws, "compared": int(often.sum()),
        "largest_distance": float(distance.max()), "largest_in_deviations": float((distance[often] / spread[often]).max()),
        "drawn_over": worst,
    }  # fmt: skip
    print(
        f"{people:>9,}  k = {contacts}  {redraws:,} redraws   largest |frequency - probability| {row['largest_distance']:.5f}"
        f", {row['largest_in_deviations']:.1f} deviations among {row['compared']:,} contacts   over {worst:.1e}",
        flush=True,
    )
    return row


def main() -> None:
    """Prints the table, then the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 people, 1,000 redraws")
    parser.add_argument("--people", type=int, nargs="*", help="sizes; default 50,000 200,000")
    parser.add_argument(
        "--share", type=float, nargs="*", default=[0.005, 0.02], help="of value, what exploring may cost"
    )
    parser.add_argument("--contacts", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    sizes = given.people or ([20_000] if given.quick else [50_000, 200_000])
    small = instance(5000, contacts=given.contacts)
    warm = explore(small, solve(small, threads=given.threads), 0.05, threads=given.threads)  # loads compiled code
    if warm is not None:
        draw(warm, 0, threads=given.threads)
    rows = [measure(people, share, given.contacts, given.threads) for people in sizes for share in given.share]
    redrawn = frequencies(2_000, 1_000 if given.quick else 10_000, given.contacts, given.threads)
    print(json.dumps({"benchmark": "smooth", "rows": rows, "frequencies": redrawn}))


if __name__ == "__main__":
    main()
