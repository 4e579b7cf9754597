"""What a bounced e-mail says, as an outcome: delivery status notifications of RFC 3464, codes of RFC 3463."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeGuard

from assets.channels.email_message import ID_HEADER

LARGEST: Final = 1_000_000
_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ID: Final = re.compile(rf"^{ID_HEADER}:[ \t]*([A-Za-z0-9_.-]{{1,128}})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID: Final = re.compile(r"^Message-ID:\s*<([A-Za-z0-9_.-]{1,128})@[^>\s]{1,255}>", re.IGNORECASE | re.MULTILINE)
_SOFT_CODES: Final = ("5.2.2", "5.3.4", "5.7.1")
"""Permanent for this message but not for the address: mailbox full, message too big, refused by policy."""


def bounce_of(raw: bytes, *, received_at: datetime) -> dict[str, Any] | None:
    """The `outcomes` event of a bounce, None for any other mail.

    Args:
        raw: The mail as it came, headers first.
        received_at: When it came; the event's time, unless the notification gives an earlier one.

    Returns:
        An event of contracts.md with event_id, event_type, occurred_at, channel, payload (`kind` `hard` or `soft`,
        `status`), and message_id where the notification carries one. It names no address.
    """
    if len(raw) > LARGEST:
        return None
    mail = message_from_bytes(raw)
    fields = next((found for found in _recipients(mail) if found.get("action", "").lower() == "failed"), None)
    if fields is None:
        return None
    match = _STATUS.search(fields.get("status", "")) or _STATUS.search(fields.get("diagnostic-code", ""))
    status = match.group(0) if match else "5.0.0"
    message_id = _message_id(raw)
    key = f"{message_id}|{status}" if message_id else hashlib.sha256(raw).hexdigest()
    event = {
        "event_id": "bounce-" + hashlib.sha256(key.encode()).hexdigest()[:32],
        "event_type": "bounced",
        "occurred_at": _time(fields, received_at).isoformat(),
        "channel": "email",
        "payload": {"kind": "soft" if status[0] != "5" or status in _SOFT_CODES else "hard", "status": status},
    }
    return event | ({"message_id": message_id} if message_id else {})


def _recipients(mail: Mail) -> Iterator[dict[str, str]]:
    """The per-recipient fields of every notification in a mail (RFC 3464, 2.3), by lower-case name."""
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in filter(_is_mail, blocks) if isinstance(blocks, list) else ():
            fields = {name.lower(): " ".join(str(value).split()) for name, value in block.items()}
            if "action" in fields:
                yield fields


def _is_mail(part: object) -> TypeGuard[Mail]:
    return isinstance(part, Mail)


def _message_id(raw: bytes) -> str | None:
    """Our id in the returned headers: our own header, else the Message-ID of what was returned, never the bounce's own."""
    text = raw.decode("latin-1")
    own = _ID.findall(text)
    if own:
        return str(own[-1])
    boundary = text.find("message/delivery-status")
    returned = _MESSAGE_ID.findall(text, max(boundary, 0)) if boundary >= 0 else []
    return str(returned[-1]) if returned else None


def _time(fields: dict[str, str], received_at: datetime) -> datetime:
    try:
        last = parsedate_to_datetime(fields.get("last-attempt-date", ""))
    except ValueError:
        return received_at
    known = last if last.tzinfo else last.replace(tzinfo=UTC)  # -0000 is UTC from a place that isn't told
    return min(known, received_at)
