"""Transactions that touch the same messages and budgets wait for each other, and never in a circle."""

import threading
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, Receipt
from tests.unit.assets.ledger.support import AT, messages, propose, release, states

ROUNDS = 6
SIZE = 40


def _together(*works):
    errors, start = [], threading.Barrier(len(works))

    def run(work):
        start.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread's error is the test's
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def _half_late(prefix, objectives):
    shift = [AT + timedelta(hours=1 + number % 2) for number in range(SIZE)]
    frame = messages(SIZE, prefix=prefix, expires_at=shift)
    return frame.assign(objective_id=[objectives[number % len(objectives)] for number in range(SIZE)])


@pytest.mark.parametrize("number", range(ROUNDS))
def test_expiry_and_a_replacing_release_never_wait_for_each_other_in_a_circle(ledger, ledger_url, number):
    release(ledger, frame=_half_late("m", ["zeta", "alpha"]))
    propose(ledger, "p2")
    other = Ledger(ledger_url)
    ids = [f"m{each}" for each in reversed(range(SIZE))]
    late = AT + timedelta(hours=1, minutes=1)
    more = {"withdraws": ids, "budgets": [BudgetLine("total", 100.0), BudgetLine("objective:alpha", 50.0)]}
    errors = _together(
        lambda: ledger.outbox.expire(late),
        lambda: release(
            other, "p2", _half_late("n", ["alpha", "beta"]).assign(send_at=late - timedelta(minutes=2)), **more
        ),
    )
    other.close()
    assert errors == []
    assert {"pending"} <= set(states(ledger).values()) <= {"pending", "expired", "cancelled"}
    assert ledger.audit.check() == []


def test_acks_of_two_channels_with_the_same_objectives_never_wait_in_a_circle(ledger, ledger_url):
    other = Ledger(ledger_url)
    release(ledger, frame=_half_late("m", ["zeta", "alpha"]))
    release(ledger, "p2", _half_late("n", ["alpha", "zeta"]).assign(channel="sms"))

    def send(of, channel):
        for _ in range(SIZE // 4):
            lease = of.outbox.claim(channel, at=AT, limit=4, owner=channel, lease_s=60)
            of.outbox.begin_sending(lease, at=AT, refused={lease.messages[0].message_id: "one of them"})
            statuses = {"m": "sent", "n": "failed"}
            receipts = [
                Receipt(each.message_id, statuses["mn"[position % 2]], AT)
                for position, each in enumerate(lease.messages[1:])
            ]
            of.outbox.ack(lease, receipts, at=AT)

    errors = _together(lambda: send(ledger, "email"), lambda: send(other, "sms"))
    other.close()
    assert errors == []
    assert set(states(ledger).values()) == {"sent", "failed", "suppressed"}
    assert ledger.audit.check() == []


def test_batches_recorded_with_the_next_ones_intent_never_wait_in_a_circle(ledger, ledger_url):
    other = Ledger(ledger_url)
    release(ledger, frame=_half_late("m", ["zeta", "alpha"]))
    release(ledger, "p2", _half_late("n", ["alpha", "zeta"]).assign(channel="sms"))

    def send(of, channel):
        lease = of.outbox.claim(channel, at=AT, limit=SIZE, owner=channel, lease_s=60)
        batches = [replace(lease, messages=lease.messages[start : start + 4]) for start in range(0, SIZE, 4)]
        of.outbox.begin_sending(batches[0], at=AT)
        for done, following in pairwise(batches):
            refused = {following.messages[0].message_id: "one of them"}
            with of.outbox.together() as outbox:
                outbox.lock_both(done, following, is_checked=True)
                receipts = [Receipt(each.message_id, "sent", AT) for each in done.messages]
                outbox.ack(done, receipts, at=AT)
                outbox.begin_sending(following, at=AT, refused=refused, checks=[lambda _: {}])
        of.outbox.ack(batches[-1], [Receipt(each.message_id, "sent", AT) for each in batches[-1].messages], at=AT)

    errors = _together(lambda: send(ledger, "email"), lambda: send(other, "sms"))
    other.close()
    assert errors == []
    assert set(states(ledger).values()) == {"sent", "suppressed"}
    assert ledger.audit.check() == []


def test_a_revocation_beside_a_release_never_waits_in_a_circle(ledger, ledger_url):
    other = Ledger(ledger_url)
    release(ledger, frame=_half_late("m", ["alpha", "beta"]))
    errors = _together(
        lambda: ledger.plans.revoke("p1", by="ann", at=AT, why="wrong"),
        lambda: release(other, "p2", _half_late("n", ["beta", "alpha"]), withdraws=[f"m{n}" for n in range(SIZE)]),
    )
    other.close()
    assert errors == []
    assert ledger.audit.check() == []
