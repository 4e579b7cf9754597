"""L9: complaints and hard bounces slow a channel down, then stop it."""

from datetime import timedelta

import pandas as pd
import pytest

from assets.channels.dispatch import dispatch
from assets.ledger.reputation import Feedback, judge
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, messages, release, states

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("sent", "complaints", "bounces", "pace"),
    [
        (10_000, 9, 0, "full"),
        (10_000, 10, 0, "slow"),
        (10_000, 29, 0, "slow"),
        (10_000, 30, 0, "halt"),
        (10_000, 31, 0, "halt"),
        (10_000, 0, 499, "full"),
        (10_000, 0, 500, "slow"),
        (10_000, 0, 1_000, "halt"),
        (10_000, 10, 1_000, "halt"),
        (499, 400, 400, "full"),
        (0, 0, 0, "full"),
    ],
)
def test_l09_the_bounds(sent, complaints, bounces, pace):
    assert judge(Feedback(sent, complaints, bounces)).pace == pace


def _answer(ledger, kind, numbers, at, payload=None):
    frame = pd.DataFrame(
        {
            "event_id": [f"{kind}-{at.isoformat()}-{n}" for n in numbers],
            "event_type": kind,
            "message_id": [f"m{n}" for n in numbers],
            "occurred_at": at,
            "payload": payload,
        }
    )
    ledger.outcomes.take_in(frame, received_at=at)


def _hand_over(ledger, count=1_000):
    release(ledger, frame=messages(count))
    assert dispatch(ledger, {"email": Provider()}, at=AT, channel="email").sent == count


def test_l09_too_many_complaints_stop_the_channel_until_a_person_resumes_it(ledger):
    _hand_over(ledger)
    _answer(ledger, "complained", range(3), AT + HOUR)
    later = AT + HOUR
    release(ledger, "p2", messages(4, prefix="n", send_at=later, expires_at=later + HOUR, contact_ids=[["x"]] * 4))
    counts = dispatch(ledger, {"email": Provider()}, at=later, channel="email")
    assert (counts.is_halted, counts.sent) == (True, 0)
    assert ledger.halts.active() == ["email"]
    ledger.halts.resume("email", by="ann", at=later)
    assert dispatch(ledger, {"email": Provider()}, at=later, channel="email").sent == 4
    assert ledger.audit.check() == []


def test_l09_some_complaints_slow_the_channel_down(ledger):
    _hand_over(ledger)
    _answer(ledger, "complained", range(1), AT + HOUR)
    later = AT + HOUR
    release(ledger, "p2", messages(40, prefix="n", send_at=later, expires_at=later + HOUR, contact_ids=[["x"]] * 40))
    counts = dispatch(ledger, {"email": Provider()}, at=later, channel="email")
    assert (counts.sent, counts.is_halted) == (10, False)
    assert "complaints" in counts.slowed


def test_soft_bounces_and_other_channels_do_not_count(ledger):
    _hand_over(ledger)
    _answer(ledger, "bounced", range(100), AT + HOUR, payload='{"kind": "soft"}')
    assert ledger.reputation.check("email", at=AT + HOUR).pace == "full"
    _answer(ledger, "bounced", range(100, 200), AT + HOUR, payload='{"kind": "hard"}')
    assert ledger.reputation.check("sms", at=AT + HOUR).pace == "full"
    assert ledger.reputation.check("email", at=AT + HOUR).pace == "halt"
    assert set(states(ledger).values()) == {"sent"}
