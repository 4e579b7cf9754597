import numpy as np
import pytest

from ml.evaluation.policy_value import (
    WEIGHT_LIMIT,
    LoggedRows,
    doubly_robust,
    inverse_propensity,
    mean_with_interval,
    self_normalized,
)

TRUTH = 1.5  # reward is 1 + 0.5 x (action 1), and the policy takes action 1


def logged(n: int, seed: int) -> tuple[LoggedRows, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.uniform(0.1, 0.9, n)
    action = (rng.random(n) < chance).astype(int)
    reward = 1 + 0.5 * action + rng.normal(size=n)
    rows = LoggedRows(reward, np.where(action == 1, chance, 1 - chance), (action == 1).astype(float), np.ones(n))
    return rows, action


@pytest.mark.parametrize("estimator", ["inverse", "normalized", "robust"])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent_of_logs(estimator):
    held = []
    for seed in range(600):
        rows, action = logged(500, seed)
        if estimator == "robust":
            estimate = doubly_robust(rows, 0.8 + 0.9 * action, np.full(500, 1.7))  # a wrong reward model
        else:
            estimate = {"inverse": inverse_propensity, "normalized": self_normalized}[estimator](rows)
        held.append(estimate.low <= TRUTH <= estimate.high)
    assert 0.925 <= np.mean(held) <= 0.975


def test_right_reward_model_narrows_the_interval():
    rows, action = logged(5_000, 1)
    robust, plain = doubly_robust(rows, 1 + 0.5 * action, np.full(5_000, 1.5)), inverse_propensity(rows)
    assert robust.high - robust.low < 0.8 * (plain.high - plain.low)


def test_clipping_is_reported():
    rows = LoggedRows(np.ones(2), np.array([0.5, 1e-6]), np.ones(2), np.ones(2))
    assert rows.weight.max() == WEIGHT_LIMIT
    assert inverse_propensity(rows).clipped_share == 0.5


def test_rows_of_one_person_count_as_one():
    rng = np.random.default_rng(4)
    person = np.repeat(np.arange(200), 10)
    terms = rng.normal(size=200)[person]
    alone = mean_with_interval(terms, np.ones(2_000))
    grouped = mean_with_interval(terms, np.ones(2_000), person)
    assert grouped.high - grouped.low == pytest.approx((alone.high - alone.low) * np.sqrt(10), rel=0.02)


def test_no_row_gives_nan_and_one_row_no_interval():
    assert np.isnan(mean_with_interval(np.ones(0), np.ones(0)).value)
    assert np.isinf(mean_with_interval(np.ones(1), np.ones(1)).high)
