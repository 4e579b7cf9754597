"""Who may not be contacted, and consent as it changed since a decision was made.

Read again right before each hand-over.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Engine, Select, select

from assets.ledger.audit import record
from assets.ledger.columns import to_utc
from assets.ledger.counters import current_number, upsert
from assets.ledger.engine import in_one, is_among, reading, writing
from assets.ledger.records import Message
from assets.ledger.tables import consent_event, suppression

ALL = "all"
BATCH = 5_000
_HASH: Final = re.compile("[0-9a-f]{64}")
_ADDRESS_FIELDS = ("email", "phone", "device_token", "email_sha256", "phone_sha256")


class Suppressions:
    """Suppression and consent events, append-only.

    Addresses are kept as hashes: the suppression outlives the person's data.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, subject: str, *, channel: str = ALL, reason: str, source: str, at: datetime, is_address: bool = False
    ) -> bool:
        """Suppress a contact, or an address. Returns whether it was new.

        Args:
            subject: `contact_id`, or an e-mail, phone or token with `is_address`.
            channel: The channel, or `all`.
            reason: Such as `unsubscribed`, `complained`, `bounced`, `forgotten`.
            source: What it rests on, such as an event id or a person's name.
            at: Business time.
            is_address: Whether `subject` is an address.
        """
        row = suppression_row(subject, channel, reason, source, at, is_address=is_address)
        with writing(self._engine) as connection:
            count = append(connection, [row])
            if count:
                record(
                    connection,
                    kind="suppression.added",
                    subject=row["subject"],
                    detail={"channel": channel, "reason": reason},
                    at=at,
                )
        return bool(count)

    def take_in_consents(self, frame: pd.DataFrame, *, received_at: datetime) -> int:
        """Take in consent events, so that a withdrawal holds before the next decision. Returns how many were new.

        Args:
            frame: `contact_id`, `channel`, `status`, `occurred_at` (UTC), and optionally `basis`, `source`.
            received_at: Business time.
        """
        rows = [
            {
                "contact_id": str(each["contact_id"]),
                "channel": each["channel"],
                "status": each["status"],
                "basis": _text(each.get("basis")) or "express",
                "source": _text(each.get("source")) or "landing",
                "occurred_at": pd.Timestamp(each["occurred_at"]).to_pydatetime(),
                "received_at": received_at,
            }
            for each in frame.to_dict("records")
        ]
        with writing(self._engine) as connection:
            return insert_new(connection, consent_event, rows)

    def by_contact(self) -> pd.DataFrame:
        """Contacts that may not be contacted: contact_id, channel (`all`: every channel)."""
        query = select(suppression.c.subject.label("contact_id"), suppression.c.channel).where(
            suppression.c.kind == "contact"
        )
        with reading(self._engine) as connection:
            return pd.read_sql(query.distinct(), connection)

    def frame(self) -> pd.DataFrame:
        """All suppressions: kind, subject, channel, reason, source, at."""
        with reading(self._engine) as connection:
            return pd.read_sql(select(suppression).order_by(suppression.c.seq), connection)


def address_hash(address: str) -> str:
    """Sha256 of an address, trimmed and in lower case; a hash already is its own subject."""
    cleaned = address.strip().lower()
    return cleaned if _HASH.fullmatch(cleaned) else hashlib.sha256(cleaned.encode()).hexdigest()


def is_personal_address(text: str) -> bool:
    """Whether a text is an e-mail address or a phone number: those are kept as hashes only."""
    stripped = text.strip()
    return "@" in stripped or (stripped.startswith("+") and stripped[1:].isdigit())


def suppression_row(
    subject: str, channel: str, reason: str, source: str, at: datetime, *, is_address: bool
) -> dict[str, Any]:
    """A row of `suppression`."""
    kind, kept = ("address", address_hash(subject)) if is_address else ("contact", subject)
    return {"kind": kind, "subject": kept, "channel": channel, "reason": reason, "source": source, "at": at}


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append suppressions that aren't there yet, and count them."""
    return insert_new(connection, suppression, rows)


def insert_new(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert what breaks no uniqueness; the drivers can't count such rows one by one, so count by number."""
    if not rows:
        return 0
    newest = select(table.c.seq).order_by(table.c.seq.desc()).limit(1)
    before = connection.execute(newest).scalar() or 0
    last = current_number(connection, "handover")
    numbered = [{**row, "handover_no": last} for row in rows]
    connection.execute(upsert(connection, table).on_conflict_do_nothing(), numbered)
    return len(connection.execute(select(table.c.seq).where(table.c.seq > before)).all())


def refusals(connection: Connection, messages: Sequence[Message]) -> dict[str, str]:
    """Why messages may not go, by `message_id`: suppression, or consent withdrawn after the decision was made."""
    contacts = {message.message_id: message.contact_ids for message in messages}
    subjects = {message.message_id: [*contacts[message.message_id], *_addresses(message)] for message in messages}
    wanted = sorted({subject for each in subjects.values() for subject in each})
    suppressed = _suppressed(connection, wanted)
    withdrawn = _withdrawals(connection, sorted({contact for each in contacts.values() for contact in each}))
    found = {}
    for message in messages:
        reasons = [
            suppressed[key]
            for subject in subjects[message.message_id]
            for key in ((subject, message.channel), (subject, ALL))
            if key in suppressed
        ]
        if reasons:
            found[message.message_id] = f"suppressed: {reasons[0]}"
        elif _is_withdrawn(message, contacts[message.message_id], withdrawn):
            found[message.message_id] = "consent withdrawn"
    return found


@cache
def _suppressions(dialect: str) -> Select[Any]:
    of = suppression.c
    return select(of.subject, of.channel, of.reason).where(is_among(dialect, of.subject, "b_ids"))


@cache
def _consents(dialect: str) -> Select[Any]:
    return select(consent_event).where(is_among(dialect, consent_event.c.contact_id, "b_ids"))


def _addresses(message: Message) -> list[str]:
    recipient = message.recipient
    return [address_hash(str(recipient[name])) for name in _ADDRESS_FIELDS if recipient.get(name)]


def _suppressed(connection: Connection, subjects: list[str]) -> dict[tuple[str, str], str]:
    found = {}
    for batch in _batches(subjects):
        rows = connection.execute(_suppressions(connection.dialect.name), {"b_ids": in_one(connection, batch)})
        found.update({(row.subject, row.channel): row.reason for row in rows})
    return found


def _withdrawals(connection: Connection, contacts: list[str]) -> dict[tuple[str, str], tuple[datetime, bool]]:
    """Newest consent event by (contact, channel).

    When it was received, and whether it is a withdrawal (ties: it is).
    """
    found: dict[tuple[str, str], tuple[datetime, datetime, bool]] = {}
    for batch in _batches(contacts):
        for row in connection.execute(_consents(connection.dialect.name), {"b_ids": in_one(connection, batch)}):
            key, entry = (row.contact_id, row.channel), (row.occurred_at, row.received_at, row.status == "withdrawn")
            known = found.get(key)
            if known is None or (entry[0], entry[2]) > (known[0], known[2]):
                found[key] = entry
    return {key: (received_at, is_withdrawn) for key, (_, received_at, is_withdrawn) in found.items()}


def _is_withdrawn(
    message: Message, contacts: Sequence[str], withdrawals: Mapping[tuple[str, str], tuple[datetime, bool]]
) -> bool:
    if not withdrawals:
        return False
    for contact in contacts:
        for channel in (message.channel, ALL):
            received_at, is_withdrawn = withdrawals.get((contact, channel), (None, False))
            if is_withdrawn and received_at is not None and received_at >= to_utc(message.decided_at):
                return True
    return False


def _batches(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def _text(value: Any) -> str:
    return "" if value is None or (isinstance(value, float) and value != value) else str(value)  # noqa: PLR0124 - NaN
