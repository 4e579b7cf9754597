"""Answers for an interval: reads what was sent, lets the world live on, and writes what a real shop would see of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market import texts
from market.catalogue import read_catalogue
from market.draws import Stream, generator, hashed, uniform
from market.effects import Messages
from market.engine import advance
from market.events import Events
from market.files import json_lines, write_table, write_whole
from market.newcomers import new_contacts
from market.outbound import Mailbag, read_mailbag
from market.outcomes import TYPES, broken_lines, disturb, failures, outcome_table, table_of
from market.relay import Relay
from market.respond import Reactions, carry_out, react
from market.sales import ORGANIC
from market.store import Places, commit, load_state, load_world
from market.tables import EMIT_AT, ORDER_ORIGIN, Renderer, split_by_time, told
from market.truth_log import log_contacts, log_messages, log_sales
from market.words import DAY_MS, EMAIL, HOUR_MS, VOICE, Ints, MarketError
from market.world import State, World
from market.worth import worth

_FORMATS: Final = {
    "orders": "csv.gz",
    "store_purchases": "csv.gz",
    "call_logs": "jsonl.gz",
    "consents": "csv.gz",
    "crm_contacts": "jsonl.gz",
}
_SENT, _CONTACTS = "_sent", "_contacts"
_ATTRIBUTION_DAYS: Final = 7


@dataclass
class _Answer:
    """An answer in the making: tables by source, told and still to tell."""

    world: World
    state: State
    pending: dict[str, pa.Table]
    events: Events = field(default_factory=Events)

    def add(self, source: str, table: pa.Table) -> None:
        if table.num_rows:
            kept = self.pending.get(source)
            self.pending[source] = table if kept is None else pa.concat_tables([kept, table], promote_options="default")


def stamp(milliseconds: int) -> str:
    """An instant as file names have it."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y%m%dT%H%M%SZ")


def answer(
    where: Places, start: datetime, end: datetime, config: Path | None = None, relay: Relay | None = None
) -> dict[str, object]:
    """Answers for [start, end).

    Args:
        where: The market's places.
        start: Not before the end of the last answer; time between the two is lived through as well.
        end: After ``start``.
        config: Folder of the operator's ``actions.yaml``; offers that it has changed or added since are read from it.
        relay: A sandbox, which brings messages and tells outcomes besides the files.

    Returns:
        Rows by source and counts of messages.

    Raises:
        MarketError: The interval was answered before, or is none, or the relay couldn't tell everything.
    """
    world = load_world(where)
    state, pending = load_state(where)
    from_ms, until_ms = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
    if until_ms <= from_ms:
        raise MarketError(f"--to {end.isoformat()} must be after --from {start.isoformat()}")
    if from_ms < state.clock_ms:
        known = datetime.fromtimestamp(state.clock_ms / 1000, tz=UTC).isoformat()
        raise MarketError(f"--from {start.isoformat()}: the market has answered up to {known}; ask from there")
    if config is not None:
        state.catalogue.costs |= read_catalogue(config).costs
    name = f"{stamp(state.clock_ms)}-{stamp(until_ms)}"
    work = _Answer(world, state, dict(pending))
    relayed = relay.outbound if relay is not None else None
    bag = read_mailbag(world, state, where.home / "outbound", work.pending.get(_CONTACTS), from_ms, relayed=relayed)
    _live(where, work, bag, until_ms, name)
    rows = _write(where, work, until_ms, name, relay)
    webhooks = {"webhooks": relay.tell()} if relay is not None else {}
    return {
        "rows": rows,
        **webhooks,
        "messages": bag.messages.count,
        "to_nobody": len(bag.lost_ids),
        "repeated": bag.repeated,
        "unreadable": bag.unreadable,
    }


def _live(where: Places, work: _Answer, bag: Mailbag, until_ms: int, name: str) -> None:
    """Takes the messages day by day, each with the state that the person is in when it is sent."""
    world, state, m = work.world, work.state, bag.messages
    message_ids = pa.array(bag.message_ids, type=pa.string())
    began = state.clock_ms
    for day in range(state.day, (until_ms - 1) // DAY_MS + 1):
        last = day == (until_ms - 1) // DAY_MS
        sent_on = m.sent // DAY_MS
        rows = np.flatnonzero((sent_on == day) | ((sent_on > day) & last) | ((sent_on < day) & (day * DAY_MS <= began)))
        if len(rows):
            part, ids = m.take(rows), message_ids.take(pa.array(rows))
            cycles = [bag.cycle_ids[i] for i in rows.tolist()]
            reactions, expected = react(world, state, part, day), worth(world, state, part, day)
            _take_effect(work, part, reactions, day, cycles)
            _report(work, part, reactions, ids)
            log_messages(
                where.truth_staging,
                world,
                state,
                part,
                reactions,
                ids=ids,
                cycles=cycles,
                expected=expected,
                part=f"{name}-{day}",
            )
        new_before = state.clock_ms
        advance(world, state, work.events, min(until_ms, (day + 1) * DAY_MS))
        contacts, persons = new_contacts(world, day, new_before, state.clock_ms)
        work.add("crm_contacts", contacts)
        log_contacts(where.truth_staging, persons, f"{name}-{day}")
        work.add(_CONTACTS, persons)
    if bag.lost_ids:
        work.add("outcomes", failures(world, bag.lost_ids, began))


def _take_effect(work: _Answer, m: Messages, r: Reactions, day: int, cycles: list[str]) -> None:
    names = {cycle: work.state.campaign_index(cycle) for cycle in dict.fromkeys(cycles)}
    campaign = np.array([names[cycle] for cycle in cycles], dtype=np.int64)
    carry_out(work.world, work.state, work.events, m, r, day=day, campaign=campaign)
    calls = np.flatnonzero(m.channel == VOICE)
    if len(calls):
        length = np.where(
            r.opened[calls], 40 + 90 * uniform(work.world.seed, Stream.DETAIL, m.person[calls], m.sent[calls], 50), 0.0
        )
        work.events.add(
            "calls",
            t=r.exposed[calls],
            person=m.person[calls],
            inbound=np.zeros(len(calls), dtype=bool),
            seconds=length,
            disposition=np.where(r.opened[calls], 0, 1),
            words=np.full(len(calls), -1),
        )


def _report(work: _Answer, m: Messages, r: Reactions, ids: pa.Array) -> None:
    world = work.world
    table = outcome_table(world, m, r, ids.to_pylist())
    sent = pa.table(
        {
            "message_id": ids,
            "person": pa.array(m.person.astype(np.int32)),
            "channel": pa.array(m.channel.astype(np.int8)),
            "sent": pa.array(m.sent),
        }
    )
    rows = pc.index_in(table["message_id"].combine_chunks(), value_set=ids)
    person, channel = pa.array(m.person).take(rows), m.channel[rows.to_numpy()]
    key = texts.keep(world.ids.email.take(person), channel == EMAIL)
    key = pc.if_else(pa.array(np.isin(channel, (1, VOICE))), world.ids.phone.take(person), key)
    work.add("outcomes", disturb(world.seed, table, pa.table({"customer_key": key})))
    work.add(_SENT, sent.filter(pa.array(~m.is_removal)))


def _attributed(work: _Answer, sales: dict[str, pa.Table], until_ms: int) -> pa.Table | None:
    """``converted`` events for purchases that would have come anyway: attribution can't tell them from caused ones."""
    sent = work.pending.get(_SENT)
    if sent is None:
        return None
    sent = sent.filter(pa.array(sent["sent"].to_numpy() >= until_ms - _ATTRIBUTION_DAYS * DAY_MS))
    work.pending[_SENT] = sent
    latest = np.full(work.world.people.count, -1, dtype=np.int64)
    latest[sent["person"].to_numpy()] = np.arange(sent.num_rows)
    parts = [(t["_person"].to_numpy(), t[EMIT_AT].to_numpy(), t[ORDER_ORIGIN].to_numpy()) for t in sales.values()]
    if not parts or not sent.num_rows:
        return None
    person, when, origin = (np.concatenate(c) for c in zip(*parts, strict=True))
    touch = latest[person]
    told_by = (touch >= 0) & (origin == ORGANIC) & (uniform(work.world.seed, Stream.ENGAGE, person, when, 9) < 0.4)
    told_by &= when > sent["sent"].to_numpy()[np.maximum(touch, 0)]
    person, when, touch = person[told_by], when[told_by], touch[told_by]
    return table_of(
        event_id=texts.hex_ids("x", hashed(work.world.seed, Stream.EVENT_ID, 9, person, when)),
        kind=np.full(len(when), TYPES.index("converted")),
        when=when,
        message_id=sent["message_id"].combine_chunks().take(pa.array(touch)),
        channel=sent["channel"].to_numpy()[touch],
        value=pa.nulls(len(when), pa.float64()),
        payload=pa.nulls(len(when), pa.string()),
    )


def _write(where: Places, work: _Answer, until_ms: int, name: str, relay: Relay | None) -> dict[str, int]:
    world, state = work.world, work.state
    rendered = Renderer(world, state).tables(work.events)
    for source, table in rendered.items():
        log_sales(where.truth_staging, source, table, name)
        work.add(source, _some_late(world.seed, source, table))
    found = _attributed(work, {s: t for s, t in rendered.items() if s in {"orders", "store_purchases"}}, until_ms)
    if found is not None:
        work.add("outcomes", found)
    state.calls += 1
    rows: dict[str, int] = {}
    staged: list[str] = []
    for source in [s for s in sorted(work.pending) if not s.startswith("_")]:
        now, work.pending[source] = split_by_time(work.pending[source], until_ms)
        if relay is not None and source == "outcomes":
            now = relay.take(now, name)
        if now.num_rows:
            staged.append(_stage(where, source, told(now), name, seed=world.seed, call=state.calls))
            rows[source] = now.num_rows
    commit(where, state, work.pending, staged)
    return rows


def _some_late(seed: int, source: str, table: pa.Table) -> pa.Table:
    """Tells a hundredth of the orders and receipts some hours to two days late."""
    if source not in {"orders", "store_purchases"}:
        return table
    at = table[EMIT_AT].to_numpy()
    person = table["_person"].to_numpy()
    late = uniform(seed, Stream.DISTURB, person, at, 20) < 0.01
    emit = at + np.where(late, HOUR_MS + uniform(seed, Stream.DISTURB, person, at, 21) * 2 * DAY_MS, 0).astype(np.int64)
    return table.set_column(table.schema.get_field_index(EMIT_AT), EMIT_AT, pa.array(emit))


def _stage(where: Places, source: str, table: pa.Table, name: str, *, seed: int, call: int) -> str:
    if source != "outcomes":
        path = f"{source}/{name}.{_FORMATS.get(source, 'parquet')}"
        write_table(where.staging / path, table)
        return path
    path = f"{source}/{name}.jsonl"
    mixed = table.take(pa.array(_nearly_in_order(seed, call, table.num_rows)))
    lines = json_lines(mixed)
    faulty = broken_lines(lines, seed, call)
    places = np.linspace(0, len(lines), len(faulty) + 2)[1:-1].astype(int).tolist()
    for place, line in zip(reversed(places), faulty, strict=True):
        lines.insert(place, line)
    content = "\n".join(lines) + "\n"
    write_whole(where.staging / path, lambda partial: _write_text(partial, content))
    return path


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def _nearly_in_order(seed: int, call: int, count: int) -> Ints:
    """An order in which most rows come near their place, as from several relays that run side by side."""
    return np.argsort(np.arange(count) + generator(seed, Stream.DISTURB, call).normal(0, 40, count), kind="stable")
