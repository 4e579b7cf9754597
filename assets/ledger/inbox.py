"""The inbox: what providers reported, each event once, committed before its provider is answered.

Effects that can't wait (suppression, the proof that a message left) are of the same transaction. The rest of the loop
gets the events as a landing file: `flush`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update

from assets.ledger.columns import to_json
from assets.ledger.counters import current_number, next_number, upsert
from assets.ledger.engine import reading, writing
from assets.ledger.many import among, insert_unless_there
from assets.ledger.outcomes import ATTEMPTED, store
from assets.ledger.tables import inbox, inbox_count, inbox_quarantine, outbox, receipt

QUARANTINE_DAYS = 30
_CONTRACT = ("event_id", "event_type", "occurred_at", "message_id", "customer_key", "channel", "value", "payload")
LAST, CLAIMED, FLUSHED = "inbox", "inbox_claimed", "inbox_flushed"
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Event:
    """A contract event of `outcomes` as a provider's scheme reads it.

    `provider_id` is the provider's own id of the message, where it doesn't return ours.
    """

    event_id: str
    event_type: str
    occurred_at: datetime
    message_id: str | None = None
    customer_key: str | None = field(default=None, repr=False)
    channel: str | None = None
    value: float | None = None
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a delivery, or all of it, that was signed and can't be read. `reason` says why, without its values."""

    reason: str
    body: bytes = field(repr=False)
    raw_sha256: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One post of a provider."""

    provider: str
    raw_sha256: str
    events: Sequence[Event] = ()
    unreadable: Sequence[Unreadable] = ()
    ignored: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery's events; `unmatched` ones are among the accepted."""

    accepted: int = 0
    duplicate: int = 0
    unmatched: int = 0
    quarantined: int = 0
    ignored: int = 0
    refused: int = 0


class Inbox:
    """Events as they are received, until they are flushed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, deliveries: Sequence[Delivery], *, at: datetime) -> list[Taken]:
        """Store deliveries and what follows from them, all in one transaction.

        Args:
            deliveries: As many as came meanwhile: one commit serves them all.
            at: When they were received.

        Returns:
            What became of each, in their order.
        """
        with writing(self._engine) as connection:
            # The row lock makes concurrent receivers take turns, so that each sees what the one before stored.
            last = next_number(connection, LAST, sum(len(each.events) for each in deliveries))
            taken = _store(connection, deliveries, last, at)
            _quarantine(connection, deliveries, at)
            _count(connection, deliveries, taken)
        return taken

    def waiting(self, *, at: datetime) -> int:
        """Events received by `at` that aren't flushed yet."""
        with reading(self._engine) as connection:
            flushed = current_number(connection, FLUSHED)
            query = select(func.count()).where(inbox.c.inbox_no > flushed, inbox.c.received_at <= at)
            return int(connection.execute(query).scalar_one())

    def claim(self, limit: int, *, at: datetime) -> tuple[int, int]:
        """The range of numbers to flush: one that was claimed before and not finished, else the next; (0, -1) if none.

        An event that came before its message was known to have left is matched now, or stays out of the file. Events
        received after `at` wait: to an intake with that business time they would be of the future.
        """
        with writing(self._engine) as connection:
            flushed, claimed = current_number(connection, FLUSHED), current_number(connection, CLAIMED)
            if claimed == flushed:
                newest = _newest(connection, flushed, limit, at)
                if newest is None:
                    return 0, -1
                claimed = next_number(connection, CLAIMED, newest - claimed)
                _match_late(connection, flushed, claimed)
            return flushed + 1, claimed

    def lines(self, first: int, last: int) -> list[str]:
        """The contract events of a range as JSON, in their order; those that match no message of ours are left out."""
        query = select(inbox.c.event).where(inbox.c.inbox_no.between(first, last), inbox.c.state == "accepted")
        with reading(self._engine) as connection:
            return list(connection.execute(query.order_by(inbox.c.inbox_no)).scalars())

    def close(self, first: int, last: int, *, at: datetime) -> int:
        """A claimed range is safe elsewhere: forget its personal data and move the cursor. Returns its events."""
        with writing(self._engine) as connection:
            flushed = current_number(connection, FLUSHED)
            if flushed != first - 1:
                return 0  # another flush has closed it
            range_ = inbox.c.inbox_no.between(first, last)
            count = connection.execute(update(inbox).where(range_).values(state="flushed", event=None)).rowcount
            next_number(connection, FLUSHED, last - flushed)
            old = inbox_quarantine.c.received_at < at - timedelta(days=QUARANTINE_DAYS)
            connection.execute(delete(inbox_quarantine).where(old))
            return count

    def counts(self) -> dict[str, dict[str, int]]:
        """By provider, what became of its events: accepted, duplicate, unmatched, quarantined, ignored, refused."""
        found: dict[str, dict[str, int]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(select(inbox_count)):
                found.setdefault(row.provider, dict.fromkeys(Taken.__dataclass_fields__, 0))[row.kind] = row.value
        return found

    def quarantine(self) -> list[dict[str, Any]]:
        """What nobody could read: provider, raw_sha256, reason, received_at, size in bytes; never the body itself."""
        table = inbox_quarantine
        columns = (table.c.provider, table.c.raw_sha256, table.c.reason, table.c.received_at)
        query = select(*columns, func.length(table.c.body).label("size_bytes")).order_by(table.c.received_at)
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _newest(connection: Connection, flushed: int, limit: int, at: datetime) -> int | None:
    """Up to which number the next range goes."""
    after = inbox.c.inbox_no > flushed
    later = select(func.min(inbox.c.inbox_no)).where(after, inbox.c.received_at > at)
    barrier = connection.execute(later).scalar()
    query = select(inbox.c.inbox_no).where(after).order_by(inbox.c.inbox_no).limit(limit)
    if barrier is not None:
        query = query.where(inbox.c.inbox_no < barrier)
    numbers: Sequence[int] = connection.execute(query).scalars().all()
    return int(numbers[-1]) if numbers else None


def line_of(event: Event) -> str:
    """An event as a line of `landing/outcomes`."""
    values = {name: getattr(event, name) for name in _CONTRACT}
    values["occurred_at"] = event.occurred_at.isoformat().replace("+00:00", "Z")
    return to_json({name: value for name, value in values.items() if value is not None})


def _store(connection: Connection, deliveries: Sequence[Delivery], last: int, at: datetime) -> list[Taken]:
    """Outcomes with their effects, then the inbox rows of those that are new."""
    events = _with_messages(connection, [event for each in deliveries for event in each.events])
    once = {event.event_id: event for event in reversed(events)}
    stored = store(connection, [_row(event, at) for event in once.values()], received_at=at)
    first_of = {row["event_id"]: row["matched_by"] for row in stored.rows}
    rows: list[dict[str, Any]] = []
    taken: list[Taken] = []
    position = 0
    for delivery in deliveries:
        mine = events[position : position + len(delivery.events)]
        new = [(event, first_of.pop(event.event_id)) for event in mine if event.event_id in first_of]
        for event, matched_by in new:
            rows.append(
                {
                    "event_id": event.event_id,
                    "inbox_no": last - len(events) + len(rows) + 1,
                    "provider": delivery.provider,
                    "raw_sha256": delivery.raw_sha256,
                    "state": "unmatched" if matched_by == "none" else "accepted",
                    "event": line_of(event),
                    "received_at": at,
                }
            )
        unmatched = sum(matched_by == "none" for _, matched_by in new)
        position += len(mine)
        taken.append(
            Taken(
                len(new), len(mine) - len(new), unmatched, len(delivery.unreadable), delivery.ignored, delivery.refused
            )
        )
    insert_unless_there(connection, inbox, rows)
    return taken


def _row(event: Event, at: datetime) -> dict[str, Any]:
    values = {name: getattr(event, name) for name in ("event_id", "event_type", "occurred_at", "message_id")}
    values |= {name: getattr(event, name) for name in ("customer_key", "channel", "value")}
    return values | {"payload": None if event.payload is None else to_json(event.payload), "received_at": at}


def _with_messages(connection: Connection, events: list[Event]) -> list[Event]:
    """The events with our message's id where a provider knows only its own."""
    wanted = sorted({event.provider_id for event in events if event.provider_id and not event.message_id})
    ours: dict[str, str] = {}
    for batch in _batches(wanted):
        query = select(receipt.c.provider_id, receipt.c.message_id).where(
            among(connection, receipt.c.provider_id, batch)
        )
        ours |= {str(row.provider_id): row.message_id for row in connection.execute(query)}
    if not wanted:
        return events
    return [_named(event, ours) for event in events]


def _named(event: Event, ours: Mapping[str, str]) -> Event:
    if event.message_id or not event.provider_id:
        return event
    values = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    # An id that isn't ours names no message: the event is kept and stays unmatched.
    return Event(**(values | {"message_id": ours.get(event.provider_id, event.provider_id)}))


def _match_late(connection: Connection, flushed: int, claimed: int) -> None:
    """An event can overtake the record of its own message's hand-over."""
    query = select(inbox.c.event_id, inbox.c.event).where(
        inbox.c.inbox_no > flushed, inbox.c.inbox_no <= claimed, inbox.c.state == "unmatched"
    )
    named = {row.event_id: json.loads(row.event).get("message_id") for row in connection.execute(query)}
    attempted: set[str] = set()
    for batch in _batches(sorted({message_id for message_id in named.values() if message_id})):
        known = select(outbox.c.message_id).where(
            among(connection, outbox.c.message_id, batch), outbox.c.state.in_(ATTEMPTED)
        )
        attempted |= set(connection.execute(known).scalars())
    for batch in _batches([event_id for event_id, message_id in named.items() if message_id in attempted]):
        connection.execute(update(inbox).where(inbox.c.event_id.in_(batch)).values(state="accepted"))


def _quarantine(connection: Connection, deliveries: Sequence[Delivery], at: datetime) -> None:
    rows = [
        {
            "provider": delivery.provider,
            "raw_sha256": part.raw_sha256,
            "reason": part.reason,
            "body": part.body,
            "received_at": at,
        }
        for delivery in deliveries
        for part in delivery.unreadable
    ]
    if rows:
        connection.execute(upsert(connection, inbox_quarantine).on_conflict_do_nothing(), rows)


def _count(connection: Connection, deliveries: Sequence[Delivery], taken: Sequence[Taken]) -> None:
    totals: Counter[tuple[str, str]] = Counter()
    for delivery, each in zip(deliveries, taken, strict=True):
        for kind in Taken.__dataclass_fields__:
            totals[delivery.provider, kind] += getattr(each, kind)
    rows = [
        {"provider": provider, "kind": kind, "value": value}
        for (provider, kind), value in sorted(totals.items())
        if value
    ]
    if rows:
        statement = upsert(connection, inbox_count)
        total = inbox_count.c.value + statement.excluded.value
        keys = [inbox_count.c.provider, inbox_count.c.kind]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"value": total}), rows)


def _batches(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
