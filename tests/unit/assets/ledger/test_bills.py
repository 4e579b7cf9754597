"""F15: what a provider bills beyond the hold is spent, closes its budgets, is told, and nothing more is held against them."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.channels.dispatch import dispatch
from assets.ledger.errors import BudgetExceeded, LedgerError
from assets.ledger.records import BudgetLine
from orchestration.health import troubles
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, DAY, messages, release

CAPS = [BudgetLine("total", 10.0), BudgetLine("objective:reactivate", 10.0)]


def _spend(ledger, count=4):
    """Messages at 1.00 each, by two objectives."""
    frame = messages(count, cost=1.0)
    frame["objective_id"] = ["reactivate", "grow"] * (count // 2)
    release(ledger, frame=frame, budgets=CAPS)
    dispatch(ledger, {"email": Provider()}, at=AT, channel="email")


def _spent(ledger):
    return {state.scope: round(state.spent, 6) for state in ledger.budgets.states()}


def test_f15_a_bill_beyond_the_hold_is_spent_and_no_further_hold_is_taken(ledger):
    _spend(ledger)
    said = ledger.bills.settle("email", DAY, 14.0, by="ann", at=AT, reference="bill 7")
    assert (said.counted, said.over, said.closed) == (4.0, 10.0, (f"total ({DAY})",))
    assert _spent(ledger) == {"total": 14.0, "channel:email": 14.0, "objective:reactivate": 7.0, "objective:grow": 7.0}
    with pytest.raises(BudgetExceeded, match="total"):
        release(ledger, "p2", messages(1, prefix="n", cost=0.01), budgets=CAPS)
    assert [each.words for each in troubles(ledger.engine, AT) if each.key.startswith("billed")] == [
        f"budget total ({DAY}) is closed: a provider billed more than was held; see wayfinder bill"
    ]
    assert ledger.audit.check() == []


def test_f15_the_same_bill_again_changes_nothing_and_another_total_takes_its_place(ledger):
    _spend(ledger)
    for total, expected in ((6.0, 6.0), (6.0, 6.0), (9.0, 9.0), (5.0, 5.0), (1.0, 4.0)):
        ledger.bills.settle("email", DAY, total, by="ann", at=AT + timedelta(minutes=1))
        assert _spent(ledger)["total"] == expected
        assert ledger.audit.check() == []


def test_a_bill_for_a_day_on_which_nothing_left_is_spent_all_the_same(ledger):
    assert ledger.bills.settle("display", DAY, 3.0, by="ann", at=AT).over == 3.0
    assert _spent(ledger) == {"total": 3.0, "channel:display": 3.0}
    assert ledger.audit.check() == []


@pytest.mark.parametrize(("total", "by"), [(-1.0, "ann"), (float("nan"), "ann"), (float("inf"), "ann"), (1.0, " ")])
def test_a_bill_needs_an_amount_and_somebody_who_says_so(ledger, total, by):
    with pytest.raises(LedgerError):
        ledger.bills.settle("email", DAY, total, by=by, at=AT)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(totals=st.lists(st.integers(0, 30_000_000), min_size=1, max_size=4))
def test_whatever_is_billed_the_ledger_adds_up_and_objectives_bear_all_of_it(ledger, totals):
    if not ledger.budgets.states():
        _spend(ledger)
    for total in totals:
        over = ledger.bills.settle("email", DAY, total / 1e6, by="ann", at=AT).over
        spent = _spent(ledger)
        assert spent["total"] == spent["channel:email"] == pytest.approx(4.0 + over)
        assert spent["objective:reactivate"] + spent["objective:grow"] == pytest.approx(4.0 + over)
    assert ledger.audit.check() == []
