"""What is made good after a planted change is told apart from days that swing by themselves."""

import numpy as np
import pytest

from benchmarks.value.compare import recovery
from orchestration.comparison import Runs

AT, CYCLES = 16, 24
SWING = np.where(np.arange(1, CYCLES + 1) % 7 < 3, 0.2, 0.6)
"""Share of the optimum on days that swing: on every third of seven there is more to lose."""


def runs(shares: np.ndarray) -> Runs:
    def result(policy: str, worth: np.ndarray) -> dict:
        rows = [
            {"cycle": n + 1, "channel": "email", "messages": 1, "spend": 1.0, "worth": float(each)}
            for n, each in enumerate(worth)
        ]
        return {"policy": policy, "seed": 1, "cycles": rows, "realized_margin": 0.0}

    return Runs([result("wayfinder", 100 * shares), result("truth", np.full(CYCLES, 100.0))])


def figures(shares: np.ndarray) -> dict[str, float]:
    return {bar.name: bar.figure.value for bar in recovery(runs(shares), runs(SWING), AT)}


def after(at_once: float, later: float) -> np.ndarray:
    """Shares with so much of the usual from the change on, and from the fourth cycle after it."""
    cycle = np.arange(1, CYCLES + 1)
    return SWING * np.where(cycle < AT, 1.0, np.where(cycle < AT + 4, at_once, later))


@pytest.mark.parametrize(("later", "back"), [(1.0, 1.0), (0.8, 0.6), (0.5, 0.0), (0.4, -0.2)])
def test_back_is_what_was_lost_at_once_and_is_there_later_whatever_days_are_like(later, back):
    assert figures(after(0.5, later))["of the lost value, back after five cycles"] == pytest.approx(back)


def test_where_nothing_is_lost_nothing_is_said():
    assert np.isnan(figures(SWING)["of the lost value, back after five cycles"])
