"""SendGrid's event webhook: what became of e-mails, in batches signed with ECDSA.

Signature: twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features: ECDSA P-256
with SHA-256 over timestamp and raw body; the secret is the public key, base64 of its DER, or PEM. Events:
/docs/sendgrid/for-developers/tracking-events/event. Our message's id is the custom argument `message_id`; without it
`sg_message_id` up to its first dot is the id that the send was answered with.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from assets.channels.receiver.events import make_event, parse_json
from assets.channels.receiver.scheme import Broken, Post, Reading, Refused, unreadable
from assets.channels.receiver.signing import check_age, header
from assets.ledger.inbox import Event

ANSWER: Final = ("application/json", '{"ok":true}')
SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
EVENTS: Final = {
    "delivered": "delivered",
    "open": "opened",
    "click": "clicked",
    "bounce": "bounced",
    "dropped": "failed",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
IGNORED: Final = ("processed", "deferred", "group_resubscribe")
ABOUT_ADDRESS: Final = ("bounced", "complained", "unsubscribed")


def verify(post: Post, secrets: Sequence[str], now: datetime) -> None:
    """Check signature and timestamp.

    Raises:
        Refused: One is missing, the time is off, or the signature is no key's.
    """
    given, timestamp = header(post.headers, SIGNATURE), header(post.headers, TIMESTAMP)
    check_age(timestamp, now)
    try:
        signature = base64.b64decode(given, validate=True)
    except ValueError:
        raise Refused("the signature is no base64") from None
    if not any(_is_signed(public_key_of(secret), signature, timestamp.encode() + post.body) for secret in secrets):
        raise Refused("the signature isn't right")


def public_key_of(text: str) -> EllipticCurvePublicKey:
    """The public key as the provider shows it.

    Raises:
        ValueError: It is none.
    """
    is_pem = text.lstrip().startswith("-----BEGIN")
    key = load_pem_public_key(text.encode()) if is_pem else load_der_public_key(base64.b64decode(text))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("the event webhook's key must be an ECDSA public key")  # noqa: TRY004 - a wrong setting
    return key


def read(post: Post, at: datetime) -> Reading:
    """The events of a batch; a broken one goes to quarantine alone.

    Raises:
        Broken: The body is no list.
    """
    found = parse_json(post.body)
    if not isinstance(found, list):
        raise Broken("the body must be a list of events")
    reading = Reading()
    for item in found:
        if isinstance(item, Mapping) and (item.get("event") in IGNORED or item.get("sg_machine_open") is True):
            reading.ignored += 1  # a privacy proxy's opening is nobody's interest
            continue
        try:
            reading.events.append(_event(item, at))
        except Broken as broken:
            reading.unreadable.append(unreadable(str(broken), json.dumps(item).encode()))
    return reading


def _event(item: Any, at: datetime) -> Event:
    if not isinstance(item, Mapping) or not isinstance(item.get("event"), str) or item["event"] not in EVENTS:
        raise Broken("event is none of the event webhook's")
    kind = EVENTS[item["event"]]
    event_id, own_id = item.get("sg_event_id"), item.get("sg_message_id")
    detail = {name: item[name] for name in ("status", "reason", "type", "url") if isinstance(item.get(name), str)}
    if kind == "bounced":
        detail = {"bounce": "soft" if item.get("type") == "blocked" else "hard", "status": str(item.get("status", ""))}
    return make_event(
        event_id=f"sendgrid:{event_id}" if event_id else None,
        event_type=kind,
        occurred_at=item.get("timestamp"),
        at=at,
        message_id=item.get("message_id"),
        provider_id=own_id.partition(".")[0] if isinstance(own_id, str) else None,
        customer_key=item.get("email") if kind in ABOUT_ADDRESS else None,
        channel="email",
        payload=detail or None,
    )


def _is_signed(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
