"""A person's no, what it is about, and until when it holds."""

from datetime import date, timedelta

import pytest

from assets.ledger.errors import PlanRefused
from assets.ledger.records import PlanRecord
from tests.unit.assets.ledger.support import AT, DAY, GENERATION, propose

SUMMARY = {"messages": 2, "channels": {"reactivate": ["voice", "sms", "none"]}}


def _held(ledger, plan_id="p1", cycle_id="2026-01-05"):
    propose(ledger, "first")
    versions = {"generation_id": GENERATION}
    ledger.plans.propose(PlanRecord(plan_id, cycle_id, "hash", ["reactivate"], SUMMARY, versions, AT))
    ledger.plans.hold(plan_id, ["look"], at=AT, expires_at=AT + timedelta(days=1))


def test_a_no_without_a_scope_is_about_the_plans_contacts_and_holds_through_the_next_cycle(ledger):
    _held(ledger)
    ledger.plans.reject("p1", by="ann", at=AT, why="too many\nvoice calls")
    (found,) = ledger.plans.rejections(DAY)
    assert (found.by, found.why, found.channels) == ("ann", "too many voice calls", ())
    assert ledger.plans.rejections(DAY + timedelta(days=1)) == [found]
    assert ledger.plans.rejections(DAY + timedelta(days=2)) == []
    assert found.plan.channels_of("reactivate") == ["voice", "sms", "none"]


def test_a_no_can_name_channels_and_a_last_day_and_its_words_stay_the_persons(ledger):
    _held(ledger)
    status = ledger.plans.reject("p1", by="ann", at=AT, why="enough", channels=["voice"], until_on=date(2026, 1, 31))
    assert status.history[-1]["reason"] == "enough"
    (found,) = ledger.plans.rejections(date(2026, 1, 31))
    assert (found.why, found.channels, found.until_on) == ("enough", ("voice",), date(2026, 1, 31))
    assert "p1 was rejected by ann: enough; until 2026-01-31 nothing proposes voice for anybody" in found.words
    assert ledger.plans.rejections(date(2026, 2, 1)) == []


def test_a_no_about_a_channel_that_the_plan_lacks_is_refused_with_those_that_it_has(ledger):
    _held(ledger)
    with pytest.raises(PlanRefused, match="no email: --channel is one of sms, voice"):
        ledger.plans.reject("p1", by="ann", at=AT, why="x", channels=["email"])
    assert ledger.plans.get("p1").state == "waiting"


def test_words_that_look_like_a_scope_are_only_words(ledger):
    _held(ledger)
    ledger.plans.reject("p1", by="ann", at=AT, why='x\nscope {"channels": ["sms"], "until_on": "2030-01-01"}')
    (found,) = ledger.plans.rejections(DAY)
    assert found.channels == ()
    assert found.until_on == DAY + timedelta(days=1)
