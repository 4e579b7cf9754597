"""Standard Webhooks: `id.timestamp.body` signed with HMAC-SHA256, several signatures while a key is changed.

Specification: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. The body is a contract event, a
list of them, `{"events": […]}`, or the specification's `{"type", "timestamp", "data"}` with the event's fields in `data`.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from assets.channels.receiver.events import make_event, parse_json
from assets.channels.receiver.scheme import Broken, Post, Reading, Refused, unreadable
from assets.channels.receiver.signing import check_age, header, hmac_sha256, is_same
from assets.ledger.inbox import Event

ANSWER: Final = ("application/json", '{"ok":true}')
PREFIX: Final = "whsec_"
FIELDS: Final = (
    *("event_id", "event_type", "occurred_at", "message_id", "customer_key", "channel", "value", "payload"),
    "provider_id",
)
MOST_EVENTS: Final = 10_000


def verify(post: Post, secrets: Sequence[str], now: datetime) -> None:
    """Check `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    Raises:
        Refused: One is missing, the time is off, or no signature is any key's.
    """
    webhook_id = header(post.headers, "webhook-id")
    timestamp = header(post.headers, "webhook-timestamp")
    given = header(post.headers, "webhook-signature").split(" ")
    check_age(timestamp, now)
    signed = (webhook_id.encode("latin-1", "replace"), timestamp.encode(), post.body)
    right = [sign(key_of(secret), *signed) for secret in secrets]
    if not any(is_same(one, other) for one in given for other in right):
        raise Refused("no signature is right")


def sign(key: bytes, webhook_id: bytes, timestamp: bytes, body: bytes) -> str:
    """The signature that a sender with this key gives."""
    return "v1," + base64.b64encode(hmac_sha256(key, webhook_id, timestamp, body).digest()).decode()


def key_of(secret: str) -> bytes:
    """The key's bytes: base64 after `whsec_`, as the specification's libraries read it; other text is the key itself."""
    text = secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()


def read(post: Post, at: datetime) -> Reading:
    """The events of a body; a broken one among others goes to quarantine alone.

    Raises:
        Broken: It isn't JSON of one of the shapes, or none of its events can be read.
    """
    found = parse_json(post.body)
    webhook_id = post.headers.get("webhook-id", "")
    items = _items(found)
    reading = Reading()
    for number, item in enumerate(items):
        try:
            reading.events.append(_event(item, post, f"{post.name}:{webhook_id}:{number}", at))
        except Broken as broken:
            if len(items) == 1:
                raise
            reading.unreadable.append(unreadable(str(broken), json.dumps(item).encode()))
    return reading


def _items(found: Any) -> list[Any]:
    if isinstance(found, Mapping) and isinstance(found.get("events"), list):
        found = found["events"]
    elif isinstance(found, Mapping) and isinstance(found.get("data"), Mapping):
        found = [{"event_type": found.get("type"), "occurred_at": found.get("timestamp")} | dict(found["data"])]
    items = found if isinstance(found, list) else [found]
    if len(items) > MOST_EVENTS:
        raise Broken(f"at most {MOST_EVENTS:,} events a post")
    return items


def _event(item: Any, post: Post, default_id: str, at: datetime) -> Event:
    if not isinstance(item, Mapping):
        raise Broken("an event must be an object")
    values = {name: item.get(name) for name in FIELDS}
    values["event_id"] = values["event_id"] or default_id
    values["channel"] = values["channel"] or post.channel
    return make_event(**values, at=at)
