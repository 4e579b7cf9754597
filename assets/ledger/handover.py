"""The steps of a hand-over, each inside one transaction of the caller's."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from assets.ledger import authority
from assets.ledger.budgets import amounts_of, settle
from assets.ledger.columns import to_utc
from assets.ledger.counters import next_number
from assets.ledger.generations import has_passed
from assets.ledger.halts import is_halted
from assets.ledger.records import Delivery, Intent, Lease, Message, Receipt
from assets.ledger.release import COSTS, close_open
from assets.ledger.suppressions import refusals
from assets.ledger.tables import outbox, payload, receipt

_END = {"retry": "pending"}  # other receipts are states of their own
_FREE = {"owner": None, "lease_until": None}


def begin(connection: Connection, lease: Lease, *, at: datetime, now: datetime, refused: Mapping[str, str]) -> Intent:
    """Check again and commit to sending. See `Outbox.begin_sending`."""
    mine = (outbox.c.epoch == lease.epoch) & (outbox.c.state == "leased")
    if is_halted(connection, lease.channel):
        connection.execute(update(outbox).where(mine).values(state="pending", **_FREE))
        return Intent((), {}, is_halted=True)
    held: set[str] = set(
        connection.execute(
            select(outbox.c.message_id).where(mine, outbox.c.lease_until > now).with_for_update()
        ).scalars()
    )
    messages = [message for message in lease.messages if message.message_id in held]
    ends = _ends(connection, messages, at, refused)
    for (state, reason), ids in _grouped(ends).items():
        stopped = update(outbox).where(outbox.c.message_id.in_(ids)).values(state=state, reason=reason, **_FREE)
        close_open(connection, connection.execute(stopped.returning(*COSTS)).mappings().all(), subject=state, at=at)
    intent = {
        "state": "sending",
        "attempt_count": outbox.c.attempt_count + 1,
        "key_first_used_at": func.coalesce(outbox.c.key_first_used_at, at, type_=outbox.c.send_at.type),
    }
    connection.execute(update(outbox).where(mine, outbox.c.lease_until > now).values(intent))
    ready = [message for message in messages if message.message_id not in ends]
    return Intent(ready, Counter(state for state, _ in ends.values()))


def acknowledge(
    connection: Connection, lease: Lease, receipts: Sequence[Receipt], *, at: datetime, retry_at: datetime | None
) -> int:
    """Record receipts, move the messages, settle the money. See `Outbox.ack`."""
    in_flight = (
        select(*COSTS, outbox.c.attempt_count)
        .where(outbox.c.epoch == lease.epoch, outbox.c.state == "sending")
        .with_for_update()
    )
    rows = {row["message_id"]: row for row in connection.execute(in_flight).mappings()}
    said = {each.message_id: each for each in receipts if each.message_id in rows}
    silent = [
        Receipt(message_id, "unknown", at, detail="the channel gave no receipt")
        for message_id in rows
        if message_id not in said
    ]
    final = [*said.values(), *silent]
    if not final:
        return 0
    connection.execute(
        insert(receipt),
        [
            {
                "message_id": each.message_id,
                "attempt": rows[each.message_id]["attempt_count"],
                "status": each.status,
                "provider_id": each.provider_id,
                "detail": each.detail,
                "at": each.at,
            }
            for each in final
        ],
    )
    by_status = _grouped(
        {each.message_id: (each.status, each.detail if each.status != "sent" else "") for each in final}
    )
    for (status, detail), ids in by_status.items():
        close(
            connection,
            [rows[message_id] for message_id in ids],
            state=_END.get(status, status),
            reason=detail,
            at=at,
            not_before=retry_at,
        )
    return len(final)


def close(
    connection: Connection,
    rows: Sequence[Mapping[Any, Any]],
    *,
    state: str,
    reason: str,
    at: datetime,
    not_before: datetime | None = None,
) -> None:
    """Move messages out of `sending`: money is spent where they left or may have, free where they surely didn't."""
    values: dict[str, Any] = {"state": state, "reason": reason, **_FREE}
    if state == "pending":
        values["not_before"] = not_before
    elif state in ("sent", "unknown"):
        settle(connection, amounts_of(rows), is_spent=True, subject=state, at=at)
        values |= {"handed_over_at": at, "handover_no": next_number(connection, "handover")}
    else:
        settle(connection, amounts_of(rows), is_spent=False, subject=state, at=at)
    ids = [row["message_id"] for row in rows]
    connection.execute(update(outbox).where(outbox.c.message_id.in_(ids)).values(values))
    if state != "pending":
        connection.execute(delete(payload).where(payload.c.message_id.in_(ids)))


def take_over(
    connection: Connection, left: Any, *, delivery: Delivery, at: datetime, key_horizon: timedelta | None
) -> int:
    """Pick up after a dispatcher that is gone. See `Outbox.take_over`."""
    # Rows that another dispatcher has locked are alive: waiting for them could only end in a deadlock.
    idle = select(outbox.c.message_id).where(left, outbox.c.state == "leased").with_for_update(skip_locked=True)
    leased = update(outbox).where(outbox.c.message_id.in_(idle)).values(state="pending", **_FREE)
    count = connection.execute(leased).rowcount
    query = (
        select(*COSTS, outbox.c.key_first_used_at, outbox.c.attempt_count)
        .where(left, outbox.c.state == "sending")
        .with_for_update(skip_locked=True)
    )
    sending = connection.execute(query).mappings().all()
    again = [row for row in sending if delivery == "keyed" and _is_key_fresh(row["key_first_used_at"], at, key_horizon)]
    ids = {row["message_id"] for row in again}
    lost = [row for row in sending if row["message_id"] not in ids]
    if again:
        close(connection, again, state="pending", reason="its dispatcher went away; same key again", at=at)
    if lost:
        reason = "its dispatcher went away while sending"
        connection.execute(
            insert(receipt),
            [
                {
                    "message_id": row["message_id"],
                    "attempt": row["attempt_count"],
                    "status": "unknown",
                    "detail": reason,
                    "at": at,
                }
                for row in lost
            ],
        )
        close(connection, lost, state="unknown", reason=reason, at=at)
    return count + len(again)


def _is_key_fresh(first_used_at: datetime | None, at: datetime, key_horizon: timedelta | None) -> bool:
    return key_horizon is None or first_used_at is None or to_utc(at) - first_used_at < key_horizon


def _ends(
    connection: Connection, messages: Sequence[Message], at: datetime, refused: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """State and reason of the messages that may not go."""
    ends = {
        message_id: ("suppressed", reason)
        for message_id, reason in (refusals(connection, messages) | dict(refused)).items()
    }
    plans = {plan_id: _plan_end(connection, plan_id, at) for plan_id in {message.plan_id for message in messages}}
    for message in messages:
        plan_end = plans[message.plan_id]
        if plan_end is not None:
            ends[message.message_id] = plan_end
        elif message.expires_at <= to_utc(at):
            ends[message.message_id] = ("expired", "its window has passed")
    return ends


def _plan_end(connection: Connection, plan_id: str, at: datetime) -> tuple[str, str] | None:
    status = authority.status(connection, plan_id)
    if status.state != "released":
        return "cancelled", f"plan {status.state}"
    if authority.is_over(status, at):
        return "expired", "its authorization has expired"
    if not has_passed(connection, status.versions["generation_id"]):
        return "cancelled", "a gate of its data failed"
    return None


def _grouped(ends: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], Collection[str]]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for message_id, end in ends.items():
        groups[end].append(message_id)
    return dict(groups)
