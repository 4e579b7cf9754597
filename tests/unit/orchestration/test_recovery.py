"""What comes back after a planted change is held against who is told of it at once, on the same days."""

import numpy as np
import pytest

from benchmarks.value.compare import recovery
from orchestration.comparison import Runs

AT, CYCLES = 16, 24
SWING = np.where(np.arange(1, CYCLES + 1) % 7 < 3, 20.0, 60.0)
"""Value of days that swing by themselves."""
BACK = "of the lost value, back after five cycles"


def figures(at_once: float, later: float) -> dict[str, float]:
    """Of a policy with so much of what the told one has in the first four cycles from the change on, and from then on."""
    cycle = np.arange(1, CYCLES + 1)
    mine = SWING * np.where(cycle < AT, 1.0, np.where(cycle < AT + 4, at_once, later))

    def result(policy: str, worth: np.ndarray) -> dict:
        rows = [
            {"cycle": n + 1, "channel": "email", "messages": 1, "spend": 1.0, "worth": float(each)}
            for n, each in enumerate(worth)
        ]
        return {"policy": policy, "seed": 1, "cycles": rows, "realized_margin": 0.0}

    policies = {"wayfinder": mine, "told": SWING, "truth": np.full(CYCLES, 100.0)}
    runs = Runs([result(name, worth) for name, worth in policies.items()])
    return {bar.name: bar.figure.value for bar in recovery(runs, AT)}


@pytest.mark.parametrize(("later", "back"), [(1.0, 1.0), (0.8, 0.6), (0.5, 0.0), (0.4, -0.2)])
def test_back_is_what_was_lost_at_once_and_is_there_later_whatever_days_are_like(later, back):
    assert figures(0.5, later)[BACK] == pytest.approx(back)


def test_where_hardly_anything_is_lost_nothing_is_said():
    assert np.isnan(figures(0.98, 1.0)[BACK])
