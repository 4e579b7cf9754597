"""Beside the value benchmark's bars stands what the yardsticks reach."""

import pytest

from benchmarks.value.compare import bars
from orchestration.comparison import Runs


def run(policy: str, worth: float, spend: float) -> dict:
    rows = [{"cycle": n, "channel": "email", "messages": 1, "spend": spend, "worth": worth} for n in (1, 2, 3)]
    return {"policy": policy, "seed": 1, "cycles": rows, "realized_margin": 0.0}


def test_who_knows_more_may_earn_less_per_unit_of_spend_and_its_own_ratio_is_reported_beside_the_bar():
    runs = Runs(
        [run("wayfinder", 60.0, 4.0), run("rules", 50.0, 2.0), run("same", 90.0, 6.0), run("truth", 200.0, 6.0)]
    )
    found = {bar.name: bar for bar in bars(runs)}
    assert found["value per spend / tuned rules"].figure.value == pytest.approx(0.6)
    assert found["value per spend / tuned rules"].verdict == "MISSED"
    assert found["the same-information best's value per spend / tuned rules"].figure.value == pytest.approx(0.6)
    assert found["the full-truth optimum's value per spend / tuned rules"].figure.value == pytest.approx(4 / 3)
    assert found["the full-truth optimum's value per spend / tuned rules"].bar is None


def test_without_rules_to_hold_against_no_yardsticks_ratio_to_them_is_reported():
    names = [bar.name for bar in bars(Runs([run("wayfinder", 60.0, 4.0), run("same", 90.0, 6.0)]))]
    assert not any("rules" in name for name in names)
