from math import log

import pytest

from ml.configuration.policy import AutonomyTest
from ml.learning.advantage import Advantage
from ml.policy.earning import Conduct, breach, judge

TEST = AutonomyTest()
ENOUGH = -log(TEST.alpha)


def _shown(better=0.0, worse=0.0):
    return Advantage(better, worse, 20, 4000, 250, 4000, 200)


@pytest.mark.parametrize(("level", "to"), [("assisted", "supervised"), ("supervised", "autonomous")])
def test_a_shown_advantage_proposes_the_next_level(level, to):
    judged = judge(level, _shown(better=ENOUGH), Conduct(20, 1), TEST)
    assert (judged.move, judged.level) == ("proposed", to)
    assert "250 of 4,000" in judged.words
    assert "20 to 1 is needed" in judged.words


@pytest.mark.parametrize(
    ("level", "better", "crossed"),
    [("autonomous", ENOUGH, 0), ("supervised", ENOUGH - 0.01, 0), ("supervised", ENOUGH, 2)],
)
def test_nothing_moves_at_the_top_before_the_evidence_or_with_too_many_crossings(level, better, crossed):
    judged = judge(level, _shown(better=better), Conduct(20, crossed), TEST)
    assert (judged.move, judged.level) == ("stays", level)


@pytest.mark.parametrize(("level", "to"), [("autonomous", "supervised"), ("supervised", "assisted")])
def test_a_lost_advantage_lowers_by_one(level, to):
    judged = judge(level, _shown(worse=ENOUGH), Conduct(20, 0), TEST)
    assert (judged.move, judged.level) == ("lowered", to)


def test_below_assisted_there_is_nothing():
    assert judge("assisted", _shown(worse=ENOUGH), Conduct(), TEST).move == "stays"


def test_releasing_across_a_guardrail_lowers_an_autonomous_objective():
    judged = breach("autonomous", ["data_age_hours"], ["data_age_hours"])
    assert judged is not None
    assert (judged.move, judged.level) == ("lowered", "supervised")
    assert "data_age_hours" in judged.words


@pytest.mark.parametrize(
    ("level", "released", "proposed", "is_lowered"),
    [
        ("supervised", [], ["spend_change_per_day"], False),  # held back for a person, as it should be
        ("supervised", [], ["lift_loss"], True),
        ("assisted", [], ["lift_loss"], False),
        ("autonomous", [], ["spend_change_per_day"], False),  # a channel of its own level held it back
        ("autonomous", [], [], False),
    ],
)
def test_only_what_went_out_or_did_harm_is_a_breach(level, released, proposed, is_lowered):
    assert (breach(level, released, proposed) is not None) is is_lowered
