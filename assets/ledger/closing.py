"""The end of messages: state, money, number of the hand-over and the address that is forgotten, all in one step.

Locks are taken in one order by everybody, so that no two transactions wait for each other: rows of the outbox by
`message_id` (the caller's), budgets by scope and period, then counters.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Update, bindparam, delete, insert, update

from assets.ledger.budgets import amounts_of, settle
from assets.ledger.counters import next_number
from assets.ledger.engine import in_one, is_among
from assets.ledger.tables import outbox, payload, receipt

COSTS = (
    outbox.c.message_id,
    outbox.c.customer_id,
    outbox.c.cost_micros,
    outbox.c.cycle_on,
    outbox.c.channel,
    outbox.c.objective_id,
    outbox.c.key_first_used_at,
    outbox.c.attempt_count,
)
"""What closing needs to know of a message."""

FREE = {"owner": None, "lease_until": None}
IS_OPEN = (outbox.c.state == "pending") & outbox.c.key_first_used_at.is_(None)
"""A message that surely hasn't left: it can still be cancelled or replaced.

A pending message whose key was used waits to be sent again under that key: it may have left already.
"""

_MAY_HAVE_LEFT = ("sent", "unknown")


class Ending(NamedTuple):
    """A locked row of the outbox (`COSTS`), the state it ends in, and why."""

    row: Mapping[Any, Any]
    state: str
    reason: str


def close(connection: Connection, endings: Sequence[Ending], *, subject: str, at: datetime) -> Counter[str]:
    """End messages. Money is spent where they left or may have, free where they surely didn't.

    What an earlier attempt may have brought there ends as `unknown`, whatever stops it now.

    Args:
        connection: Of a write transaction that has locked the rows.
        endings: Each message once.
        subject: What the entries of the budgets are about, such as a plan.
        at: Business time.

    Returns:
        How many ended in which state.
    """
    if not endings:
        return Counter()
    final = [_as_far_as_known(ending) for ending in endings]
    doubted = [ending for ending, given in zip(final, endings, strict=True) if ending.state != given.state]
    note_unknown(connection, [ending.row for ending in doubted], [ending.reason for ending in doubted], at=at)
    spent = [ending.row for ending in final if ending.state in _MAY_HAVE_LEFT]
    freed = [ending.row for ending in final if ending.state not in _MAY_HAVE_LEFT]
    settle(connection, freed=amounts_of(freed), spent=amounts_of(spent), subject=subject, at=at)
    left: dict[str, Any] = {"b_at": at, "b_number": next_number(connection, "handover")} if spent else {}
    dialect = connection.dialect.name
    for (state, reason), ids in _grouped(final).items():
        values = {"b_state": state, "b_reason": reason, "b_ids": in_one(connection, ids)}
        has_left = state in _MAY_HAVE_LEFT
        connection.execute(_ended(dialect, has_left=has_left), values | (left if has_left else {}))
    ids = [ending.row["message_id"] for ending in final]
    connection.execute(_forgotten(dialect), {"b_ids": in_one(connection, ids)})
    return Counter(ending.state for ending in final)


@cache
def _ended(dialect: str, *, has_left: bool) -> Update:
    values: dict[str, Any] = {"state": bindparam("b_state"), "reason": bindparam("b_reason"), **FREE}
    left: dict[str, Any] = (
        {"handed_over_at": bindparam("b_at"), "handover_no": bindparam("b_number")} if has_left else {}
    )
    return update(outbox).where(is_among(dialect, outbox.c.message_id, "b_ids")).values(values | left)


@cache
def _forgotten(dialect: str) -> Delete:
    return delete(payload).where(is_among(dialect, payload.c.message_id, "b_ids"))


def note_unknown(
    connection: Connection, rows: Sequence[Mapping[Any, Any]], reasons: Sequence[str], *, at: datetime
) -> None:
    """Record of attempts that nobody knows how they ended."""
    if rows:
        connection.execute(
            insert(receipt),
            [
                {
                    "message_id": row["message_id"],
                    "attempt": row["attempt_count"],
                    "status": "unknown",
                    "detail": why,
                    "at": at,
                }
                for row, why in zip(rows, reasons, strict=True)
            ],
        )


def _as_far_as_known(ending: Ending) -> Ending:
    if ending.state in _MAY_HAVE_LEFT or ending.row["key_first_used_at"] is None:
        return ending
    return Ending(ending.row, "unknown", f"an earlier attempt may have left; then: {ending.state}, {ending.reason}")


def _grouped(endings: Sequence[Ending]) -> dict[tuple[str, str], list[str]]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ending in endings:
        groups[ending.state, "" if ending.state == "sent" else ending.reason].append(ending.row["message_id"])
    return groups
