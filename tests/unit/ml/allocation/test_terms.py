"""Each term's formula, asked of given totals without a solver."""

from dataclasses import replace

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
    ContactFrequencyCap,
    ContactLimit,
    ContactVolume,
    ExplorationBudget,
    Limit,
    MinimumEffect,
    ObjectiveBudget,
    ObjectiveQuota,
    PosteriorDraw,
    RiskAversion,
    SpendChange,
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
EXPLORING = replace(COLUMNS, is_exploring=np.array([False, False, True, True]))
CONTACTS = np.array([100.0, 5.0, 300.0, 20.0])  # spend 1 + 10 + 3 + 10 = 24
CONVERSIONS = np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])


@pytest.mark.parametrize(
    ("term", "kept", "reached"),
    [
        (TotalBudget(24), True, [24]),
        (TotalBudget(23.9), False, [24]),
        (TotalBudget(minimum=24), True, [24]),
        (TotalBudget(30, minimum=24.1), False, [24, 24]),
        (SpendChange(20, rise=0.2, fall=0.0), True, [0.2, -0.2]),
        (SpendChange(20, rise=0.19), False, [0.2]),
        (SpendChange(12.5, fall=0.2, channel="voice"), True, [0.2]),
        (SpendChange(12.5, fall=0.19, channel="voice"), False, [0.2]),
        (ExplorationBudget(13), True, [13]),
        (ExplorationBudget(12.9), False, [13]),
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
    totals = Totals(EXPLORING, ("young", "old"))
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


VALUES = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], dtype=np.float32)
EVERY = np.ones((3, 4), dtype=bool)


def table(**more: np.ndarray) -> Candidates:
    return Candidates.from_dense(VALUES, EVERY, VALUES / 100, **more)


def test_a_contact_below_the_minimum_effect_is_none():
    built = Problem(table(), COLUMNS, [MinimumEffect(0.06)])
    assert built.candidates.value.tolist() == [6, 7, 8, 9, 10, 11, 12]
    assert built.candidates.starts.tolist() == [0, 0, 3, 7]
    assert len(built.given) == 12


def test_a_minimum_effect_of_one_objective_leaves_the_others_alone():
    built = Problem(table(), COLUMNS, [MinimumEffect(0.06, "win")])
    assert built.candidates.value.tolist() == [3, 4, 6, 7, 8, 9, 10, 11, 12]


def test_a_minimum_effect_without_expected_conversions_is_refused():
    with pytest.raises(CandidateError, match="quantity"):
        problem(MinimumEffect(0.1))


def test_contacts_had_lately_are_taken_off_a_rolling_window():
    recent, left = np.array([0, 2, 7], dtype=np.uint8), np.array([1, 3, 3], dtype=np.uint8)
    capped = Problem(table(recent_contacts=recent), COLUMNS, [ContactFrequencyCap(3)])
    assert capped.candidates.contacts_left.tolist() == [3, 1, 0]
    both = Problem(table(recent_contacts=recent, contacts_left=left), COLUMNS, [ContactFrequencyCap(3)])
    assert both.candidates.contacts_left.tolist() == [1, 1, 0]


def test_a_frequency_cap_without_counted_contacts_is_refused():
    with pytest.raises(CandidateError, match="recent_contacts"):
        problem(ContactFrequencyCap(3))


def test_risk_takes_standard_deviations_off_the_value():
    built = Problem(table(value_sd=VALUES / 2), COLUMNS, [RiskAversion(1.5)])
    assert built.candidates.value == pytest.approx((VALUES - 0.75 * VALUES).reshape(-1))


def test_a_posterior_draw_is_the_same_for_a_seed_and_has_the_spread_asked_for():
    many = Candidates.from_dense(
        np.ones((5000, 4), np.float32), np.ones((5000, 4), bool), value_sd=np.full((5000, 4), 2.0)
    )
    drawn = [Problem(many, COLUMNS, [PosteriorDraw(seed)]).candidates.value for seed in (1, 1, 2)]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).mean() > 0.99
    assert (drawn[0].mean(), drawn[0].std()) == (pytest.approx(1, abs=0.05), pytest.approx(2, abs=0.05))


@pytest.mark.parametrize("terms", [[RiskAversion(1)], [PosteriorDraw(1)]])
def test_uncertainty_that_is_not_given_is_refused(terms):
    with pytest.raises(CandidateError, match="value_sd"):
        problem(*terms)


def test_uncertainty_is_used_once_only():
    with pytest.raises(CandidateError, match="only one term"):
        Problem(table(value_sd=VALUES), COLUMNS, [RiskAversion(1), PosteriorDraw(1)])
    used = Problem(table(value_sd=VALUES), COLUMNS, [RiskAversion(1)])
    with pytest.raises(CandidateError, match=r"Problem\.given"):
        Problem(used.candidates, COLUMNS, [RiskAversion(1)])


def test_a_change_against_no_spend_at_all_is_refused():
    with pytest.raises(TermError, match="Leave the term out"):
        SpendChange(0.0, rise=0.5)


def test_an_exploration_budget_needs_columns_for_exploring():
    with pytest.raises(TermError, match="with_exploring"):
        problem(ExplorationBudget(1))


def test_candidates_made_to_learn_are_found_in_columns_of_their_own():
    flags = np.zeros(12, dtype=bool)
    flags[[1, 6]] = True
    columns, moved = COLUMNS.with_exploring(), table().exploring(flags, COLUMNS)
    built = Problem(moved, columns, [ExplorationBudget(1)])
    assert moved.column[[1, 6]].tolist() == [5, 6]
    assert (moved.column % len(COLUMNS)).tolist() == table().column.tolist()
    assert built.rows().contacts.tolist() == [[0, 0, 0, 0, 0.01, 2.0, 0.01, 0.5]]
