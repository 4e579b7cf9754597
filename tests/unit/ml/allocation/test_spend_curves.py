"""The best split of money over channels and periods: against a search by brute force, and within its limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.allocation.errors import TermError
from ml.allocation.spend_curves import ResponseCurve, best_split, money_curve, split_value

CURVES = [ResponseCurve.logistic("x1", 3000, 4, 0.4), ResponseCurve.logistic("x2", 2000, 3, 0.2)]


def test_an_effect_is_the_saturated_geometric_adstock():
    curve, spend = ResponseCurve.logistic("x", 10.0, 2.0, 0.5, lags=3), np.array([1.0, 0.0, 2.0])
    weights = np.array([1, 0.5, 0.25]) / 1.75
    acting = np.array([weights[0] + weights[1] * 3, weights[1] + weights[2] * 3, 2 * weights[0] + weights[2]])
    expected = 10 * (1 - np.exp(-2 * acting)) / (1 + np.exp(-2 * acting))
    assert curve.effect(spend, past=[9.0, 0.0, 3.0]) == pytest.approx(expected)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(budget=st.floats(0.5, 60), seed=st.integers(0, 10**6))
def test_no_share_of_a_fine_grid_is_better(budget, seed):
    rng = np.random.default_rng(seed)
    shapes = ["ratio", "exponential", "logarithmic", "logistic"]
    curves = [
        ResponseCurve(name, *rng.uniform(0.3, 3, 2), str(rng.choice(shapes)), rng.uniform(0, 0.8)) for name in "ab"
    ]
    found = best_split(curves, budget, 4, is_even=True)
    grid = [
        split_value(curves, np.repeat([[share * budget / 4], [(1 - share) * budget / 4]], 4, axis=1))
        for share in np.linspace(0, 1, 401)
    ]
    assert found.value >= max(grid) * (1 - 1e-6)
    assert found.bound >= found.value
    assert found.gap <= 1e-6


def test_no_small_move_of_money_between_weeks_or_channels_is_better():
    found = best_split(CURVES, 6.0, 6, past={"x1": [0.5, 1.0]}, gap=1e-5)
    rng, value = np.random.default_rng(0), found.value
    assert value == pytest.approx(split_value(CURVES, found.spend, {"x1": [0.5, 1.0]}))
    for _ in range(200):
        moved = np.maximum(found.spend + rng.normal(0, 0.05, found.spend.shape), 0)
        moved *= 6.0 / moved.sum()
        assert split_value(CURVES, moved, {"x1": [0.5, 1.0]}) <= found.bound


def test_spending_by_week_is_worth_at_least_as_much_as_spending_evenly():
    even, free = best_split(CURVES, 6.0, 6, is_even=True), best_split(CURVES, 6.0, 6, gap=1e-5)
    assert np.ptp(even.spend, axis=1) == pytest.approx([0, 0])
    assert free.bound >= even.value


def test_the_marginal_value_is_the_slope_of_value_in_budget_and_falls():
    curve = np.array(money_curve(CURVES, [2.0, 2.01, 4.0, 4.02, 8.0], 4, is_even=True))
    assert (curve[1, 1] - curve[0, 1]) / 0.01 == pytest.approx(curve[0, 2], rel=0.01)
    assert (curve[3, 1] - curve[2, 1]) / 0.02 == pytest.approx(curve[2, 2], rel=0.01)
    assert curve[0, 2] > curve[2, 2] > curve[4, 2]


def test_limits_of_a_channel_hold():
    found = best_split(CURVES, 10.0, 5, minimum={"x2": 6.0}, maximum={"x1": 3.0}, is_even=True)
    assert found.spend[0].sum() <= 3.0 + 1e-9
    assert found.spend[1].sum() >= 6.0 - 1e-9
    assert found.spend.sum() == pytest.approx(10.0)


@pytest.mark.parametrize("limits", [{"minimum": {"x9": 1.0}}, {"maximum": {"x1": -1.0}}, {"minimum": {"x1": np.nan}}])
def test_limits_that_mean_nothing_are_refused(limits):
    with pytest.raises(TermError):
        best_split(CURVES, 10.0, 5, **limits)


@pytest.mark.parametrize("figures", [(0.0, 1.0), (1.0, -1.0)])
def test_a_curve_that_means_nothing_is_refused(figures):
    with pytest.raises(TermError, match="over 0"):
        ResponseCurve("x", *figures)
