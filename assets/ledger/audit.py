"""The audit trail: every act of authority as one link of a hash chain; and the check of all invariants."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, func, insert, select, text

from assets.ledger.columns import to_json
from assets.ledger.engine import reading
from assets.ledger.invariants import CHAIN, RULES, broken_chain, link_hash, violations
from assets.ledger.records import Violation
from assets.ledger.tables import audit

if TYPE_CHECKING:
    import pandas as pd

_CHAIN_LOCK = 7_203_772
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_LINK = insert(audit)


class Audit:
    """Reads the trail and checks the ledger against its own rules."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(
        self, *, now: datetime | None = None, on_rule: Callable[[str, int], None] | None = None
    ) -> list[Violation]:
        """Every broken invariant; an empty list is a sound ledger.

        Args:
            now: The clock that leases run by; the newest time in the trail where it isn't given.
            on_rule: Told each rule and how many rows break it.
        """
        found: list[Violation] = []
        with reading(self._engine) as connection:
            at = now or connection.execute(select(func.max(audit.c.at, type_=audit.c.at.type))).scalar()
            for rule in (*RULES, CHAIN):
                is_chain = rule == CHAIN
                broken = broken_chain(connection) if is_chain else list(violations(connection, rule, now=at or _EPOCH))
                found += broken
                if on_rule:
                    on_rule(rule, len(broken))
        return found

    def trail(self) -> "pd.DataFrame":
        """The whole chain, oldest first."""
        import pandas as pd  # noqa: PLC0415 - a second that a stop and a check needn't wait for

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
    last = connection.execute(_LAST).first()
    seq, prev_hash = (last.seq + 1, last.hash) if last else (1, "")
    text_of_detail = to_json(detail)
    row = {"seq": seq, "kind": kind, "subject": subject, "detail": text_of_detail, "prev_hash": prev_hash, "at": at}
    linked = link_hash(seq, kind, subject, text_of_detail, prev_hash=prev_hash, at=at)
    connection.execute(_LINK, row | {"hash": linked})
