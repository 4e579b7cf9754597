"""Which learner is used where money tells nothing apart."""

from types import SimpleNamespace

import numpy as np
import pytest

from ml.evaluation.policy_value import Estimate
from ml.response.candidates import Candidate, Judge, Judged, choose
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
    ("evidence", "of_factor", "of_trees", "used"),
    [
        (2.0, -100.0, -101.0, FACTOR),
        (2.0, -100.0, -99.0, "dr_trees"),
        (-1.0, -110.0, -107.0, FACTOR),  # better than the factor, and worse than no difference at all
        (-5.0, -100.0, -120.0, "dr_trees"),
    ],
)
def test_a_richer_policy_is_used_beside_what_the_evidence_proves_only_where_it_explains_held_out_contacts_as_well(
    evidence, of_factor, of_trees, used
):
    rich = Estimate(1.0, 0.9, 1.1, 3)
    judged = [
        Judged(Candidate(CONSTANT, Slope(0.0, 0.0), NOTHING, NOTHING, 0.0), np.zeros(3), -105.0),
        Judged(Candidate(FACTOR, Slope(1.0, 0.1), NOTHING, NOTHING, 0.0), np.ones(3), of_factor),
        Judged(Candidate("dr_trees", Slope(1.0, 0.1), rich, NOTHING, 0.0), np.full(3, 2.0), of_trees),
    ]
    found = choose(SimpleNamespace(difference=lambda _one, _other: rich), judged, {FACTOR: evidence})
    assert [one.name for one in found if one.is_chosen] == [used]
    assert found[1].explained == pytest.approx(of_factor + 105.0)


def test_differences_are_held_against_counts_at_the_levels_that_all_people_say_of_each_option_and_half():
    """Three contacts of one option in the first fold, then one of another, which nobody expected and hardly anybody told."""
    judge = SimpleNamespace(
        contrast=SimpleNamespace(
            contact=np.arange(4),
            share=np.array([1.0, 0.5, 1.0, 1.0]),
            told=np.array([1.0, 1.0, 0.5, 1.0]),
            counted=np.array([1.0, 0.0, 0.0, 1.0]),
            base_rate=0.05,
        ),
        anyway=np.array([0.02, 0.04, 0.02, 0.0]),
        usual_of_own=np.array([0.01, 0.01, 0.04, 0.0]),
    )
    effects = np.array([[0.06, 9.0], [0.03, 9.0], [0.03, 9.0], [9.0, 0.0]])
    for is_whole, said in ((True, [0.03, 0.015, 0.015, 0.0]), (False, [0.04, 0.01, 0.01, 0.0])):
        held = SimpleNamespace(
            rows=np.arange(4), option=np.array([0, 0, 0, 1]), fold=np.zeros(4, int), is_whole=(is_whole, is_whole)
        )
        mean = [0.02 + said[0], 0.5 * 0.04 + said[1], 0.02 + 0.5 * said[2], 0.02 * 0.05]
        expected = np.log(mean[0]) + np.log(mean[3]) - sum(mean)
        assert Judge._likelihood(judge, held, effects) == pytest.approx(expected)
