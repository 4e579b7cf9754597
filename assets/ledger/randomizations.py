"""How the arms of an objective are drawn, from the first decision on and for good."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select

from assets.ledger.audit import record
from assets.ledger.counters import insert_once
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.tables import randomization
from ml.configuration.objective import ArmShares


class Randomizations:
    """Keeps shares and salt of each objective."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, objective_id: str, stated: ArmShares, salt: str, at: datetime) -> ArmShares:
        """The shares by which an objective's people are in their arms: those of its first decision.

        Args:
            objective_id: The objective.
            stated: Shares in its file; kept where nothing is yet.
            salt: Of the workspace.
            at: Business time.

        Raises:
            LedgerError: The arms were drawn with another salt, so everybody would change theirs.
        """
        known = self._known(objective_id)
        if known is None:
            row = {"objective_id": objective_id, **stated.model_dump(), "salt": salt, "at": at}
            with writing(self._engine) as connection:
                if insert_once(connection, randomization, row):
                    detail = stated.model_dump()
                    record(connection, kind="arms.randomized", subject=objective_id, detail=detail, at=at)
            known = self._known(objective_id) or (stated, salt)
        shares, drawn_with = known
        if drawn_with != salt:
            raise LedgerError(
                f"objective {objective_id}: its arms were drawn with the salt {drawn_with}, and now it is {salt}; with it "
                "everybody's arm would change: set WAYFINDER_SEED back to what it was, or state the objective anew "
                "under another id"
            )
        return shares

    def shares(self) -> dict[str, ArmShares]:
        """The shares by which people were drawn, of every objective that has decided."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(randomization)).mappings().all()
        return {str(row["objective_id"]): _shares(row) for row in rows}

    def _known(self, objective_id: str) -> tuple[ArmShares, str] | None:
        mine = select(randomization).where(randomization.c.objective_id == objective_id)
        with reading(self._engine) as connection:
            row = connection.execute(mine).mappings().first()
        if row is None:
            return None
        return _shares(row), str(row["salt"])


def _shares(row: Mapping[Any, Any]) -> ArmShares:
    return ArmShares(holdout=row["holdout"], manual=row["manual"], random=row["random"])
