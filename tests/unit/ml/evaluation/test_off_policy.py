import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.off_policy import (
    LEAST_REWARDED,
    Log,
    cross_fitted,
    difference,
    evaluate,
    mean_of_few,
    pooled_means,
    support,
)

RATE = np.array([0.01, 0.02, 0.05])
POLICY = np.array([0.1, 0.2, 0.7])
TRUTH = float(POLICY @ RATE)


def _log(n, seed, propensity=(0.5, 0.3, 0.2), rate=RATE):
    rng = np.random.default_rng(seed)
    chance = np.broadcast_to(propensity, (n, 3))
    action = rng.choice(3, n, p=propensity)
    return Log(action, chance[0][action], (rng.random(n) < rate[action]).astype(float)), np.broadcast_to(POLICY, (n, 3))


@pytest.mark.parametrize("estimator", ["ips", "snips", "dr"])
def test_every_estimator_comes_to_the_truth(estimator):
    logged, policy = _log(200_000, 1)
    wrong_model = np.full((200_000, 3), 0.03)
    found = evaluate(logged, policy, wrong_model)[estimator]
    assert found.low <= TRUTH <= found.high
    assert found.value == pytest.approx(TRUTH, rel=0.06)


def test_rare_rewards_still_leave_the_truth_inside_in_nearly_95_of_100_logs():
    held, widths = [], []
    for seed in range(1500):
        logged, policy = _log(600, seed)
        found = evaluate(logged, policy)["ips"]
        held.append((found.low > TRUTH, found.high < TRUTH))
        widths.append(found.high - found.low)
    above, below = np.mean(held, axis=0)
    assert above + below <= 0.07
    assert below <= 0.055  # a symmetric interval lies below it in 7 of 100


def test_the_direct_method_shows_no_interval_since_its_error_is_the_models():
    logged, policy = _log(1000, 2)
    assert evaluate(logged, policy, np.full((1000, 3), 0.03))["dm"].interval == "none"


def test_few_rewards_give_a_bound_that_holds_whatever_their_law():
    reward = np.zeros(200)
    reward[:2] = 1.0
    logged = Log(np.zeros(200, dtype=np.int64), np.full(200, 0.5), reward)
    found = evaluate(logged, np.ones((200, 1)))["ips"]
    assert found.interval == "bernstein"
    assert found.high - found.value > 0.05
    assert found.value == pytest.approx(0.02)


def test_clipping_and_the_effective_sample_are_stated():
    logged = Log(np.array([0, 0, 0, 1]), np.array([0.001, 0.5, 0.5, 0.5]), np.ones(4))
    found = evaluate(logged, np.tile([1.0, 0.0], (4, 1)), weight_limit=10)["ips"]
    assert found.clipped_share == 0.25
    assert found.effective_rows == pytest.approx((10 + 2 + 2) ** 2 / (100 + 4 + 4))
    assert found.weight_limit == 10


def test_a_difference_on_the_same_rows_is_far_narrower_than_the_values():
    logged, policy = _log(50_000, 3)
    other = np.broadcast_to([0.12, 0.2, 0.68], (50_000, 3))
    expected = np.broadcast_to(RATE, (50_000, 3))
    gain, value = difference(logged, policy, other, expected), evaluate(logged, policy, expected)["dr"]
    assert gain.low <= float((POLICY - other[0]) @ RATE) <= gain.high
    assert gain.high - gain.low < 0.1 * (value.high - value.low)


def test_a_policy_against_itself_differs_by_nothing():
    logged, policy = _log(500, 4)
    assert difference(logged, policy, policy, np.zeros((500, 3))).value == 0.0


def test_what_the_log_could_not_show_is_no_support():
    logging = np.array([[0.5, 0.5, 0.0], [0.9995, 0.0005, 0.0]])
    assert support(np.array([[0.2, 0.3, 0.5], [0.4, 0.6, 0.0]]), logging) == pytest.approx([0.5, 0.4])


def test_a_row_drawn_with_no_known_probability_is_refused():
    with pytest.raises(ValueError, match="row 1: its propensity is 0"):
        Log(np.zeros(2, dtype=np.int64), np.array([0.5, 0.0]), np.zeros(2))


def test_no_model_sees_its_own_rows_nor_others_of_its_people():
    person = np.repeat(np.arange(40), 3)

    def fit(rows):
        seen = set(person[rows])
        return lambda others: np.array([[float(one in seen)] for one in person[others]])

    assert cross_fitted(fit, 120, person=person).sum() == 0


@given(st.integers(0, 10_000))
def test_rows_of_one_person_weigh_as_the_person(seed):
    rng = np.random.default_rng(seed)
    terms = rng.exponential(size=60)
    alone = mean_of_few(terms, terms)
    twice = mean_of_few(np.repeat(terms, 2), np.repeat(terms, 2), np.repeat(np.arange(60), 2))
    assert twice[:3] == pytest.approx(alone[:3])
    assert alone[3] == "hall"
    assert LEAST_REWARDED < 60


def test_cells_that_differ_by_chance_alone_are_their_strata():
    rng = np.random.default_rng(5)
    stratum, action = rng.integers(0, 2, 5000), rng.integers(0, 50, 5000)
    same = pooled_means(stratum, action, (rng.random(5000) < 0.1).astype(float), (2, 50))
    assert np.abs(same - 0.1).max() < 0.04
    differs = pooled_means(stratum, action, (rng.random(5000) < 0.02 * (action % 25)).astype(float), (2, 50))
    assert differs[:, 24].min() > 0.3
    assert differs[:, 0].max() < 0.06
