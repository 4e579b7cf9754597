"""No path of a decision contacts a holdout for its objective: manual and random arms, the system's draw, a re-optimization."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.configuration import Configuration
from ml.configuration.objective import ArmShares
from ml.decision import decide
from ml.entities import ARMS
from ml.policy.arms import assign_arms
from ml.policy.standing import standing
from tests.unit.ml.known_people import MOMENT, configuration_of, known_people, room_for

PEOPLE = 400
HOLDOUT = ARMS.index("holdout")


def stated(shares: ArmShares, contacts: int, random_share: float) -> Configuration:
    found = configuration_of(0.03)
    exploration = found.policy.exploration.model_copy(update={"random_contact_share": random_share})
    policy = found.policy.model_copy(update={"max_contacts_per_cycle": contacts, "exploration": exploration})
    objectives = [each.model_copy(update={"arms": shares}) for each in found.objectives]
    return replace(found, policy=policy, objectives=objectives)


def held_out(configuration: Configuration, ids: np.ndarray, salt: str) -> set[tuple[str, str]]:
    return {
        (str(person), each.id)
        for each in configuration.objectives
        for person in ids[assign_arms(ids, each.id, each.arms, salt) == HOLDOUT]
    }


def contacts_of(decisions: pd.DataFrame) -> pd.DataFrame:
    return decisions[decisions["channel"] != "none"]


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    salt=st.text("abc", min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    contacts=st.integers(1, 3),
    random_share=st.sampled_from([0.1, 1.0]),
    shares=st.sampled_from([(0.05, 0.05, 0.02), (0.3, 0.3, 0.3), (0.9, 0.05, 0.05)]),
)
def test_nobody_is_contacted_for_an_objective_that_they_are_held_out_of(salt, seed, contacts, random_share, shares):
    holdout, manual, random = shares
    configuration = stated(ArmShares(holdout=holdout, manual=manual, random=random), contacts, random_share)
    known, moment = known_people(PEOPLE, configuration, seed), replace(MOMENT, seed=seed, salt=salt)
    held = held_out(configuration, known.customers["customer_id"].to_numpy(dtype=object), salt)
    morning = decide(moment, known, configuration, room_for(PEOPLE, configuration), threads=1).plan.decisions
    made = contacts_of(morning)
    assert len(made)
    assert not held & set(zip(made["customer_id"], made["objective_id"], strict=True))
    stands = standing([morning], made)
    # A message to a holdout that stands for whatever reason isn't kept either.
    strays = [
        {"customer_id": person, "objective_id": name, "channel": "email", "offer_id": "none", "given_up": 9.0}
        for person, name in sorted(held)[:50]
    ]
    keeps = pd.concat([stands, pd.DataFrame(strays)], ignore_index=True)
    keeps = keeps.drop_duplicates(["customer_id", "objective_id", "channel"])
    later = replace(moment, cycle_id="2026-01-05.2")
    anew = decide(
        later, known, configuration, room_for(PEOPLE, configuration), threads=1, keeps=keeps, keep_bonus=5.0
    ).plan.decisions
    again = contacts_of(anew)
    assert not held & set(zip(again["customer_id"], again["objective_id"], strict=True))
