"""What was learned, as rows: the newest of a key is held, the earlier ones are its history."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping, func, select

from assets.ledger.engine import reading, writing
from assets.ledger.many import insert_unless_there
from assets.ledger.tables import finding
from ml.learning.memory import Finding, Learned, believed


class Findings:
    """Keeps findings."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, learned: Iterable[Learned], at: datetime) -> None:
        """Add what a cycle learned; what the same cycle has kept before stays as it is.

        Args:
            learned: Findings beside those that were held.
            at: Business time.
        """
        rows = [one.finding.to_dict() | {"verdict": one.verdict, "at": at} for one in learned]
        with writing(self._engine) as connection:
            insert_unless_there(connection, finding, rows)

    def held(self, before: str | None = None) -> dict[str, Finding]:
        """The newest finding of each key, expired or not.

        Args:
            before: Only what cycles before this one learned.
        """
        rows = select(finding) if before is None else select(finding).where(finding.c.source < before)
        newest = rows.subquery()
        last = select(func.max(newest.c.seq)).group_by(newest.c.key)
        with reading(self._engine) as connection:
            found = connection.execute(select(finding).where(finding.c.seq.in_(last))).mappings().all()
        return {row["key"]: _finding(row) for row in found}

    def believed(self, on: date) -> list[Finding]:
        """What a day believes, with what it learned itself: of each key what was newest then, whatever came later."""
        return believed(self.held(before=(on + timedelta(days=1)).isoformat()).values(), on)

    def of_cycle(self, cycle_id: str) -> list[tuple[Finding, str]]:
        """What a cycle learned, each with its verdict."""
        mine = select(finding).where(finding.c.source == cycle_id).order_by(finding.c.seq)
        with reading(self._engine) as connection:
            return [(_finding(row), row["verdict"]) for row in connection.execute(mine).mappings()]


def _finding(row: RowMapping) -> Finding:
    values: dict[str, Any] = {name: row[name] for name in Finding.__dataclass_fields__}
    values |= {name: date.fromisoformat(row[name]) for name in ("learned_on", "expires_on")}
    return Finding(**values)
