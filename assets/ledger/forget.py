"""Erasing a person: personal data goes, counts and money stay, and so does what keeps the person from coming back.

What stays is keyed: an HMAC of each identifier with the workspace's own key, by which intake drops the person's rows
wherever they land again. Beside it is the suppression that a hand-over asks: ids, and hashes of addresses.
"""

import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, or_, select, update

from assets.ledger.audit import record
from assets.ledger.closing import COSTS, Ending, close
from assets.ledger.counters import upsert
from assets.ledger.engine import reading, writing
from assets.ledger.suppressions import ALL, address_hash, append, suppression_row
from assets.ledger.tables import forgotten, inbox, inbox_quarantine, outbox, outcome, payload, web_message

REASON: Final = "forgotten"
ADDRESSES: Final = ("email", "phone", "device_token", "email_sha256", "phone_sha256")


@dataclass(frozen=True)
class Person:
    """Every identifier that a person goes by, each kind as landing's columns name it; kept out of any text made of it."""

    contact_id: frozenset[str] = field(default=frozenset(), repr=False)
    customer_id: frozenset[str] = field(default=frozenset(), repr=False)
    email: frozenset[str] = field(default=frozenset(), repr=False)
    email_sha256: frozenset[str] = field(default=frozenset(), repr=False)
    phone: frozenset[str] = field(default=frozenset(), repr=False)
    phone_sha256: frozenset[str] = field(default=frozenset(), repr=False)
    loyalty_id: frozenset[str] = field(default=frozenset(), repr=False)
    device_token: frozenset[str] = field(default=frozenset(), repr=False)
    visitor_id: frozenset[str] = field(default=frozenset(), repr=False)

    def by_kind(self) -> dict[str, frozenset[str]]:
        """Identifiers by kind."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Erased:
    """What the ledger let go of: open messages cancelled, contents and event payloads erased, suppressions added."""

    cancelled: int
    contents: int
    outcomes: int
    suppressions: int


def normalised(kind: str, value: str) -> str:
    """An identifier as it is compared: addresses in lower case, phones as plus and digits."""
    stripped = value.strip()
    if kind == "phone":
        return re.sub(r"[^0-9+]", "", stripped)
    return stripped.lower() if kind.startswith(("email", "phone_")) else stripped


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """HMAC-SHA256 (RFC 2104) of an identifier and its kind, hex: without the key nobody can try addresses on it."""
    return hmac.new(key, f"{kind}:{normalised(kind, value)}".encode(), "sha256").hexdigest()


class Forgotten:
    """Who was erased, as keyed hashes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def hashes(self) -> list[str]:
        """The keyed hash of every identifier of every erased person."""
        with reading(self._engine) as connection:
            return list(connection.execute(select(forgotten.c.subject_hmac).order_by(forgotten.c.seq)).scalars())

    def erase(self, person: Person, *, key: bytes, by: str, at: datetime) -> Erased:
        """Suppress a person for good and erase what the ledger knows of them, in one transaction. Again is harmless.

        Args:
            person: Their identifiers.
            key: The workspace's secret.
            by: Who asked for it.
            at: Business time.
        """
        with writing(self._engine) as connection:
            hashes = _remember(connection, person, key, by, at)
            added = append(connection, _suppressions(person, at))
            messages = _messages_of(connection, person)
            cancelled = _cancel(connection, messages, at)
            contents = _erase_contents(connection, messages)
            contents += _erase_shown(connection, messages)
            outcomes = _erase_outcomes(connection, person, messages) + _erase_reported(connection, person, messages)
            detail = {"by": by, "cancelled": cancelled, "contents": contents, "outcomes": outcomes}
            record(connection, kind="person.forgotten", subject=hashes[0], detail=detail, at=at)
        return Erased(cancelled, contents, outcomes, added)

    def vacuum(self) -> None:
        """SQLite keeps what was deleted in free pages and in its log until both are written anew; PostgreSQL sees to it."""
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement).fetchall()
        finally:
            raw.close()


def _remember(connection: Connection, person: Person, key: bytes, by: str, at: datetime) -> list[str]:
    rows = [
        {"subject_hmac": keyed_hash(key, kind, value), "kind": kind, "actor": by, "at": at}
        for kind, values in person.by_kind().items()
        for value in sorted(values)
        if kind != "customer_id"  # derived anew from what lands
    ]
    connection.execute(upsert(connection, forgotten).on_conflict_do_nothing(), rows)
    return [str(row["subject_hmac"]) for row in rows]


def _suppressions(person: Person, at: datetime) -> list[dict[str, Any]]:
    rows = [
        suppression_row(contact, ALL, REASON, REASON, at, is_address=False) for contact in sorted(person.contact_id)
    ]
    for kind in ADDRESSES:
        values = sorted(person.by_kind()[kind])
        rows += [suppression_row(value, ALL, REASON, REASON, at, is_address=True) for value in values]
    return list({(row["subject"], row["kind"]): row for row in rows}.values())


def _messages_of(connection: Connection, person: Person) -> dict[str, str]:
    """State by id of every message to the person, whichever of their ids it was made for."""
    wanted = [
        outbox.c.contact_ids.contains(json.dumps(each, ensure_ascii=False), autoescape=True)
        for each in person.contact_id
    ]
    query = select(outbox.c.message_id, outbox.c.state).where(
        or_(outbox.c.customer_id.in_(person.customer_id), *wanted)
    )
    return {row.message_id: row.state for row in connection.execute(query)}


def _cancel(connection: Connection, messages: Mapping[str, str], at: datetime) -> int:
    """What hasn't reached a channel never will; its money is free again."""
    open_ids = [message_id for message_id, state in messages.items() if state in ("pending", "leased")]
    if not open_ids:
        return 0
    still_open = select(*COSTS).where(outbox.c.message_id.in_(open_ids), outbox.c.state.in_(("pending", "leased")))
    rows = connection.execute(still_open.order_by(outbox.c.message_id).with_for_update()).mappings().all()
    return close(connection, [Ending(row, "cancelled", REASON) for row in rows], subject=REASON, at=at).total()


def _erase_contents(connection: Connection, messages: Collection[str]) -> int:
    """Contents of messages that are being sent right now; the others have none any more."""
    ids = payload.c.message_id.in_(list(messages))
    return connection.execute(
        update(payload).where(ids, payload.c.recipient != "{}").values(recipient="{}", content="{}")
    ).rowcount


def _erase_shown(connection: Connection, messages: Collection[str]) -> int:
    """What the decision endpoint would still show."""
    return connection.execute(delete(web_message).where(web_message.c.message_id.in_(list(messages)))).rowcount


def _erase_reported(connection: Connection, person: Person, messages: Collection[str]) -> int:
    """What providers reported and no intake has taken yet, and what of it nobody could read."""
    wanted = {value for values in person.by_kind().values() for value in values} | set(messages)
    waiting = connection.execute(select(inbox.c.event_id, inbox.c.event).where(inbox.c.event.is_not(None)))
    theirs = [row.event_id for row in waiting if not wanted.isdisjoint(_named(json.loads(row.event)))]
    kept = connection.execute(select(inbox_quarantine.c.raw_sha256, inbox_quarantine.c.body))
    broken = [row.raw_sha256 for row in kept if any(value.encode() in row.body.lower() for value in wanted)]
    connection.execute(delete(inbox_quarantine).where(inbox_quarantine.c.raw_sha256.in_(broken)))
    ours = inbox.c.event_id.in_(theirs)
    return connection.execute(update(inbox).where(ours).values(state="flushed", event=None)).rowcount


def _named(event: Mapping[str, Any]) -> set[str]:
    """Whom an event is about, as compared: its message, and its key in each way that identifiers are compared."""
    key = str(event.get("customer_key") or "")
    return {str(event.get("message_id") or ""), key, *(normalised(kind, key) for kind in ("email", "phone"))} - {""}


def _erase_outcomes(connection: Connection, person: Person, messages: Collection[str]) -> int:
    """What people said and who said it; that the event was, when and of which kind stays."""
    keys = {address_hash(value) for values in person.by_kind().values() for value in values}
    own = or_(outcome.c.message_id.in_(list(messages)), outcome.c.customer_key_sha256.in_(keys))
    has_any = or_(outcome.c.payload.is_not(None), outcome.c.customer_key_sha256.is_not(None))
    return connection.execute(
        update(outcome).where(own, has_any).values(payload=None, customer_key_sha256=None)
    ).rowcount


def person_of(rows: Mapping[str, Collection[Any]]) -> Person:
    """A person from lists of identifiers by kind: cleaned, without gaps, and with the hashes of their addresses."""
    cleaned = {
        kind: frozenset(normalised(kind, str(value)) for value in values if value is not None and str(value).strip())
        for kind, values in rows.items()
    }
    for kind in ("email", "phone"):
        hashes = frozenset(address_hash(value) for value in cleaned.get(kind, frozenset()))
        cleaned[f"{kind}_sha256"] = cleaned.get(f"{kind}_sha256", frozenset()) | hashes
    return Person(**cleaned)
