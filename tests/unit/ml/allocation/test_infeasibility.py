"""Where no plan exists, the operator reads which limits conflict and what would resolve it."""

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactVolume,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import Option

COLUMNS = Columns.of(
    [("win", Option("email", "none"), 0.01), ("win", Option("voice", "none"), 2.0), ("win", Option("sms", "none"), 0.1)]
)


def problem(*terms: Term, people: int = 200, eligible: float = 1.0) -> Problem:
    rng = np.random.default_rng(0)
    shape = (people, len(COLUMNS))
    value, quantity = rng.lognormal(0, 1, shape).astype(np.float32), np.full(shape, 0.1, dtype=np.float32)
    return Problem(Candidates.from_dense(value, rng.random(shape) < eligible, quantity), COLUMNS, terms)


def refusal(built: Problem) -> Infeasible:
    with pytest.raises(Infeasible) as caught:
        solve(built)
    return caught.value


def test_a_budget_too_small_for_a_minimum_is_named_with_both_ways_out():
    error = refusal(problem(TotalBudget(30), ContactVolume(channel="voice", minimum=20), ChannelCapacity("email", 100)))
    assert set(error.conflicts) == {"budget", "contacts:voice:minimum"}
    needed = {relaxation.limit: relaxation.needed for relaxation in error.relaxations}
    assert needed == {"budget": pytest.approx(40.0), "contacts:voice:minimum": pytest.approx(15.0)}
    assert "raise a total budget of at most 30.00 to 40.00" in str(error)


def test_each_proposed_move_resolves_the_conflict_and_a_smaller_one_does_not():
    terms = [TotalBudget(30), ContactVolume(channel="voice", minimum=20)]
    built = problem(*terms)
    for relaxation in refusal(built).relaxations:
        limit = next(limit for limit in built.limits if limit.name == relaxation.limit)
        limit.number.value = relaxation.needed
        assert solve(built).contacts_by_channel["voice"] >= 15
        limit.number.value = relaxation.needed + 0.02 * (relaxation.number - relaxation.needed)
        with pytest.raises(Infeasible):
            solve(built)
        limit.number.value = relaxation.number


def test_the_limits_are_as_before_after_the_explanation():
    built = problem(TotalBudget(30), ContactVolume(channel="voice", minimum=20))
    refusal(built)
    assert [limit.number.value for limit in built.limits] == [30.0, 20.0]


def test_more_conversions_than_the_people_can_give_name_the_quota_alone():
    error = refusal(problem(TotalBudget(1e6), ObjectiveQuota("win", 25)))
    assert error.conflicts == ["quota:win"]
    assert error.relaxations[0].needed == pytest.approx(20.0, abs=0.02)


def test_a_share_is_relaxed_as_a_share():
    terms = [ContactVolume(channel="voice", minimum=10), ChannelSpendShare("voice", 0.5), TotalBudget(22)]
    error = refusal(problem(*terms, people=400))
    needed = {relaxation.limit: relaxation.needed for relaxation in error.relaxations}
    assert set(error.conflicts) == {"contacts:voice:minimum", "share:voice", "budget"}
    assert 0.5 < needed["share:voice"] <= 0.92
    assert needed["budget"] == pytest.approx(40.0, abs=0.3)


def test_room_for_a_fraction_of_a_contact_only_is_a_conflict_too():
    error = refusal(problem(ChannelBudget("voice", maximum=3.0, minimum=2.5)))
    assert set(error.conflicts) == {"channel_budget:voice", "channel_budget:voice:minimum"}
    assert all(relaxation.is_verified for relaxation in error.relaxations)


def test_a_minimum_without_anybody_eligible_is_named():
    error = refusal(problem(ContactVolume(channel="voice", minimum=1), eligible=0.0))
    assert error.conflicts == ["contacts:voice:minimum"]
    assert error.relaxations[0].needed == 0.0


def test_three_limits_that_only_together_conflict_are_all_named():
    error = refusal(
        problem(
            TotalBudget(40), ContactVolume(channel="voice", minimum=15), ChannelBudget("sms", minimum=12), people=2000
        )
    )
    assert set(error.conflicts) == {"budget", "contacts:voice:minimum", "channel_budget:sms:minimum"}
    assert len(error.relaxations) == 3
