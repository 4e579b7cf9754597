"""What a channel's contact causes: an interval for all looks, and words for what is missing."""

import numpy as np
import pytest

from ml.learning.contrasts import Side, Sums, effects_of


def side(people: int, buyers: int) -> Side:
    """People with one decision of certain weight each."""
    return Side(people, buyers, float(people), float(buyers), float(people), float(buyers), float(buyers))


def test_the_interval_for_all_looks_is_around_the_one_for_a_single_look():
    (found,) = effects_of({"email": Sums(side(20_000, 600), side(20_000, 400))})
    low, high = found.always_valid
    assert low < found.interval[0] < 0.01 < found.interval[1] < high
    assert found.words == f"+1.00% ({low:+.2%} to {high:+.2%})"
    (nothing,) = effects_of({"email": Sums(side(2000, 60), side(2000, 58))})
    assert nothing.words.endswith("; it may be nothing")


def test_too_early_says_what_is_missing_on_which_side():
    (found,) = effects_of({"voice": Sums(side(60, 5), side(9000, 180))})
    assert found.always_valid is None
    assert found.words == "too early: it takes 40 more people and 15 more buyers contacted"


@pytest.mark.parametrize("effect", [0.0, 0.01])
def test_the_interval_holds_the_effect_at_all_looks_together(effect):
    """300 runs of 26 blocks; at most 5 % may miss at any look (with three standard errors: 8.8 %)."""
    rng, missed = np.random.default_rng(9), 0
    for _ in range(300):
        total, people = Sums(), 1500
        is_missed = False
        for _ in range(26):
            contacted, alone = rng.binomial(people, [0.03 + effect, 0.03])
            total += Sums(side(people, int(contacted)), side(people, int(alone)))
            (found,) = effects_of({"email": total})
            low, high = found.always_valid
            is_missed |= not low <= effect <= high
        missed += is_missed
    assert missed / 300 <= 0.088
