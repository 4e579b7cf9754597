"""What providers report about messages: the contract's ``outcomes``, late, twice, out of order and broken."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from market import texts
from market.draws import Stream, hashed, text_hash, uniform
from market.effects import Messages
from market.respond import Reactions
from market.sales import basket
from market.tables import EMIT_AT
from market.voice import conversation
from market.words import CHANNELS, DAY_MS, DISPLAY, EMAIL, HOUR_MS, MAIL, PUSH, SMS, SOCIAL, VOICE, WEB, Bools, Ints
from market.world import World

TYPES: Final = (
    "delivered",
    "bounced",
    "opened",
    "clicked",
    "visited",
    "replied",
    "answered",
    "no_answer",
    "converted",
    "unsubscribed",
    "complained",
    "failed",
)
_REPLIES: Final = ("STOP", "thanks!", "is this still valid?", "who is this", "ok will have a look", "not now please")
TWICE_SHARE: Final = 0.012
LATE_SHARE: Final = 0.02
UNNAMED_SHARE: Final = 0.01
BROKEN_SHARE: Final = 0.001


def _is(m: Messages, *channels: int) -> Bools:
    return np.isin(m.channel, channels)


def _occurrences(world: World, m: Messages, r: Reactions) -> list[tuple[str, Bools, Ints]]:
    def chance(purpose: int) -> np.ndarray:
        return uniform(world.seed, Stream.ENGAGE, m.person, m.sent, m.channel, purpose)

    sent_to = _is(m, EMAIL, SMS, MAIL, PUSH)
    digital = _is(m, EMAIL, SMS, PUSH, WEB)
    visited = (r.clicked & digital & (chance(1) < 0.6)) | (r.clicked & _is(m, MAIL)) | (r.reached & _is(m, WEB))
    visited_at = np.where(_is(m, WEB), r.exposed, r.clicked_at + 9000)
    replied = r.opened & _is(m, SMS) & (chance(2) < 0.012)
    converted = r.caused & (chance(3) < 0.55)
    calls = _is(m, VOICE)
    return [
        ("delivered", r.reached & sent_to, r.exposed + 1500),
        ("bounced", ~r.reached & _is(m, EMAIL), m.sent + 30_000),
        ("failed", ~r.reached & _is(m, SMS, PUSH, MAIL, VOICE), m.sent + 45_000),
        ("opened", r.opened & _is(m, EMAIL, PUSH), r.opened_at),
        ("clicked", r.clicked & digital, r.clicked_at),
        ("visited", visited, visited_at),
        ("replied", replied, r.opened_at + 120_000),
        ("answered", r.opened & calls, r.exposed + 20_000),
        ("no_answer", r.reached & ~r.opened & calls, r.exposed + 35_000),
        ("converted", converted, r.bought_at),
        ("unsubscribed", r.left & ~_is(m, SOCIAL, DISPLAY), r.opened_at + 60_000),
        ("complained", r.complained & ~_is(m, SOCIAL, DISPLAY), r.opened_at + 70_000),
    ]


def _payload(world: World, m: Messages, r: Reactions, row: int, *, kind: str, key: int) -> dict[str, Any] | None:
    if kind == "answered":
        leaves = bool(r.left[row] or r.complained[row])
        return conversation(key, int(world.people.objection[m.person[row]]), buys=bool(r.caused[row]), leaves=leaves)
    if kind == "replied":
        return {"text": "STOP" if r.left[row] else _REPLIES[1 + key % (len(_REPLIES) - 1)]}
    if kind == "visited" and m.channel[row] == MAIL:
        return {"device": "mobile", "via": "qr"}
    if kind in {"opened", "clicked"}:
        return {"device": ("mobile", "desktop", "tablet")[key % 3]} if key % 4 else None
    return None


def _payloads(world: World, m: Messages, r: Reactions, rows: Ints, kinds: Ints) -> pa.Array:
    keys = hashed(world.seed, Stream.WORDS, m.person[rows], m.sent[rows]).tolist()
    told = [
        _payload(world, m, r, row, kind=TYPES[kind], key=key)
        for row, kind, key in zip(rows.tolist(), kinds.tolist(), keys, strict=True)
    ]
    return pa.array([None if p is None else json.dumps(p) for p in told], type=pa.string())


def outcome_table(world: World, m: Messages, r: Reactions, message_ids: Sequence[str]) -> pa.Table:
    """All that providers will report about messages, now and later, without disturbances.

    Args:
        world: The world.
        m: The messages.
        r: What becomes of them.
        message_ids: Their ids.

    Returns:
        The contract's columns and ``EMIT_AT``.
    """
    parts = [(kind, np.flatnonzero(mask & ~m.is_removal), when) for kind, mask, when in _occurrences(world, m, r)]
    rows = np.concatenate([rows for _, rows, _ in parts])
    kind = np.concatenate([np.full(len(rows), TYPES.index(name)) for name, rows, _ in parts])
    when = np.concatenate([at[rows] for _, rows, at in parts])
    prints = np.array([text_hash(i) for i in message_ids], dtype=np.uint64)
    value = np.where(kind == TYPES.index("converted"), basket(world, m.person[rows], when), np.nan)
    return table_of(
        event_id=texts.hex_ids("x", hashed(world.seed, Stream.EVENT_ID, 7, prints[rows], kind)),
        kind=kind,
        when=when,
        message_id=pa.array(message_ids, type=pa.string()).take(pa.array(rows)),
        channel=m.channel[rows],
        value=pa.array(value, from_pandas=True),
        payload=_payloads(world, m, r, rows, kind),
    )


def table_of(
    *,
    event_id: pa.Array,
    kind: Ints,
    when: Ints,
    message_id: pa.Array,
    channel: Ints,
    value: pa.Array,
    payload: pa.Array,
) -> pa.Table:
    """The contract's ``outcomes`` from columns of equal length."""
    n = len(when)
    return pa.table(
        {
            "event_id": event_id,
            "event_type": texts.pick(TYPES, kind),
            "occurred_at": texts.times(when),
            "message_id": message_id,
            "customer_key": pa.nulls(n, pa.string()),
            "channel": texts.pick(CHANNELS, channel),
            "value": value.cast(pa.float64()),
            "payload": payload,
            EMIT_AT: pa.array(np.asarray(when, dtype=np.int64)),
        }
    )


def failures(world: World, lost: list[tuple[str, str]], at_ms: int) -> pa.Table:
    """Outcomes of messages to nobody known."""
    n = len(lost)
    ids = [i for i, _ in lost]
    prints = np.array([text_hash(i) for i in ids], dtype=np.uint64)
    return table_of(
        event_id=texts.hex_ids("x", hashed(world.seed, Stream.EVENT_ID, 8, prints)),
        kind=np.full(n, TYPES.index("failed")),
        when=np.full(n, at_ms + 60_000),
        message_id=pa.array(ids, type=pa.string()),
        channel=np.array([CHANNELS.index(c) for _, c in lost], dtype=np.int64),
        value=pa.nulls(n, pa.float64()),
        payload=pa.array([json.dumps({"reason": "unknown recipient"})] * n, type=pa.string()),
    )


def disturb(seed: int, table: pa.Table, keys: pa.Table) -> pa.Table:
    """Reports some outcomes late, some twice, and some without the message but with the person's e-mail or number.

    Args:
        seed: The market's seed.
        table: Outcomes with ``EMIT_AT``.
        keys: One row an outcome: ``customer_key`` for those that may be reported by it.

    Returns:
        The outcomes with their repetitions.
    """
    n = table.num_rows
    key = np.array([text_hash(e) for e in table["event_id"].to_pylist()], dtype=np.uint64)
    u = [uniform(seed, Stream.DISTURB, key, purpose) for purpose in range(4)]
    emit = table[EMIT_AT].to_numpy().astype(np.int64)
    emit += np.where(u[0] < LATE_SHARE, (6 * HOUR_MS + u[1] * 3 * DAY_MS), 0).astype(np.int64)
    customer = keys["customer_key"].combine_chunks()
    unnamed = (u[2] < UNNAMED_SHARE) & customer.is_valid().to_numpy(zero_copy_only=False)
    table = table.set_column(table.schema.get_field_index(EMIT_AT), EMIT_AT, pa.array(emit))
    table = table.set_column(3, "message_id", texts.keep(table["message_id"].combine_chunks(), ~unnamed))
    table = table.set_column(4, "customer_key", texts.keep(customer, unnamed))
    again = np.flatnonzero(u[3] < TWICE_SHARE)
    copies = table.take(pa.array(again))
    later = emit[again] + np.where(u[1][again] < 0.5, 0, u[1][again] * 2 * DAY_MS).astype(np.int64)
    copies = copies.set_column(table.schema.get_field_index(EMIT_AT), EMIT_AT, pa.array(later))
    return pa.concat_tables([table, copies]) if n else table


def broken_lines(lines: list[str], seed: int, call: int) -> list[str]:
    """Lines as a faulty relay writes them, beside the whole ones: cut off, of no type, without id, at no time."""
    count = int(len(lines) * BROKEN_SHARE) + (len(lines) >= 50)
    if not count:
        return []
    chosen = hashed(seed, Stream.DISTURB, call, np.arange(count)) % np.uint64(len(lines))
    out = []
    for nth, index in enumerate(chosen.tolist()):
        row = json.loads(lines[index])
        row["event_id"] = f"{row['event_id']}-{nth}"
        faults = (
            json.dumps(row)[: len(lines[index]) // 2],
            json.dumps(row | {"event_type": "teleported"}),
            json.dumps({k: v for k, v in row.items() if k != "event_id"}),
            json.dumps(row | {"occurred_at": "yesterday"}),
        )
        out.append(faults[(nth + call) % len(faults)])
    return out
