"""Erasing a person from the ledger: nothing personal stays, everything that is counted does."""

import json
from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import text

from assets.ledger.forget import keyed_hash, person_of
from assets.ledger.inbox import Delivery, Event, Unreadable
from assets.ledger.records import Receipt
from tests.unit.assets.ledger.support import AT, execute, messages, release, states

KEY = b"k" * 32


@pytest.fixture
def erased(ledger):
    """Two people; the first, with one message sent and one open, asks to be forgotten."""
    release(ledger, frame=messages(2))
    lease = ledger.outbox.claim("email", at=AT, limit=9, owner="a", lease_s=60)
    intent = ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt(each.message_id, "sent", AT) for each in intent.messages], at=AT, retry_at=AT)
    release(ledger, "p2", messages(2, prefix="n"))
    said = pd.DataFrame(
        {
            "event_id": ["e0", "e1"],
            "event_type": "replied",
            "occurred_at": AT,
            "message_id": ["m0", "m1"],
            "customer_key": ["person0@example.com", "person1@example.com"],
            "payload": ['{"transcript": "call me"}', '{"transcript": "no"}'],
        }
    )
    ledger.outcomes.take_in(said, received_at=AT)
    before = ledger.outbox.counts()["messages"].sum()
    person = person_of({"contact_id": ["c0"], "customer_id": ["k0"], "email": [" Person0@Example.com"]})
    counts = ledger.forgotten.erase(person, key=KEY, by="ann", at=AT)
    assert ledger.outbox.counts()["messages"].sum() == before
    return ledger, person, counts


def test_what_is_open_is_cancelled_and_its_money_is_free(erased):
    ledger, _, counts = erased
    assert counts.cancelled == 1
    assert states(ledger) == {"m0": "sent", "m1": "sent", "n0": "cancelled", "n1": "pending"}
    assert ledger.audit.check(now=AT) == []


def test_what_providers_reported_and_nobody_took_in_yet_is_erased_as_well(ledger):
    release(ledger, frame=messages(2))
    theirs = Event("e1", "replied", AT, customer_key="Person0@example.com", channel="email", payload={"text": "me"})
    other = Event("e2", "replied", AT, customer_key="person1@example.com", channel="email", payload={"text": "no"})
    broken = [Unreadable("no JSON", body, body.hex()) for body in (b"{: person0@EXAMPLE.com", b"{: nobody")]
    posts = [
        Delivery("email", "sha", (theirs, other)),
        *(Delivery("email", f"sha{n}", unreadable=(one,)) for n, one in enumerate(broken)),
    ]
    ledger.inbox.take(posts, at=AT)
    ledger.forgotten.erase(
        person_of({"contact_id": ["c0"], "email": ["person0@example.com"]}), key=KEY, by="ann", at=AT
    )
    first, last = ledger.inbox.claim(10, at=AT)
    assert [json.loads(line)["event_id"] for line in ledger.inbox.lines(first, last)] == ["e2"]
    assert len(ledger.inbox.quarantine()) == 1


def test_an_event_stays_counted_but_not_what_was_said(erased):
    ledger, _, _ = erased
    with ledger.engine.connect() as connection:
        rows = connection.execute(text("SELECT event_id, event_type, payload, customer_key_sha256 FROM outcome")).all()
    kept = {row.event_id: row for row in rows}
    assert kept["e0"].event_type == "replied"
    assert kept["e0"].payload is None
    assert kept["e0"].customer_key_sha256 is None
    assert kept["e1"].payload is not None


def test_nothing_else_of_an_event_can_be_changed(erased):
    ledger, _, _ = erased
    for change in ("event_type = 'converted'", "payload = '{}'", "value = 3", "message_id = NULL"):
        with pytest.raises(Exception, match="append-only"):
            execute(ledger, f"UPDATE outcome SET {change} WHERE event_id = 'e1'")


def test_an_erasure_stays_known_as_keyed_hashes_only(erased):
    ledger, _, _ = erased
    hashes = ledger.forgotten.hashes()
    assert keyed_hash(KEY, "email", "person0@example.com") in hashes
    assert keyed_hash(b"x" * 32, "email", "person0@example.com") not in hashes
    with pytest.raises(Exception, match="stays known"):
        execute(ledger, "DELETE FROM forgotten")


def test_doing_it_again_changes_nothing(erased):
    ledger, person, _ = erased
    hashes = ledger.forgotten.hashes()
    again = ledger.forgotten.erase(person, key=KEY, by="ann", at=AT)
    assert (again.cancelled, again.contents, again.outcomes, again.suppressions) == (0, 0, 0, 0)
    assert ledger.forgotten.hashes() == hashes


def test_an_erased_person_under_a_new_contact_is_still_suppressed(erased):
    """L5: the address comes back under another id, past intake; the hand-over refuses it all the same."""
    ledger, _, _ = erased
    release(ledger, "p3", messages(1, prefix="r", contact_ids=[["c99"]], customer_id="k99"), proposed_at=AT)
    lease = ledger.outbox.claim("email", at=AT, limit=9, owner="b", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    assert states(ledger)["r0"] == "suppressed"
    assert states(ledger)["n1"] == "sending"


def test_nothing_personal_is_in_the_audit_trail_or_in_the_persons_text(erased):
    ledger, person, _ = erased
    trail = ledger.audit.trail().to_json()
    assert "person.forgotten" in trail
    assert "person0" not in trail.lower()
    assert "person0" not in repr(person)


def test_what_is_leased_while_somebody_is_erased_is_not_sent(ledger):
    release(ledger, frame=messages(1))
    lease = ledger.outbox.claim("email", at=AT, limit=9, owner="a", lease_s=60)
    ledger.forgotten.erase(person_of({"contact_id": ["c0"]}), key=KEY, by="ann", at=AT)
    assert not ledger.outbox.begin_sending(lease, at=AT + timedelta(seconds=1)).messages
    assert ledger.audit.check(now=AT) == []
