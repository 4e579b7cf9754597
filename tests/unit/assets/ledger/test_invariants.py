"""Each rule of the audit: a sound ledger keeps it, and what breaks it is named with its subject."""

from datetime import timedelta

import pandas as pd
import pytest

from assets.ledger.invariants import CHAIN, RULES
from assets.ledger.records import Receipt
from tests.unit.assets.ledger.support import AT, messages, propose, release
from tests.unit.assets.ledger.tampering import tamper

MINUTE = timedelta(minutes=1)
LATER = AT + MINUTE

# rule, the subject that it must name, and a statement that breaks it in a ledger where m0 was sent, m1 is unknown, m2 is
# being sent, m3 failed, m4 is open, and the plan `held` waits for two people
PLANTED = (
    (
        "every message has a released authorization of its plan hash",
        "m0",
        "UPDATE outbox SET plan_hash = 'other' WHERE message_id = 'm0'",
    ),
    (
        "a release holds exactly the messages that it was for",
        "p1",
        "DELETE FROM outbox WHERE message_id = 'm3'",
    ),
    ("every receipt has a message", "1", "UPDATE receipt SET message_id = 'nobody' WHERE seq = 1"),
    (
        "every sent message has a receipt or an event that says so",
        "m0",
        "DELETE FROM receipt WHERE message_id = 'm0'",
    ),
    (
        "a message is sent at most once",
        "m0",
        (
            "INSERT INTO receipt (message_id, attempt, status, detail, at) SELECT message_id, 2, status, '', at FROM receipt "
            "WHERE message_id = 'm0'"
        ),
    ),
    (
        "only open messages keep personal data",
        "m0",
        "INSERT INTO payload VALUES ('m0', '{}', '{}')",
    ),
    ("an open message has its content", "m4", "DELETE FROM payload WHERE message_id = 'm4'"),
    (
        "nothing beyond a cap",
        "total 2026-01-05",
        "UPDATE budget SET cap_micros = 1 WHERE scope = 'total'",
    ),
    (
        "nothing beyond a cap",
        "channel:email 2026-01-05",
        "UPDATE budget SET cap_micros = 1 WHERE scope = 'channel:email'",
    ),
    (
        "spend adds up to the messages",
        "total 2026-01-05",
        "UPDATE budget SET spent_micros = spent_micros - (SELECT cost_micros FROM outbox WHERE message_id = 'm1')",
    ),
    (
        "spend adds up to its entries",
        "objective:reactivate whole",
        "DELETE FROM budget_entry WHERE scope = 'objective:reactivate' AND kind = 'spend'",
    ),
    (
        "a released plan's data passed its gates",
        "p1",
        "DELETE FROM gate",
    ),
    (
        "a held plan is released only after its approvals",
        "held",
        (
            "INSERT INTO plan_authorization (plan_id, plan_hash, kind, actor, reason, approvals_needed, message_count, spend_micros, at) "
            "SELECT plan_id, plan_hash, 'released', 'mallory', '', 0, 0, 0, at FROM plan_authorization WHERE plan_id = 'held' "
            "AND kind = 'escalated'"
        ),
    ),
    (
        "every act of authority is in the audit trail",
        "held",
        (
            "INSERT INTO plan_authorization (plan_id, plan_hash, kind, actor, reason, approvals_needed, message_count, spend_micros, at) "
            "SELECT plan_id, plan_hash, 'approved', 'mallory', '', 0, 0, 0, at FROM plan_authorization WHERE plan_id = 'held' "
            "AND kind = 'escalated'"
        ),
    ),
    (
        "every act of authority is in the audit trail",
        "sms",
        "DELETE FROM halt WHERE scope = 'sms' AND kind = 'stop'",
    ),
    ("a message is in a legal state", "m3", "UPDATE outbox SET state = 'lost' WHERE message_id = 'm3'"),
    ("a message is in a legal state", "m0", "UPDATE outbox SET handed_over_at = NULL WHERE message_id = 'm0'"),
    (
        "no message is stuck in sending",
        "m2",
        "UPDATE outbox SET lease_until = '2026-01-05 12:00:00' WHERE message_id = 'm2'",
    ),
    ("hand-over numbers have no gap", "handover", "UPDATE outbox SET handover_no = 7 WHERE message_id = 'm1'"),
    ("hand-over numbers have no gap", "handover", "UPDATE counter SET value = value + 1 WHERE name = 'handover'"),
    (
        "nothing leaves outside its window or its authorization",
        "m0",
        "UPDATE outbox SET send_at = '2026-01-05 14:00:00' WHERE message_id = 'm0'",
    ),
    (
        "nothing leaves outside its window or its authorization",
        "m0",
        "UPDATE outbox SET expires_at = '2026-01-05 13:00:00' WHERE message_id = 'm0'",
    ),
    (
        "nothing leaves outside its window or its authorization",
        "m0",
        "UPDATE plan_authorization SET expires_at = '2026-01-05 12:00:00' WHERE kind = 'released'",
    ),
    (
        "nothing leaves while it is stopped",
        "m0",
        "UPDATE halt SET scope = 'email', at = '2026-01-05 12:59:00' WHERE kind = 'stop'",
    ),
    (
        "nothing leaves against a suppression",
        "m0",
        (
            "INSERT INTO suppression (kind, subject, channel, reason, source, at) "
            "VALUES ('contact', 'c0', 'all', 'unsubscribed', 'e1', '2026-01-05 12:59:00')"
        ),
    ),
    (
        "nothing leaves against a withdrawal of consent",
        "m1",
        (
            "INSERT INTO consent_event (contact_id, channel, status, basis, source, occurred_at, received_at) "
            "VALUES ('c1', 'email', 'withdrawn', 'express', 's', '2026-01-05 10:00:00', '2026-01-05 12:59:00')"
        ),
    ),
    (CHAIN, "1", "UPDATE audit SET detail = '{}' WHERE seq = 1"),
    (CHAIN, "2", "DELETE FROM audit WHERE seq = 1"),
)


@pytest.fixture
def busy(ledger):
    """A sound ledger in the middle of a hand-over, decided ten minutes before."""
    release(ledger, frame=messages(5), proposed_at=AT - 10 * MINUTE)
    waiting = propose(ledger, "held", plan_hash="held")
    ledger.plans.hold(waiting.plan_id, ["assisted"], at=AT, expires_at=AT + 60 * MINUTE, approvals_needed=2)
    ledger.halts.stop("sms", by="ann", at=AT - 5 * MINUTE)
    ledger.halts.resume("sms", by="ann", at=AT - 4 * MINUTE)
    for status in ("sent", "unknown", None, "failed"):
        lease = ledger.outbox.claim("email", at=AT, limit=1, owner=str(status), lease_s=60)
        intent = ledger.outbox.begin_sending(lease, at=AT)
        receipts = [Receipt(each.message_id, status, AT) for each in intent.messages if status]
        if receipts:
            ledger.outbox.ack(lease, receipts, at=AT, retry_at=LATER)
    return ledger


def test_a_ledger_at_work_is_sound(busy):
    assert busy.audit.check(now=AT) == []


def test_every_rule_has_a_planted_violation():
    assert {rule for rule, _, _ in PLANTED} == {*RULES, CHAIN}


@pytest.mark.parametrize(("rule", "subject", "statement"), PLANTED)
def test_what_breaks_a_rule_is_named(busy, rule, subject, statement):
    tamper(busy, statement)
    found = [each for each in busy.audit.check(now=AT + 30 * timedelta(seconds=1)) if each.rule == rule]
    assert subject in {each.subject for each in found}
    assert all(each.detail for each in found)


def test_a_suppression_that_came_after_the_hand_over_breaks_nothing(busy):
    busy.suppressions.add("c0", reason="unsubscribed", source="e1", at=LATER)
    withdrawal = {"contact_id": "c1", "channel": "email", "status": "withdrawn", "occurred_at": LATER}
    busy.suppressions.take_in_consents(pd.DataFrame([withdrawal]), received_at=LATER)
    busy.halts.stop("all", by="ann", at=LATER)
    assert busy.audit.check(now=AT) == []


def test_consent_that_was_given_again_before_the_hand_over_breaks_nothing(ledger):
    release(ledger, proposed_at=AT - 10 * MINUTE)
    for status, minutes in (("withdrawn", 9), ("granted", 8)):
        at = AT - minutes * MINUTE
        event = {"contact_id": "c0", "channel": "email", "status": status, "occurred_at": at}
        ledger.suppressions.take_in_consents(pd.DataFrame([event]), received_at=at)
    lease = ledger.outbox.claim("email", at=AT, limit=9, owner="a", lease_s=60)
    intent = ledger.outbox.begin_sending(lease, at=AT)
    assert len(intent.messages) == 3
    ledger.outbox.ack(lease, [Receipt(each.message_id, "sent", AT) for each in intent.messages], at=AT, retry_at=LATER)
    assert ledger.audit.check() == []


def test_a_message_in_sending_is_stuck_only_after_two_leases(busy):
    assert busy.audit.check(now=AT + timedelta(seconds=119)) == []
    assert {each.subject for each in busy.audit.check(now=AT + timedelta(seconds=120))} == {"m2"}


def test_a_stop_said_by_a_clock_that_is_behind_accuses_nothing_that_had_left(busy):
    """A day replayed ahead of the wall clock, and then a stop by the wall clock."""
    busy.halts.stop("all", by="ann", at=AT - 60 * MINUTE)
    left = {each.subject for each in busy.audit.check(now=AT) if each.rule == "nothing leaves while it is stopped"}
    assert left <= {"m2"}  # still being sent: nobody can say on which side of the stop it left
