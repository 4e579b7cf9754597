"""Outcomes as the webhooks that each provider documents.

- E-mail and push: Standard Webhooks' payload (``type``, ``timestamp``, ``data``); ``data`` has the contract's names.
- Texts and calls: Twilio's status callbacks to the ``StatusCallback`` of the request, and incoming messages
  (twilio.com/docs/messaging/guides/track-outbound-message-status and .../webhook-request,
  /docs/voice/api/call-resource#statuscallback). What was said in a call comes as JSON, signed by ``bodySHA256`` as
  twilio.com/docs/usage/webhooks/webhooks-security describes: the callback's values and the turns.
- Direct mail: Lob's events (docs.lob.com, Events), with the mailpiece in ``body``.

What no provider reports (a visit to the shop's site, a purchase) has no webhook.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

from market.sandbox import signing
from market.sandbox.accounts import Accounts
from market.sandbox.exchange import Headers

_STANDARD: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset(
        ("delivered", "bounced", "opened", "clicked", "replied", "unsubscribed", "complained", "failed")
    ),
    "push": frozenset(("delivered", "opened", "clicked", "unsubscribed", "complained", "failed")),
}
_MESSAGES: Final = {
    "delivered": ("delivered", ""),
    "failed": ("undelivered", "30003"),
    "bounced": ("undelivered", "30005"),
}
_CALLS: Final = {"no_answer": "no-answer", "failed": "failed"}
_LOB: Final = {
    "delivered": "delivered",
    "failed": "returned_to_sender",
    "bounced": "returned_to_sender",
    "visited": "viewed",
}
_STOPS: Final = ("unsubscribed", "complained")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, in the contract's words.

    Attributes:
        event_id: Once and for all.
        event_type: As in the contract.
        occurred_at: When.
        payload: What was said, the device, the text of a reply.
    """

    event_id: str
    event_type: str
    occurred_at: datetime
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where an accepted message's outcomes go, and how its provider knows it.

    Attributes:
        message_id: The sender's.
        channel: The contract's name.
        provider_id: The provider's.
        callback: Where the request asked for reports; empty for the account's own URL.
        sender: Who it came from (a number; for direct mail the kind of mailpiece).
        recipient: The contract's ``recipient``.
    """

    message_id: str
    channel: str
    provider_id: str
    callback: str
    sender: str
    recipient: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Post:
    """A webhook that is to be posted; it is signed when it goes.

    Attributes:
        url: Of the receiver.
        scheme: ``standard``, ``twilio``, ``twilio_json`` or ``lob``.
        identity: The event's id.
        content: Form values or JSON.
    """

    url: str
    scheme: str
    identity: str
    content: dict[str, Any]

    def signed(self, accounts: Accounts, at: datetime) -> tuple[str, Headers, bytes]:
        """URL, headers and body.

        Args:
            accounts: The secrets.
            at: When it is sent; receivers refuse what is more than five minutes off their clock.
        """
        if self.scheme == "twilio":
            signature = signing.twilio(accounts.twilio_token, self.url, self.content)
            headers = (("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature))
            return self.url, headers, urlencode(self.content).encode()
        body = json.dumps(self.content).encode()
        kind = ("content-type", "application/json")
        if self.scheme == "twilio_json":
            url = f"{self.url}{'&' if '?' in self.url else '?'}bodySHA256={hashlib.sha256(body).hexdigest()}"
            return url, (kind, ("x-twilio-signature", signing.twilio(accounts.twilio_token, url, {}))), body
        if self.scheme == "lob":
            timestamp = str(int(at.timestamp() * 1000))
            signature = signing.lob(accounts.lob_secret, timestamp, body)
            return self.url, (kind, ("lob-signature", signature), ("lob-signature-timestamp", timestamp)), body
        seconds = int(at.timestamp())
        signature = signing.standard(accounts.webhook_secret, self.identity, seconds, body)
        named = (("webhook-id", self.identity), ("webhook-timestamp", str(seconds)), ("webhook-signature", signature))
        return self.url, (kind, *named), body


def is_reported(channel: str, event_type: str) -> bool:
    """Whether a provider has a webhook for it."""
    if channel == "sms":
        return event_type in _MESSAGES or event_type == "replied" or event_type in _STOPS
    if channel == "voice":
        return event_type in _CALLS or event_type == "answered"
    if channel == "direct_mail":
        return event_type in _LOB
    return event_type in _STANDARD.get(channel, ())


def webhook(outcome: Outcome, address: Address, accounts: Accounts, base_url: str) -> Post | None:
    """The webhook of an outcome; None where no provider reports it.

    Args:
        outcome: What happened.
        address: The message.
        accounts: The account that it was sent with.
        base_url: Of the receiver; a request's own callback goes before it.
    """
    if not is_reported(address.channel, outcome.event_type):
        return None
    own = f"{base_url.rstrip('/')}/webhooks/{address.channel}"
    if address.channel == "direct_mail":
        return Post(own, "lob", outcome.event_id, _lob(outcome, address))
    if address.channel == "voice":
        return _call(outcome, address, accounts, address.callback or own)
    if address.channel == "sms":
        if outcome.event_type in _MESSAGES:
            return Post(address.callback or own, "twilio", outcome.event_id, _status(outcome, address, accounts))
        return Post(own, "twilio", outcome.event_id, _incoming(outcome, address, accounts))
    return Post(own, "standard", outcome.event_id, _standard(outcome, address))


def _standard(outcome: Outcome, address: Address) -> dict[str, Any]:
    data = {
        "event_id": outcome.event_id, "event_type": outcome.event_type, "message_id": address.message_id,
        "channel": address.channel, "provider_id": address.provider_id, "payload": outcome.payload,
    }  # fmt: skip
    when = outcome.occurred_at.isoformat().replace("+00:00", "Z")
    return {"type": f"{address.channel}.{outcome.event_type}", "timestamp": when, "data": data}


def _status(outcome: Outcome, address: Address, accounts: Accounts) -> dict[str, Any]:
    status, code = _MESSAGES[outcome.event_type]
    sid = address.provider_id
    values = {
        "SmsSid": sid, "SmsStatus": status, "MessageStatus": status, "To": str(address.recipient.get("phone", "")),
        "MessageSid": sid, "AccountSid": accounts.twilio_sid, "From": address.sender, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return values | {"ErrorCode": code} if code else values


def _incoming(outcome: Outcome, address: Address, accounts: Accounts) -> dict[str, Any]:
    """A text from the person: the provider knows nothing of what it answers."""
    sid = "SM" + hashlib.sha256(outcome.event_id.encode()).hexdigest()[:32]
    stops = outcome.event_type in _STOPS
    text = "STOP" if stops else str((outcome.payload or {}).get("text", ""))
    values = {
        "MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": accounts.twilio_sid,
        "From": str(address.recipient.get("phone", "")), "To": address.sender, "Body": text, "NumMedia": "0",
        "NumSegments": "1", "SmsStatus": "received", "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return values | {"OptOutType": "STOP"} if stops else values


def _call(outcome: Outcome, address: Address, accounts: Accounts, url: str) -> Post:
    payload = outcome.payload or {}
    values: dict[str, Any] = {
        "CallSid": address.provider_id, "AccountSid": accounts.twilio_sid, "From": address.sender,
        "To": str(address.recipient.get("phone", "")), "ApiVersion": "2010-04-01", "Direction": "outbound-api",
        "CallStatus": _CALLS.get(outcome.event_type, "completed"), "Timestamp": format_datetime(outcome.occurred_at),
        "CallbackSource": "call-progress-events", "SequenceNumber": "0",
    }  # fmt: skip
    if outcome.event_type != "answered":
        return Post(url, "twilio", outcome.event_id, values)
    seconds = str(round(float(payload.get("duration_s", 0))))
    turns = payload.get("transcript", [])
    return Post(url, "twilio_json", outcome.event_id, values | {"CallDuration": seconds, "Transcript": turns})


def _lob(outcome: Outcome, address: Address) -> dict[str, Any]:
    kind = address.sender or "postcard"
    when = outcome.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    name = f"{kind}.{_LOB[outcome.event_type]}"
    to = {"address_line1": address.recipient.get("address_line"), "address_zip": address.recipient.get("postal_code")}
    return {
        "id": "evt_" + hashlib.sha256(outcome.event_id.encode()).hexdigest()[:16],
        "body": {"id": address.provider_id, "object": kind, "metadata": {"message_id": address.message_id}, "to": to},
        "reference_id": address.provider_id,
        "event_type": {"id": name, "enabled_for_test": True, "resource": f"{kind}s", "object": "event_type"},
        "date_created": when,
        "object": "event",
    }
