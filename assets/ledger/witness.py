"""A witness outside the ledger: how far its dispatchers had come. A ledger that is behind it was restored from a backup.

Such a ledger doesn't know what has left since the backup, so everything is stopped until a person resumes it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, insert, select, update

from assets.ledger.audit import record
from assets.ledger.columns import to_utc
from assets.ledger.counters import current_number, insert_once
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.halts import ALL
from assets.ledger.tables import counter, halt

WITNESS = "witness"
_LENGTH = 64


class Seen(NamedTuple):
    """The last batch that a dispatcher was about to send: its epoch, and business time."""

    epoch: int
    at: datetime


class Witness:
    """A small file in the home, written over in place before each batch leaves.

    It is never behind what was sent, unless the machine lost power in between.

    Args:
        path: The file; made when first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Seen | None:
        """What it saw last; None where there is none yet.

        Raises:
            LedgerError: If the file isn't one of ours.
        """
        if not self._path.exists():
            return None
        with self._opened() as descriptor:
            return self._seen(descriptor)

    def note(self, epoch: int, at: datetime) -> None:
        """Note that the batch of this epoch is about to leave."""
        with self._opened() as descriptor:
            seen = self._seen(descriptor)
            if seen is None or seen.epoch < epoch:
                text = f"{epoch} {to_utc(at).isoformat()}"
                os.pwrite(descriptor, text.ljust(_LENGTH - 1).encode() + b"\n", 0)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _seen(self, descriptor: int) -> Seen | None:
        text = os.pread(descriptor, _LENGTH, 0).decode(errors="replace").split()
        if not text:
            return None
        try:
            return Seen(int(text[0]), datetime.fromisoformat(text[1]).astimezone(UTC))
        except (ValueError, IndexError) as error:
            raise LedgerError(
                f"{self._path} can't be read: it says how far dispatch had come. Reconcile with what the channels sent, "
                "then remove it"
            ) from error


def is_behind(engine: Engine, seen: Seen | None, *, at: datetime) -> bool:
    """Whether the ledger is older than what the witness saw; then everything is stopped, until a person resumes it."""
    if seen is None:
        return False
    with reading(engine) as connection:
        known = current_number(connection, "claim")
    if known >= seen.epoch:
        return False
    with writing(engine) as connection:
        words = connection.execute(select(halt).where(halt.c.scope == ALL).order_by(halt.c.seq)).all()
        ours = [row.seq for row in words if row.actor == WITNESS and row.reason == _reason(known, seen)]
        if not ours:
            reason = _reason(known, seen)
            connection.execute(insert(halt).values(scope=ALL, kind="stop", actor=WITNESS, reason=reason, at=at))
            record(connection, kind="halt.stop", subject=ALL, detail={"by": WITNESS, "reason": reason}, at=at)
    return True


def is_resumed(engine: Engine, seen: Seen) -> bool:
    """Whether a person has resumed everything after the witness stopped it, and nothing else has stopped it since."""
    with reading(engine) as connection:
        known = current_number(connection, "claim")
        words = connection.execute(select(halt).where(halt.c.scope == ALL).order_by(halt.c.seq)).all()
    stops = [row.seq for row in words if row.actor == WITNESS and row.reason == _reason(known, seen)]
    return bool(stops) and words[-1].kind == "resume" and words[-1].seq > stops[-1]


def catch_up(engine: Engine, seen: Seen) -> None:
    """Go on from where the witness was: epochs are never given out twice."""
    with writing(engine) as connection:
        insert_once(connection, counter, {"name": "claim", "value": 0})
        behind = (counter.c.name == "claim") & (counter.c.value < seen.epoch)
        connection.execute(update(counter).where(behind).values(value=seen.epoch))


def _reason(known: int, seen: Seen) -> str:
    return (
        f"the ledger was restored: it knows {known} batches, {seen.epoch} had left by {seen.at:%Y-%m-%d %H:%M} UTC. "
        "Compare with what the channels sent, then `wayfinder resume`"
    )
