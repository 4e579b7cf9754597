"""The temperature is set by what exploring may cost."""

from dataclasses import replace

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.smooth.draw import draw
from ml.allocation.smooth.plan import NoSmoothPlan, Smoother, smooth
from ml.allocation.smooth.temperature import TOLERANCE, explore, temperature_for
from ml.allocation.solution import saturation_loss
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, ChannelSpendShare, ConcaveResponse, ExclusiveOffers, TotalBudget
from ml.entities import CHANNELS, Option


@pytest.mark.parametrize("contacts", [1, 2])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_the_expected_loss_is_the_share_of_value_that_was_allowed(make_problem, contacts, share):
    problem = make_problem(5000, contacts=contacts)
    exact = solve(problem)
    plan = explore(problem, exact, share)
    assert (exact.value - plan.value) / exact.value == pytest.approx(share, rel=TOLERANCE * 1.01)


def test_more_to_spend_on_exploring_is_a_higher_temperature(make_problem):
    problem = make_problem(3000)
    exact = solve(problem)
    found = [temperature_for(problem, exact, share) for share in (0.0, 0.01, 0.03, 0.1)]
    assert found[0] == 0
    assert found == sorted(set(found))


def test_where_the_room_that_a_draw_needs_costs_more_than_the_share_the_exact_plan_stands(make_problem):
    problem = make_problem(40)
    assert explore(problem, solve(problem), 1e-6) is None


def test_a_sample_of_many_people_starts_the_search_near_its_end(make_problem):
    problem = make_problem(60_000)
    exact = solve(problem)
    plan = explore(problem, exact, 0.02)
    assert (exact.value - plan.value) / exact.value == pytest.approx(0.02, rel=TOLERANCE * 1.01)


def test_a_share_that_is_no_share_is_refused(make_problem):
    problem = make_problem(20)
    with pytest.raises(ValueError, match="from 0 to 1"):
        explore(problem, solve(problem), 1.5)


def test_where_effects_diminish_chances_are_at_the_exact_plans_level_of_them(make_problem):
    terms = [TotalBudget(900.0), ChannelCapacity("email", 500), ConcaveResponse("email", 20.0, (300.0,))]
    problem = make_problem(3000, terms=terms)
    exact = solve(problem)
    plan = explore(problem, exact, 0.02)
    picked = exact.chosen[exact.chosen >= 0]
    frozen = exact.value + (plan.table.value @ plan.probability - plan.table.value[picked].sum(dtype=float))
    assert plan.value == pytest.approx(frozen)
    assert (exact.value - plan.value) / exact.value == pytest.approx(0.02, rel=TOLERANCE * 1.01)
    # An e-mail's price beside its capacity's is what one more takes off the others at that level.
    is_email = plan.table.channel[plan.table.klass] == CHANNELS.index("email")
    assert (plan.table.value < problem.candidates.value)[is_email].any()
    assert (plan.table.value == problem.candidates.value)[~is_email].all()
    chosen = draw(plan, 0)
    drawn = problem.candidates.value[chosen[chosen >= 0]].sum(dtype=float)
    drawn -= saturation_loss(problem, chosen[chosen >= 0])
    assert (exact.value - drawn) / exact.value < 0.04


@pytest.mark.parametrize("contacts", [1, 2])
def test_exploring_is_expected_to_take_no_more_money_than_the_exact_plan(make_problem, contacts):
    usual = make_problem(3000, contacts=contacts, terms=[ChannelCapacity("email", 500)])
    cost = usual.columns.unit_cost[usual.given.column]
    dear = replace(usual.given, value=usual.given.value - cost.astype(np.float32))
    problem = Problem(dear, usual.columns, usual.terms)
    exact = solve(problem)
    plan = explore(problem, exact, 0.2)
    assert plan.spend == exact.spend
    assert plan.probability @ cost <= exact.spend * (1 + 1e-6)
    assert list(plan.table.names) == [limit.name for limit in problem.limits]  # it tightens nothing else
    drawn = [draw(plan, seed) for seed in range(40)]
    assert np.mean([cost[one[one >= 0]].sum() for one in drawn]) == pytest.approx(plan.probability @ cost, rel=0.01)


def test_cheap_contacts_that_bring_back_half_their_cost_are_not_tried_with_all_the_capacity_there_is():
    cost, people = 0.02, 5000
    columns = Columns.of([("win", Option("email", "none"), 0.002), ("win", Option("display", "none"), cost)])
    rng = np.random.default_rng(1)
    value = np.stack([rng.lognormal(-2, 0.7, people), np.full(people, -cost / 2)], axis=1).astype(np.float32)
    table = Candidates.from_dense(value, np.ones(value.shape, dtype=bool))
    problem = Problem(table, columns, [ChannelCapacity("email", 1000), ChannelCapacity("display", 500)])
    exact = solve(problem)
    plan = explore(problem, exact, 0.02)
    is_display = problem.candidates.column == 1
    assert plan.probability[is_display].sum() < 25
    assert (exact.value - plan.value) / exact.value == pytest.approx(0.02, rel=TOLERANCE * 1.01)
    assert smooth(problem, plan.temperature, exact.prices).probability[is_display].sum() > 400


def test_where_limits_leave_no_room_within_the_exact_plans_money_exploring_may_take_more():
    costs = {"email": 0.002, "sms": 0.03, "direct_mail": 0.68, "voice": 0.8, "display": 0.02, "web": 0.001}
    columns = Columns.of([(o, Option(name, "none"), cost) for o in ("a", "b") for name, cost in costs.items()])
    rng = np.random.default_rng(0)
    loss = rng.choice([0.05, 0.3, 1.0], size=12) + columns.unit_cost
    value = (rng.lognormal(-2, 1, (150, 12)) - loss).astype(np.float32)
    table = Candidates.from_dense(value, rng.random(value.shape) < 0.6)
    shares = [ChannelSpendShare(name, 0.6) for name in costs]
    problem = Problem(table, columns, [ChannelCapacity("email", 37), ChannelCapacity("web", 7), *shares])
    exact = solve(problem)
    plan = explore(problem, exact, 0.05)
    cost = columns.unit_cost[problem.candidates.column]
    assert plan.spend is None
    assert plan.probability @ cost > exact.spend * 1.01
    assert (exact.value - plan.value) / exact.value == pytest.approx(0.05, rel=TOLERANCE * 1.01)


def test_a_temperature_at_which_no_prices_are_found_is_too_hot(make_problem, monkeypatch):
    problem = make_problem(2000)
    exact = solve(problem)
    usual, found = explore(problem, exact, 0.05), Smoother.minimum

    def stalls(self, temperature, prices):
        if temperature > 0.9 * usual.temperature:
            raise NoSmoothPlan("no prices")
        return found(self, temperature, prices)

    monkeypatch.setattr(Smoother, "minimum", stalls)
    plan = explore(problem, exact, 0.05)
    assert plan.spend == exact.spend
    assert 0.5 * usual.temperature < plan.temperature < usual.temperature


def test_offers_that_exclude_each_other_among_several_contacts_leave_the_exact_plan(make_problem):
    terms = [TotalBudget(50.0), ExclusiveOffers(("ten_off",))]
    several = make_problem(200, contacts=2, terms=terms)
    assert explore(several, solve(several), 0.05) is None
    with pytest.raises(NoSmoothPlan, match="exclude each other"):
        smooth(several, 0.5, {})
    one = make_problem(200, terms=terms)
    assert explore(one, solve(one), 0.2) is not None
