"""Levels of autonomy: stated when an objective is first seen, raised only by a person, lowered at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, Engine, insert, select

from assets.ledger.audit import record
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.tables import autonomy_level

RANKS = {"assisted": 0, "supervised": 1, "autonomous": 2}


class Objectives:
    """Which level is in force for an objective, and how it came to be."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def see(self, objective_id: str, stated: str, *, owner: str, at: datetime) -> str:
        """Take note of the level in an objective's file and return the one in force.

        The first one holds (the owner's act). A lower one holds at once; a higher one is a proposal until accepted.
        """
        with writing(self._engine) as connection:
            level = _in_force(connection, objective_id)
            if level is None:
                return _append(connection, objective_id, "stated", stated, by=owner, reason="first seen", at=at)
            if RANKS[stated] < RANKS[level]:
                return _append(
                    connection, objective_id, "lowered", stated, by=owner, reason="lowered in its file", at=at
                )
            if RANKS[stated] > RANKS[level] and _proposed(connection, objective_id) != stated:
                _append(connection, objective_id, "proposed", stated, by=owner, reason="raised in its file", at=at)
            return level

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

    def history(self) -> pd.DataFrame:
        """Every change, oldest first."""
        with reading(self._engine) as connection:
            return pd.read_sql(select(autonomy_level).order_by(autonomy_level.c.seq), connection)


def channel_subject(objective_id: str, channel: str) -> str:
    """The name under which a channel's own level is kept, accepted and lowered."""
    return f"{objective_id}/{channel}"


def _rows(connection: Connection, objective_id: str) -> list[tuple[str, str]]:
    rows = connection.execute(
        select(autonomy_level.c.kind, autonomy_level.c.level)
        .where(autonomy_level.c.objective_id == objective_id)
        .order_by(autonomy_level.c.seq)
    )
    return [(row.kind, row.level) for row in rows]


def _in_force(connection: Connection, objective_id: str) -> str | None:
    held = [level for kind, level in _rows(connection, objective_id) if kind != "proposed"]
    return held[-1] if held else None


def _proposed(connection: Connection, objective_id: str) -> str | None:
    rows = _rows(connection, objective_id)
    return rows[-1][1] if rows and rows[-1][0] == "proposed" else None


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
