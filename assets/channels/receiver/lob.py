"""Lob: what became of letters and postcards.

Signature: help.lob.com/print-and-mail/getting-data-and-results/using-webhooks: `Lob-Signature` is the hex HMAC-SHA256 over
`<Lob-Signature-Timestamp>.<raw body>`; the timestamp is in milliseconds. Our message's id is `metadata.message_id` of the piece;
without it Lob's own id of the piece finds it by its receipt.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from assets.channels.receiver.events import make_event, parse_json
from assets.channels.receiver.scheme import Broken, Post, Reading, Refused
from assets.channels.receiver.signing import check_age, header, hmac_sha256, is_same

ANSWER: Final = ("application/json", '{"ok":true}')
EVENTS: Final = {
    "delivered": "delivered",
    "returned_to_sender": "bounced",
    "viewed": "visited",
    "failed": "failed",
    "rejected": "failed",
    "deleted": "failed",
}
"""By what follows the kind of piece in `event_type.id`; the many stations on the way say nothing that anyone needs."""


def verify(post: Post, secrets: Sequence[str], now: datetime) -> None:
    """Check `Lob-Signature` and `Lob-Signature-Timestamp`.

    Raises:
        Refused: One is missing, the time is off, or the signature is no secret's.
    """
    given, timestamp = header(post.headers, "lob-signature"), header(post.headers, "lob-signature-timestamp")
    check_age(timestamp, now)
    right = [hmac_sha256(secret.encode(), timestamp.encode(), post.body).hexdigest() for secret in secrets]
    if not any(is_same(given, one) for one in right):
        raise Refused("the signature isn't right")


def read(post: Post, at: datetime) -> Reading:
    """The event of a body, of which there's one.

    Raises:
        Broken: It is no event of Lob's.
    """
    found = parse_json(post.body)
    if not isinstance(found, Mapping):
        raise Broken("the body must be an object")
    event_type, piece = found.get("event_type"), found.get("body")
    name = event_type.get("id") if isinstance(event_type, Mapping) else event_type
    if not isinstance(name, str) or "." not in name:
        raise Broken("event_type.id is missing")
    kind = EVENTS.get(name.partition(".")[2])
    if kind is None:
        return Reading(ignored=1)
    inner: Mapping[str, Any] = piece if isinstance(piece, Mapping) else {}
    metadata = inner.get("metadata")
    event = make_event(
        event_id=f"lob:{found['id']}" if found.get("id") else None,
        event_type=kind,
        occurred_at=found.get("date_created"),
        at=at,
        message_id=metadata.get("message_id") if isinstance(metadata, Mapping) else None,
        provider_id=inner.get("id") or found.get("reference_id"),
        channel="direct_mail",
        payload={"bounce": "hard"} if kind == "bounced" else None,
    )
    return Reading([event])
