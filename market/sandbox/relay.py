"""Answers of the sample market's persons to messages that came through the sandbox, as signed webhooks.

What is to be posted is written down before the answer is in force, and crossed out when the receiver has taken it: an
interrupted answer posts the rest with the next one, some of it perhaps twice, as providers do.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from market.files import write_whole
from market.sandbox.accounts import Accounts
from market.sandbox.events import Address, Outcome, Post, is_reported, webhook
from market.sandbox.mailbag import addresses_of
from market.sandbox.poster import Disorder, disorder_of, post_all
from market.words import MarketError

_QUEUE: Final = "webhooks"


class SandboxRelay:
    """Speaks for one sandbox.

    Args:
        folder: The sandbox's.
        base_url: Of the receiver; without one all outcomes go to landing.
        seed: The sandbox's.
        disorder: How unreliably webhooks come, as words.
        signed_at: Instant that signatures are dated with; the wall clock without one.

    Raises:
        MarketError: The folder is none.
    """

    def __init__(self, folder: Path, base_url: str, seed: int, disorder: str, signed_at: datetime | None) -> None:
        if not folder.is_dir():
            raise MarketError(
                f"--sandbox {folder}: there is no such folder; name the one that the sandbox was started with"
            )
        self._folder = folder
        self._base_url = base_url
        self._accounts = Accounts(seed)
        self._disorder: Disorder = disorder_of(disorder)
        self._signed_at = signed_at

    @property
    def outbound(self) -> Path:
        """The sandbox's mailbag."""
        return self._folder / "outbound"

    def take(self, outcomes: pa.Table, name: str) -> pa.Table:
        """Takes what providers report of messages that the sandbox accepted."""
        if not self._base_url:
            return outcomes
        rows = outcomes.select(["event_id", "event_type", "message_id", "channel"]).to_pylist()
        reported = [bool(row["message_id"]) and is_reported(row["channel"], row["event_type"]) for row in rows]
        wanted = [row["message_id"] for row, is_one in zip(rows, reported, strict=True) if is_one]
        addresses = addresses_of(self._folder, wanted)
        taken = [is_one and row["message_id"] in addresses for row, is_one in zip(rows, reported, strict=True)]
        mask = pa.array(taken, type=pa.bool_())
        lines = [json.dumps(_told(row)) for row in outcomes.filter(mask).to_pylist()]
        if lines:
            text = "\n".join(lines) + "\n"
            write_whole(self._folder / _QUEUE / f"{name}.jsonl", lambda path: _write(path, text))
        return outcomes.filter(pa.array([not one for one in taken], type=pa.bool_()))

    def tell(self) -> dict[str, Any]:
        """Posts what waits, file by file."""
        counts: dict[str, int] = {}
        for path in sorted((self._folder / _QUEUE).glob("*.jsonl")):
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            addresses = addresses_of(self._folder, [row["message_id"] for row in rows])
            posts = [post for row in rows if (post := self._post(row, addresses)) is not None]
            found = post_all(
                posts, self._accounts, disorder=self._disorder, seed=self._accounts.seed, signed_at=self._signed_at
            )
            for name, count in found.items():
                counts[name] = counts.get(name, 0) + count
            if found.get("given_up"):
                raise MarketError(
                    f"{found['given_up']} webhooks weren't taken by {self._base_url}; they wait in {path}: "
                    "start the receiver, and answer the next interval"
                )
            path.unlink()
        return counts

    def _post(self, row: Mapping[str, Any], addresses: Mapping[str, Address]) -> Post | None:
        payload = json.loads(row["payload"]) if row.get("payload") else None
        at = datetime.fromisoformat(row["occurred_at"])
        outcome = Outcome(row["event_id"], row["event_type"], at, payload)
        return webhook(outcome, addresses[row["message_id"]], self._accounts, self._base_url)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    names = ("event_id", "event_type", "message_id", "channel", "payload")
    at = row["occurred_at"]
    return {name: row[name] for name in names} | {"occurred_at": at.replace(tzinfo=at.tzinfo or UTC).isoformat()}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
