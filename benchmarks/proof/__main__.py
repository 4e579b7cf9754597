"""The proof: lift through the product's own functions, on simulated people whose truth is known.

*Intervals*: campaigns of 10,000 people (20 % holdout), half of whom join on the first day and the others over 30 more,
looked at on each of 45 days, purchases and money (`people.py` states rates, lifts and amounts, `market/README.md` where they
come from). Counted: runs in which the interval that holds at all looks held the truth at every one of them; looks at
which the interval for a single look held it; and, where system and holdout are the same, runs with a win at any look. The
truth is of the people who have joined by then.

*Mail that acts a month later*: daily mail for 90 days, effects log-normal with a median of 30 days, a horizon of 60: the value
of a contact, estimated by maturity weights (`ml.learning.delay`), by counting whoever hasn't bought yet as a failure, and by
waiting until each horizon is over.

    python -m benchmarks.proof [--quick] [--runs N]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.proof.late import Valued, value
from benchmarks.proof.looks import Looked, watch
from benchmarks.proof.people import Setting, Truth
from ml.learning.panel import MEASURES

RUNS, QUICK_RUNS = 400, 24
SAME: Final = Setting(caused=0.0, prevented=0.0)
Figures = dict[str, Any]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs instead of {RUNS}")
    parser.add_argument("--runs", type=int, default=None)
    options = parser.parse_args()
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    truth, same = Truth(Setting()), Truth(SAME)
    real = [watch(Setting(), truth, seed) for seed in range(runs)]
    none = [watch(SAME, same, seed) for seed in range(runs)]
    late = [value(seed) for seed in range(runs)]
    facts: Figures = {"runs": runs, "late": _late(late)}
    for measure in MEASURES:
        facts[measure] = _figures([one[measure] for one in real], [one[measure] for one in none])
    _show(facts)
    print(json.dumps(facts))


def _figures(real: Sequence[Looked], none: Sequence[Looked]) -> Figures:
    looks = sum(one.looks for one in real)
    return {
        "looks": looks,
        "all_looks_held": float(np.mean([not one.missed for one in real])),
        "single_look_held": sum(one.fixed_held for one in real) / looks,
        "single_look_held_same": sum(one.fixed_held for one in none) / sum(one.looks for one in none),
        "false_win": float(np.mean([one.false_win for one in none])),
        "false_call": float(np.mean([one.false_call for one in none])),
        "found": float(np.mean([one.false_win for one in real])),
        "noise_taken_away": float(np.mean([one.reduction for one in real])),
        "variance_ratio": float(np.var([one.error for one in real]) / np.var([one.plain_error for one in real])),
        "width": float(np.mean([one.width for one in real])),
    }


def _late(late: Sequence[Valued]) -> Figures:
    names = ("ours", "naive", "waiting")
    of = {name: np.array([getattr(one, name) for one in late]) for name in names}
    bias = {name: float(of[name].mean()) for name in names}
    spread = {f"{name}_sd": float(of[name].std()) for name in names}
    return {**bias, **spread, "ours_error": float(of["ours"].std() / np.sqrt(len(late)))}


def _show(facts: Mapping[str, Any]) -> None:
    print(f"{facts['runs']} runs of each; looked at daily\n")
    print(f"{'':58}{'conversion':>12}{'margin':>12}   asked")
    rows = (
        ("all_looks_held", "truth within the interval at all looks together, runs", ">= 93 %"),
        ("single_look_held", "truth within the interval for a single look, looks", "93 to 97 %"),
        ("single_look_held_same", "  the same where the arms are the same", "93 to 97 %"),
        ("false_win", "a win at any look where the arms are the same, runs", "<= 5 %"),
        ("false_call", "  a win or a loss", ""),
        ("found", "a win by day 45 where there is one, runs", ""),
        ("noise_taken_away", "variance taken away by purchases from before", ""),
        ("variance_ratio", "  left, over runs: adjusted / plain", ""),
        ("width", "width at all looks / at a single one", ""),
    )
    for name, words, asked in rows:
        figures = (facts[measure][name] for measure in MEASURES)
        shown = "".join(f"{each:>12.2f}" if name == "width" else f"{each:>12.1%}" for each in figures)
        print(f"{words:58}{shown}   {asked}")
    print(f"\n{'mail that acts a month later: value of a contact':58}{'bias':>12}{'sd of a run':>12}")
    for name, words in (
        ("ours", "by maturity weights"),
        ("naive", "the young counted as failures"),
        ("waiting", "finished contacts only"),
    ):
        asked = "<= 5 %" if name == "ours" else ""
        print(f"{words:58}{facts['late'][name]:>+12.1%}{facts['late'][f'{name}_sd']:>12.1%}   {asked}")


if __name__ == "__main__":
    main()
