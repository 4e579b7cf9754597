"""Goes through a history and the ledger that it left, for the invariants I1 to I7."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from assets.ledger.engine import reading
from assets.ledger.ledger import Ledger
from assets.ledger.tables import outbox, outcome
from benchmarks.simulation.people import COST
from benchmarks.simulation.world import START, World, by_message

ENDS = ("sent", "suppressed", "expired", "cancelled", "failed", "unknown")
NEVER_LEFT = ("suppressed", "expired", "cancelled", "failed")
_OVER_CAP = "SELECT count(*) FROM budget WHERE held_micros + spent_micros > cap_micros"


class CapWatch:
    """I3, at every commit: whether a budget is beyond its cap. Looks only where something was committed since.

    Args:
        connection: Of its own, to the ledger's file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._seen = connection, -1

    def is_broken(self) -> bool:
        """Whether it is so now; told once a commit."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        is_new, self._seen = version != self._seen, version
        return is_new and bool(self._connection.execute(_OVER_CAP).fetchone()[0])


def violations(world: World, ledger: Ledger, *, deadline_s: float, contact_cap: int, money_cap: float) -> list[str]:
    """What the history breaks, in words; empty where all holds."""
    with reading(ledger.engine) as connection:
        query = select(
            outbox.c.message_id,
            outbox.c.customer_id,
            outbox.c.channel,
            outbox.c.plan_id,
            outbox.c.contact_ids,
            outbox.c.decided_at,
            outbox.c.state,
            outbox.c.send_at,
            outbox.c.expires_at,
        )
        rows = {row.message_id: row for row in connection.execute(query)}
        event_count = connection.execute(select(func.count()).select_from(outcome)).scalar()
    history = world.history
    found = [f"I1: {each} was delivered {number} times" for each, number in history.accepted.items() if number > 1]
    found += [f"I2: {each} ended as {row.state}" for each, row in rows.items() if row.state not in ENDS]
    found += [
        f"I2: {each} is sent, but nobody got it"
        for each, row in rows.items()
        if row.state == "sent" and not history.accepted[each]
    ]
    found += [
        f"I2: {each} is {row.state}, but somebody got it"
        for each, row in rows.items()
        if row.state in NEVER_LEFT and history.accepted[each]
    ]
    found += history.caps_broken
    paid = sum(history.accepted.values()) * COST
    if paid > money_cap:
        found.append(f"I3: {paid:.0f} was spent, the cap is {money_cap:.0f}")
    found += _revoked(world, rows, deadline_s)
    if event_count != len(history.events):
        found.append(f"I5: {event_count} events are counted, {len(history.events)} came")
    found += [f"I6: {each} was sent without a release" for each in history.accepted if each not in rows]
    contacts = Counter(rows[each].customer_id for each in history.accepted if each in rows)
    found += [f"cap: {person} got {number}" for person, number in contacts.items() if number > contact_cap]
    found += [f"I7: {each.rule}: {each.subject} {each.detail}" for each in ledger.audit.check()]
    return found


def _revoked(world: World, rows: Mapping[str, Any], deadline_s: float) -> list[str]:
    """I4: no send begins later than the deadline after a revocation, nor outside its message's window."""
    found = []
    for message_id, times in by_message(world.history.starts).items():
        row = rows[message_id]
        for at in times:
            first = (row.send_at - START).total_seconds()
            last = (row.expires_at - START).total_seconds() + deadline_s
            if not first <= at <= last:
                found.append(f"I4: {message_id} began at {at:.1f}, its window is {first:.1f} to {last:.1f}")
            for kind, subject, since, until in world.history.revoked:
                if since + deadline_s < at < until and _is_about(kind, subject, since, row):
                    found.append(f"I4: {message_id} began at {at:.1f}, {kind} {subject} was revoked at {since:.1f}")
    return found


def _is_about(kind: str, subject: str, since: float, row: Any) -> bool:
    if kind == "halt":
        return subject in ("all", row.channel)
    if kind == "consent":  # what was decided later knew of it
        decided = (row.decided_at - START).total_seconds()
        return f'"{subject}"' in row.contact_ids and decided <= since
    if kind == "person":
        return f'"{subject}"' in row.contact_ids
    return kind == "gate" or subject == row.plan_id
