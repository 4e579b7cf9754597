"""The audit trail: every act of authority as one link of a hash chain; and the check of all invariants."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, insert, select, text

from assets.ledger.columns import to_json
from assets.ledger.engine import reading
from assets.ledger.invariants import broken_chain, link_hash, violations
from assets.ledger.records import Violation
from assets.ledger.tables import audit

_CHAIN_LOCK = 7_203_772


class Audit:
    """Reads the trail and checks the ledger against its own rules."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> list[Violation]:
        """Every broken invariant; an empty list is a sound ledger."""
        with reading(self._engine) as connection:
            return [*violations(connection), *broken_chain(connection)]

    def trail(self) -> pd.DataFrame:
        """The whole chain, oldest first."""
        with reading(self._engine) as connection:
            return pd.read_sql(select(audit).order_by(audit.c.seq), connection)


def record(connection: Connection, *, kind: str, subject: str, detail: Mapping[str, Any], at: datetime) -> None:
    """Append a link inside the caller's transaction: the act and its record are committed together.

    Args:
        connection: A write transaction.
        kind: What was done, such as `plan.released`.
        subject: The id that it was done to. Never personal data: the chain can't be rewritten.
        detail: Facts, JSON-able.
        at: Business time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    seq, prev_hash = (last.seq + 1, last.hash) if last else (1, "")
    text_of_detail = to_json(detail)
    row = {"seq": seq, "kind": kind, "subject": subject, "detail": text_of_detail, "prev_hash": prev_hash, "at": at}
    connection.execute(
        insert(audit).values(**row, hash=link_hash(seq, kind, subject, text_of_detail, prev_hash=prev_hash, at=at))
    )
