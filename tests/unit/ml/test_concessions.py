"""Minimums that contradict the limits give way as little as they must, one after the other; caps never do."""

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, ObjectiveQuota, SpendChange, TotalBudget, Totals
from ml.concessions import conceding
from ml.entities import Option

COLUMNS = Columns.of([("a", Option("email", "none"), 1.0), ("b", Option("email", "none"), 1.0)])
PEOPLE = 40
TABLE = Candidates.from_dense(
    np.full((PEOPLE, 2), 1.0, np.float32), np.ones((PEOPLE, 2), bool), np.full((PEOPLE, 2), 0.5, np.float32)
)
TOTALS = Totals(COLUMNS, TABLE.segments)


def settled(asked, *limits):
    return conceding(asked, TOTALS, lambda terms: solve(Problem(TABLE, COLUMNS, [*limits, *terms]), threads=1))


def test_what_can_be_kept_is_kept_without_a_word():
    found, conceded = settled([ObjectiveQuota("a", 5.0)], TotalBudget(20.0))
    assert conceded == ()
    assert found.value == pytest.approx(20.0)


def test_two_quotas_over_one_budget_are_asked_for_in_turn():
    found, (second,) = settled([ObjectiveQuota("a", 8.0), ObjectiveQuota("b", 6.0)], TotalBudget(20.0))
    assert (second.limit, second.asked) == ("quota:b", 6.0)
    assert second.kept == pytest.approx(2.0, abs=0.05)
    assert found.spend == pytest.approx(20.0)
    assert "6.00 expected conversions" in second.words
    assert "total budget of at most 20.00" in second.words


def test_each_quota_beyond_the_limits_keeps_what_there_is():
    found, conceded = settled([ObjectiveQuota("a", 1e6), ObjectiveQuota("b", 1e6)], ChannelCapacity("email", 10))
    assert [each.kept for each in conceded] == [pytest.approx(5.0, abs=0.05), pytest.approx(0.0, abs=0.05)]
    assert found.contacts_by_channel["email"] == 10


def test_a_fall_gives_way_to_a_budget_and_its_rise_still_holds():
    found, (fall,) = settled([SpendChange(30.0, rise=0.1, fall=0.1)], TotalBudget(20.0))
    assert (fall.limit, fall.kept) == ("spend_fall", pytest.approx(1 / 3, abs=0.01))
    assert found.spend <= 20.0 + 1e-9
    held, (nothing,) = settled([SpendChange(30.0, rise=0.1, fall=0.1), ObjectiveQuota("a", 18.0)])
    assert held.spend <= 33.0 + 1e-9
    assert nothing.limit == "quota:a"


def test_limits_that_contradict_each_other_by_themselves_are_still_refused():
    with pytest.raises(Infeasible):
        settled([ObjectiveQuota("a", 1.0)], TotalBudget(5.0, minimum=6.0))
