from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.objective import Objective
from ml.objectives.estimate import Estimate, from_interval
from ml.objectives.forecast import Goal, NoBaselineError, Standing, effect_of, forecast, goal_of
from ml.objectives.history import lapse_rate, untouched, weekday_pattern

CAUSED = Goal(Estimate(1000, 0), is_total=False, words="")


def _objective(metric, target):
    return Objective.model_validate({
        "id": "a", "description": "a", "owner": "a@b", "metric": metric, "target": target, "audience": {"where": "true"},
        "starts_on": date(2026, 1, 5), "ends_on": date(2026, 3, 31), "budget": 100.0,
    })  # fmt: skip


def test_without_a_measured_lift_the_models_expectation_counts_with_a_wide_spread():
    effect = effect_of(500, None)
    assert (effect.ratio.mean, effect.ratio.sd, effect.is_measured) == (1.0, 0.5, False)


def test_a_sure_lift_replaces_what_was_expected_and_an_unsure_one_hardly_moves_it():
    assert effect_of(1000, Estimate(300, 20)).ratio.mean == pytest.approx(0.3, abs=0.01)
    assert effect_of(1000, Estimate(300, 5000)).ratio.mean == pytest.approx(1.0, abs=0.01)


@given(expected=st.floats(1, 1e5), share=st.floats(-2, 4), sd=st.floats(0.01, 10))
def test_a_lift_narrows_and_stays_between_what_was_expected_and_what_was_measured(expected, share, sd):
    effect = effect_of(expected, Estimate(share * expected, sd * expected))
    assert effect.ratio.sd < 0.5
    assert min(1, max(0, share)) - 1e-6 <= effect.ratio.mean <= max(1, share) + 1e-6


def test_a_forecast_is_what_has_come_what_is_still_to_come_and_the_rest():
    found = forecast(CAUSED, Standing(expected=200, caused=None, maturing=100, dispersion=2), rest=500)
    assert found.units.mean == pytest.approx(800)
    assert found.units.sd == pytest.approx(np.sqrt((0.5 * 800) ** 2 + 2 * 600))
    assert found.chance == pytest.approx(0.31, abs=0.01)


def test_sales_too_early_to_count_at_the_end_still_tell_of_the_effect():
    standing = Standing(expected=0, caused=Estimate(300, 10), maturing=0, expected_of_all=1000)
    assert standing.reached(CAUSED).mean == 0
    assert forecast(CAUSED, standing, rest=150).units.mean == pytest.approx(150, rel=0.01)
    assert standing.effect.ratio.mean == pytest.approx(0.3, abs=0.01)


def test_counted_in_total_what_happens_untouched_is_part_of_it():
    goal = Goal(Estimate(1000, 0), is_total=True, words="")
    standing = Standing(expected=100, caused=None, maturing=0, reached_total=400, untouched_rest=Estimate(450, 30))
    assert forecast(goal, standing, rest=200).units.mean == pytest.approx(1050)


def test_an_unsure_baseline_makes_the_target_less_sure_to_be_reached():
    standing = Standing(expected=900, caused=Estimate(900, 10), maturing=0)
    sure, unsure = (Goal(Estimate(1000, sd), is_total=False, words="") for sd in (0, 300))
    assert forecast(sure, standing, rest=300).chance > forecast(unsure, standing, rest=300).chance > 0.5


@pytest.mark.parametrize("coverage", [0.95])
def test_the_interval_holds_the_outcome_as_often_as_it_says(coverage):
    """The effect is drawn as the prior says, outcomes as Poisson counts twice as wild."""
    rng = np.random.default_rng(0)
    standing = Standing(expected=0, caused=None, maturing=0, dispersion=2)
    found = forecast(CAUSED, standing, rest=800)
    ratios = rng.normal(1, 0.5, 20_000).clip(0.001)
    outcome = 2 * rng.poisson(ratios * 800 / 2)
    assert np.mean((outcome >= found.units.low) & (outcome <= found.units.high)) == pytest.approx(coverage, abs=0.02)


def test_minus_fifteen_percent_of_those_who_would_lapse_is_a_number_of_lapses_averted():
    goal = goal_of(
        _objective("churn_rate", {"change": -0.15, "baseline": "forecast"}), Estimate(4000, 200), "as before"
    )
    assert (goal.units.mean, goal.units.sd, goal.is_total) == (pytest.approx(600), pytest.approx(30), False)
    assert "4,000" in goal.words
    assert "as before" in goal.words


def test_a_rise_counted_in_total_is_the_baseline_and_the_rise():
    target = {"change": 0.1, "baseline": "forecast", "counted": "total"}
    assert goal_of(_objective("new_customers", target), Estimate(500, 0)).units.mean == pytest.approx(550)


def test_a_change_without_a_history_asks_for_a_count():
    with pytest.raises(NoBaselineError, match="state the target as a count"):
        goal_of(_objective("churn_rate", {"change": -0.15, "baseline": "forecast"}), None)


def test_what_happens_untouched_is_the_last_weeks_going_on_with_an_interval_that_holds():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        days = rng.poisson(20, 8 * 7 + 28).astype(float)
        found = untouched(days[:-28]).over(28)
        inside += found.low <= days[-28:].sum() <= found.high
    assert inside / 400 >= 0.9


def test_too_short_a_history_says_nothing():
    assert untouched(np.ones(20)) is None
    assert lapse_rate(np.array([]), np.array([])) is None


def test_a_weekday_pattern_is_found_where_there_is_one_and_not_where_there_is_none():
    rng = np.random.default_rng(2)
    true = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.4, 0.9])
    found = weekday_pattern(rng.poisson(200 * np.tile(true, 8)).astype(float), last_weekday=6)
    assert found == pytest.approx(true, abs=0.06)
    shifted = weekday_pattern(rng.poisson(200 * np.tile(np.roll(true, -3), 8)).astype(float), last_weekday=2)
    assert shifted == pytest.approx(true, abs=0.06)
    assert weekday_pattern(rng.poisson(200, 56).astype(float), last_weekday=6) == pytest.approx(np.ones(7), abs=0.05)


def test_lapses_vary_from_period_to_period_and_the_next_one_does_too():
    found = lapse_rate(np.array([0.40, 0.44, 0.48]), np.full(3, 10_000.0))
    assert found.mean == pytest.approx(0.44)
    assert found.sd > 0.04


def test_an_intervals_spread_is_a_quarter_of_its_width():
    assert from_interval(10, 0, 20).sd == pytest.approx(5.1, abs=0.01)
