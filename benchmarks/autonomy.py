"""Measures how autonomy is earned: how often wrongly, how soon against a test that knows the effect, and how soon it is lost.

A manual and a system arm of 20 % of an audience each; 5 % of the manual arm buy for the first time within 60 cycles, and
the system's people at a multiple of that rate. `ml.policy.earning` judges after every cycle by the default test. *Ideal*
is Wald's sequential probability ratio test on the same purchases, looked at as often, that knows the true multiple, with
the same alpha for a wrong raise and for missing the truth; *exact* is the same ratio with the bound at which exactly
alpha of runs without an advantage would cross within the 60 cycles, which takes knowing the base rate and the horizon as
well. Data are purchases in both arms until the cycle that decides; medians are over all runs, one that doesn't decide
taking for ever. The audience of a multiple is so large that the ideal test takes about 20 cycles: decisions come at the
ends of cycles, which at three or four would hide what is measured.

    python -m benchmarks.autonomy [--quick] [--runs N]
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import inf, log
from pathlib import Path
from typing import Any, Final

import numpy as np

from assets.ledger.ledger import Ledger
from ml.configuration.policy import AutonomyTest
from ml.entities import Autonomy
from ml.learning.advantage import Advantage, ArmDay, evidence
from ml.policy.earning import Conduct, breach, judge

CYCLES: Final = 60
SHARE, RATE, PEOPLE = 0.2, 0.05, 100_000
TEST: Final = AutonomyTest()
MULTIPLES: Final = (1.0, 0.5, 0.7, 0.8, 0.85, 0.9, 1.1, 1.15, 1.2, 1.3, 1.5, 2.0)
BEGIN: Final = datetime(2026, 1, 5, 5, tzinfo=UTC)


def run(multiple: float, rng: np.random.Generator) -> list[ArmDay]:
    """The purchases of 60 cycles."""
    scale = (log(1.2) / log(multiple)) ** 2 if multiple != 1 else 1.0
    left = [round(PEOPLE * scale * SHARE)] * 2
    rate = 1 - (1 - RATE) ** (1 / CYCLES)
    days = []
    for cycle in range(CYCLES):
        bought = [int(rng.binomial(n, p)) for n, p in zip(left, (rate * multiple, rate), strict=True)]
        days.append(
            ArmDay(date(2026, 1, 5) + timedelta(days=cycle), left[0], left[1], np.ones(bought[0]), np.ones(bought[1]))
        )
        left = [n - b for n, b in zip(left, bought, strict=True)]
    return days


def known_ratio(days: Sequence[ArmDay], multiple: float) -> np.ndarray:
    """Log likelihood ratio of the true multiple against none, at the end of each cycle."""
    theta, steps = log(multiple), []
    for day in days:
        share = day.system_people / (day.system_people + day.manual_people)
        bought = len(day.system) + len(day.manual)
        steps.append(theta * len(day.system) - bought * np.log1p(share * np.expm1(theta)))
    return np.cumsum(steps)


def ours(days: Sequence[ArmDay]) -> tuple[str, int | None]:
    """What is decided first of a supervised objective, and after how many cycles."""
    for cycle, (better, worse) in enumerate(zip(*evidence(days, TEST), strict=True)):
        shown = Advantage(float(better), float(worse), cycle + 1, 1, 0, 1, 0)
        judged = judge("supervised", shown, Conduct(cycle + 1, 0), TEST)
        if judged.move != "stays":
            return judged.move, cycle
    return "stays", None


def ideal(ratio: np.ndarray) -> int | None:
    """The cycle after which Wald's test decides for the true multiple; None where it doesn't, or wrongly against it."""
    upper, lower = log((1 - TEST.alpha) / TEST.alpha), log(TEST.alpha / (1 - TEST.alpha))
    ended = np.flatnonzero((ratio >= upper) | (ratio <= lower))
    return int(ended[0]) if len(ended) and ratio[ended[0]] >= upper else None


def crossing(ratio: np.ndarray, bound: float) -> int | None:
    """The first cycle at whose end the ratio is over a bound."""
    over = np.flatnonzero(ratio >= bound)
    return int(over[0]) if len(over) else None


def purchases(days: Sequence[ArmDay], cycle: int | None) -> float:
    """Purchases in both arms until the end of a cycle; infinite where it never came."""
    return inf if cycle is None else float(sum(len(day.system) + len(day.manual) for day in days[: cycle + 1]))


def measure(multiple: float, runs: int, seed: int) -> dict[str, Any]:
    """One multiple: shares of decisions, and medians of the data that they took."""
    rng, row = np.random.default_rng(seed), {"multiple": multiple, "runs": runs}
    decided, samples = [], []
    bound = _exact_bound(multiple, seed) if multiple != 1 else inf
    right = "lowered" if multiple < 1 else "proposed"
    for _ in range(runs):
        days = run(multiple, rng)
        move, cycle = ours(days)
        decided.append(move)
        if multiple != 1:
            ratio = known_ratio(days, multiple)
            mine = purchases(days, cycle if move == right else None)
            samples.append((mine, purchases(days, ideal(ratio)), purchases(days, crossing(ratio, bound))))
    row |= {name: decided.count(name) / runs for name in ("proposed", "lowered", "stays")}
    if samples:
        medians = dict(zip(("ours", "ideal", "exact"), map(float, np.median(samples, axis=0)), strict=True))
        row |= medians | {f"ratio_{name}": medians["ours"] / medians[name] for name in ("ideal", "exact")}
    return row


def _exact_bound(multiple: float, seed: int) -> float:
    """Bound that alpha of runs without an advantage cross, with the audience of the multiple."""
    rng, people, runs = np.random.default_rng(seed + 1), PEOPLE * (log(1.2) / log(multiple)) ** 2 * SHARE, 20_000
    rate, left = 1 - (1 - RATE) ** (1 / CYCLES), np.full((2, runs), round(people))
    total, highest = np.zeros(runs), np.full(runs, -inf)
    for _ in range(CYCLES):
        bought = rng.binomial(left, rate)
        share = left[0] / left.sum(axis=0)
        total += log(multiple) * bought[0] - bought.sum(axis=0) * np.log1p(share * np.expm1(log(multiple)))
        highest, left = np.maximum(highest, total), left - bought
    return float(np.quantile(highest, 1 - TEST.alpha))


def breached(cycles: int = 30) -> dict[str, Any]:
    """Cycles from a breach to the lower level, in a real ledger: an autonomous objective crosses a guardrail once."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}").upgrade()
        ledger.objectives.see("o", "autonomous", owner="owner@example.com", at=BEGIN)
        levels = []
        for cycle in range(cycles):
            at = BEGIN + timedelta(days=cycle)
            level: Autonomy = ledger.objectives.see("o", "autonomous", owner="owner@example.com", at=at)  # type: ignore[assignment]
            crossed = ["channel_spend_share"] if cycle == cycles // 2 else []
            judged = breach(level, crossed, crossed)
            if judged is not None:
                ledger.earning.keep("o", at.date().isoformat(), "breach", level, judged, at=at)
            levels.append(ledger.objectives.level("o"))
        ledger.close()
    return {"breach_in": cycles // 2, "lower_from": levels.index("supervised"), "before": levels[cycles // 2 - 1]}


def main() -> None:
    """Prints the table, then the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 runs of each multiple")
    parser.add_argument("--runs", type=int, help="default 2,000")
    given = parser.parse_args()
    runs = given.runs or (200 if given.quick else 2000)
    print(
        f"test stated beforehand: alpha {TEST.alpha}, effect {TEST.effect:+.0%}, margin {TEST.margin:.0%}; {runs:,} runs each"
    )
    heads = ("multiple", "raised", "lowered", "neither", "median data", "ideal", "ratio", "exact", "ratio")
    print("".join(f"{head:>12}" for head in heads))
    rows = []
    for multiple in MULTIPLES:
        row = measure(multiple, runs, seed=round(1000 * multiple))
        rows.append(row)
        told = [f"{multiple:.2f}", *(f"{row[name]:.1%}" for name in ("proposed", "lowered", "stays"))]
        if "ours" in row:
            told += [f"{row['ours']:,.0f}"]
            told += [
                each for name in ("ideal", "exact") for each in (f"{row[name]:,.0f}", f"{row[f'ratio_{name}']:.2f}")
            ]
        print("".join(f"{each:>12}" for each in told), flush=True)
    fall = breached()
    print("asked: raised wrongly at multiple 1 in at most 5.0%; ratio to the ideal at most 1.20")
    print(
        f"a guardrail breached in cycle {fall['breach_in']}: {fall['before']} before, lower from cycle {fall['lower_from']}"
    )
    print(json.dumps({"benchmark": "autonomy", "rows": rows, "breach": fall}))


if __name__ == "__main__":
    main()
