"""Another number gives the plan that a decision under it would have given; one that doesn't matter changes nobody."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.allocation.candidates import Candidates
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.stored import StoredProblem
from ml.allocation.terms import ContactVolume, TotalBudget
from ml.levers import CONTACTS, PER_DAY, SPEND_SHARE, LeverError
from ml.what_if import CurvePoint, curve_numbers, keeps_limits, people_between, value_curve, what_if
from tests.unit.ml.stored_days import COLUMNS, GAP, day_of, problem_of, stored_day, terms_of

MAIL_COST = "actions.channels.direct_mail.cost"


@pytest.fixture(scope="module")
def stored() -> StoredProblem:
    return stored_day(400)[0]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), cap=st.floats(3.5, 60))
def test_the_plan_is_the_one_that_a_decision_under_the_number_would_give(seed: int, cap: float) -> None:
    stored, day = stored_day(120, seed)
    found = what_if(stored, day, {PER_DAY: cap}, threads=1)
    terms = [TotalBudget(cap - 3.0) if isinstance(term, TotalBudget) else term for term in terms_of(day)]
    anew = solve(problem_of(120, seed, terms), gap=GAP, threads=1)
    slack = 2 * GAP * abs(anew.bound)
    assert found.then.value == pytest.approx(anew.value, abs=slack)
    assert keeps_limits(problem_of(120, seed, terms), found.allocation.chosen)
    assert found.then.spend <= cap - 3.0 + 1e-6
    assert found.then.value <= found.then.bound + 1e-6


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), more=st.floats(1.0, 3.0))
def test_room_is_never_worth_less_than_no_room(seed: int, more: float) -> None:
    stored, day = stored_day(120, seed)
    assert what_if(stored, day, {PER_DAY: 20.0 * more}, threads=1).then.value >= stored.allocation.value * (1 - 1e-9)


def test_a_number_that_does_not_matter_changes_nobody(stored: StoredProblem) -> None:
    found = what_if(stored, day_of(), {"actions.channels.voice.capacity_per_day": 1e6}, threads=1)
    assert found.people.affected == 0
    assert found.then.value == found.today.value
    assert np.array_equal(found.allocation.chosen, stored.allocation.chosen)


def test_asking_leaves_the_stored_plan_as_it_is(stored: StoredProblem) -> None:
    day, value = day_of(), stored.problem.given.value.copy()
    bound = stored.problem.rows().bound.copy()
    what_if(stored, day, {PER_DAY: 5.0, MAIL_COST: 0.1, SPEND_SHARE: 0.9, CONTACTS: 2.0}, threads=1)
    assert np.array_equal(stored.problem.given.value, value)
    assert np.array_equal(stored.problem.rows().bound, bound)


def test_a_limit_that_no_plan_can_keep_is_explained(stored: StoredProblem) -> None:
    terms = [*stored.problem.terms, ContactVolume(channel="direct_mail", minimum=9)]
    tight = Problem(stored.problem.given, COLUMNS, terms)
    kept = StoredProblem(tight, solve(tight, gap=GAP, threads=1), GAP, {}, stored.people)
    with pytest.raises(Infeasible, match=r"a total budget of at most 2\.00.*To resolve it"):
        what_if(kept, day_of(), {PER_DAY: 5.0}, threads=1)


def test_the_cheaper_channel_is_used_more(stored: StoredProblem) -> None:
    found = what_if(stored, day_of(), {MAIL_COST: 0.2}, threads=1)
    mail = [plan.contacts_by_channel.get("direct_mail", 0) for plan in (found.today, found.then)]
    assert mail[1] > mail[0]
    assert found.then.spend_by_channel["direct_mail"] == pytest.approx(0.2 * mail[1])
    assert found.to_dict()["difference"]["value"] == pytest.approx(found.then.value - found.today.value)


def test_who_is_treated_differently_is_counted_by_hand() -> None:
    problem = problem_of(7, 3)
    everybody = np.ones((7, len(COLUMNS)), dtype=bool)
    full = Problem(problem.given.from_dense(np.ones((7, len(COLUMNS)), dtype=np.float32), everybody), COLUMNS, [])
    start = full.given.starts
    # columns of `win`: email none 0, email ten_off 1, sms none 2; of `grow`: email none 8
    before = np.array([[-1, -1], [0, -1], [0, -1], [0, -1], [0, -1], [0, 2], [0, 2]])
    after = np.array([[0, -1], [-1, -1], [2, -1], [1, -1], [8, -1], [2, 0], [0, -1]])
    chosen = [np.where(each >= 0, start[:-1, None] + each, -1) for each in (before, after)]
    found = people_between(full, *chosen)
    assert (found.gained, found.lost, found.other_channel, found.other_offer, found.other_objective) == (1, 1, 1, 1, 1)
    assert (found.more, found.fewer, found.affected) == (0, 1, 6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_each_person_is_counted_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = problem_of(60, seed)
    span = np.diff(problem.given.starts)
    picks = [np.where(rng.random(60) < 0.7, rng.integers(0, np.maximum(span, 1)), -1) for _ in range(2)]
    chosen = [np.where((pick >= 0) & (span > 0), problem.given.starts[:-1] + pick, -1)[:, None] for pick in picks]
    found = people_between(problem, *chosen)
    kinds = found.gained + found.lost + found.more + found.fewer
    assert kinds + found.other_channel + found.other_offer + found.other_objective == found.affected
    columns = [np.where(each >= 0, problem.given.column[each], -1) for each in chosen]
    assert found.affected == int((columns[0] != columns[1]).sum())


def test_the_curve_rises_ever_more_slowly_and_its_slope_is_the_marginal_value(stored: StoredProblem) -> None:
    numbers = [6.0, 9.0, 12.0, 20.0, 40.0]
    points = value_curve(stored, day_of(), PER_DAY, numbers, gap=1e-4, threads=1)
    assert [point.number for point in points] == numbers
    for low, high in pairwise(points):
        gained = (high.value - low.value) / (high.number - low.number)
        slack = 2e-4 * high.value / (high.number - low.number)
        assert high.marginal - slack <= gained <= low.marginal + slack


def test_the_plan_itself_is_a_point_of_the_curve(stored: StoredProblem) -> None:
    here = CurvePoint.of(stored, day_of(), PER_DAY)
    assert (here.number, here.value) == (20.0, stored.allocation.value)
    assert here.marginal == pytest.approx(stored.allocation.prices.get("budget", 0.0))


def test_a_curve_is_drawn_where_money_is_used(stored: StoredProblem) -> None:
    day = day_of(numbers=dict(day_of().numbers) | {PER_DAY: 1e9})
    assert curve_numbers(stored, day, PER_DAY, (1.0,)) == pytest.approx([3.0 + stored.allocation.spend])
    with pytest.raises(LeverError, match="over a budget"):
        curve_numbers(stored, day, SPEND_SHARE, (1.0,))
    with pytest.raises(LeverError, match="none is set"):
        curve_numbers(stored, day, "policy.spend_caps.per_channel_per_day.email", (1.0,))


def test_of_plans_that_are_worth_the_same_todays_stays() -> None:
    value = np.ones((40, len(COLUMNS)), dtype=np.float32)
    is_mail = np.zeros_like(value, dtype=bool)
    is_mail[:, 4] = True  # one option for each person, all worth the same; a tenth of them fits
    problem = Problem(Candidates.from_dense(value, is_mail), COLUMNS, [TotalBudget(0.7 * 4 + 0.01)])
    found = solve(problem, gap=GAP, threads=1)
    others = np.roll(np.where(found.chosen >= 0, 1, 0), 7)
    today = replace(found, chosen=np.where(others > 0, problem.given.starts[:-1, None], -1))
    stored = StoredProblem(problem, today, GAP, {}, np.arange(40, dtype=np.uint64))
    same = what_if(stored, day_of(), {"objectives.win.budget": 5000.0}, threads=1)
    assert same.people.affected == 0
    assert np.array_equal(same.allocation.chosen, today.chosen)
