"""Figures of several policies over the same seeds."""

import numpy as np
import pytest

from orchestration.comparison import Runs, cycles_table, totals_table


def result(policy: str, seed: int, worth: float, spend: float = 10.0, cycles: int = 2) -> dict:
    rows = [
        {"cycle": n + 1, "channel": "email", "messages": 5, "spend": spend, "worth": worth * (n + 1)}
        for n in range(cycles)
    ]
    return {"policy": policy, "seed": seed, "cycles": rows, "realized_margin": 100.0 + worth}


@pytest.fixture
def runs() -> Runs:
    ours = [result("ours", seed, worth) for seed, worth in ((1, 20.0), (2, 30.0), (3, 40.0))]
    base = [result("base", seed, 10.0) for seed in (1, 2, 3, 4)]
    nothing = [{"policy": "nothing", "seed": s, "cycles": [], "realized_margin": 100.0} for s in (1, 2, 3)]
    return Runs([*ours, *base, *nothing])


def test_only_seeds_that_every_policy_has_are_compared(runs: Runs) -> None:
    assert runs.seeds == [1, 2, 3]


def test_value_per_spend_is_of_all_seeds_together(runs: Runs) -> None:
    assert runs.per_spend("ours").value == pytest.approx(270 / 60)
    assert runs.per_spend("ours", [1]).value == pytest.approx(90 / 30)
    assert runs.against("ours", "base").value == pytest.approx(3.0)
    assert runs.later_against_earlier("ours", [2], [1]).value == pytest.approx(2.0)
    assert runs.realized_gain("ours").value == pytest.approx(30.0)


def test_the_interval_is_over_seeds_and_empty_with_one(runs: Runs) -> None:
    found = runs.against("ours", "base")
    assert 2.0 <= found.low < found.value < found.high <= 4.0
    alone = Runs([result("ours", 1, 20.0), result("base", 1, 10.0)]).against("ours", "base")
    assert np.isnan(alone.low)
    assert str(alone) == "2.00"


def test_a_policy_that_spends_nothing_has_no_value_per_spend(runs: Runs) -> None:
    assert np.isnan(runs.per_spend("nothing").value)
    assert "nothing" in totals_table(runs)
    assert "nothing" not in cycles_table(runs)
