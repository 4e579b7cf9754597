import numpy as np
import pytest
from sklearn.metrics import log_loss as reference_log_loss
from sklearn.metrics import roc_auc_score

from ml.evaluation.classification import auc, calibration_error, calibration_table, log_loss


def test_auc_and_log_loss_equal_the_reference_implementation():
    rng = np.random.default_rng(1)
    probability = np.round(rng.random(1_000), 2)  # with ties
    target, weight = rng.random(1_000) < probability, rng.random(1_000)
    assert auc(probability, target) == pytest.approx(roc_auc_score(target, probability))
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    assert log_loss(probability, target, weight) == pytest.approx(
        reference_log_loss(target, clipped, sample_weight=weight)
    )


def test_calibration_error_is_the_planted_one():
    rng = np.random.default_rng(2)
    probability = rng.random(200_000) * 0.5
    target = rng.random(200_000) < probability + 0.1
    assert calibration_error(probability, target) == pytest.approx(0.1, abs=0.01)
    assert calibration_error(probability + 0.1, target) < 0.01


def test_table_has_intervals_that_hold_the_truth():
    rng = np.random.default_rng(3)
    probability = np.full(20_000, 0.2)
    table = calibration_table(probability, rng.random(20_000) < 0.2)
    assert sum(group.low <= 0.2 <= group.high for group in table) >= 8


def test_a_figure_that_cannot_be_had_is_nan():
    assert np.isnan(auc(np.ones(3), np.ones(3)))
    assert np.isnan(log_loss(np.ones(0), np.ones(0)))
    assert np.isnan(calibration_error(np.ones(0), np.ones(0)))
