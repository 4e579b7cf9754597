"""From prices to whole contacts: what is rejected, what is rounded, and that a mixture with slack is no answer."""

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.engine import ClassPrices, Mixture
from ml.allocation.lookup import Lookup
from ml.allocation.problem import Problem
from ml.allocation.pruning import prune, scattered
from ml.allocation.restricted import excess
from ml.allocation.solve import GROUPS, solve, usual_gap
from ml.allocation.steady import search_near
from ml.allocation.terms import ChannelCapacity, ContactVolume, TotalBudget
from ml.entities import Option

COLUMNS = Columns.of([("win", Option("email", "a"), 0.25), ("win", Option("sms", "a"), 1.0)])


def alike(people: int, *terms: object) -> Problem:
    """Everybody is worth 2 by e-mail and 3 by text: at any prices all choose alike, so prices alone settle nobody."""
    value = np.tile(np.array([2.0, 3.0], dtype=np.float32), (people, 1))
    return Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool)), COLUMNS, terms)


def lookup_of(problem: Problem) -> Lookup:
    return Lookup(prune(problem, problem.rows(), 1), GROUPS, 1)


@pytest.mark.parametrize("people", [4000, 30_000])
def test_people_who_are_all_tied_are_divided_to_the_last_contact(people):
    email, budget = 4 * (people // 12), people * 0.4
    found = solve(alike(people, ChannelCapacity("email", email), TotalBudget(budget)))
    assert found.contacts_by_channel == {"email": email, "sms": int(budget - 0.25 * email)}
    assert found.status == "certified"
    assert found.spend <= budget + 1e-9


def test_of_tied_people_only_a_share_is_left_to_the_program():
    problem = alike(20_000, ChannelCapacity("email", 5000))
    lookup = lookup_of(problem)
    one, other = (ClassPrices(np.array(charge), np.zeros((1, 2))) for charge in ([0.0, 2.5], [2.5, 0.0]))
    differing = lookup.settle(one, [Mixture(part, [one, other], np.array([0.25, 0.75])) for part in lookup.ranges])
    assert differing == 20_000
    few = lookup.open_people(np.arange(10), 0.1)
    assert 1700 < few.table.people_count < 2300
    assert few.is_tied.sum() == 10
    settled = few.settled.contacts
    assert settled.sum() == 20_000 - few.table.people_count
    assert sorted(settled / settled.sum()) == pytest.approx([0.25, 0.75], abs=0.01)


def test_a_mixture_that_needs_slack_is_not_met():
    problem = alike(100, TotalBudget(10.0), ContactVolume(channel="sms", minimum=50))
    rows = problem.rows()
    found = search_near(lookup_of(problem), rows.bound, np.abs(rows.bound), 300.0, None, 1e-6)
    assert not found.is_met
    assert found.mix.relief.any()


def test_a_plan_beyond_a_limit_is_measured_with_what_is_settled_beside_it():
    problem = alike(10, ChannelCapacity("email", 4))
    table = prune(problem, problem.rows(), 1)
    email = np.flatnonzero(table.value == 2.0)[:, None]
    assert excess(table, email[:3], np.array([4.0]), np.array([1.0])) == [0.0]
    assert excess(table, email[:4], np.array([4.0]), np.array([1.0])) == [1.0]


def test_scattered_numbers_are_even_and_differ_by_use():
    first, second = scattered(np.arange(10_000), 1), scattered(np.arange(10_000), 2)
    assert np.histogram(first, 10, (0, 1))[0] == pytest.approx(np.full(10, 1000), rel=0.15)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


@pytest.mark.parametrize(("people", "gap"), [(300, 1e-4), (5000, 3e-4), (50_000, 1e-4), (200_000, 1e-5)])
def test_the_gap_that_is_asked_for_fits_the_number_of_people(people, gap):
    assert usual_gap(people) == gap
