"""What the schemes share of checking a signature."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from assets.channels.receiver.scheme import Refused

TOLERANCE_S = 300
"""Standard Webhooks' and Stripe's window; Twilio's e-mail events and Lob name none and get the same."""

_MILLISECONDS_FROM = 10**11  # as seconds that would be the year 5138


def header(headers: Mapping[str, str], name: str) -> str:
    """A header that a signed post has.

    Raises:
        Refused: It is missing.
    """
    value = headers.get(name, "")
    if not value:
        raise Refused(f"header {name} is missing")
    return value


def check_age(timestamp: str, now: datetime) -> None:
    """Refuse a post that was signed more than five minutes from now, either way.

    Args:
        timestamp: Unix time in seconds or milliseconds, as the header has it.
        now: The clock.

    Raises:
        Refused: It's too far off, or no time at all.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):  # noqa: PLR2004 - beyond any time
        raise Refused("the timestamp is no whole number")
    seconds = int(timestamp)
    seconds = seconds // 1000 if seconds >= _MILLISECONDS_FROM else seconds
    if abs(now.timestamp() - seconds) > TOLERANCE_S:
        raise Refused("the timestamp is more than five minutes off")


def is_same(one: str, other: str) -> bool:
    """Whether two signatures are the same, in a time that says nothing about them."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def hmac_sha256(key: bytes, *parts: bytes) -> "hmac.HMAC":
    """HMAC-SHA256 over parts joined by a dot."""
    return hmac.new(key, b".".join(parts), hashlib.sha256)
