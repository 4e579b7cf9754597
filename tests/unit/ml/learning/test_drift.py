import numpy as np
import pandas as pd
import pytest

from ml.learning.drift import shift_of, shifts_of


def _sample(seed: int, mean: float = 0.0, n: int = 5000) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(mean, 1, n))


def test_two_samples_of_one_law_have_not_shifted():
    found = shift_of("feature", "x", _sample(1), _sample(2))
    assert found.verdict == "none"
    assert found.psi < 0.02
    assert found.p_value > 0.001


def test_a_shift_by_a_standard_deviation_is_large():
    found = shift_of("score", "x", _sample(1), _sample(2, mean=1.0))
    assert found.verdict == "large"
    assert found.ks == pytest.approx(0.383, abs=0.03)  # 2 Phi(1/2) - 1
    assert found.p_value < 1e-6


def test_values_that_went_missing_are_a_shift():
    now = _sample(2)
    now[:2500] = np.nan
    assert shift_of("feature", "x", _sample(1), now).verdict == "large"


def test_a_new_level_of_a_text_is_a_shift():
    before, now = pd.Series(["a"] * 50 + ["b"] * 50), pd.Series(["a"] * 50 + ["c"] * 50)
    assert shift_of("feature", "x", before, now).verdict == "large"
    assert shift_of("feature", "x", before, before).psi == 0
    assert shift_of("feature", "x", before, now).ks is None


def test_the_largest_shift_comes_first_and_absent_columns_are_left_out():
    before = pd.DataFrame({"still": _sample(1), "moved": _sample(1), "gone": _sample(1)})
    now = pd.DataFrame({"still": _sample(2), "moved": _sample(2, mean=2.0)})
    assert [one.name for one in shifts_of("feature", before, now, before)] == ["moved", "still"]


def test_nothing_to_compare_with_is_no_shift():
    assert shift_of("outcome", "x", _sample(1, n=0), _sample(2)) is None
