import numpy as np
import pytest

from ml.evaluation.uplift import qini, qini_curve, uplift_at, uplift_by_group


def test_curve_counts_conversions_above_those_of_as_many_others():
    curve = qini_curve(np.array([0.4, 0.3, 0.2, 0.1]), np.array([1, 0, 1, 0]), np.array([1, 1, 1, 0]))
    np.testing.assert_allclose(curve.people, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(curve.gain, [0, 1, 0, 0, 1])


def test_people_of_equal_uplift_enter_together():
    curve = qini_curve(np.zeros(4), np.array([1, 0, 1, 0]), np.array([1, 1, 1, 0]))
    np.testing.assert_allclose(curve.people, [0, 4])
    assert qini(np.zeros(4), np.array([1, 0, 1, 0]), np.array([1, 1, 1, 0])) == pytest.approx(0)


def test_best_order_has_one_and_its_reverse_is_negative():
    rng = np.random.default_rng(1)
    contacted, converted = rng.integers(0, 2, 2_000), rng.integers(0, 2, 2_000)
    best = converted * (2 * contacted - 1)
    assert qini(best, contacted, converted) == pytest.approx(1)
    assert qini(-best, contacted, converted) < 0


def test_random_order_is_near_zero():
    rng = np.random.default_rng(2)
    contacted = rng.integers(0, 2, 50_000)
    converted = rng.random(50_000) < 0.1 + 0.05 * contacted
    assert qini(rng.random(50_000), contacted, converted) == pytest.approx(0, abs=0.03)


def test_uplift_among_the_first_is_the_planted_one():
    rng = np.random.default_rng(3)
    score, contacted = rng.random(100_000), rng.integers(0, 2, 100_000)
    converted = rng.random(100_000) < 0.1 + 0.2 * contacted * (score > 0.7)
    assert uplift_at(0.3, score, contacted, converted) == pytest.approx(0.2, abs=0.01)
    groups = uplift_by_group(score, contacted, converted)
    assert len(groups) == 10
    assert groups[-1].low < 0.2 < groups[-1].high
    assert groups[0].low < 0.0 < groups[0].high


def test_one_sided_groups_have_no_figure():
    everyone = np.ones(10)
    assert np.isnan(qini(np.arange(10), everyone, everyone))
    assert np.isnan(uplift_at(0.5, np.arange(10), everyone, everyone))
    assert uplift_by_group(np.arange(10), everyone, everyone) == []
