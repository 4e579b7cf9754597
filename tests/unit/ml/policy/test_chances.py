"""Probabilities of what is released are those of redraws of the plan with the same part withheld."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.entities import CHANNELS
from ml.policy.chances import Chances, released_propensity
from ml.policy.randomized import randomized_choices
from tests.unit.ml.policy.conftest import DAY

IDS, OBJECTIVES = np.array(["a", "b", "c"], dtype=object), ("win", "grow")
EMAIL, SMS, VOICE = (CHANNELS.index(name) for name in ("email", "sms", "voice"))


def chances(**system: dict[tuple[int, int], float]) -> Chances:
    found = Chances(np.zeros((3, 2, 8)), np.zeros((3, 2, 8)))
    for person, parts in system.items():
        for (objective, channel), chance in parts.items():
            found.system["abc".index(person), objective, channel] = chance
    return found


def withheld_of(*parts: tuple[int, int]) -> np.ndarray:
    found = np.zeros((2, 8), dtype=bool)
    for part in parts:
        found[part] = True
    return found


def test_the_chance_of_nothing_grows_by_the_withheld_contacts():
    made = chances(a={(0, EMAIL): 0.3, (1, VOICE): 0.5}, b={(0, SMS): 1.0})
    assert made.nothing(withheld_of()) == pytest.approx([0.2, 0.0, 1.0])
    assert made.nothing(withheld_of((1, VOICE))) == pytest.approx([0.7, 0.0, 1.0])
    assert made.nothing(withheld_of((0, SMS), (0, EMAIL))) == pytest.approx([0.5, 1.0, 1.0])


def test_a_randomized_contact_comes_before_the_systems():
    made = chances(a={(0, EMAIL): 0.5})
    made.randomized[0, 1, SMS] = 0.2
    assert made.nothing(withheld_of())[0] == pytest.approx(0.8 * 0.5)
    assert made.nothing(withheld_of((1, SMS)))[0] == pytest.approx(0.2 + 0.8 * 0.5)
    assert made.nothing(withheld_of((0, EMAIL)))[0] == pytest.approx(0.8)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.35, 0.5, 0.8, 1.0]), min_size=8, max_size=8), st.integers(0, 255))
def test_with_several_contacts_it_is_the_share_of_systematic_draws_without_a_released_one(lengths, mask):
    is_withheld = np.array([bool(mask >> c & 1) for c in range(8)])
    made = chances(a={(0, c): length for c, length in enumerate(lengths)})
    ends = np.cumsum(lengths)
    offsets = (np.arange(20_000) + 0.5) / 20_000
    points = offsets[:, None] + np.arange(9)
    hit = np.zeros(len(offsets), dtype=bool)
    for c in np.flatnonzero(~is_withheld):
        hit |= ((points >= ends[c] - lengths[c]) & (points < ends[c])).any(axis=1)
    grid = np.vstack([is_withheld, np.zeros(8, dtype=bool)])
    assert made.nothing(grid)[0] == pytest.approx(1 - hit.mean(), abs=2e-3)


def test_propensities_of_what_is_released_are_read_from_what_was_kept():
    made = chances(a={(0, EMAIL): 0.3, (1, VOICE): 0.5}, b={(1, VOICE): 0.9})
    decisions = pd.DataFrame(
        [("a", "win", "email", 0.3 * 0.25), ("b", "grow", "voice", 0.9), ("c", "win", "none", 1.0)],
        columns=["customer_id", "objective_id", "channel", "logging_propensity"],
        index=[5, 7, 9],
    )
    kept = made.frame(IDS, OBJECTIVES)
    found = released_propensity(decisions, kept, {("grow", "voice")})
    assert found.to_dict() == pytest.approx({5: 0.075, 7: 1.0, 9: 1.0})
    assert released_propensity(decisions, kept, ()).to_dict() == pytest.approx({5: 0.075, 7: 0.9, 9: 1.0})
    found = released_propensity(decisions, kept, {("win", "email")})
    assert found.to_dict() == pytest.approx({5: 0.5, 7: 0.9, 9: 1.0})


def test_a_withheld_contact_beside_a_released_one_leaves_nothing_to_log():
    made = chances(a={(0, EMAIL): 1.0, (1, VOICE): 0.5})
    decisions = pd.DataFrame(
        [("a", "win", "email", 1.0), ("a", "grow", "voice", 0.5)],
        columns=["customer_id", "objective_id", "channel", "logging_propensity"],
    )
    found = released_propensity(decisions, made.frame(IDS, OBJECTIVES), {("grow", "voice")})
    assert found[0] == 1.0
    assert np.isnan(found[1])


def test_the_randomized_arms_chances_are_those_of_their_contacts(small_world):
    market = small_world
    arms = randomized_choices(
        market.table, market.customers, market.objectives, market.actions, random_contact_share=0.5, horizon_days=14, cycle_on=DAY, seed=3
    )  # fmt: skip
    assert np.allclose(arms.chance.sum(axis=(1, 2)) + arms.left_alone, 1)
    made = arms.choices
    by_contact = arms.chance[made.person, made.objective, market.table.channel[made.option]]
    assert (by_contact >= made.probability - 1e-12).all()
