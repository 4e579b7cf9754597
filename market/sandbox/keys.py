"""Where a sender can leave an id of its own in a request, by the providers' documentation.

A status callback's URL (its query, or the last part of its path), a mail's Message-ID, Lob's ``metadata`` and
idempotency key, a push message's payload or ``Topic``.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

FACTS: Final = ("decision_id", "cycle_id", "offer_id", "creative_id", "customer_id")
_KEY_NAMES: Final = ("message_id", "message", "id", "key", "ref", "reference")
_OWN_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{8,256}")


def key_in_url(url: str) -> str:
    """The sender's id in a callback's URL: a query parameter, else a last path segment that looks like an id."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    for name in _KEY_NAMES:
        if name in query:
            return query[name][0]
    last = unquote(parts.path.rsplit("/", 1)[-1])
    return last if _OWN_ID.fullmatch(last) and any(letter.isdigit() for letter in last) else ""


def facts_in_url(url: str) -> dict[str, str]:
    """The contract's other ids in a callback's query."""
    query = parse_qs(urlsplit(url).query)
    return {name: query[name][0] for name in FACTS if name in query}


def key_in(values: Mapping[str, Any]) -> str:
    """The sender's id among named values."""
    for name in _KEY_NAMES:
        value = values.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def facts_in(values: Mapping[str, Any]) -> dict[str, str]:
    """The contract's other ids among named values."""
    return {name: str(values[name]) for name in FACTS if isinstance(values.get(name), str)}


def key_in_message_id(header: str) -> str:
    """The part of a Message-ID before the ``@``."""
    return header.strip().strip("<>").rpartition("@")[0] or header.strip().strip("<>")
