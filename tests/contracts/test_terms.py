"""What holds for every term: plain, documented, convex, the same written down and built again, kept by every plan."""

import json
from dataclasses import asdict, fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.allocation import terms as terms_
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import solve
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ConcaveResponse,
    ContactFrequencyCap,
    ContactLimit,
    ContactVolume,
    ExclusiveOffers,
    ExplorationBudget,
    MinimumEffect,
    ObjectiveBudget,
    ObjectiveQuota,
    PosteriorDraw,
    RiskAversion,
    SpendChange,
    Term,
    TotalBudget,
)
from ml.entities import Option

COLUMNS = Columns.of(
    [
        (objective, Option(channel, offer), cost)
        for objective in ("win", "grow")
        for channel, cost in (("email", 0.01), ("sms", 0.1), ("voice", 2.0))
        for offer in ("none", "ten_off")
    ]
).with_exploring()
SEGMENTS = ("young", "old")
EXAMPLES: list[Term] = [
    TotalBudget(20.0, minimum=5.0),
    ObjectiveBudget("win", 9.0, minimum=1.0),
    ChannelBudget("voice", maximum=8.0, minimum=2.0),
    ChannelSpendShare("voice", 0.7),
    SpendChange(20.0, rise=0.2, fall=0.4),
    SpendChange(10.0, rise=0.1, channel="voice"),
    ExplorationBudget(3.0),
    ChannelCapacity("email", 15),
    ContactVolume("win", "sms", maximum=9, minimum=2),
    ObjectiveQuota("grow", 0.4, "old"),
    ContactLimit(2),
    ContactFrequencyCap(2, days=7),
    MinimumEffect(0.05, "win"),
    ExclusiveOffers(("ten_off", "none")),
    RiskAversion(0.5),
    PosteriorDraw(11),
    ConcaveResponse("email", 10.0, (3.0, 4.0), SEGMENTS, past=((1.0, 0.0), (0.5, 2.0)), retention=0.5),
    ConcaveResponse("voice", 10.0, (5.0,), shape="exponential"),
    ConcaveResponse("sms", 0.2, (2.0,), shape="logistic", basis="contacts", objective="win"),
]
WRITTEN = {
    name: kind for name in terms_.__all__ if issubclass(kind := getattr(terms_, name), Term) and kind is not Term
}


def table(people: int = 60, seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    eligible = rng.random(shape) < 0.6
    return Candidates.from_dense(
        rng.normal(1.0, 2.0, shape).astype(np.float32),
        eligible,
        (rng.random(shape) * 0.2).astype(np.float32),
        segment=rng.integers(0, 2, people).astype(np.uint16),
        segments=SEGMENTS,
        value_sd=rng.random(shape).astype(np.float32),
        recent_contacts=rng.integers(0, 4, people).astype(np.uint8),
    )


def add_up(problem: Problem, found: Allocation) -> None:
    """Sets the problem's totals to those of the plan."""
    candidates, totals = problem.candidates, problem.totals
    picked = found.chosen[found.chosen >= 0]
    person = np.searchsorted(candidates.starts, picked, side="right") - 1
    conversions = np.zeros(totals.conversions.shape)
    np.add.at(conversions, (candidates.segment[person], candidates.column[picked]), candidates.quantity[picked])
    totals.contacts.value = np.bincount(candidates.column[picked], minlength=len(problem.columns)).astype(float)
    totals.conversions.value = conversions


every_term = pytest.mark.parametrize("term", EXAMPLES, ids=lambda term: type(term).__name__)


def test_every_term_has_an_example_here():
    assert {type(term).__name__ for term in EXAMPLES} == set(WRITTEN)


@every_term
def test_a_term_is_a_frozen_dataclass_of_plain_values_with_its_formula(term):
    assert is_dataclass(term)
    assert type(term).__dataclass_params__.frozen
    assert r"\(" in type(term).__doc__
    plain = (int, float, str, tuple, type(None))
    assert all(isinstance(getattr(term, field.name), plain) for field in fields(term))


@every_term
def test_a_term_written_down_is_the_same_term_when_built_again(term):
    document = json.loads(json.dumps({"term": type(term).__name__, **asdict(term)}))
    kind = WRITTEN[document.pop("term")]

    def tuples(value):
        return tuple(tuples(each) for each in value) if isinstance(value, list) else value

    assert kind(**{name: tuples(value) for name, value in document.items()}) == term


@every_term
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_rows_say_what_the_constraints_say(term, seed):
    rng = np.random.default_rng(seed)
    problem = Problem(table(10), COLUMNS, [term])
    rows, totals = problem.rows(), problem.totals
    contacts, conversions = rng.random(totals.contacts.shape) * 9, rng.random(totals.conversions.shape)
    totals.contacts.value, totals.conversions.value = contacts, conversions
    over = rows.contacts @ contacts + np.einsum("rsc,sc->r", rows.conversions, conversions) - rows.bound
    assert np.maximum(over, 0) == pytest.approx([limit.constraint.violation() for limit in problem.limits], abs=1e-9)
    for limit in problem.limits:
        limit.number.value = max(0.0, float(limit.reached.value))
        assert float(limit.reached.value) < 0 or limit.constraint.violation() <= 1e-9


@every_term
def test_a_limits_number_is_a_parameter_that_needs_no_new_problem(term):
    problem = Problem(table(10), COLUMNS, [term])
    for limit in problem.limits:
        assert limit.constraint.is_dcp(dpp=True)
        assert limit.number in limit.constraint.parameters()
        assert limit.figure(float(limit.number.value)) in limit.spoken()


@every_term
def test_the_plan_keeps_the_term_and_is_within_its_bound(term):
    problem = Problem(table(), COLUMNS, [term] if isinstance(term, ContactLimit) else [term, ContactLimit(2)])
    found = solve(problem)
    add_up(problem, found)
    assert all(limit.constraint.violation() <= 1e-6 for limit in problem.limits)
    assert found.status == "certified"
    assert found.value <= found.bound


@every_term
def test_without_the_term_no_plan_is_worth_less(term):
    if isinstance(term, PosteriorDraw):
        return  # other values, not fewer plans
    bare = solve(Problem(table(), COLUMNS, [ContactLimit(2)]))
    more = solve(Problem(table(), COLUMNS, [term] if isinstance(term, ContactLimit) else [term, ContactLimit(2)]))
    assert more.value <= bare.bound + 1e-6


@every_term
def test_a_term_leaves_the_given_table_as_it_was(term):
    given, before = table(), table()
    Problem(given, COLUMNS, [term])
    assert all(np.array_equal(getattr(given, name), getattr(before, name)) for name in ("starts", "value", "quantity"))
    assert given.contacts_left is None
