"""Which learner is used where money tells nothing apart."""

from types import SimpleNamespace

import numpy as np
import pytest

from ml.evaluation.policy_value import Estimate
from ml.response.candidates import Candidate, Judged, choose
from ml.response.person_factor import FACTOR
from ml.response.personal import CONSTANT
from ml.response.personal_fit import Slope

NOTHING = Estimate(0.0, 0.0, 0.0, 3)


def test_a_learner_that_contacts_others_is_not_used_for_it_alone_beside_one_that_the_evidence_proves():
    names = (CONSTANT, FACTOR, "s_trees")
    judged = [
        Judged(Candidate(name, Slope(0.0, 0.0), NOTHING, NOTHING, 0.0), np.full(3, float(name == "s_trees")), 0.0)
        for name in names
    ]
    found = choose(SimpleNamespace(difference=lambda _one, _other: NOTHING), judged, {FACTOR: 2.0})
    assert [one.name for one in found if one.is_chosen] == [FACTOR]


@pytest.mark.parametrize(("evidence", "used"), [(2.0, FACTOR), (-5.0, CONSTANT)])
def test_where_nobody_is_worth_a_contact_the_evidence_decides(evidence, used):
    judged = [
        Judged(Candidate(name, Slope(0.0, 0.0), NOTHING, NOTHING, 0.0), np.zeros(3), 0.0) for name in (CONSTANT, FACTOR)
    ]
    judge = SimpleNamespace(difference=lambda _one, _other: NOTHING)
    found = choose(judge, judged, {FACTOR: evidence})
    assert [one.name for one in found if one.is_chosen] == [used]


@pytest.mark.parametrize(
    ("evidence", "likelihood", "used"), [(2.0, -104.0, FACTOR), (2.0, -103.0, "dr_trees"), (-5.0, -120.0, "dr_trees")]
)
def test_a_richer_policy_is_used_beside_what_the_evidence_proves_only_where_held_out_contacts_support_it_as_much(
    evidence, likelihood, used
):
    rich = Estimate(1.0, 0.9, 1.1, 3)
    judged = [
        Judged(Candidate(CONSTANT, Slope(0.0, 0.0), NOTHING, NOTHING, 0.0), np.zeros(3), -105.0),
        Judged(Candidate(FACTOR, Slope(1.0, 0.1), NOTHING, NOTHING, 0.0), np.ones(3), -100.0),
        Judged(Candidate("dr_trees", Slope(1.0, 0.1), rich, NOTHING, 0.0), np.full(3, 2.0), likelihood),
    ]
    found = choose(SimpleNamespace(difference=lambda _one, _other: rich), judged, {FACTOR: evidence})
    assert [one.name for one in found if one.is_chosen] == [used]
    assert found[1].explained == pytest.approx(5.0)
