"""The first sample is the one of RFC 3464, appendix E.1, with our own returned headers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.channels.bounces import LARGEST, bounce_of
from assets.intake.contract import OUTCOME_TYPES
from tests.unit.assets.channels.support import AT

HEAD = """\
Date: Mon, 05 Jan 2026 12:03:00 -0000
From: Mail Delivery Subsystem <MAILER-DAEMON@cs.utk.example>
Message-Id: <199407072116.RAA14128@cs.utk.example>
To: <news@shop.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B

   ----- The following addresses had delivery problems -----
<louisl@larry.slip.example>  (unrecoverable error)

--B
Content-type: message/delivery-status

Reporting-MTA: dns; cs.utk.example

Original-Recipient: rfc822;louisl@larry.slip.example
Final-Recipient: rfc822;louisl@larry.slip.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Mon, 05 Jan 2026 12:00:00 -0000

--B
Content-type: text/rfc822-headers

From: Shop <news@shop.example>
Message-ID: <m-0abc@shop.example>
{own}Subject: We miss you

--B--
"""


def _raw(action="failed", status="5.1.1", own="X-Wayfinder-Message-Id: m-0abc\n"):
    return HEAD.format(action=action, status=status, own=own).replace("\n", "\r\n").encode()


def test_a_bounce_is_an_outcome_of_the_message():
    event = bounce_of(_raw(), received_at=AT)
    assert event == {
        "event_id": event["event_id"],
        "event_type": "bounced",
        "occurred_at": datetime(2026, 1, 5, 12, tzinfo=UTC).isoformat(),
        "channel": "email",
        "message_id": "m-0abc",
        "payload": {"kind": "hard", "status": "5.1.1"},
    }
    assert event["event_type"] in OUTCOME_TYPES
    assert "louisl" not in repr(event)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("5.1.1", "hard"), ("5.1.2", "hard"), ("5.0.0", "hard"), ("5.2.2", "soft"), ("4.4.1", "soft"), ("5.7.1", "soft")],
)
def test_hard_means_that_the_address_is_no_good(status, kind):
    assert bounce_of(_raw(status=status), received_at=AT)["payload"] == {"kind": kind, "status": status}


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_did_not_fail_is_no_bounce(action):
    assert bounce_of(_raw(action=action), received_at=AT) is None


def test_without_our_header_the_returned_message_id_tells_and_never_the_bounces_own():
    assert bounce_of(_raw(own=""), received_at=AT)["message_id"] == "m-0abc"


def test_the_same_bounce_twice_is_one_event_and_another_is_another():
    first, again = bounce_of(_raw(), received_at=AT), bounce_of(b"Received: by x\r\n" + _raw(), received_at=AT)
    assert first["event_id"] == again["event_id"] != bounce_of(_raw(status="4.4.1"), received_at=AT)["event_id"]


def test_a_bounce_is_never_from_the_future():
    early = datetime(2026, 1, 1, tzinfo=UTC)
    assert bounce_of(_raw(), received_at=early)["occurred_at"] == early.isoformat()


@pytest.mark.parametrize("raw", [b"", b"Subject: hi\r\n\r\nhello", b"\xff\x00", _raw() + b"x" * LARGEST])
def test_other_mail_is_none(raw):
    assert bounce_of(raw, received_at=AT) is None


@given(cut=st.integers(0, 1200), junk=st.binary(max_size=40), at=st.integers(0, 1200))
def test_a_broken_bounce_is_none_or_an_event_and_never_an_error(cut, junk, at):
    raw = _raw()
    event = bounce_of((raw[:at] + junk + raw[at:])[: len(raw) - cut], received_at=AT)
    assert event is None or (event["event_type"] == "bounced" and event["payload"]["kind"] in ("hard", "soft"))
