from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from assets.ledger.records import Receipt
from tests.unit.assets.ledger.support import AT, DAY, execute, messages, release, states
from tests.unit.assets.ledger.tampering import tamper

MINUTE = timedelta(minutes=1)


def _claim(ledger, **more):
    return ledger.outbox.claim("email", **{"at": AT, "limit": 10, "owner": "a", "lease_s": 60} | more)


def _send(ledger, lease, status="sent", at=AT):
    intent = ledger.outbox.begin_sending(lease, at=at)
    retry_at = {each.message_id: at + MINUTE for each in intent.messages}
    ledger.outbox.ack(
        lease, [Receipt(each.message_id, status, at) for each in intent.messages], at=at, retry_at=retry_at
    )
    return intent


def test_only_due_messages_are_claimed(ledger):
    release(ledger, frame=messages(3, send_at=[AT, AT + MINUTE, AT]))
    assert [each.message_id for each in _claim(ledger).messages] == ["m0", "m2"]


def test_what_is_claimed_is_not_claimed_by_another(ledger):
    release(ledger)
    assert len(_claim(ledger).messages) == 3
    assert _claim(ledger, owner="b").messages == ()


def test_a_message_past_its_window_is_neither_claimed_nor_left_open(ledger):
    release(ledger)
    late = AT + timedelta(hours=3)
    assert _claim(ledger, at=late).messages == ()
    assert ledger.outbox.expire(late) == 3
    assert set(states(ledger).values()) == {"expired"}
    assert all(budget.held == budget.spent == 0 for budget in ledger.budgets.states())
    assert ledger.audit.check() == []


@pytest.mark.parametrize("scope", ["all", "email"])
def test_a_halted_channel_gives_nothing_out(ledger, scope):
    release(ledger)
    lease = _claim(ledger, limit=1)
    ledger.halts.stop(scope, by="ann", at=AT)
    assert _claim(ledger).is_halted
    assert ledger.outbox.begin_sending(lease, at=AT).is_halted
    assert set(states(ledger).values()) == {"pending"}
    ledger.halts.resume(scope, by="ann", at=AT)
    assert len(_claim(ledger).messages) == 3


def test_another_channels_stop_does_not_matter(ledger):
    release(ledger)
    ledger.halts.stop("sms", by="ann", at=AT)
    assert len(_claim(ledger).messages) == 3


def test_resuming_everything_leaves_a_stopped_channel_stopped(ledger):
    ledger.halts.stop("email", by="ann", at=AT)
    ledger.halts.stop(by="ann", at=AT)
    ledger.halts.resume(by="ann", at=AT)
    assert ledger.halts.active() == ["email"]


def test_sending_settles_money_and_forgets_the_address(ledger):
    release(ledger)
    _send(ledger, _claim(ledger))
    assert set(states(ledger).values()) == {"sent"}
    assert {(b.held, b.spent) for b in ledger.budgets.states()} == {(0.0, 0.006)}
    assert ledger.audit.check() == []


def test_a_dispatcher_that_slept_past_its_lease_sends_nothing(ledger):
    release(ledger)
    slow = _claim(ledger, lease_s=60)
    late = AT + 2 * MINUTE
    assert ledger.outbox.begin_sending(slow, at=late).messages == []
    ledger.outbox.take_over("email", owner="b", delivery="blind", at=late)
    fast = _claim(ledger, owner="b", at=late)
    assert len(_send(ledger, fast, at=late).messages) == 3
    assert ledger.outbox.begin_sending(slow, at=late).messages == []
    assert ledger.outbox.ack(slow, [Receipt("m0", "failed", late)], at=late).total() == 0
    assert set(states(ledger).values()) == {"sent"}


@pytest.mark.parametrize(
    ("delivery", "after"), [("keyed", "pending"), ("blind", "unknown"), ("reconcilable", "unknown")]
)
def test_what_a_dispatcher_left_in_sending_is_redone_only_where_a_key_protects_it(ledger, delivery, after):
    release(ledger)
    ledger.outbox.begin_sending(_claim(ledger), at=AT)
    ledger.outbox.take_over("email", owner="a", delivery=delivery, at=AT)
    assert set(states(ledger).values()) == {after}
    assert ledger.audit.check() == []


def test_a_key_past_its_horizon_protects_nothing(ledger):
    release(ledger)
    ledger.outbox.begin_sending(_claim(ledger), at=AT)
    later = AT + timedelta(hours=1)
    ledger.outbox.take_over("email", owner="a", delivery="keyed", at=later, key_horizon=timedelta(minutes=15))
    assert set(states(ledger).values()) == {"unknown"}


def test_unknown_counts_as_spent_and_as_contact(ledger):
    release(ledger)
    _send(ledger, _claim(ledger), status="unknown")
    assert {(b.held, b.spent) for b in ledger.budgets.states()} == {(0.0, 0.006)}
    assert sorted(ledger.outbox.contacts_since(AT)["customer_id"]) == ["k0", "k1", "k2"]
    assert len(ledger.outbox.handed_over_since(0).frame) == 3
    assert ledger.audit.check() == []


def test_failed_costs_nothing_and_is_no_contact(ledger):
    release(ledger)
    _send(ledger, _claim(ledger), status="failed")
    assert {(b.held, b.spent) for b in ledger.budgets.states()} == {(0.0, 0.0)}
    assert ledger.outbox.contacts_since(AT).empty
    assert ledger.audit.check() == []


def test_a_retry_waits_for_its_time(ledger):
    release(ledger)
    _send(ledger, _claim(ledger), status="retry")
    assert _claim(ledger).messages == ()
    assert len(_claim(ledger, at=AT + MINUTE).messages) == 3


def test_a_message_without_a_receipt_is_unknown(ledger):
    release(ledger)
    lease = _claim(ledger)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt("m0", "sent", AT)], at=AT)
    assert states(ledger) == {"m0": "sent", "m1": "unknown", "m2": "unknown"}


def test_what_is_given_back_can_be_claimed_again(ledger):
    release(ledger)
    assert ledger.outbox.release_back(_claim(ledger)) == 3
    assert len(_claim(ledger, owner="b").messages) == 3


def test_the_suppressed_get_nothing_though_released(ledger):
    release(ledger)
    ledger.suppressions.add("c0", channel="email", reason="unsubscribed", source="e1", at=AT)
    ledger.suppressions.add("Person1@Example.com", reason="forgotten", source="ann", at=AT, is_address=True)
    ledger.suppressions.add("c2", channel="sms", reason="unsubscribed", source="e2", at=AT)
    intent = _send(ledger, _claim(ledger))
    assert dict(intent.ended) == {"suppressed": 2}
    assert states(ledger) == {"m0": "suppressed", "m1": "suppressed", "m2": "sent"}
    assert ledger.audit.check() == []


@pytest.mark.parametrize(
    ("events", "after"),
    [
        ([("withdrawn", 1)], "suppressed"),
        ([("withdrawn", 1), ("granted", 2)], "sent"),
        ([("granted", 2), ("withdrawn", 2)], "suppressed"),
    ],
)
def test_consent_that_went_after_the_decision_stops_the_message(ledger, events, after):
    release(ledger, frame=messages(1))
    frame = pd.DataFrame(
        [{"contact_id": "c0", "channel": "email", "status": s, "occurred_at": AT + n * MINUTE} for s, n in events]
    )
    ledger.suppressions.take_in_consents(frame, received_at=AT + 5 * MINUTE)
    _send(ledger, _claim(ledger))
    assert states(ledger) == {"m0": after}


def test_an_expired_authorization_sends_nothing(ledger):
    release(ledger, expires_at=AT + MINUTE)
    _send(ledger, _claim(ledger, at=AT + MINUTE), at=AT + MINUTE)
    assert set(states(ledger).values()) == {"expired"}
    assert ledger.audit.check() == []


def test_a_plan_revoked_after_the_claim_sends_nothing(ledger):
    release(ledger)
    lease = _claim(ledger)
    ledger.plans.revoke("p1", by="ann", at=AT, why="wrong")
    assert _send(ledger, lease).messages == []
    assert set(states(ledger).values()) == {"cancelled"}
    assert ledger.audit.check() == []


def test_a_gate_that_fails_after_the_release_stops_the_rest(ledger):
    release(ledger)
    ledger.generations.record_gate("2026-01-05-1", "customer_view", is_passed=False, at=AT)
    assert _send(ledger, _claim(ledger)).messages == []
    assert set(states(ledger).values()) == {"cancelled"}


def test_the_callers_own_checks_stop_a_message(ledger):
    release(ledger)
    intent = ledger.outbox.begin_sending(_claim(ledger), at=AT, refused={"m1": "quiet hours"})
    assert [each.message_id for each in intent.messages] == ["m0", "m2"]


def test_each_hand_over_is_exported_once(ledger):
    release(ledger)
    _send(ledger, _claim(ledger, limit=2))
    first = ledger.outbox.handed_over_since(0)
    _send(ledger, _claim(ledger))
    second = ledger.outbox.handed_over_since(first.cursor)
    assert list(first.frame["message_id"]) + list(second.frame["message_id"]) == ["m0", "m1", "m2"]
    assert ledger.outbox.handed_over_since(second.cursor).frame.empty
    assert set(first.frame.columns) == {
        "message_id",
        "decision_id",
        "cycle_id",
        "customer_id",
        "objective_id",
        "channel",
        "offer_id",
        "creative_id",
        "slot",
        "handed_over_at",
        "cost",
        "contact_ids",
    }
    assert first.frame["cost"].iloc[0] == 0.002
    assert first.frame["handed_over_at"].iloc[0] == pd.Timestamp("2026-01-05 13:00")


def test_counts_and_open_messages_say_where_everything_stands(ledger):
    release(ledger)
    _send(ledger, _claim(ledger, limit=1))
    counts = ledger.outbox.counts("2026-01-05").set_index("state")["messages"].to_dict()
    assert counts == {"pending": 2, "sent": 1}
    assert list(ledger.outbox.open_messages(DAY)["message_id"]) == ["m1", "m2"]


def test_content_or_recipient_that_was_changed_after_the_release_never_leaves(ledger):
    """A release is for exactly what was shown; whoever gets round the database's guard is caught by the hash."""
    release(ledger)
    tamper(ledger, "UPDATE payload SET content = '{\"subject\": \"Ninety off\"}' WHERE message_id = 'm0'")
    tamper(ledger, "UPDATE payload SET recipient = '{\"email\": \"eve@example.com\"}' WHERE message_id = 'm2'")
    intent = ledger.outbox.begin_sending(_claim(ledger), at=AT)
    assert [message.message_id for message in intent.messages] == ["m1"]
    assert intent.ended == {"cancelled": 2}


def test_what_a_released_message_says_is_never_edited_only_erased(ledger):
    release(ledger)
    for edit in ("content = '{}', recipient = '{\"email\": \"eve@example.com\"}'", 'content = \'{"text": "x"}\''):
        with pytest.raises(Exception, match="never edited"):
            execute(ledger, f"UPDATE payload SET {edit} WHERE message_id = 'm0'")
    execute(ledger, "UPDATE payload SET content = '{}', recipient = '{}' WHERE message_id = 'm0'")


def test_a_batch_that_went_through_and_the_next_ones_intent_are_one_commit_or_none(ledger):
    release(ledger, frame=messages(4))
    lease = _claim(ledger)
    first, second = (replace(lease, messages=lease.messages[part]) for part in (slice(0, 2), slice(2, 4)))
    ledger.outbox.begin_sending(first, at=AT)
    receipts = [Receipt(message.message_id, "sent", AT) for message in first.messages]
    with pytest.raises(ZeroDivisionError), ledger.outbox.together() as outbox:  # noqa: PT012 - one transaction
        outbox.lock_both(first, second, is_checked=True)
        outbox.ack(first, receipts, at=AT)
        outbox.begin_sending(second, at=AT, checks=[lambda _: 1 / 0])
    assert sorted(states(ledger).values()) == ["leased", "leased", "sending", "sending"]
    with ledger.outbox.together() as outbox:
        outbox.lock_both(first, second, is_checked=True)
        outbox.ack(first, receipts, at=AT)
        assert len(outbox.begin_sending(second, at=AT).messages) == 2
    assert sorted(states(ledger).values()) == ["sending", "sending", "sent", "sent"]


def test_a_batchs_receipts_speak_for_that_batch_alone(ledger):
    release(ledger, frame=messages(4))
    lease = _claim(ledger)
    first, second = (replace(lease, messages=lease.messages[part]) for part in (slice(0, 2), slice(2, 4)))
    ledger.outbox.begin_sending(first, at=AT)
    ledger.outbox.begin_sending(second, at=AT)
    ledger.outbox.ack(first, [Receipt("m0", "sent", AT), Receipt("m1", "sent", AT)], at=AT)
    assert states(ledger) == {"m0": "sent", "m1": "sent", "m2": "sending", "m3": "sending"}
