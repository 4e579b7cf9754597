"""From a provider's values to a contract event, or to a reason why not.

What gets through here is what the intake of outcomes accepts (`data_tests.outcomes`): one event must never stop a batch.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from assets.channels.receiver.scheme import Broken
from assets.ledger.inbox import Event
from data_tests.words import CHANNELS, OUTCOME_TYPES

MOST_VALUE: Final = 1e7
MOST_TEXT: Final = 512
MOST_PAYLOAD: Final = 200_000
CLOCK_SKEW: Final = timedelta(days=1)
OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


def parse_json(body: bytes) -> Any:
    """A body as JSON.

    Raises:
        Broken: It isn't JSON.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Broken("the body is no JSON in UTF-8") from None


def make_event(
    *,
    event_id: Any,
    event_type: Any,
    occurred_at: Any,
    at: datetime,
    message_id: Any = None,
    customer_key: Any = None,
    channel: Any = None,
    value: Any = None,
    payload: Any = None,
    provider_id: Any = None,
) -> Event:
    """A checked event. `at` is when it was received; other arguments are the provider's values, of any type.

    Raises:
        Broken: A value can't be an event's.
    """
    if event_type not in OUTCOME_TYPES:
        raise Broken(f"event_type must be one of {', '.join(OUTCOME_TYPES)}")
    if channel is not None and channel not in CHANNELS:
        raise Broken(f"channel must be one of {', '.join(CHANNELS)}")
    return Event(
        event_id=_needed("event_id", _text("event_id", event_id)),
        event_type=event_type,
        occurred_at=_time(occurred_at, at),
        message_id=_text("message_id", message_id),
        customer_key=_text("customer_key", customer_key),
        channel=channel,
        value=_amount(value),
        payload=_payload(payload),
        provider_id=_text("provider_id", provider_id),
    )


def _text(name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Broken(f"{name} must be text")
    text = str(value)
    if len(text) > MOST_TEXT or not text.isprintable():
        raise Broken(f"{name} must be at most {MOST_TEXT} printable characters")
    return text


def _needed(name: str, value: str | None) -> str:
    if value is None:
        raise Broken(f"{name} is missing")
    return value


def _time(value: Any, at: datetime) -> datetime:
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, datetime):
            found = value
        else:
            raise Broken("occurred_at is missing")
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, OSError, ValueError):
        raise Broken("occurred_at must be an ISO 8601 time or Unix seconds") from None
    if not OLDEST <= found <= at + CLOCK_SKEW:
        raise Broken("occurred_at must be between the year 2000 and a day from now")
    return found


def _amount(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Broken("value must be a number")
    if not abs(value) <= MOST_VALUE or not math.isfinite(value):
        raise Broken(f"value must be within {MOST_VALUE:,.0f}")
    return float(value)


def _payload(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Broken("payload must be an object")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        raise Broken("payload must be JSON in UTF-8") from None
    if len(text) > MOST_PAYLOAD:
        raise Broken(f"payload must be JSON of at most {MOST_PAYLOAD:,} characters")
    return value
