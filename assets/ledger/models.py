"""Which model was taken back, on what evidence: a link of the audit trail, since the registry can be rewritten."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from assets.ledger.audit import record
from assets.ledger.engine import writing


class Models:
    """Acts on models that are remembered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rolled_back(self, version: str, *, to: str, evidence: Mapping[str, Any], at: datetime) -> None:
        """Remember that a version was taken out of use.

        Args:
            version: The version that broke its promise.
            to: The one that is used instead.
            evidence: Promise, what came, and the interval.
            at: Business time.
        """
        with writing(self._engine) as connection:
            record(connection, kind="model.rolled_back", subject=version, detail={"to": to, **evidence}, at=at)
