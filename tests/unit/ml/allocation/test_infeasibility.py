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
    ConcaveResponse,
    ContactVolume,
    ObjectiveBudget,
    ObjectiveQuota,
    SpendChange,
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


def test_a_fall_of_spend_that_nobody_can_make_up_for_is_relaxed_as_a_fall():
    error = refusal(problem(SpendChange(100.0, fall=0.2), ContactVolume(channel="voice", maximum=20), people=100))
    needed = {relaxation.limit: relaxation.needed for relaxation in error.relaxations}
    assert set(error.conflicts) == {"spend_fall", "contacts:voice"}
    assert 0.5 < needed["spend_fall"] < 0.6  # 20 calls and 80 texts
    assert "raise a fall of spend against yesterday of at most 20.00% to " in str(error)


def test_a_least_spend_that_nobody_eligible_can_reach_is_named_with_the_whole_fall():
    error = refusal(problem(SpendChange(100.0, fall=0.2), eligible=0.0))
    assert [(relaxation.limit, relaxation.needed) for relaxation in error.relaxations] == [("spend_fall", 1.0)]


def test_a_response_that_diminishes_takes_no_part_in_a_conflict():
    response = ConcaveResponse("voice", 10.0, (1.0,))
    error = refusal(problem(TotalBudget(30), ContactVolume(channel="voice", minimum=20), response))
    assert set(error.conflicts) == {"budget", "contacts:voice:minimum"}
    assert all(relaxation.is_verified for relaxation in error.relaxations)


def contradiction(rng: np.random.Generator) -> tuple[list[Term], set[str]]:
    """Terms of which the named ones cannot hold together; the others have room."""
    calls, room = float(rng.integers(5, 60)), float(rng.uniform(0.3, 0.9))
    minimum = ContactVolume(channel="voice", minimum=calls)
    cases: list[tuple[list[Term], set[str]]] = [
        ([TotalBudget(room * 2.0 * calls), minimum], {"budget", "contacts:voice:minimum"}),
        (
            [ChannelBudget("voice", maximum=room * 2.0 * calls), minimum],
            {"channel_budget:voice", "contacts:voice:minimum"},
        ),
        ([ChannelCapacity("voice", np.floor(room * calls)), minimum], {"capacity:voice", "contacts:voice:minimum"}),
        ([SpendChange(2.0 * calls / 1.5, rise=room * 0.5), minimum], {"spend_rise", "contacts:voice:minimum"}),
        ([TotalBudget(room * 100.0, minimum=100.0)], {"budget", "budget:minimum"}),
        ([ObjectiveBudget("win", room * 2.0 * calls), minimum], {"budget:win", "contacts:voice:minimum"}),
        ([ObjectiveQuota("win", 0.1 * PEOPLE / room)], {"quota:win"}),
    ]
    terms, named = cases[int(rng.integers(len(cases)))]
    return [*terms, ChannelCapacity("sms", 0.8 * PEOPLE)], named


PEOPLE = 400


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_of_generated_contradictions_all_are_named_with_a_verified_way_out(seed):
    rng = np.random.default_rng(seed)
    terms, named = contradiction(rng)
    error = refusal(problem(*terms, people=PEOPLE))
    assert set(error.conflicts) == named
    assert error.relaxations
    assert all(relaxation.is_verified for relaxation in error.relaxations)
