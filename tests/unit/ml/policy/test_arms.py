import numpy as np
import pytest
from scipy import stats

from ml.configuration.objective import ArmShares
from ml.entities import ARMS
from ml.policy.arms import assign_arms, sample_ratio_p_value
from ml.policy.hashing import digests, hex_ids, uniforms

IDS = np.array([f"c{i}" for i in range(50_000)], dtype=object)
SHARES = ArmShares(holdout=0.05, manual=0.05, random=0.02)


def test_shares_are_balanced_and_the_sample_ratio_is_checked():
    arms = assign_arms(IDS, "reactivate", SHARES, "salt")
    assert sample_ratio_p_value(arms, SHARES) > 0.001
    lost = arms[(arms != ARMS.index("holdout")) | (np.arange(len(arms)) % 10 > 0)]
    assert sample_ratio_p_value(lost, SHARES) < 0.001


def test_a_customer_keeps_the_arm_whoever_else_is_there():
    arms = assign_arms(IDS, "reactivate", SHARES, "salt")
    some = np.random.default_rng(1).permutation(len(IDS))[:500]
    assert (assign_arms(IDS[some], "reactivate", SHARES, "salt") == arms[some]).all()


def test_objectives_and_salts_are_randomized_independently():
    even = ArmShares(holdout=0.25, manual=0.25, random=0.25)
    one, other, salted = (assign_arms(IDS, o, even, s) for o, s in (("a", "s"), ("b", "s"), ("a", "t")))
    for second in (other, salted):
        table = np.histogram2d(one, second, bins=4)[0]
        assert stats.chi2_contingency(table).pvalue > 0.001


def test_an_arm_without_a_share_is_empty():
    arms = assign_arms(IDS[:2000], "a", ArmShares(holdout=0.0, manual=0.0, random=1.0), "s")
    assert set(arms) == {ARMS.index("random")}
    assert sample_ratio_p_value(arms, ArmShares(holdout=0.0, manual=0.0, random=1.0)) == 1.0


@pytest.mark.parametrize("stream", ["creative", "slot"])
def test_draws_are_uniform_and_do_not_depend_on_order(stream):
    digest = digests("decision", IDS)
    draw = uniforms(digest, 7, stream)
    assert stats.kstest(draw, "uniform").pvalue > 0.001
    assert (uniforms(digest[::-1], 7, stream)[::-1] == draw).all()
    other = uniforms(digest, 8, stream)
    assert abs(np.corrcoef(draw, other)[0, 1]) < 0.02


def test_ids_are_stable_and_distinct():
    ids = hex_ids(digests("decision", ["a", "b"], ["c", "d"]), "d-")
    assert ids.tolist() == hex_ids(digests("decision", ["a", "b"], ["c", "d"]), "d-").tolist()
    assert len(set(hex_ids(digests("decision", IDS), "d-"))) == len(IDS)
    assert hex_ids(digests("x", ["a"], ["bc"]), "")[0] != hex_ids(digests("x", ["ab"], ["c"]), "")[0]


def test_arms_are_the_same_for_good():
    """Literal values: whoever changes the hash moves customers between arms, and no lift is comparable any more."""
    assert assign_arms(IDS[:12], "a", ArmShares(holdout=0.25, manual=0.25, random=0.25), "s").tolist() == [
        2,
        1,
        3,
        2,
        3,
        0,
        0,
        1,
        2,
        2,
        0,
        1,
    ]
