"""The one transaction that lets messages out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, insert, select, update

from assets.ledger import authority
from assets.ledger.budgets import amounts_of, hold, set_caps, settle
from assets.ledger.errors import BadMessages, PlanRefused
from assets.ledger.generations import has_passed
from assets.ledger.messages import CYCLE_DAY_LENGTH, outbox_rows
from assets.ledger.records import BudgetLine, PlanStatus, ReleaseCounts
from assets.ledger.tables import outbox, payload

COSTS = (
    outbox.c.message_id,
    outbox.c.customer_id,
    outbox.c.cost_micros,
    outbox.c.cycle_on,
    outbox.c.channel,
    outbox.c.objective_id,
)
BATCH = 10_000
UNDER_WAY = ("leased", "sending", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions a plan is released."""

    plan_id: str
    plan_hash: str
    by: str
    at: datetime
    expires_at: datetime
    budgets: Sequence[BudgetLine]
    withdraws: Collection[str]
    reason: str


def release(
    connection: Connection, terms: Terms, messages: pd.DataFrame | Iterable[Mapping[str, Any]]
) -> ReleaseCounts:
    """Authorization, outbox rows and holds, in the caller's transaction. See `Plans.release`."""
    status = authority.status(connection, terms.plan_id)
    if terms.plan_hash != status.plan_hash:
        raise PlanRefused(
            f"plan {terms.plan_id}: these decisions ({terms.plan_hash[:12]}) "
            f"aren't those proposed ({status.plan_hash[:12]}); "
            "read them again from the cycle's decisions file, or propose them as a new plan"
        )
    if status.state == "released":
        return ReleaseCounts(0, is_repeat=True)
    _check_authority(connection, status, terms)
    rows, payloads = outbox_rows(messages, decided_at=status.proposed_at)
    foreign = next((row["cycle_id"] for row in rows if row["cycle_id"] != status.cycle_id), None)
    if foreign is not None:
        raise BadMessages(
            f"plan {terms.plan_id} is of cycle {status.cycle_id}, a message of {foreign}: "
            "release each cycle by its own plan"
        )
    counts, rows = _make_room(connection, terms, rows)
    ids = {row["message_id"] for row in rows}
    amounts = amounts_of(rows)
    set_caps(connection, terms.budgets, cycle_on=status.cycle_id[:CYCLE_DAY_LENGTH], subject=terms.plan_id, at=terms.at)
    hold(connection, amounts, subject=terms.plan_id, at=terms.at)
    seq = authority.append(
        connection,
        (terms.plan_id, terms.plan_hash),
        "released",
        actor=terms.by,
        at=terms.at,
        reason=terms.reason,
        expires_at=terms.expires_at,
        message_count=len(rows),
        spend_micros=sum(row["cost_micros"] for row in rows),
    )
    released = {
        "plan_id": terms.plan_id,
        "plan_hash": terms.plan_hash,
        "authorization_seq": seq,
        "authority": "released",
    }
    _insert(connection, outbox, [row | released for row in rows])
    _insert(connection, payload, [each for each in payloads if each["message_id"] in ids])
    return counts


def cancel_open(connection: Connection, *, reason: str, at: datetime, plan_id: str | None = None) -> int:
    """Cancel the pending messages of a plan and give their holds back. Returns how many."""
    gone = _cancel(connection, [outbox.c.plan_id == plan_id], reason=reason, subject=str(plan_id), at=at)
    return len(gone)


def _check_authority(connection: Connection, status: PlanStatus, terms: Terms) -> None:
    if status.state not in ("proposed", "approved"):
        raise PlanRefused(
            f"plan {status.plan_id} is {status.state}: only a proposed or an approved plan can be released"
        )
    if status.state == "approved" and authority.is_over(status, terms.at):
        raise PlanRefused(
            f"plan {status.plan_id}: its approval expired at {status.expires_at}; decide again in the next cycle"
        )
    generation_id = status.versions["generation_id"]
    if not has_passed(connection, generation_id):
        raise PlanRefused(
            f"plan {status.plan_id}: generation {generation_id} has a gate that failed or none at all; "
            "mend the data, then run the cycle"
        )


def _make_room(
    connection: Connection, terms: Terms, rows: list[dict[str, Any]]
) -> tuple[ReleaseCounts, list[dict[str, Any]]]:
    """Cancel what the plan replaces.

    People whose old message has left meanwhile get no new one: it was decided without knowing.
    """
    ids = sorted(terms.withdraws)
    if not ids:
        return ReleaseCounts(len(rows)), rows
    cancelled: set[str] = set()
    standing: dict[str, str] = {}
    for start in range(0, len(ids), BATCH):
        batch = outbox.c.message_id.in_(ids[start : start + BATCH])
        cancelled |= _cancel(
            connection, [batch], reason=f"replaced by {terms.plan_id}", subject=terms.plan_id, at=terms.at
        )
        left = select(outbox.c.message_id, outbox.c.customer_id).where(batch, outbox.c.state.in_(UNDER_WAY))
        standing |= {row.message_id: row.customer_id for row in connection.execute(left)}
    moved_on = set(standing.values())
    fresh = [row for row in rows if row["customer_id"] not in moved_on]
    return ReleaseCounts(len(fresh), len(cancelled), dropped=len(rows) - len(fresh)), fresh


def _cancel(connection: Connection, which: list[Any], *, reason: str, subject: str, at: datetime) -> set[str]:
    cancelled = (
        connection.execute(
            update(outbox)
            .where(outbox.c.state == "pending", *which)
            .values(state="cancelled", reason=reason)
            .returning(*COSTS)
        )
        .mappings()
        .all()
    )
    return close_open(connection, cancelled, subject=subject, at=at)


def close_open(connection: Connection, rows: Sequence[Mapping[Any, Any]], *, subject: str, at: datetime) -> set[str]:
    """Give back the holds of messages that will never leave, and forget their personal data. Returns their ids."""
    ids = [row["message_id"] for row in rows]
    settle(connection, amounts_of(rows), is_spent=False, subject=subject, at=at)
    for start in range(0, len(ids), BATCH):
        connection.execute(delete(payload).where(payload.c.message_id.in_(ids[start : start + BATCH])))
    return set(ids)


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
