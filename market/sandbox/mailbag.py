"""What was accepted, as the market's mailbag: ``outbound/<channel>/<cycle_id>.jsonl`` in the sandbox's own folder.

The lines have the contract's fields as far as a provider can know them: who is reached says ``recipient``, not
``contact_ids``. Where outcomes have to go is kept beside it, in ``addresses.sqlite``.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from market.catalogue import is_identifier
from market.sandbox.events import Address
from market.sandbox.exchange import Accepted

ADDRESSES: Final = "addresses.sqlite"
_SCHEMA: Final = """
pragma journal_mode = wal; pragma synchronous = off;
create table if not exists addresses (
  message_id text primary key, channel text not null, provider_id text not null, callback text not null,
  sender text not null, recipient text not null
) without rowid;
"""


class Mailbag:
    """Writes lines and addresses in batches.

    Args:
        folder: The sandbox's.
    """

    def __init__(self, folder: Path) -> None:
        self._outbound = folder / "outbound"
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / ADDRESSES)
        self._connection.executescript(_SCHEMA)
        self._lines: dict[tuple[str, str], list[str]] = {}
        self._addresses: list[tuple[str, ...]] = []

    def add(self, one: Accepted, at: datetime) -> None:
        """Takes what was accepted; the first change of a key counts, as for the market."""
        cycle = one.facts.get("cycle_id", "")
        cycle = cycle if _is_cycle(cycle) else at.date().isoformat()
        line = json.dumps(_line(one, cycle, at))
        self._lines.setdefault((one.channel, cycle), []).append(line)
        recipient = json.dumps(one.recipient)
        self._addresses.append((one.key, one.channel, one.provider_id, one.callback, one.sender, recipient))

    def flush(self) -> None:
        """Writes what waits: lines whole, at a file's end."""
        lines, self._lines = self._lines, {}
        for (channel, cycle), texts in lines.items():
            path = self._outbound / channel / f"{cycle}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write("\n".join(texts) + "\n")
        addresses, self._addresses = self._addresses, []
        if addresses:
            with self._connection as connection:
                connection.executemany("insert or ignore into addresses values (?, ?, ?, ?, ?, ?)", addresses)

    def close(self) -> None:
        """Writes what waits and lets go of the files."""
        self.flush()
        self._connection.close()


def _is_cycle(text: str) -> bool:
    return bool(text) and all(part.isdigit() for part in text.replace(".", "-").split("-"))


def _line(one: Accepted, cycle: str, at: datetime) -> dict[str, Any]:
    facts: Mapping[str, str] = {name: value for name, value in one.facts.items() if is_identifier(value)}
    return {
        "message_id": one.key,
        "decision_id": facts.get("decision_id"),
        "cycle_id": cycle,
        "customer_id": facts.get("customer_id"),
        "channel": one.channel,
        "offer_id": facts.get("offer_id"),
        "creative_id": facts.get("creative_id"),
        "send_at": at.isoformat(),
        "contact_ids": [],
        "recipient": one.recipient,
        "content": {"text": one.text},
        **({"operation": one.operation} if one.operation != "send" else {}),
    }


def addresses_of(folder: Path, message_ids: Iterable[str]) -> dict[str, Address]:
    """Where the outcomes of messages go, of those that the sandbox accepted.

    Args:
        folder: The sandbox's.
        message_ids: The sender's ids.
    """
    path = folder / ADDRESSES
    if not path.is_file():
        return {}
    found = {}
    wanted = list(dict.fromkeys(message_ids))
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            for row in connection.execute(f"select * from addresses where message_id in ({marks})", part):
                found[row[0]] = Address(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]))
    finally:
        connection.close()
    return found
