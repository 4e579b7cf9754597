"""How time, money and JSON are kept, the same on both engines."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

MICROS = 1_000_000
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_micros(amount: float) -> int:
    """Money as whole millionths, so that sums are exact and a cap is a cap to the last e-mail.

    Args:
        amount: In the workspace currency.
    """
    return round(float(amount) * MICROS)


def from_micros(micros: int) -> float:
    """Millionths back to the workspace currency."""
    return micros / MICROS


def to_utc(at: datetime) -> datetime:
    """An aware UTC datetime; a naive one is UTC already, as everywhere in the contracts."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def to_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Compact JSON with keys in the order given."""
    return _ENCODER.encode(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time: stored as naive UTC, read back aware."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the engine's signature
        """To naive UTC."""
        return None if value is None else to_utc(value).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the engine's signature
        """To aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)
