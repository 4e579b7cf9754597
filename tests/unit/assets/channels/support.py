"""Messages of every channel, as they come out of the ledger."""

import json
from datetime import timedelta
from typing import Any

from assets.channels.contract import Message
from tests.unit.assets.ledger.support import AT

__all__ = ["AT", "CONTENTS", "RECIPIENTS", "message", "sendable"]

RECIPIENTS: dict[str, dict[str, Any]] = {
    "email": {"email": "ann@example.com", "first_name": "Ann"},
    "sms": {"phone": "+12025550143", "first_name": "Ann"},
    "voice": {"phone": "+12025550143", "first_name": "Ann"},
    "direct_mail": {
        "first_name": "Ann",
        "last_name": "Lee",
        "address_line": "1 Main St",
        "postal_code": "62701",
        "city": "Springfield",
        "region": "IL",
        "country": "US",
    },
    "paid_social": {"email_sha256": "a" * 64, "phone_sha256": "b" * 64, "operation": "add"},
    "display": {"email_sha256": "a" * 64, "phone_sha256": "b" * 64, "operation": "add"},
    "web": {"visitor_ids": ["v1"]},
}
CONTENTS: dict[str, dict[str, Any]] = {
    "email": {
        "subject": "We miss you",
        "html": "<p>Hello</p>\n.\n<a href='http://x'>x</a>",
        "text": "Hello\n.\n.out",
        "unsubscribe_url": "https://shop.example/unsubscribe/m1/abc",
    },
    "sms": {"text": "$10 off. Reply STOP to opt out."},
    "voice": {
        "goal": "Win back",
        "script": "Hello & welcome",
        "facts": ["$10 off", "until Friday"],
        "allowed_offers": ["ten_off"],
        "consent_text": "This is Shop with an automated voice. Say stop at any time.",
    },
    "push": {"title": "We miss you", "body": "$10 off"},
    "direct_mail": {"headline": "We miss you", "body": "$10 off <your> order"},
    "paid_social": {"audience": "reactivate-social_ad", "headline": "Hi", "body": "Come back"},
    "display": {"audience": "reactivate-display_ad", "headline": "Hi", "body": "Come back"},
    "web": {"slot": "hero", "html": "<b>Hi</b>"},
}


def message(
    message_id: str = "m1",
    *,
    channel: str = "email",
    cycle_id: str = "2026-01-05",
    attempt_count: int = 0,
    recipient: dict | None = None,
    content: dict | None = None,
    window: timedelta = timedelta(hours=3),
) -> Message:
    return Message(
        message_id=message_id,
        decision_id=f"d-{message_id}",
        plan_id="p1",
        cycle_id=cycle_id,
        customer_id="k1",
        objective_id="reactivate",
        channel=channel,
        offer_id="ten_off",
        creative_id="winback_email",
        slot="morning",
        send_at=AT,
        expires_at=AT + window,
        decided_at=AT,
        cost=0.002,
        attempt_count=attempt_count,
        contact_ids_json='["c1"]',
        recipient_json=json.dumps(recipient or {"email": "ann@example.com", "first_name": "Ann"}),
        content_json=json.dumps(content or {"subject": "Hello\nthere"}),
    )


def sendable(channel: str, message_id: str = "m1", **changes: Any) -> Message:
    """A message that the channel's drivers can send; `recipient` and `content` change what they name."""
    recipient = RECIPIENTS.get(channel, {}) | changes.pop("recipient", {})
    content = CONTENTS[channel] | changes.pop("content", {})
    return message(message_id, channel=channel, recipient=recipient, content=content, **changes)
