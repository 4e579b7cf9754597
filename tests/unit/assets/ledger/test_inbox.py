"""The inbox: each event once, flushed to the same file whatever happens, and personal data gone afterwards."""

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assets.ledger.flushing import flush
from assets.ledger.inbox import Delivery, Event, Unreadable
from assets.ledger.ledger import Ledger
from assets.ledger.records import Receipt
from tests.unit.assets.ledger.support import AT, messages, release


def sent(ledger, count=3):
    release(ledger, frame=messages(count))
    lease = ledger.outbox.claim("email", at=AT, limit=count, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt(each.message_id, "sent", AT) for each in lease.messages], at=AT)


def event(number, kind="opened", message_id="m0", **more):
    return Event(f"e{number}", kind, AT, message_id, channel="email", **more)


def delivery(*events, provider="push"):
    return Delivery(provider, hashlib.sha256(repr(events).encode()).hexdigest(), events)


def lines(paths):
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def inbox_rows(ledger):
    with ledger.engine.connect() as connection:
        return connection.execute(text("SELECT * FROM inbox ORDER BY inbox_no")).mappings().all()


def test_what_is_flushed_is_what_was_accepted_in_its_order(ledger, tmp_path):
    sent(ledger)
    ledger.inbox.take([delivery(event(1), event(2)), delivery(event(2), event(3, "clicked", "m1"))], at=AT)
    assert ledger.inbox.waiting(at=AT) == 3
    (path,) = flush(ledger.inbox, tmp_path, at=AT)
    assert path.relative_to(tmp_path).as_posix().startswith("outcomes/received/")
    assert [row["event_id"] for row in lines([path])] == ["e1", "e2", "e3"]
    assert ledger.inbox.waiting(at=AT) == 0
    assert flush(ledger.inbox, tmp_path, at=AT) == []


def test_taking_the_flushed_file_in_again_changes_nothing(ledger, tmp_path):
    sent(ledger)
    ledger.inbox.take([delivery(event(1, "unsubscribed"), event(2))], at=AT)
    before = ledger.outcomes.news_since(0)
    frame = pd.DataFrame(lines(flush(ledger.inbox, tmp_path, at=AT)))
    counts = ledger.outcomes.take_in(frame, received_at=AT)
    assert (counts.new, counts.duplicate, counts.suppressed) == (0, 2, 0)
    assert ledger.outcomes.news_since(0).frame.equals(before.frame)


def test_personal_data_is_kept_until_it_is_flushed_and_no_longer(ledger, tmp_path):
    sent(ledger)
    ledger.inbox.take(
        [delivery(event(1, "replied", None, customer_key="canary@example.com", payload={"text": "canary"}))], at=AT
    )
    assert "canary@example.com" in inbox_rows(ledger)[0]["event"]
    flush(ledger.inbox, tmp_path, at=AT)
    assert [(row["state"], row["event"]) for row in inbox_rows(ledger)] == [("flushed", None)]


def test_an_event_of_an_unknown_message_is_counted_and_not_passed_on(ledger, tmp_path):
    sent(ledger)
    taken = ledger.inbox.take([delivery(event(1, "converted", "nobody's", value=1e6), event(2))], at=AT)
    assert (taken[0].accepted, taken[0].unmatched) == (2, 1)
    assert [row["event_id"] for row in lines(flush(ledger.inbox, tmp_path, at=AT))] == ["e2"]


def test_an_event_that_overtook_its_messages_receipt_is_passed_on(ledger, tmp_path):
    release(ledger, frame=messages(1))
    ledger.inbox.take([delivery(event(1, "delivered"))], at=AT)
    lease = ledger.outbox.claim("email", at=AT, limit=1, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    assert [row["event_id"] for row in lines(flush(ledger.inbox, tmp_path, at=AT))] == ["e1"]


def test_events_received_later_than_an_intakes_business_time_wait(ledger, tmp_path):
    sent(ledger)
    ledger.inbox.take([delivery(event(1))], at=AT)
    ledger.inbox.take([delivery(event(2))], at=AT + timedelta(days=2))
    assert [row["event_id"] for row in lines(flush(ledger.inbox, tmp_path, at=AT))] == ["e1"]
    assert [row["event_id"] for row in lines(flush(ledger.inbox, tmp_path, at=AT + timedelta(days=2)))] == ["e2"]


@pytest.mark.parametrize("point", ["before the file", "before the cursor"])
def test_a_crash_while_flushing_leads_to_the_same_file(ledger, tmp_path, monkeypatch, point):
    sent(ledger)
    ledger.inbox.take([delivery(event(1), event(2))], at=AT)
    name = {"before the file": "lines", "before the cursor": "close"}[point]

    def crash(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(ledger.inbox), name, crash)
    with pytest.raises(KeyboardInterrupt):
        flush(ledger.inbox, tmp_path, at=AT)
    left = {path.name: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    monkeypatch.undo()
    ledger.inbox.take([delivery(event(3))], at=AT)
    first, second = flush(ledger.inbox, tmp_path, at=AT)
    assert [row["event_id"] for row in lines([first])] == ["e1", "e2"]
    assert left in ({}, {first.name: first.read_bytes()})
    assert [row["event_id"] for row in lines([second])] == ["e3"]


def test_receivers_beside_each_other_store_an_event_once(ledger):
    sent(ledger)
    posts = [[delivery(*(event(n + shift) for n in range(20)))] for shift in (0, 5, 10, 0)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda each: ledger.inbox.take(each, at=AT)[0], posts))
    assert sum(each.accepted for each in taken) == 30
    assert ledger.inbox.counts()["push"]["duplicate"] == 50
    numbers = [row["inbox_no"] for row in inbox_rows(ledger)]
    assert len(set(numbers)) == 30
    assert ledger.audit.check() == []


def test_an_event_that_came_by_file_before_is_a_duplicate(ledger):
    sent(ledger)
    frame = pd.DataFrame([{"event_id": "e1", "event_type": "opened", "occurred_at": AT, "message_id": "m0"}])
    ledger.outcomes.take_in(frame, received_at=AT)
    assert ledger.inbox.take([delivery(event(1))], at=AT)[0].duplicate == 1
    assert inbox_rows(ledger) == []


def test_an_event_proves_that_an_unknown_message_left_in_the_same_transaction(ledger):
    release(ledger, frame=messages(1))
    lease = ledger.outbox.claim("email", at=AT, limit=1, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt("m0", "unknown", AT)], at=AT)
    ledger.inbox.take([delivery(event(1, "delivered"))], at=AT)
    assert ledger.outbox.counts()["state"].tolist() == ["sent"]


def test_quarantine_is_kept_for_a_month(ledger, tmp_path):
    ledger.inbox.take([Delivery("push", "a", unreadable=(Unreadable("no JSON", b"{", "a"),))], at=AT)
    sent(ledger)
    ledger.inbox.take([delivery(event(1))], at=AT)
    flush(ledger.inbox, tmp_path, at=AT + timedelta(days=29))
    assert len(ledger.inbox.quarantine()) == 1
    ledger.inbox.take([delivery(event(2))], at=AT + timedelta(days=31))
    flush(ledger.inbox, tmp_path, at=AT + timedelta(days=31))
    assert ledger.inbox.quarantine() == []


_posts = st.lists(st.lists(st.integers(0, 8), max_size=5), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(groups=st.lists(_posts, max_size=5), flushes=st.lists(st.booleans(), min_size=5, max_size=5))
def test_every_accepted_event_is_passed_on_once_and_counted_once(sqlite_template, tmp_path_factory, groups, flushes):
    folder = tmp_path_factory.mktemp("inbox")
    shutil.copy(sqlite_template, folder / "ledger.db")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    sent(ledger)
    files = []
    for group, is_flushed in zip(groups, flushes, strict=False):
        ledger.inbox.take([delivery(*map(event, post)) for post in group], at=AT)
        files += flush(ledger.inbox, folder, at=AT) if is_flushed else []
    files += flush(ledger.inbox, folder, at=AT)
    given_ids = [number for group in groups for post in group for number in post]
    passed_on = [row["event_id"] for row in lines(files)]
    assert sorted(passed_on) == sorted({f"e{number}" for number in given_ids})
    counts = ledger.inbox.counts().get("push", {"accepted": 0, "duplicate": 0})
    assert (counts["accepted"], counts["accepted"] + counts["duplicate"]) == (len(set(given_ids)), len(given_ids))
    ledger.close()
