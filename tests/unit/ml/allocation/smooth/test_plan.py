"""A smooth plan keeps all limits in expectation, follows its prices, and becomes the exact plan as it cools."""

import numpy as np
import pytest

from ml.allocation.smooth.draw import excess
from ml.allocation.smooth.plan import NoSmoothPlan, smooth
from ml.allocation.solution import adjusted_values
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, ContactVolume, TotalBudget


@pytest.mark.parametrize(("contacts", "quota"), [(1, 0.0), (1, 0.004), (2, 0.0), (2, 0.004), (3, 0.0)])
@pytest.mark.parametrize("temperature", [0.03, 0.3, 3.0])
def test_all_limits_hold_in_expectation(make_problem, contacts, quota, temperature):
    problem = make_problem(400, contacts=contacts, quota=quota)
    plan = smooth(problem, temperature, solve(problem).prices)
    assert excess(plan.table, plan.totals).max() <= 0
    contacts_of = np.bincount(plan.table.klass, weights=plan.probability, minlength=plan.table.classes)
    assert np.allclose(contacts_of, plan.totals[: plan.table.classes], rtol=1e-6, atol=1e-6)


def test_probabilities_follow_value_less_the_plans_own_prices(make_problem):
    problem = make_problem(300)
    plan = smooth(problem, 0.2, {})
    adjusted = adjusted_values(problem, plan.prices)
    weight = np.exp(adjusted.astype(float) / 0.2)
    person = np.repeat(np.arange(300), np.diff(problem.candidates.starts))
    z = 1 + np.bincount(person, weights=weight, minlength=300)
    is_open = plan.table.most[person] > 0
    assert np.allclose(plan.probability, is_open * weight / z[person], rtol=1e-4, atol=1e-8)


def test_the_colder_the_nearer_to_the_exact_plan(make_problem):
    problem = make_problem(2000)
    exact = solve(problem)
    values = [smooth(problem, t, exact.prices).value for t in (1.0, 0.3, 0.1, 0.03)]
    assert values == sorted(values)
    assert values[-1] <= exact.bound
    assert values[-1] > 0.99 * exact.value


def test_the_search_starts_from_any_prices(make_problem):
    problem = make_problem(500)
    cold, warm = smooth(problem, 0.2, {}), smooth(problem, 0.2, solve(problem).prices)
    assert np.allclose(cold.probability, warm.probability, atol=1e-3)


def test_a_channel_without_room_for_one_contact_has_probability_zero(make_problem):
    problem = make_problem(200, terms=[ChannelCapacity("email", 0), TotalBudget(2.0)])
    plan = smooth(problem, 0.5, {})
    channel = plan.table.channel[plan.table.klass]
    assert (plan.probability[channel == 0] == 0).all()
    assert (plan.probability[plan.table.cost[plan.table.klass] > 2.0] == 0).all()
    assert plan.probability.sum() > 1


def test_limits_that_leave_no_room_for_chances_are_said(make_problem):
    problem = make_problem(60, terms=[ContactVolume(channel="voice", minimum=59)])
    with pytest.raises(NoSmoothPlan, match="contacts:voice:minimum"):
        smooth(problem, 0.2, {})


def test_a_temperature_of_zero_is_refused(make_problem):
    with pytest.raises(ValueError, match="above 0"):
        smooth(make_problem(10), 0.0, {})
