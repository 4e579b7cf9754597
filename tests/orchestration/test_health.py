"""What status says of the hand-over: each message in the column that a person would look for it in."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assets.ledger.ledger import Ledger
from assets.ledger.records import Receipt
from orchestration.health import channels, data_age, troubles
from tests.unit.assets.ledger.support import AT, messages, release

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Five e-mails: one sent, one failed, one unknown, one being sent, one open; and a text that is due later."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    release(ledger, frame=messages(5))
    release(ledger, "p2", messages(1, prefix="s", channel="sms", send_at=AT + 60 * MINUTE))
    for status in ("sent", "failed", "unknown", None):
        lease = ledger.outbox.claim("email", at=AT, limit=1, owner=str(status), lease_s=60)
        intent = ledger.outbox.begin_sending(lease, at=AT)
        if status:
            receipts = [Receipt(each.message_id, status, AT) for each in intent.messages]
            ledger.outbox.ack(lease, receipts, at=AT, retry_at=AT)
    yield ledger
    ledger.close()


def test_every_message_is_in_its_column(ledger: Ledger) -> None:
    email, sms = channels(ledger.engine, AT)
    assert {name: email[name] for name in ("waits", "due", "late", "sending", "stuck", "sent", "failed", "unknown")} == {
        "waits": 1, "due": 1, "late": 0, "sending": 1, "stuck": 0, "sent": 1, "failed": 1, "unknown": 1,
    }  # fmt: skip
    assert email["last_handover_at"] == AT
    assert (sms["waits"], sms["due"], sms["last_handover_at"]) == (1, 0, None)


def test_what_nobody_handed_over_in_time_is_late_and_what_nobody_answers_for_is_stuck(ledger: Ledger) -> None:
    email = channels(ledger.engine, AT + 31 * MINUTE)[0]
    assert (email["late"], email["stuck"]) == (1, 1)
    said = [trouble.words for trouble in troubles(ledger.engine, AT + 31 * MINUTE)]
    assert any("late by more than 30 minutes" in words for words in said)
    assert any("stuck" in words for words in said)
    assert any("nobody knows" in words for words in said)


def test_a_stopped_channel_says_who_stopped_it_instead_of_being_late(ledger: Ledger) -> None:
    ledger.halts.stop("email", by="Ann", at=AT, reason="complaints")
    ledger.halts.stop("push", by="Bob", at=AT)
    by_channel = {row["channel"]: row["stopped"] for row in channels(ledger.engine, AT)}
    assert by_channel == {"email": "stopped by Ann: complaints", "push": "stopped by Bob", "sms": None}
    assert not any("late" in trouble.words for trouble in troubles(ledger.engine, AT + 31 * MINUTE))


def test_a_window_that_has_passed_is_neither_due_nor_late(ledger: Ledger) -> None:
    assert channels(ledger.engine, AT + timedelta(hours=4))[0]["due"] == 0


def test_the_age_of_the_data_is_that_of_the_generation_published_last(ledger: Ledger) -> None:
    found = data_age(ledger.engine, AT + timedelta(hours=30))
    assert found is not None
    assert found["age_hours"] == pytest.approx(30)
