"""Reads what was handed over: complete new lines of ``outbound/<channel>/<cycle_id>.jsonl``, each message once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.catalogue import NO_OFFER, is_identifier
from market.draws import text_hash
from market.effects import Messages
from market.sandbox.recognise import recognise
from market.words import CHANNELS, DAY_MS, Ints
from market.world import State, World

_REMEMBERED_DAYS: Final = 10


@dataclass(frozen=True)
class Mailbag:
    """New messages whose person is known, and what could not be delivered.

    Attributes:
        messages: As columns.
        message_ids: Their ids.
        cycle_ids: Their cycles.
        lost_ids: Messages to nobody known: (message_id, channel).
        repeated: Lines whose message was read before.
        unreadable: Lines that are no message.
    """

    messages: Messages
    message_ids: list[str]
    cycle_ids: list[str]
    lost_ids: list[tuple[str, str]]
    repeated: int
    unreadable: int


def _new_lines(outbound: Path, offsets: dict[str, int], prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for channel in CHANNELS:
        for path in sorted((outbound / channel).glob("*.jsonl")):
            key = f"{prefix}{channel}/{path.name}"
            with path.open("rb") as file:
                file.seek(offsets.get(key, 0))
                content = file.read()
            complete = content[: content.rfind(b"\n") + 1]
            offsets[key] = offsets.get(key, 0) + len(complete)
            for line in complete.splitlines():
                yield channel, line


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = (
        isinstance(row, dict) and isinstance(row.get("message_id"), str) and isinstance(row.get("contact_ids"), list)
    )
    return row if whole else None


def _instant(text: object, earliest: int) -> int:
    if not isinstance(text, str):
        return earliest
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return earliest
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(int(at.timestamp() * 1000), earliest)


def _name(row: dict[str, Any], key: str, default: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) and is_identifier(value) else default


def read_mailbag(
    world: World,
    state: State,
    outbound: Path,
    more_contacts: pa.Table | None,
    from_ms: int,
    *,
    relayed: Path | None = None,
) -> Mailbag:
    """Reads the new messages and remembers them in the state.

    Args:
        world: The world.
        state: Its ``offsets``, ``seen`` and catalogue are moved on.
        outbound: The outbound folder; absent means no messages.
        more_contacts: Contacts added since the market was made: ``contact_id``, ``person``.
        from_ms: A message that should have gone out before this goes out now.
        relayed: Another outbound folder, of messages that came through a sandbox.

    Returns:
        The messages, in the order of files and lines.
    """
    seen = set(state.seen.tolist())
    rows: list[dict[str, Any]] = []
    hashes: list[int] = []
    repeated = unreadable = 0
    lines = _new_lines(outbound, state.offsets)
    if relayed is not None:
        lines = chain(lines, _new_lines(relayed, state.offsets, "sandbox/"))
    for channel, line in lines:
        row = _message(line)
        if row is None:
            unreadable += 1
            continue
        fingerprint = text_hash(row["message_id"])
        if fingerprint in seen:
            repeated += 1
            continue
        seen.add(fingerprint)
        hashes.append(fingerprint)
        row["channel"] = channel
        rows.append(row)
    _remember(state, hashes, from_ms // DAY_MS)
    recognise(world.ids, rows, [*state.catalogue.costs, *state.catalogue.offers])
    persons = _persons(world, rows, more_contacts)
    known = [row for row, person in zip(rows, persons, strict=True) if person >= 0]
    lost = [(row["message_id"], row["channel"]) for row, person in zip(rows, persons, strict=True) if person < 0]
    messages = _columns(state, known, persons[persons >= 0], from_ms)
    return Mailbag(
        messages,
        [r["message_id"] for r in known],
        [_name(r, "cycle_id", "unknown") for r in known],
        lost,
        repeated,
        unreadable,
    )


def _remember(state: State, hashes: list[int], day: int) -> None:
    recent = state.seen_day > day - _REMEMBERED_DAYS
    state.seen = np.concatenate([state.seen[recent], np.array(hashes, dtype=np.uint64)])
    state.seen_day = np.concatenate([state.seen_day[recent], np.full(len(hashes), day, dtype=np.int32)])


def _persons(world: World, rows: list[dict[str, Any]], more: pa.Table | None) -> Ints:
    """The person of each message by the first of its contacts; -1 where nobody is known by it."""
    ids, owners = world.ids.contacts["contact_id"].combine_chunks(), world.ids.person.astype(np.int64)
    if more is not None and more.num_rows:
        ids = pa.concat_arrays([ids, more["contact_id"].combine_chunks()])
        owners = np.concatenate([owners, more["person"].to_numpy()])
    firsts = [str(row["contact_ids"][0]) if row["contact_ids"] else "" for row in rows]
    index = pc.index_in(pa.array(firsts, type=pa.string()), value_set=ids).fill_null(-1).to_numpy().astype(np.int64)
    return np.where(index >= 0, owners[index], -1)


def _columns(state: State, rows: list[dict[str, Any]], person: Ints, from_ms: int) -> Messages:
    catalogue = state.catalogue
    offer = [catalogue.offer_index(_name(row, "offer_id", NO_OFFER)) for row in rows]
    creative = [catalogue.creative_index(name) if (name := _name(row, "creative_id", "")) else -1 for row in rows]
    removal = ["remove" in (row.get("operation"), (row.get("recipient") or {}).get("operation")) for row in rows]
    return Messages(
        person=person,
        channel=np.array([CHANNELS.index(row["channel"]) for row in rows], dtype=np.int64),
        offer=np.array(offer, dtype=np.int64),
        creative=np.array(creative, dtype=np.int64),
        sent=np.array([_instant(row.get("send_at"), from_ms) for row in rows], dtype=np.int64),
        is_removal=np.array(removal, dtype=bool),
    )
