"""Each term's formula, asked of given totals without a solver."""

import cvxpy as cp
import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import CandidateError, TermError
from ml.allocation.problem import Problem
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    Limit,
    ObjectiveBudget,
    ObjectiveQuota,
    Term,
    TotalBudget,
    Totals,
)
from ml.entities import Option

COLUMNS = Columns.of(
    [
        ("win", Option("email", "none"), 0.01),
        ("win", Option("voice", "none"), 2.0),
        ("grow", Option("email", "ten_off"), 0.01),
        ("grow", Option("direct_mail", "ten_off"), 0.5),
    ]
)
CONTACTS = np.array([100.0, 5.0, 300.0, 20.0])  # spend 1 + 10 + 3 + 10 = 24
CONVERSIONS = np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])


@pytest.mark.parametrize(
    ("term", "kept", "reached"),
    [
        (TotalBudget(24), True, [24]),
        (TotalBudget(23.9), False, [24]),
        (ObjectiveBudget("grow", 13), True, [13]),
        (ObjectiveBudget("grow", 12.9), False, [13]),
        (ChannelBudget("email", maximum=4, minimum=4), True, [4, 4]),
        (ChannelBudget("email", minimum=4.1), False, [4]),
        (ChannelSpendShare("voice", 10 / 24), True, [10 / 24]),
        (ChannelSpendShare("voice", 0.4), False, [10 / 24]),
        (ChannelCapacity("email", 400), True, [400]),
        (ChannelCapacity("email", 399), False, [400]),
        (ContactVolume("grow", "email", maximum=300, minimum=300), True, [300, 300]),
        (ContactVolume("win", minimum=106), False, [105]),
        (ContactVolume(maximum=425), True, [425]),
        (ObjectiveQuota("win", 33), True, [33]),
        (ObjectiveQuota("win", 3.1, "young"), False, [3]),
        (ObjectiveQuota("grow", 70, "old"), True, [70]),
        (ContactLimit(2), True, []),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, Term) else None,
)
def test_a_term_holds_exactly_where_its_formula_does(term, kept, reached):
    totals = Totals(COLUMNS, ("young", "old"))
    totals.contacts.value, totals.conversions.value = CONTACTS, CONVERSIONS
    limits = term.limits(totals)
    assert all(limit.constraint.violation() <= 1e-9 for limit in limits) == kept
    assert [limit.reached.value for limit in limits] == pytest.approx(reached)


def problem(*terms: Term, quantity: np.ndarray | None = None) -> Problem:
    value, eligible = np.ones((3, 4), dtype=np.float32), np.ones((3, 4), dtype=bool)
    return Problem(Candidates.from_dense(value, eligible, quantity), COLUMNS, terms)


def test_rows_say_the_same_as_the_constraints():
    terms = [
        TotalBudget(24),
        ChannelSpendShare("voice", 0.4),
        ObjectiveQuota("win", 40),
        ContactVolume("win", minimum=106),
    ]
    built = problem(*terms, quantity=np.ones((3, 4), dtype=np.float32))
    rows = built.rows()
    used = rows.contacts @ CONTACTS + np.einsum("rsc,sc->r", rows.conversions, CONVERSIONS[:1])
    assert used - rows.bound == pytest.approx([24 - 24, 10 - 0.4 * 24, 40 - 3, 106 - 105])
    assert rows.names == ("budget", "share:voice", "quota:win", "contacts:win:minimum")


def test_a_changed_number_changes_the_row_and_builds_nothing_anew():
    built = problem(TotalBudget(24))
    built.limit("budget").number.value = 30.0
    assert built.rows().bound.tolist() == [30.0]


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_a_number_that_means_nothing_is_refused(amount):
    with pytest.raises(TermError, match="total budget"):
        TotalBudget(amount)


def test_a_share_over_one_is_refused():
    with pytest.raises(TermError, match="to 1"):
        ChannelSpendShare("voice", 1.2)


@pytest.mark.parametrize("contacts", [0, 9])
def test_a_contact_limit_outside_the_channels_is_refused(contacts):
    with pytest.raises(TermError, match="1 to 8"):
        ContactLimit(contacts)


@pytest.mark.parametrize(
    ("term", "names"),
    [(ObjectiveBudget("lose", 1), "lose"), (ChannelCapacity("fax", 1), "fax"), (ObjectiveQuota("win", 1, "x"), "x")],
)
def test_a_term_about_something_unknown_is_refused_by_name(term, names):
    with pytest.raises(TermError, match=names):
        problem(term, quantity=np.ones((3, 4), dtype=np.float32))


def test_two_terms_for_one_limit_are_refused():
    with pytest.raises(TermError, match="More than one term sets budget"):
        problem(TotalBudget(1), TotalBudget(2))


def test_a_quota_without_expected_conversions_is_refused():
    with pytest.raises(CandidateError, match="quantity"):
        problem(ObjectiveQuota("win", 1))


class Concave(Term):
    """At least some square of the contacts: not convex."""

    def limits(self, totals):
        number = cp.Parameter(value=1.0)
        spend = totals.spend_of()
        return [Limit("wrong", "something", number, spend, cp.square(spend) >= number, "money")]


class Curved(Term):
    """Convex, but not linear."""

    def limits(self, totals):
        number = cp.Parameter(value=1.0)
        spend = totals.spend_of()
        return [Limit("curved", "something", number, spend, cp.square(spend) <= number, "money")]


@pytest.mark.parametrize(("term", "names"), [(Concave(), "not DCP"), (Curved(), "not linear")])
def test_a_term_that_prices_cannot_express_is_refused_when_the_problem_is_built(term, names):
    with pytest.raises(TermError, match=names):
        problem(term)
