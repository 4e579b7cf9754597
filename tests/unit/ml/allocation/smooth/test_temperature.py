"""The temperature is set by what exploring may cost."""

import pytest

from ml.allocation.smooth.temperature import TOLERANCE, explore, temperature_for
from ml.allocation.solve import solve


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
