"""Stop and resume: nothing more is handed over, for all channels or for one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select

from assets.ledger.audit import record
from assets.ledger.counters import current_number
from assets.ledger.engine import reading, writing
from assets.ledger.tables import halt

ALL = "all"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that is in force: a channel or `all`, and who said so, when and why."""

    scope: str
    by: str
    at: datetime
    reason: str


class Halts:
    """What is stopped. Each stop and each resume is a row, with who and why."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def stop(self, scope: str = ALL, *, by: str, at: datetime, reason: str = "") -> None:
        """Stop a channel, or everything; read again right before every hand-over."""
        self._append("stop", scope, by, at, reason)

    def resume(self, scope: str = ALL, *, by: str, at: datetime, reason: str = "") -> None:
        """Lift the stop of exactly this scope: a stopped channel stays stopped when everything is resumed."""
        self._append("resume", scope, by, at, reason)

    def active(self) -> list[str]:
        """The scopes that are stopped now."""
        with reading(self._engine) as connection:
            return halted_scopes(connection)

    def standing(self) -> list[Stop]:
        """The stops that are in force, with who said so."""
        newest = select(func.max(halt.c.seq)).group_by(halt.c.scope)
        query = select(halt).where(halt.c.seq.in_(newest), halt.c.kind == "stop").order_by(halt.c.scope)
        with reading(self._engine) as connection:
            return [Stop(row.scope, row.actor, row.at, row.reason) for row in connection.execute(query)]

    def _append(self, kind: str, scope: str, by: str, at: datetime, reason: str) -> None:
        with writing(self._engine) as connection:
            last = current_number(connection, "handover")
            row = {"scope": scope, "kind": kind, "actor": by, "reason": reason, "at": at, "handover_no": last}
            connection.execute(insert(halt).values(row))
            record(connection, kind=f"halt.{kind}", subject=scope, detail={"by": by, "reason": reason}, at=at)


_NEWEST = select(func.max(halt.c.seq)).group_by(halt.c.scope)
_STOPPED = select(halt.c.scope).where(halt.c.seq.in_(_NEWEST), halt.c.kind == "stop")


def halted_scopes(connection: Connection) -> list[str]:
    """Scopes whose newest row is a stop."""
    return sorted(connection.execute(_STOPPED).scalars())


def is_halted(connection: Connection, channel: str) -> bool:
    """Whether nothing may leave through the channel now."""
    return bool({ALL, channel} & set(halted_scopes(connection)))
