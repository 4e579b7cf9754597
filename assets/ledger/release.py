"""The one transaction that lets messages out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Insert, Select, Table, bindparam, insert, select

from assets.ledger import authority
from assets.ledger.budgets import amounts_of, hold, lock, scopes_of, set_caps
from assets.ledger.closing import COSTS, IS_OPEN, Ending, close
from assets.ledger.engine import in_one, is_among
from assets.ledger.errors import BadMessages, PlanRefused
from assets.ledger.generations import has_passed
from assets.ledger.messages import CYCLE_DAY_LENGTH, outbox_rows
from assets.ledger.records import BudgetLine, PlanStatus, ReleaseCounts
from assets.ledger.tables import outbox, payload

BATCH = 10_000
STANDING = ("pending", "leased", "sending", "sent", "unknown")


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


def _locking(which: ColumnElement[bool]) -> Select[Any]:
    """Rows, locked by `message_id`: the one order in which everybody takes them."""
    return select(*COSTS).where(which).order_by(outbox.c.message_id).with_for_update()


def pending(which: ColumnElement[bool]) -> Select[Any]:
    """Pending messages for `end_pending`: a statement to be made once, since making one costs as much as running it."""
    return _locking((outbox.c.state == "pending") & which)


_OF_PLAN = pending(outbox.c.plan_id == bindparam("b_plan_id"))


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
    open_rows, standing = _withdrawn(connection, sorted(terms.withdraws))
    fresh = [row for row in rows if row["customer_id"] not in standing]
    counts = ReleaseCounts(len(fresh), len(open_rows), dropped=len(rows) - len(fresh))
    rows, cycle_on = fresh, status.cycle_id[:CYCLE_DAY_LENGTH]
    ids = {row["message_id"] for row in rows}
    amounts = amounts_of(rows)
    lock(connection, [*amounts, *amounts_of(open_rows), *scopes_of(terms.budgets, cycle_on=cycle_on)])
    replaced = [Ending(row, "cancelled", f"replaced by {terms.plan_id}") for row in open_rows]
    close(connection, replaced, subject=terms.plan_id, at=terms.at)
    set_caps(connection, terms.budgets, cycle_on=cycle_on, subject=terms.plan_id, at=terms.at)
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
    """Cancel the pending messages of a plan and give their holds back. Returns how many.

    What waits to be sent again under its key may have left: it ends as unknown.
    """
    of_plan = {"b_plan_id": plan_id}
    return end_pending(connection, _OF_PLAN, of_plan, state="cancelled", reason=reason, subject=str(plan_id), at=at)


def end_pending(
    connection: Connection,
    which: Select[Any],
    asked: Mapping[str, Any],
    *,
    state: str,
    reason: str,
    subject: str,
    at: datetime,
) -> int:
    """End pending messages. Returns how many.

    Args:
        connection: Of a write transaction.
        which: From `pending`.
        asked: The values of its parameters.
        state: The state that they end in.
        reason: Why.
        subject: What the entries of the budgets are about.
        at: Business time.
    """
    rows = list(connection.execute(which, asked).mappings())
    return close(connection, [Ending(row, state, reason) for row in rows], subject=subject, at=at).total()


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


def _withdrawn(connection: Connection, ids: Sequence[str]) -> tuple[list[Mapping[Any, Any]], set[str]]:
    """Of the messages that are to make room: rows of those that can, and people whose message has left meanwhile.

    Those get no new one: it was decided without knowing.
    """
    open_rows: list[Mapping[Any, Any]] = []
    standing: set[str] = set()
    for start in range(0, len(ids), BATCH):
        asked = {"b_ids": in_one(connection, ids[start : start + BATCH])}
        found = list(connection.execute(_open(connection.dialect.name), asked).mappings())
        ready = {row["message_id"] for row in found}
        left = connection.execute(_standing(connection.dialect.name), asked)
        standing |= {row.customer_id for row in left if row.message_id not in ready}
        open_rows += found
    return open_rows, standing


@cache
def _open(dialect: str) -> Select[Any]:
    return _locking(is_among(dialect, outbox.c.message_id, "b_ids") & IS_OPEN)


@cache
def _standing(dialect: str) -> Select[Any]:
    batch = is_among(dialect, outbox.c.message_id, "b_ids")
    return select(outbox.c.message_id, outbox.c.customer_id).where(batch, outbox.c.state.in_(STANDING))


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_into(table), rows)


@cache
def _into(table: Table) -> Insert:
    return insert(table)
