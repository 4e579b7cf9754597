"""The arms have the shares that they were drawn with, or their lifts are withheld."""

import numpy as np

from ml.configuration.objective import ArmShares
from ml.entities import ARMS
from ml.learning.sample_ratio import LEAST, sample_ratio
from ml.policy.arms import assign_arms, assignment_frame

SHARES = ArmShares(holdout=0.05, manual=0.05, random=0.02)
IDS = np.array([f"c{i}" for i in range(20_000)], dtype=object)


def test_arms_as_drawn_are_even_and_lost_people_of_one_arm_are_seen():
    arm = assign_arms(IDS, "a", SHARES, "salt")
    assert not sample_ratio("a", arm, SHARES).is_uneven
    lost = arm[(arm != ARMS.index("holdout")) | (np.arange(len(arm)) % 5 > 0)]
    found = sample_ratio("a", lost, SHARES)
    assert found.is_uneven
    assert found.p_value < LEAST
    assert found.words.startswith("withheld: the arms don't have their shares, holdout ")


def test_everybody_in_an_audience_is_assigned_whatever_is_decided_for_them():
    arm = np.array([[0, 3], [3, -1], [-1, -1]], dtype=np.int8)
    frame = assignment_frame(["x", "y", "z"], ["one", "two"], arm, np.array(["new", "old", "old"]))
    assert frame.to_numpy().tolist() == [
        ["x", "one", "holdout", "new"],
        ["x", "two", "system", "new"],
        ["y", "one", "system", "old"],
    ]
