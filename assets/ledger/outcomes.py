"""Events that came back, each counted once by its `event_id`; the first one received wins."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection, Engine, and_, select, update

from assets.ledger.audit import record
from assets.ledger.closing import COSTS
from assets.ledger.columns import to_json
from assets.ledger.counters import current_number, next_number
from assets.ledger.engine import reading, writing
from assets.ledger.many import among, insert_unless_there
from assets.ledger.records import OutcomeCounts, Since
from assets.ledger.suppressions import address_hash, append, is_personal_address, suppression_row
from assets.ledger.tables import STATES, outbox, outcome

REQUIRED = ("event_id", "event_type", "occurred_at")
OPTIONAL = ("message_id", "customer_key", "channel", "value", "payload")
SUPPRESSING = {"unsubscribed": None, "bounced": None, "complained": "all"}  # None: the event's own channel
OWN_WORD = ("unsubscribed", "complained")
PROOF_OF_SENDING = ("delivered", "opened", "clicked", "replied", "answered", "no_answer")
ATTEMPTED = ("sending", "sent", "unknown")
BATCH = 5_000


class Outcomes:
    """The inbox. Taking the same events in again, in any order and any split, changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_in(self, frame: pd.DataFrame, *, received_at: datetime) -> OutcomeCounts:
        """Store events and what follows from them, in one transaction.

        What follows: suppressions, and the proof that a message whose fate was unknown did leave.

        Args:
            frame: Contract columns of `outcomes`; `event_id`, `event_type`, `occurred_at` (UTC) required. Broken rows
                belong in quarantine before this.
            received_at: Business time.

        Returns:
            Counts; `unmatched` names a message that was never handed over.
        """
        rows = _rows(frame, received_at)
        if not rows:
            return OutcomeCounts(0, 0, 0, {}, 0)
        with writing(self._engine) as connection:
            stored = store(connection, rows, received_at=received_at)
        by_type = dict(Counter(str(row["event_type"]) for row in stored.rows))
        new = len(stored.rows)
        return OutcomeCounts(new, len(frame) - new, stored.unmatched, by_type, stored.suppressed)

    def news_since(self, cursor: int) -> Since:
        """Events after a cursor, with the message that they answer, and the cursor to keep once they are dealt with.

        Columns: event_id, event_type, occurred_at and received_at (naive UTC), value, matched_by, message_id, and of the message
        (where matched)
        customer_id, objective_id, channel, offer_id, cycle_id.
        """
        # An event for a message that never left answers nothing: it must not speak for the message's customer.
        answers = and_(outbox.c.message_id == outcome.c.message_id, outcome.c.matched_by == "message")
        joined = outcome.outerjoin(outbox, answers)
        columns = (
            outcome.c.event_id,
            outcome.c.event_type,
            outcome.c.occurred_at,
            outcome.c.received_at,
            outcome.c.value,
            outcome.c.matched_by,
            outcome.c.message_id,
            outbox.c.customer_id,
            outbox.c.objective_id,
            outbox.c.channel,
            outbox.c.offer_id,
            outbox.c.cycle_id,
        )
        with reading(self._engine) as connection:
            last = current_number(connection, "intake")
            query = (
                select(*columns).select_from(joined).where(outcome.c.intake_no > cursor, outcome.c.intake_no <= last)
            )
            frame = pd.read_sql(query.order_by(outcome.c.intake_no, outcome.c.event_id), connection)
        for name in ("occurred_at", "received_at"):
            frame[name] = pd.to_datetime(frame[name], utc=True).dt.tz_localize(None)
        return Since(frame, max(cursor, last))

    def messages_with(self, event_type: str, channel: str) -> set[str]:
        """Ids of messages through a channel that an event of a type answered."""
        answers = and_(outbox.c.message_id == outcome.c.message_id, outcome.c.matched_by == "message")
        asked = select(outcome.c.message_id).select_from(outcome.join(outbox, answers)).distinct()
        asked = asked.where(outcome.c.event_type == event_type, outbox.c.channel == channel)
        with reading(self._engine) as connection:
            return set(connection.scalars(asked))


class Stored(NamedTuple):
    """The events that were new, each with its `matched_by`, and what followed from them."""

    rows: list[dict[str, Any]]
    unmatched: int
    suppressed: int


def store(connection: Connection, rows: Sequence[dict[str, Any]], *, received_at: datetime) -> Stored:
    """Store events and what follows from them, inside the caller's transaction.

    Args:
        connection: A write transaction.
        rows: One an event, ids unique among them: `REQUIRED` and `OPTIONAL` and `received_at`, `payload` as JSON text.
        received_at: Business time.
    """
    number = next_number(
        connection, "intake"
    )  # its lock makes intakes take turns: each sees what the one before stored
    new = _unseen(connection, rows)
    if not new:
        return Stored([], 0, 0)
    messages = _messages_of(connection, new)
    for row in new:
        key = row["customer_key"]
        row |= {
            "intake_no": number,
            "matched_by": _matched_by(row, messages),
            "customer_key_sha256": None if key is None else address_hash(str(key)),
        }
    kept = [{name: value for name, value in row.items() if name != "customer_key"} for row in new]
    insert_unless_there(connection, outcome, kept)
    suppressed = _suppress(connection, new, messages, received_at)
    _confirm_unknown(connection, new, messages)
    unmatched = sum(row["matched_by"] == "none" for row in new)
    counts = {"new": len(new), "unmatched": unmatched, "suppressed": suppressed}
    record(connection, kind="outcomes.taken_in", subject=str(number), detail=counts, at=received_at)
    return Stored(new, unmatched, suppressed)


def _rows(frame: pd.DataFrame, received_at: datetime) -> list[dict[str, Any]]:
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise ValueError(f"outcomes lack {', '.join(missing)}: such a file belongs in quarantine, whole")
    if frame.empty:
        return []
    first = frame.drop_duplicates("event_id")
    columns = {
        name: first[name].astype(object).where(first[name].notna(), None).tolist()
        if name in first
        else [None] * len(first)
        for name in ("event_id", "event_type", *OPTIONAL)
    }
    times = pd.to_datetime(first["occurred_at"], utc=True).dt.to_pydatetime().tolist()
    rows = []
    for values, occurred_at in zip(zip(*columns.values(), strict=True), times, strict=True):
        row = dict(zip(columns, values, strict=True))
        detail = row["payload"]
        row["payload"] = detail if detail is None or isinstance(detail, str) else to_json(detail)
        rows.append(row | {"occurred_at": occurred_at, "received_at": received_at})
    return rows


def _unseen(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    known: set[str] = set()
    for batch in _batches([row["event_id"] for row in rows]):
        known |= set(
            connection.execute(select(outcome.c.event_id).where(among(connection, outcome.c.event_id, batch))).scalars()
        )
    return [row for row in rows if row["event_id"] not in known]


def _messages_of(
    connection: Connection, rows: Sequence[Mapping[str, Any]], states: Sequence[str] = ATTEMPTED
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for batch in _batches(sorted({row["message_id"] for row in rows if row["message_id"]})):
        query = select(*COSTS, outbox.c.state, outbox.c.contact_ids).where(
            among(connection, outbox.c.message_id, batch), outbox.c.state.in_(states)
        )
        found |= {row["message_id"]: row for row in connection.execute(query).mappings()}
    return found


def _matched_by(row: Mapping[str, Any], messages: Mapping[str, Any]) -> str:
    if row["message_id"]:
        return "message" if row["message_id"] in messages else "none"
    return "customer_key" if row["customer_key"] else "none"


def _suppress(
    connection: Connection, rows: Sequence[Mapping[str, Any]], messages: Mapping[str, Any], at: datetime
) -> int:
    """Unsubscribes, complaints and hard bounces hold from now on: for the person's contacts, or the address given.

    Where the ledger doesn't know that the message left (a restored backup, an event that overtook its receipt), a
    person's own word counts all the same.
    """
    found = []
    early = [row for row in rows if row["event_type"] in OWN_WORD and row["matched_by"] == "none" and row["message_id"]]
    messages = dict(messages) | _messages_of(connection, early, states=STATES)
    for row in rows:
        if row["event_type"] not in SUPPRESSING or _is_soft_bounce(row):
            continue
        message = messages.get(row["message_id"] or "")
        channel = SUPPRESSING[row["event_type"]] or row["channel"] or (message["channel"] if message else "all")
        about = (channel, row["event_type"], row["event_id"], at)
        if message is not None:
            found += [
                suppression_row(contact, *about, is_address=False) for contact in json.loads(message["contact_ids"])
            ]
        if row["customer_key"]:
            key = str(row["customer_key"])
            kinds = (True,) if is_personal_address(key) else (False, True)  # an id may be a contact's or a device's
            found += [suppression_row(key, *about, is_address=is_address) for is_address in kinds]
    return append(connection, found)


def _is_soft_bounce(row: Mapping[str, Any]) -> bool:
    return row["event_type"] == "bounced" and '"soft"' in str(row["payload"] or "")


def _confirm_unknown(connection: Connection, rows: Sequence[Mapping[str, Any]], messages: Mapping[str, Any]) -> None:
    """A late truth.

    An event proves that a message whose fate was unknown did leave. It was counted as spent already.
    """
    proven = {row["message_id"] for row in rows if row["event_type"] in PROOF_OF_SENDING}
    ids = [message_id for message_id in proven if message_id in messages and messages[message_id]["state"] == "unknown"]
    for batch in _batches(ids):
        unknown = outbox.c.message_id.in_(batch), outbox.c.state == "unknown"
        connection.execute(update(outbox).where(*unknown).values(state="sent", reason="an event proves it"))


def _batches(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
