"""Values in whole money: whole groups of people flip together at a price, and must be divided to the last contact."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.allocation.instances import instance
from ml.allocation import recovery
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.divided import divided
from ml.allocation.engine import ClassPrices, RangeTotals
from ml.allocation.errors import SolverStatusError
from ml.allocation.lookup import Lookup
from ml.allocation.master import Cuts
from ml.allocation.problem import Problem
from ml.allocation.pruning import prune
from ml.allocation.solve import GROUPS, solve
from ml.allocation.terms import ChannelCapacity, TotalBudget
from ml.entities import Option

COLUMNS = Columns.of([("win", Option("email", "a"), 0.25), ("win", Option("sms", "a"), 1.0)])


def alike(people: int) -> Lookup:
    """Everybody is worth 2 by e-mail and 3 by text, e-mails for a quarter."""
    value = np.tile(np.array([2.0, 3.0], dtype=np.float32), (people, 1))
    terms = [ChannelCapacity("email", people / 4)]
    problem = Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool)), COLUMNS, terms)
    return Lookup(prune(problem, problem.rows(), 1), GROUPS, 1)


def half_and_half(lookup: Lookup, email: float) -> SimpleNamespace:
    """A mixture in which all groups send e-mails to a share of their people, texts to the others."""
    charges = ([0.0, 2.5], [2.5, 0.0])
    plans = [ClassPrices(np.array(charge), np.zeros((1, 2))) for charge in charges]
    cuts = [Cuts() for _ in lookup.ranges]
    for plan in plans:
        for cut, totals in zip(cuts, lookup.totals(plan), strict=True):
            cut.add(totals.money(lookup.measures), totals.use(lookup.measures), plan)
    weights = [np.array([email, 1 - email]) for _ in cuts]
    return SimpleNamespace(master=SimpleNamespace(cuts=cuts), mix=SimpleNamespace(weights=weights))


def totals_of(lookup: Lookup, mixed) -> tuple[float, float]:
    """Value and e-mails of what the ranges mix."""
    money, email = 0.0, 0.0
    for one in mixed:
        asked = [(one.people, prices) for prices in one.prices]
        for totals, weight in zip(lookup.totals_within(asked), one.weight, strict=True):
            money += weight * totals.money(lookup.measures)
            email += weight * totals.use(lookup.measures)[0]
    return money, email


@pytest.mark.parametrize("people", [3001, 40_000])
def test_a_mixture_of_all_people_is_narrowed_to_few_without_losing_value(people):
    lookup = alike(people)
    mixed = divided(lookup, np.array([people / 4]), half_and_half(lookup, 0.25))
    still = [one.people[1] - one.people[0] for one in mixed if len(one.prices) > 1]
    assert len(still) <= 1  # one limit binds: a vertex mixes one range
    assert sum(still) <= 400
    money, email = totals_of(lookup, mixed)
    assert email <= people / 4 * (1 + 1e-9)
    assert money >= (0.25 * 2 + 0.75 * 3) * people * (1 - 1e-9)
    covered = sorted(one.people for one in mixed)
    assert covered[0][0] == 0
    assert covered[-1][1] == people
    assert all(before[1] == after[0] for before, after in pairwise(covered))


def test_totals_of_ranges_add_up_to_those_of_the_groups():
    lookup = alike(1000)
    prices = ClassPrices(np.array([0.0, 2.5]), np.zeros((1, 2)))
    low, high = lookup.ranges[0]
    parts = lookup.totals_within([((low, low + 7), prices), ((low + 7, high), prices), ((low, high), None)])
    whole: RangeTotals = parts[0] + parts[1]
    assert (whole.contacts == lookup.totals(prices)[0].contacts).all()
    assert parts[2].value == 0
    assert not parts[2].contacts.any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_fifty_thousand_people_with_values_in_whole_money_are_certified(seed):
    found = solve(instance(50_000, seed=seed, family="many ties"))
    assert found.status == "certified"
    assert found.gap <= 2e-5


def test_any_number_of_threads_divides_tied_people_alike():
    problem = instance(12_000, family="many ties")
    one, two = solve(problem, threads=1), solve(problem, threads=2)
    assert (one.chosen == two.chosen).all()
    assert one.bound == two.bound


@pytest.mark.slow
def test_people_are_opened_a_bounded_number_of_times_when_no_whole_plan_is_found(monkeypatch):
    asked = []
    monkeypatch.setattr(recovery.Restricted, "whole", lambda *given, **_: asked.append(given))
    with pytest.raises(SolverStatusError, match="whole contacts"):
        solve(instance(30_000, family="many ties"))
    assert len(asked) <= 4


@pytest.mark.parametrize(("asked_gap", "status"), [(1e-3, "certified"), (1e-12, "gap_not_met")])
def test_a_gap_that_whole_money_cannot_meet_is_said(asked_gap, status):
    value = np.tile(np.array([2.0, 3.0], dtype=np.float32), (12_000, 1))
    terms = [TotalBudget(4000.6)]
    problem = Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool)), COLUMNS, terms)
    found = solve(problem, gap=asked_gap)
    assert found.status == status
    assert found.spend <= 4000.6


@pytest.mark.parametrize("seed", range(4))
def test_tied_people_are_divided_as_an_integer_program_over_all_of_them_divides_them(seed):
    rng, people = np.random.default_rng(seed), 1200
    value = rng.integers(0, 5, (people, 2)).astype(np.float32)
    email, budget = people // 5, people * 0.3 + 0.4
    terms = [ChannelCapacity("email", email), TotalBudget(budget)]
    found = solve(Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool)), COLUMNS, terms), gap=1e-3)
    of_person = sp.csr_array(np.kron(np.eye(people), np.ones(2)))
    totals = np.stack([np.tile([1.0, 0.0], people), np.tile(COLUMNS.unit_cost, people)])
    best = milp(
        -value.reshape(-1),
        constraints=[LinearConstraint(of_person, ub=1.0), LinearConstraint(totals, ub=[email, budget])],
        bounds=Bounds(0, 1),
        integrality=np.ones(value.size),
    )
    assert found.value <= -best.fun + 1e-6 <= found.bound + 2e-6
    assert found.value >= -best.fun * (1 - 1e-3)
    assert found.status == "certified"
    assert found.contacts_by_channel.get("email", 0) <= email
    assert found.spend <= budget
