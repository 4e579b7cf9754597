"""Levels of autonomy: stated when an objective is first seen, raised only by a person, lowered at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, Row, insert, select

from assets.ledger.audit import record
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.tables import autonomy_level

RANKS = {"assisted": 0, "supervised": 1, "autonomous": 2}
_FIRST, _LOWERED, _RAISED, _AGAIN = "first seen", "lowered in its file", "raised in its file", "restated in its file"


class Objectives:
    """Which level is in force for an objective, and how it came to be."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def see(self, objective_id: str, stated: str, *, owner: str, at: datetime) -> str:
        """Take note of the level in an objective's file and return the one in force.

        The first one holds (the owner's act). Where the file has changed since, a lower one holds at once and a higher
        one is a proposal until accepted; a file that says what it said leaves alone what was accepted or lowered since.
        """
        with writing(self._engine) as connection:
            level, file = _in_force(connection, objective_id), _in_file(connection, objective_id)
            if level is None:
                return _append(connection, objective_id, "stated", stated, by=owner, reason=_FIRST, at=at)
            if stated == file:
                return level
            if RANKS[stated] < RANKS[level]:
                return _append(connection, objective_id, "lowered", stated, by=owner, reason=_LOWERED, at=at)
            if RANKS[stated] > RANKS[level]:
                _append(connection, objective_id, "proposed", stated, by=owner, reason=_RAISED, at=at)
                return level
            return _append(connection, objective_id, "stated", stated, by=owner, reason=_AGAIN, at=at)

    def see_channels(
        self, objective_id: str, stated: Mapping[str, str], *, otherwise: str, owner: str, at: datetime
    ) -> dict[str, str]:
        """Take note of the levels that an objective's file states for channels, and return those in force.

        Each goes by the rules of `see`, under the name `<objective>/<channel>`. A channel that the file no longer names
        is stated as the objective is: a raise, which waits for a person.

        Args:
            objective_id: The objective.
            stated: Level by channel in the file.
            otherwise: The objective's own level in the file.
            owner: Who stated them.
            at: Business time.
        """
        with reading(self._engine) as connection:
            prefix = f"{objective_id}/"
            query = select(autonomy_level.c.objective_id).where(autonomy_level.c.objective_id.startswith(prefix))
            names: Sequence[str] = connection.execute(query.distinct()).scalars().all()
            known = {name.removeprefix(prefix) for name in names}
        return {
            channel: self.see(
                channel_subject(objective_id, channel), stated.get(channel, otherwise), owner=owner, at=at
            )
            for channel in sorted(known | set(stated))
        }

    def propose(self, objective_id: str, level: str, *, by: str, reason: str, at: datetime) -> None:
        """Propose a raise on evidence."""
        with writing(self._engine) as connection:
            _append(connection, objective_id, "proposed", level, by=by, reason=reason, at=at)

    def lower(self, objective_id: str, level: str, *, by: str, reason: str, at: datetime) -> None:
        """Lower the level at once."""
        with writing(self._engine) as connection:
            _append(connection, objective_id, "lowered", level, by=by, reason=reason, at=at)

    def accept(self, objective_id: str, *, by: str, at: datetime, reason: str = "") -> str:
        """A person accepts the proposed raise. Returns the level now in force.

        Raises:
            LedgerError: If nothing is proposed.
        """
        with writing(self._engine) as connection:
            level = _proposed(connection, objective_id)
            if level is None:
                raise LedgerError(f"objective {objective_id}: no raise is proposed, so there is nothing to accept")
            return _append(connection, objective_id, "accepted", level, by=by, reason=reason, at=at)

    def level(self, objective_id: str) -> str | None:
        """The level in force, None before the objective was first seen."""
        with reading(self._engine) as connection:
            return _in_force(connection, objective_id)

    def since(self, objective_id: str) -> tuple[datetime, bool] | None:
        """When the level in force began, and whether it was so from the first; None before the objective was seen."""
        with reading(self._engine) as connection:
            held = [row for row in _rows(connection, objective_id) if row.kind != "proposed"]
        if not held:
            return None
        changes = [n for n in range(1, len(held)) if held[n].level != held[n - 1].level]
        return held[changes[-1] if changes else 0].at, not changes

    def history(self) -> pd.DataFrame:
        """Every change, oldest first."""
        with reading(self._engine) as connection:
            return pd.read_sql(select(autonomy_level).order_by(autonomy_level.c.seq), connection)


def channel_subject(objective_id: str, channel: str) -> str:
    """The name under which a channel's own level is kept, accepted and lowered."""
    return f"{objective_id}/{channel}"


def _rows(connection: Connection, objective_id: str) -> Sequence[Row[Any]]:
    mine = select(autonomy_level).where(autonomy_level.c.objective_id == objective_id)
    return connection.execute(mine.order_by(autonomy_level.c.seq)).all()


def _in_force(connection: Connection, objective_id: str) -> str | None:
    held = [row.level for row in _rows(connection, objective_id) if row.kind != "proposed"]
    return held[-1] if held else None


def _in_file(connection: Connection, objective_id: str) -> str | None:
    """The level that the objective's file stated when it last changed."""
    by_file = (_FIRST, _LOWERED, _RAISED, _AGAIN)
    stated = [r.level for r in _rows(connection, objective_id) if r.kind != "accepted" and r.reason in by_file]
    return stated[-1] if stated else None


def _proposed(connection: Connection, objective_id: str) -> str | None:
    rows = _rows(connection, objective_id)
    return rows[-1].level if rows and rows[-1].kind == "proposed" else None


def move(
    connection: Connection, objective_id: str, kind: str, level: str, *, of: str, by: str, reason: str, at: datetime
) -> bool:
    """Propose or lower inside the caller's transaction, where that changes anything. Returns whether it did.

    Args:
        connection: A write transaction.
        objective_id: Whose level.
        kind: `proposed` or `lowered`.
        level: To which.
        of: The level that it was judged by; another one in force now wasn't.
        by: Who moves it.
        reason: The evidence.
        at: Business time.
    """
    if _in_force(connection, objective_id) != of or (
        kind == "proposed" and _proposed(connection, objective_id) == level
    ):
        return False
    _append(connection, objective_id, kind, level, by=by, reason=reason, at=at)
    return True


def _append(
    connection: Connection, objective_id: str, kind: str, level: str, *, by: str, reason: str, at: datetime
) -> str:
    row = {"objective_id": objective_id, "kind": kind, "level": level, "actor": by, "reason": reason}
    connection.execute(insert(autonomy_level).values(**row, at=at))
    record(
        connection,
        kind=f"autonomy.{kind}",
        subject=objective_id,
        detail={"level": level, "by": by, "reason": reason},
        at=at,
    )
    return level
