"""The log of what was really accepted: one row a delivery, in ``deliveries.sqlite`` of the sandbox's folder.

A fault suite compares it with the sender's ledger. There is nothing personal in it: an id, a time and a hash. Rows are
written in batches; whoever asks over HTTP, and whoever ends the sandbox by a signal, gets them all.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from market.sandbox.exchange import Accepted
from market.words import MarketError

FILE: Final = "deliveries.sqlite"
REQUEST, FAULT = "request", "fault"
_SCHEMA: Final = """
create table if not exists deliveries (
  id integer primary key,
  channel text not null,
  key text not null,
  provider_id text not null,
  operation text not null,
  received_at text not null,
  content_sha256 text not null,
  cause text not null,
  has_effect integer not null
);
create index if not exists deliveries_by_key on deliveries (channel, key);
create table if not exists replays (channel text primary key, count integer not null);
"""
_COUNTS: Final = """
select channel, sum(requests) as accepted, count(distinct key) as keys, sum(max(requests - 1, 0)) as duplicates,
       sum(faults) as doubled_by_provider
from (select channel, key, operation,
             sum(cause = 'request' and has_effect = 1) as requests, sum(cause = 'fault') as faults
      from deliveries group by channel, key, operation)
group by channel order by channel
"""


def hashed(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Book:
    """Takes deliveries and writes them in batches.

    Attributes:
        path: The SQLite file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._connection = sqlite3.connect(self.path, check_same_thread=False)
        self._connection.executescript("pragma journal_mode=wal; pragma synchronous=off;" + _SCHEMA)
        self._rows: list[tuple[object, ...]] = []
        self._replays: list[tuple[str]] = []
        self._listeners: list[Callable[[Accepted, datetime], None]] = []

    def listen(self, listener: Callable[[Accepted, datetime], None]) -> None:
        """Lets somebody know of each delivery that has an effect, once, whatever a fault repeats."""
        self._listeners.append(listener)

    def add(self, deliveries: Iterable[Accepted], at: datetime, *, cause: str = REQUEST) -> None:
        """Notes deliveries.

        Args:
            deliveries: What was accepted.
            at: The sandbox's time.
            cause: ``request``, or ``fault`` where the provider itself delivers a second time.
        """
        when = at.isoformat(timespec="milliseconds")
        for one in deliveries:
            digest = hashed(one.content)
            row = (one.channel, one.key, one.provider_id, one.operation, when, digest, cause, one.has_effect)
            self._rows.append(row)
            if cause == REQUEST and one.has_effect:
                for listener in self._listeners:
                    listener(one, at)

    def replayed(self, channel: str) -> None:
        """Counts an answer that was given again for the same key."""
        self._replays.append((channel,))

    def flush(self) -> None:
        """Writes what waits."""
        if not self._rows and not self._replays:
            return
        rows, self._rows = self._rows, []
        replays, self._replays = self._replays, []
        with self._connection as connection:
            connection.executemany(
                "insert into deliveries (channel, key, provider_id, operation, received_at, content_sha256, cause, "
                "has_effect) values (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.executemany(
                "insert into replays values (?, 1) on conflict (channel) do update set count = count + 1", replays
            )

    def counts(self) -> dict[str, Any]:
        """As ``counts_of``, with what waits."""
        self.flush()
        return counts_of(self._connection)

    def rows(self, channel: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """As ``rows_of``, with what waits."""
        self.flush()
        return rows_of(self._connection, channel, after, limit)

    def close(self) -> None:
        """Writes what waits and lets go of the file."""
        self.flush()
        self._connection.close()


def opened(folder: Path) -> sqlite3.Connection:
    """The log of a folder, for reading.

    Raises:
        MarketError: There is none.
    """
    path = folder / FILE
    if not path.is_file():
        raise MarketError(f"{path} doesn't exist; name the folder that the sandbox was started with")
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def counts_of(connection: sqlite3.Connection) -> dict[str, Any]:
    """Counts by channel.

    Returns:
        ``accepted`` by requests, distinct ``keys``, ``duplicates`` (accepted again with the same key, to an effect),
        ``doubled_by_provider`` (by a fault, no doing of the sender's), and ``replays`` of idempotent answers if any.
    """
    names = ("accepted", "keys", "duplicates", "doubled_by_provider")
    found = {
        channel: dict(zip(names, map(int, counts), strict=True)) for channel, *counts in connection.execute(_COUNTS)
    }
    replays = dict(connection.execute("select channel, count from replays"))
    for channel, count in replays.items():
        found.setdefault(channel, dict.fromkeys(names, 0))["replays"] = count
    return found


def rows_of(connection: sqlite3.Connection, channel: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    """Deliveries in their order.

    Args:
        connection: The log.
        channel: Only this one's.
        after: Only ids beyond it, to page through.
        limit: At most so many.
    """
    cursor = connection.execute(
        "select * from deliveries where id > ? and (? is null or channel = ?) order by id limit ?",
        (after, channel, channel, limit),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
