"""A bounce that comes by mail ends messages to its address; another mail says nothing."""

import base64

import pytest

from assets.channels.receiver.hooks import SCHEMES, Hook
from tests.unit.assets.channels.receiver.support import HOOKS, SECRET, standard
from tests.unit.assets.ledger.support import AT

BOUNCE = b"""From: MAILER-DAEMON@mx.example
To: bounces@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; person1@example.com
Action: failed
Status: 5.1.1
--b
Content-Type: message/rfc822

Message-ID: <m1@example.com>
Subject: Hello

--b--
"""


@pytest.fixture
def mailbox(desk, monkeypatch):
    monkeypatch.setitem(HOOKS, "bounces", Hook("bounces", "email", SCHEMES["mailbox"], (SECRET,)))
    return desk


def mail(raw, media_type="message/rfc822"):
    post = standard(None, AT, raw=raw)
    post["headers"]["content-type"] = media_type
    return post


def test_a_bounce_by_mail_suppresses(mailbox):
    pytest.importorskip("assets.channels.bounces")
    assert mailbox.post("/webhooks/bounces", **mail(BOUNCE)).status_code == 200
    assert ("c1", "email") in mailbox.suppressed()


def test_another_mail_says_nothing(mailbox):
    pytest.importorskip("assets.channels.bounces")
    assert mailbox.post("/webhooks/bounces", **mail(b"Subject: out of office\n\nBack on Monday")).status_code == 200
    assert mailbox.counts("bounces") == {"ignored": 1}


def test_an_unsigned_mail_is_refused(mailbox):
    post = mail(BOUNCE)
    post["headers"]["webhook-signature"] = "v1," + base64.b64encode(b"0" * 32).decode()
    assert mailbox.post("/webhooks/bounces", **post).status_code == 401


def test_a_body_that_is_no_mail_goes_to_quarantine(mailbox):
    assert mailbox.post("/webhooks/bounces", **mail(b"{}", "application/json")).status_code == 400
