"""The curve of value against budget."""

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.curve import budget_curve
from ml.allocation.errors import TermError
from ml.allocation.problem import Problem
from ml.allocation.terms import ChannelCapacity, TotalBudget
from ml.entities import Option

COLUMNS = Columns.of([("win", Option("sms", "none"), 0.1), ("win", Option("voice", "none"), 2.0)])


def problem(*terms: object) -> Problem:
    value = np.random.default_rng(0).lognormal(0, 1, (3000, 2)).astype(np.float32)
    return Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool)), COLUMNS, terms)


def test_more_money_is_worth_more_and_each_further_unit_less():
    built = problem(TotalBudget(500), ChannelCapacity("sms", 1500))
    curve = budget_curve(built, [2.0, 0.0, 0.5, 1.0])
    by_budget = curve.sort_values("budget")
    assert curve["budget"].tolist() == [1000.0, 0.0, 250.0, 500.0]
    assert by_budget["value"].is_monotonic_increasing
    assert by_budget["marginal"].iloc[1:].is_monotonic_decreasing
    assert built.limit("budget").number.value == 500


def test_the_marginal_value_is_the_slope_of_the_curve():
    curve = budget_curve(problem(TotalBudget(500)), [0.99, 1.0, 1.01])
    slope = (curve["value"].iloc[2] - curve["value"].iloc[0]) / (curve["budget"].iloc[2] - curve["budget"].iloc[0])
    assert curve["marginal"].iloc[1] == pytest.approx(slope, rel=0.05)


def test_without_a_total_budget_there_is_no_curve():
    with pytest.raises(TermError, match="TotalBudget"):
        budget_curve(problem(ChannelCapacity("sms", 10)), [1.0])
