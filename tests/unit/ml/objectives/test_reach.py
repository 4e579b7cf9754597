from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from benchmarks.objectives import CAUSES, case_of, holds_with, limits_of, names_cause, people_of
from ml.allocation.problem import Rows
from ml.configuration.policy import FrequencyCap
from ml.objectives.fluid import Fluid, of_objective
from ml.objectives.reach import can_be_reached
from ml.objectives.rest import Period, rest_of_period

FREE = {"first": 1e7, "second": 1e7}


def _rest(seed=0, *, days=30, people=120, metric="incremental_margin", **changed):
    rng = np.random.default_rng(seed)
    limits = replace(limits_of(rng, people), **changed)
    return rest_of_period(people_of(rng, people, metric), Period("first", days, days, 1.0, FREE, {}), limits)


def _by_general_solver(problem, rows, weights):
    """The same linear program with one variable a candidate."""
    column, units = problem.candidates.column, problem.candidates.quantity.astype(float)
    use = rows.contacts[:, column] + rows.conversions[:, 0][:, column] * units
    owner = np.repeat(np.arange(problem.candidates.people_count), np.diff(problem.candidates.starts))
    one_each = (np.arange(problem.candidates.people_count)[:, None] == owner).astype(float)
    bound = np.concatenate([rows.bound, np.ones(len(one_each))])
    found = linprog(-weights[column] * units, A_ub=np.vstack([use, one_each]), b_ub=bound, bounds=(0, 1))
    return -found.fun if found.status == 0 else None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), tight=st.floats(0.02, 1.0))
def test_the_most_that_can_be_reached_is_the_linear_programs_own(seed, tight):
    rest = _rest(seed)
    problem, rows = rest.problem, rest.problem.rows()
    rows = Rows(rows.names, rows.contacts, rows.conversions, rows.bound * tight)
    weights = of_objective(problem, "first")
    found = Fluid(problem).best(rows, unit_weights=weights)
    exact = _by_general_solver(problem, rows, weights)
    assert found.reached <= exact * (1 + 1e-9) <= found.bound * (1 + 2e-9)
    assert found.reached == pytest.approx(exact, rel=2e-4)
    assert (rows.contacts @ found.contacts <= rows.bound * (1 + 1e-7) + 1e-7).all()


def test_another_question_to_the_same_fluid_gets_the_answer_of_a_fresh_one():
    rest = _rest(3)
    rows, weights = rest.problem.rows(), of_objective(rest.problem, "first")
    fluid = Fluid(rest.problem)
    fluid.best(rows, value_weight=1.0)
    assert fluid.best(rows, unit_weights=weights).reached == pytest.approx(
        Fluid(rest.problem).best(rows, unit_weights=weights).reached, rel=2e-4
    )


@pytest.mark.parametrize("cause", CAUSES)
def test_an_unreachable_target_names_its_cause_and_a_move_that_a_general_solver_confirms(cause):
    case = case_of(CAUSES.index(cause) + 7, cause, count=150)
    answer = can_be_reached(case.people, case.question, case.limits)
    assert not answer.is_reachable
    assert answer.has_plan == (cause != "minimum")
    assert names_cause(case, answer)
    assert answer.relaxations
    assert all(move.is_verified and holds_with(case, move) for move in answer.relaxations)


def test_a_move_is_the_smallest_one_that_an_operator_would_state():
    case = case_of(7, "budget", count=150)
    move = next(
        move
        for move in can_be_reached(case.people, case.question, case.limits).relaxations
        if move.limit == "budget:first"
    )
    less = replace(move, needed=move.number + 0.97 * (move.needed - move.number))
    assert not holds_with(case, less)


def test_a_target_within_the_limits_is_reachable_and_nothing_is_said():
    case = case_of(7, "budget", count=150)
    answer = can_be_reached(case.people, replace(case.question, needed=0.5 * case.question.needed), case.limits)
    assert answer.is_reachable
    assert not answer.conflicts
    assert not answer.relaxations


def test_words_are_the_operators_and_never_a_rows_name():
    case = case_of(7, "budget", count=150)
    answer = can_be_reached(case.people, case.question, case.limits)
    said = " ".join([*answer.words, *(move.words for move in answer.relaxations)])
    assert "the budget" in said
    assert "the deadline" in said
    assert not any(mark in said for mark in (":first", "quota", "row"))


def test_twice_the_days_can_reach_more_and_never_less():
    few, many = (_rest(5, days=days) for days in (20, 40))
    most = [
        Fluid(rest.problem).best(rest.problem.rows(), unit_weights=of_objective(rest.problem, "first")).reached
        * rest.scale
        for rest in (few, many)
    ]
    assert most[1] == pytest.approx(
        2 * most[0], rel=0.02
    )  # nothing is scarce but capacity and people: both grow with time


def test_a_person_who_can_convert_once_is_not_counted_for_every_contact():
    rest = _rest(5, days=3000, metric="new_customers", people=60)
    found = Fluid(rest.problem).best(rest.problem.rows(), unit_weights=of_objective(rest.problem, "first"))
    members = (np.diff(rest.problem.candidates.starts) > 0).sum() * 20
    assert found.reached * rest.scale <= members


def test_a_channels_own_cap_opens_it_to_as_many_people_as_the_cap_allows_in_a_round():
    caps = [FrequencyCap(max=3, days=7), FrequencyCap(channels=["voice"], max=1, days=30)]
    rest = _rest(1, people=3000, caps=caps)
    column = rest.problem.candidates.column
    is_voice = rest.problem.columns.channel[column] == 3
    per_person = is_voice.sum() / (rest.problem.columns.channel == 3).sum() * 2
    everybody = (rest.problem.columns.channel[column] == 0).sum() / (rest.problem.columns.channel == 0).sum() * 2
    assert per_person / everybody == pytest.approx((7 / 3) / 30, rel=0.1)
