"""Money over channels and weeks from response curves: PyMC-Marketing's example, whose truth is known.

    python -m benchmarks.budget_curves --data mmm_example.csv [--quick]

179 weeks of two channels; the true curves are geometric adstock of .4 and .2 over 8 weeks, logistic saturation of 4 and 3,
and effects of 3000 and 2000. Each split spends what was spent and is judged on the true curves. Beside the product's
split stand the historical one, an equal split, SciPy's SLSQP on the same curves (what other budget optimizers use), and
a search over a grid; and what the product makes of curves that it has to learn from the data. Ends with one line of JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import least_squares, minimize

from ml.allocation.spend_curves import ResponseCurve, best_split, money_curve, split_value

F64 = npt.NDArray[np.float64]
TRUTH = [ResponseCurve.logistic("x1", 3000, 4, 0.4), ResponseCurve.logistic("x2", 2000, 3, 0.2)]
NAMES = [curve.channel for curve in TRUTH]
_COLUMNS = ["y", *NAMES, "event_1", "event_2", "dayofyear", "t"]
_SCALE = 1000.0  # effects are of this order


def even(money: F64, weeks: int) -> F64:
    """The same spend in every week [2, T]."""
    return np.repeat(money[:, None] / weeks, weeks, axis=1)


def by_slsqp(budget: float, weeks: int) -> F64:
    """Even spend by SciPy's SLSQP, from an equal split."""
    found = minimize(
        lambda share: -split_value(TRUTH, even(share * budget, weeks)) / _SCALE,
        np.full(len(TRUTH), 1 / len(TRUTH)),
        method="SLSQP",
        bounds=[(0, 1)] * len(TRUTH),
        constraints={"type": "eq", "fun": lambda share: share.sum() - 1},
        options={"ftol": 1e-9, "maxiter": 1000},
    )
    return even(found.x * budget, weeks)


def by_grid(budget: float, weeks: int, steps: int) -> F64:
    """Even spend by trying every share of the first channel."""
    shares = [np.array([share, 1 - share]) for share in np.linspace(0, 1, steps + 1)]
    return even(max(shares, key=lambda share: split_value(TRUTH, even(share * budget, weeks))) * budget, weeks)


def learned(frame: pd.DataFrame) -> list[ResponseCurve]:
    """Curves from the data: nonlinear least squares of sales on trend, season, events and both channels."""
    year = 2 * np.pi * frame["dayofyear"].to_numpy() / 365.25
    season = [wave for k in (1, 2) for wave in (np.sin(k * year), np.cos(k * year))]
    known = np.column_stack([np.ones(len(frame)), frame["t"] / 100, frame["event_1"], frame["event_2"], *season])
    sales, spend = frame["y"].to_numpy(), frame[NAMES].to_numpy().T

    def acting(curve: F64) -> F64:
        made = [ResponseCurve.logistic(name, 1.0, *pair) for name, pair in zip(NAMES, curve.reshape(2, 2), strict=True)]
        return np.column_stack([each.effect(row) for each, row in zip(made, spend, strict=True)])

    def fitted(curve: F64) -> tuple[F64, F64]:
        matrix = np.column_stack([known, acting(curve)])
        weights = np.linalg.lstsq(matrix, sales, rcond=None)[0]
        return weights, (matrix @ weights - sales) / _SCALE

    start = np.array([2.0, 0.3, 2.0, 0.3])
    found = least_squares(lambda curve: fitted(curve)[1], start, bounds=([0.1, 0, 0.1, 0], [20, 0.95, 20, 0.95])).x
    effects = fitted(found)[0][-2:]
    pairs = zip(NAMES, effects, found.reshape(2, 2), strict=True)
    return [
        ResponseCurve.logistic(name, float(effect), float(rate), float(kept)) for name, effect, (rate, kept) in pairs
    ]


def show(name: str, spend: F64, base: float, seconds: float) -> dict[str, float]:
    """Prints a split's row and returns its figures."""
    value, share = split_value(TRUTH, spend), spend[0].sum() / spend.sum()
    gain = value / base - 1
    print(f"{name:46} {share:8.3f} {spend.sum():9.3f} {value:13,.1f} {gain:+9.3%} {seconds:8.2f}")
    return {"share_x1": share, "budget": float(spend.sum()), "value": value, "gain": gain, "seconds": seconds}


def measure(frame: pd.DataFrame, *, is_quick: bool) -> dict[str, dict[str, float]]:
    """Every way of splitting the same money over the same weeks."""
    spend, weeks = frame[NAMES].to_numpy().T, len(frame)
    budget, base = float(spend.sum()), split_value(TRUTH, even(spend.sum(axis=1), weeks))
    print(f"{'split':46} {'share x1':>8} {'money':>9} {'true effect':>13} {'gain':>9} {'s':>8}")
    figures = {"historical": show("historical split, even over weeks", even(spend.sum(axis=1), weeks), base, 0.0)}
    ways: dict[str, tuple[str, Callable[[], F64]]] = {
        "equal": ("equal split", lambda: even(np.full(2, budget / 2), weeks)),
        "slsqp": ("SciPy SLSQP, even over weeks", lambda: by_slsqp(budget, weeks)),
        "grid": ("grid of shares, even over weeks", lambda: by_grid(budget, weeks, 200 if is_quick else 2000)),
        "learned": (
            "wayfinder on curves learned from the data",
            lambda: best_split(learned(frame), budget, weeks, is_even=True).spend,
        ),
    }
    for key, (name, way) in ways.items():
        started = time.perf_counter()
        found = way()
        figures[key] = show(name, found, base, time.perf_counter() - started)
    for key, name, is_even in (
        ("wayfinder", "wayfinder, even over weeks", True),
        ("by_week", "wayfinder, by week", False),
    ):
        started = time.perf_counter()
        split = best_split(TRUTH, budget, weeks, is_even=is_even, gap=1e-6 if is_even else 1e-4 if is_quick else 1e-5)
        figures[key] = show(name, split.spend, base, time.perf_counter() - started)
        figures[key] |= {"bound": split.bound, "gap": split.gap, "marginal": split.marginal}
        print(f"{'':46} proven gap {split.gap:.1e}, one more unit of money is worth {split.marginal:,.1f}")
    return figures


def main() -> int:
    """Runs the benchmark; 2 where the data isn't there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="PyMC-Marketing's mmm_example.csv")
    parser.add_argument("--quick", action="store_true", help="a coarser grid, a wider gap by week, a shorter curve")
    arguments = parser.parse_args()
    if not arguments.data.exists():
        print(f"{arguments.data} isn't there: --data names PyMC-Marketing's mmm_example.csv", file=sys.stderr)
        return 2
    frame = pd.read_csv(arguments.data)
    missing = [name for name in _COLUMNS if name not in frame]
    if missing:
        print(
            f"{arguments.data} has no column {', '.join(missing)}: it isn't PyMC-Marketing's example", file=sys.stderr
        )
        return 2
    print(f"{len(frame)} weeks, {NAMES}, judged on the true curves")
    figures = measure(frame, is_quick=arguments.quick)
    budget = float(frame[NAMES].to_numpy().sum())
    parts = (0.5, 1.0, 2.0) if arguments.quick else (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
    curve = money_curve(TRUTH, [part * budget for part in parts], len(frame), is_even=True)
    print(f"\n{'budget':>10} {'effect':>14} {'of one more':>12}")
    for amount, value, marginal in curve:
        print(f"{amount:10.2f} {value:14,.1f} {marginal:12,.1f}")
    print(json.dumps({"benchmark": "budget_curves", "quick": arguments.quick, "figures": figures, "curve": curve}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
