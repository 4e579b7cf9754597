import numpy as np
import pytest

from ml.evaluation.gate import MIN_RANDOMISED_CONVERSIONS, compare, policy_value, randomised_rows
from ml.evaluation.report import evaluate, validation_rows
from ml.response.model import ResponseModel
from tests.unit.ml.planted import OPTIONS, World, training_frame

FRAME = training_frame(20_000, seed=1)
VALIDATION = validation_rows(FRAME)
WORLD = World()


@pytest.fixture(scope="module")
def good() -> ResponseModel:
    return ResponseModel.fit(FRAME, OPTIONS, seed=1, threads=1)


@pytest.fixture(scope="module")
def bad() -> ResponseModel:
    shuffled = FRAME.copy()
    order = np.random.default_rng(0).permutation(len(FRAME))
    shuffled["is_converted"], shuffled["margin"] = (
        FRAME["is_converted"].to_numpy()[order],
        FRAME["margin"].to_numpy()[order],
    )
    return ResponseModel.fit(shuffled, OPTIONS, seed=1, threads=1)


def test_first_model_becomes_champion(good):
    assert compare(good, None, VALIDATION).may_replace


def test_worse_challenger_does_not_replace(good, bad):
    comparison = compare(bad, good, VALIDATION)
    assert not comparison.may_replace
    assert comparison.high < 0
    assert "champion stays" in comparison.reason


def test_better_challenger_replaces(good, bad):
    comparison = compare(good, bad, VALIDATION)
    assert comparison.may_replace
    assert comparison.low > 0


def test_what_is_no_worse_replaces_since_it_has_learned_from_newer_days(good):
    comparison = compare(good, good, VALIDATION)
    assert comparison.may_replace
    assert comparison.difference == 0
    assert "newer days" in comparison.reason


def test_where_few_conversions_tell_two_policies_apart_their_values_do_not_decide(good, bad):
    sold = VALIDATION["is_converted"].to_numpy() & (VALIDATION["channel"] != "none").to_numpy()
    few = VALIDATION[~sold | (np.cumsum(sold) <= MIN_RANDOMISED_CONVERSIONS - 1)].reset_index(drop=True)
    assert randomised_rows(few) is not None
    assert compare(bad, good, VALIDATION).metric == "policy_value"
    assert compare(bad, good, few).metric == "log_loss"


def test_without_randomised_rows_the_paired_log_loss_decides(good, bad):
    observational = VALIDATION.assign(propensity=np.nan)
    comparison = compare(good, bad, observational)
    assert comparison.metric == "log_loss"
    assert comparison.may_replace
    assert policy_value(good, observational) is None


def test_without_a_row_to_judge_on_the_champion_stays(good, bad):
    assert not compare(good, bad, VALIDATION.head(0)).may_replace


def test_policy_value_interval_holds_the_true_value_of_contacting_by_the_model(good):
    fresh = training_frame(20_000, seed=2)
    estimate = policy_value(good, fresh)
    scores = good.score(fresh, OPTIONS)
    margin = np.where(fresh["country"] == "DE", 60.0, 20.0)
    best = np.column_stack([scores.baseline, scores.propensity]).argmax(axis=1)
    chance = np.column_stack([WORLD.alone(fresh), *(WORLD.contacted(fresh, option) for option in OPTIONS)])
    truth = (chance[np.arange(len(fresh)), best] * margin).mean()
    assert estimate.low <= truth <= estimate.high


def test_costs_are_taken_off_the_policy_value(good):
    fresh = training_frame(5_000, seed=3)
    assert policy_value(good, fresh, dict.fromkeys(OPTIONS, 2.0)).value < policy_value(good, fresh).value


def test_report_has_every_head_and_only_finite_figures(good):
    report = evaluate(good, VALIDATION)
    wanted = {"auc", "log_loss", "calibration_error", "baseline.auc", "email.auc", "email.qini", "email.uplift_at_30",
              "voice.promised_uplift", "voice.observed_uplift", "amount.absolute_error",
              "policy_value_low"}  # fmt: skip
    assert wanted <= set(report.metrics)
    assert all(np.isfinite(value) for value in report.metrics.values())
    assert report.metrics["calibration_error"] < 0.05
    assert next(iter(report.importance)) in {"tenure_days", "web_visit_30d_count"}
    assert sum(report.importance.values()) == pytest.approx(1)


def test_report_of_a_cold_start_says_what_it_can(good):
    cold = ResponseModel.cold_start(OPTIONS, conversion_rate=0.1, margin=30.0, uplift={}, threads=1)
    report = evaluate(cold, VALIDATION)
    assert report.metrics["auc"] == pytest.approx(0.5)
    assert report.importance == {}
