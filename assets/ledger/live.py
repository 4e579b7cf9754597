"""A person's word that a driver may reach beyond this machine: a sandbox's configuration never goes live by itself."""

from datetime import datetime

from sqlalchemy import Engine, insert, select

from assets.ledger.audit import record
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.tables import live_driver


class Live:
    """Which drivers may go live, by channel. Each word is a row, with who and why."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def allow(self, channel: str, driver: str, *, by: str, at: datetime, reason: str = "") -> None:
        """Let a driver reach beyond this machine from now on.

        Args:
            channel: The channel.
            driver: The driver's name, as in `channels.yaml`.
            by: The person.
            at: Business time.
            reason: In their words.
        """
        self._append("allowed", channel, driver, by, at, reason)

    def withdraw(self, channel: str, driver: str, *, by: str, at: datetime, reason: str = "") -> None:
        """Take it back."""
        self._append("withdrawn", channel, driver, by, at, reason)

    def is_allowed(self, channel: str, driver: str) -> bool:
        """Whether the newest word about this driver on this channel is a yes."""
        newest = select(live_driver.c.kind).where(live_driver.c.channel == channel, live_driver.c.driver == driver)
        with reading(self._engine) as connection:
            return connection.execute(newest.order_by(live_driver.c.seq.desc()).limit(1)).scalar() == "allowed"

    def _append(self, kind: str, channel: str, driver: str, by: str, at: datetime, reason: str) -> None:
        if not by.strip():
            raise LedgerError(f"{channel}: only a named person can let {driver} go live (--by NAME)")
        row = {"channel": channel, "driver": driver, "kind": kind, "actor": by, "reason": reason, "at": at}
        with writing(self._engine) as connection:
            connection.execute(insert(live_driver).values(row))
            detail = {"driver": driver, "by": by, "reason": reason}
            record(connection, kind=f"live.{kind}", subject=channel, detail=detail, at=at)
