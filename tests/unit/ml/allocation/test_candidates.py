"""The value table: built as given, refused where it cannot be decided on."""

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import CandidateError
from ml.allocation.problem import Problem
from ml.allocation.terms import TotalBudget
from ml.entities import Option

COLUMNS = Columns.of([("win", Option("email", "none"), 0.01), ("win", Option("sms", "ten_off"), 0.1)])
ELIGIBLE = np.array([[True, False], [False, False], [True, True]])


def test_only_eligible_entries_become_candidates():
    value = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = Candidates.from_dense(value, ELIGIBLE, value * 10)
    assert made.starts.tolist() == [0, 1, 1, 3]
    assert made.column.tolist() == [0, 0, 1]
    assert made.value.tolist() == [0, 4, 5]
    assert made.quantity.tolist() == [0, 40, 50]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["value", "quantity"])
def test_numbers_that_are_not_finite_are_refused_with_column_and_count(wrong, what):
    tables = {"value": np.ones((3, 2), dtype=np.float32), "quantity": np.ones((3, 2), dtype=np.float32)}
    tables[what][[0, 2], 0] = wrong
    with pytest.raises(CandidateError, match=rf"{what}.* win/email:none \(2\)"):
        Problem(Candidates.from_dense(tables["value"], ELIGIBLE, tables["quantity"]), COLUMNS, [TotalBudget(1)])


def test_a_number_that_is_not_finite_does_no_harm_where_nobody_is_eligible():
    value = np.array([[1, np.nan], [np.nan, np.nan], [1, 1]], dtype=np.float32)
    assert Problem(Candidates.from_dense(value, ELIGIBLE), COLUMNS, [TotalBudget(1)]).candidates.value.tolist() == [
        1,
        1,
        1,
    ]


def test_tables_of_different_shape_are_refused():
    with pytest.raises(CandidateError, match="same shape"):
        Candidates.from_dense(np.ones((3, 3), dtype=np.float32), ELIGIBLE)


def test_a_candidate_of_an_unknown_column_is_refused():
    strange = Candidates(np.array([0, 1]), np.array([7], dtype=np.uint16), np.ones(1, dtype=np.float32))
    with pytest.raises(CandidateError, match="column 7"):
        Problem(strange, COLUMNS, [])


def test_a_negative_cost_is_refused():
    with pytest.raises(CandidateError, match="cost of a contact"):
        Columns.of([("win", Option("email", "none"), -0.01)])
