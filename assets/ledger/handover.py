"""The steps of a hand-over, each inside one transaction of the caller's."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from assets.ledger import authority, health
from assets.ledger.budgets import amounts_of, lock_held
from assets.ledger.closing import COSTS, FREE, Ending, close, note_unknown
from assets.ledger.columns import to_utc
from assets.ledger.counters import next_number
from assets.ledger.engine import among, in_one, is_among
from assets.ledger.generations import has_passed
from assets.ledger.halts import is_halted
from assets.ledger.messages import payload_sha256
from assets.ledger.records import Delivery, Intent, Lease, Message, Receipt
from assets.ledger.suppressions import refusals
from assets.ledger.tables import outbox, receipt

Check = Callable[[Sequence[Message]], Mapping[str, str]]
"""Reasons by `message_id` of those that may not go out. Reads only: a write transaction is open around it."""

_INTENT_LOCK = 7_203_773
_GONE = "its dispatcher went away while sending"
_IS_LEFT = {
    "seat": and_(
        outbox.c.channel == bindparam("b_channel"),
        or_(outbox.c.owner == bindparam("b_owner"), outbox.c.lease_until <= bindparam("b_now")),
    ),
    "lease": outbox.c.epoch == bindparam("b_epoch"),
}
_ALTERED = "what it says or whom it goes to isn't what was released"
_LAPSED = "its key has lapsed, and an earlier attempt may have left"


class Left(NamedTuple):
    """What a dispatcher left: how it's found (a key of `_IS_LEFT`), and the values asked for."""

    by: Literal["seat", "lease"]
    values: Mapping[str, Any]


def begin(
    connection: Connection,
    lease: Lease,
    *,
    at: datetime,
    now: datetime,
    refused: Mapping[str, str],
    checks: Sequence[Check],
    key_horizon: timedelta | None,
) -> Intent:
    """Check again and commit to sending. See `Outbox.begin_sending`."""
    if checks:
        _lock_checks(connection)
    if is_halted(connection, lease.channel):
        release_back(connection, lease)
        return Intent((), {}, is_halted=True)
    held = _locked(connection, lease, "leased", until=now)
    messages = [message for message in lease.messages if message.message_id in held]
    ends = {message.message_id: ("cancelled", _ALTERED) for message in messages if _is_altered(message, held)}
    ends |= _ends(connection, messages, at) | {
        message_id: ("suppressed", reason)
        for reasons in (refused, *(check(messages) for check in checks))
        for message_id, reason in reasons.items()
        if message_id in held
    }
    for message_id, row in held.items():
        if _has_lapsed(row["key_first_used_at"], at, key_horizon):
            ends[message_id] = ("unknown", _LAPSED)
    _note_lapsed(connection, held, ends, at)
    endings = [Ending(held[message_id], *end) for message_id, end in ends.items()]
    ended = close(connection, endings, subject="last check", at=at)
    going = [message for message in messages if message.message_id not in ends]
    if going:
        ids = in_one(connection, [message.message_id for message in going])
        connection.execute(_intent(connection.dialect.name), {"b_ids": ids, "b_epoch": lease.epoch, "b_at": at})
    # Asked for last, since it stays locked: it tells a restored ledger how far its dispatchers had come.
    return Intent(going, ended, number=next_number(connection, "claim"))


def lock_both(connection: Connection, sent: Lease, batch: Lease, *, is_checked: bool) -> None:
    """Lock what a transaction passes twice, in the order of all writers. See `Outbox.lock_both`."""
    if connection.dialect.name == "sqlite":  # a write transaction has it all
        return
    if is_checked:
        _lock_checks(connection)
    ids = [message.message_id for of in (sent, batch) for message in of.messages]
    rows = connection.execute(_locking("postgresql"), {"b_ids": ids, "b_epoch": sent.epoch}).mappings()
    lock_held(connection, amounts_of(rows))


def acknowledge(
    connection: Connection,
    lease: Lease,
    receipts: Sequence[Receipt],
    *,
    at: datetime,
    now: datetime,
    delivery: Delivery,
    retry_at: Mapping[str, datetime],
    again: Collection[str],
) -> Counter[str]:
    """Record receipts, move the messages, settle the money. See `Outbox.ack`."""
    rows = _locked(connection, lease, "sending", "unknown")
    sending = {message_id: row for message_id, row in rows.items() if row["state"] == "sending"}
    said = {each.message_id: each for each in receipts if each.message_id in rows}
    late = [each for each in said.values() if each.message_id not in sending and each.status == "sent"]
    silent = [
        Receipt(message_id, "unknown", at, detail="the channel gave no receipt")
        for message_id in sending
        if message_id not in said
    ]
    final = [*(each for each in said.values() if each.message_id in sending), *silent]
    if not final and not late:
        return Counter()
    connection.execute(_RECEIPTS, [_receipt_row(each, rows) for each in (*final, *late)])
    _confirm(connection, late)
    same_key = {each.message_id for each in final if each.status == "unknown" and delivery == "keyed"} & set(again)
    back = [each.message_id for each in final if each.status == "retry" or each.message_id in same_key]
    put_back(connection, back, reason="to be tried again", not_before=retry_at, used=same_key)
    endings = [
        Ending(rows[each.message_id], each.status, each.detail) for each in final if each.message_id not in set(back)
    ]
    ended = close(connection, endings, subject="hand-over", at=at)
    failed = sum(each.status in ("retry", "unknown") for each in final)
    health.note(connection, lease.channel, total=len(final), failed=failed, now=now)
    return ended + Counter(retry=len(back))


def put_back(
    connection: Connection,
    ids: Sequence[str],
    *,
    reason: str,
    not_before: Mapping[str, datetime] | None = None,
    used: Collection[str] = (),
) -> None:
    """From sending to pending.

    Args:
        connection: Of a write transaction that has locked the rows.
        ids: The messages.
        reason: Why.
        not_before: When each may be claimed again; at once where it isn't named.
        used: Those that may have left: they go again under the same key, or never.
    """
    if not ids:
        return
    back = update(outbox).where(outbox.c.message_id == bindparam("b_id"))
    first_used = func.coalesce(outbox.c.key_first_used_at, outbox.c.intent_at, type_=outbox.c.intent_at.type)
    groups: tuple[tuple[set[str], dict[str, Any]], ...] = (
        (set(used), {"key_first_used_at": first_used}),
        (set(ids) - set(used), {}),
    )
    for keys, changed in groups:
        values: dict[str, Any] = {
            "state": "pending",
            "reason": reason,
            **FREE,
            "not_before": bindparam("b_at"),
            **changed,
        }
        rows = [{"b_id": each, "b_at": (not_before or {}).get(each)} for each in ids if each in keys]
        if rows:
            connection.execute(back.values(values), rows)


def release_back(connection: Connection, lease: Lease) -> int:
    """Give back what of a lease was never begun. See `Outbox.release_back`."""
    return connection.execute(_GIVEN_BACK, {"b_epoch": lease.epoch}).rowcount


def take_back(connection: Connection, lease: Lease, ids: Sequence[str]) -> int:
    """Undo the intent of messages that no driver got. See `Outbox.take_back`."""
    undone = {
        "state": "pending",
        "reason": "its time to begin was over",
        "attempt_count": outbox.c.attempt_count - 1,
        "intent_at": None,
        **FREE,
    }
    mine = and_(outbox.c.epoch == lease.epoch, outbox.c.state == "sending", among(connection, outbox.c.message_id, ids))
    return connection.execute(update(outbox).where(mine).values(undone)).rowcount


def take_over(
    connection: Connection,
    left: Left,
    *,
    delivery: Delivery,
    at: datetime,
    key_horizon: timedelta | None,
) -> int:
    """Pick up after a dispatcher that is gone. See `Outbox.take_over`."""
    # Rows that another dispatcher has locked are alive: waiting for them could only end in a deadlock.
    rows = connection.execute(_UNDER_WAY[left.by], left.values).mappings().all()
    idle = [row["message_id"] for row in rows if row["state"] == "leased"]
    if idle:
        connection.execute(_idle(connection.dialect.name), {"b_ids": in_one(connection, idle)})
    sending = {row["message_id"]: row for row in rows if row["state"] == "sending"}
    again: list[str] = []
    lost: list[str] = []
    for message_id, row in sending.items():
        first_used_at = row["key_first_used_at"] or row["intent_at"]
        is_safe = delivery == "keyed" and not _has_lapsed(first_used_at, at, key_horizon)
        (again if is_safe else lost).append(message_id)
    put_back(connection, again, reason="its dispatcher went away; same key again", used=again)
    note_unknown(connection, [sending[each] for each in lost], [_GONE] * len(lost), at=at)
    close(connection, [Ending(sending[each], "unknown", _GONE) for each in lost], subject="take-over", at=at)
    return len(idle) + len(again)


def doubt(connection: Connection, channel: str, *, due_by: datetime, reason: str, at: datetime) -> int:
    """End as unknown what may have left without a trace. See `Outbox.doubt`."""
    due = and_(outbox.c.channel == channel, outbox.c.state == "pending", outbox.c.send_at <= due_by)
    query = _ROW.where(due).order_by(outbox.c.message_id).with_for_update()
    rows = list(connection.execute(query).mappings())
    note_unknown(connection, rows, [reason] * len(rows), at=at)
    return close(connection, [Ending(row, "unknown", reason) for row in rows], subject="doubt", at=at).total()


def _lock_checks(connection: Connection) -> None:
    """What a check counts (contacts of a person, over all channels) must not change between it and the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _INTENT_LOCK})


def _locked(
    connection: Connection, lease: Lease, *states: str, until: datetime | None = None
) -> dict[str, Mapping[Any, Any]]:
    """Rows of a batch that are in one of some states, by `message_id`, locked in that order.

    Args:
        connection: Of a write transaction.
        lease: The batch.
        states: The states.
        until: Only where its lease lasts longer than this.
    """
    ids = in_one(connection, [message.message_id for message in lease.messages])
    rows = connection.execute(_locking(connection.dialect.name), {"b_ids": ids, "b_epoch": lease.epoch}).mappings()
    return {
        row["message_id"]: row
        for row in rows
        if row["state"] in states and (until is None or row["lease_until"] > to_utc(until))
    }


_RECEIPTS = insert(receipt)
_ROW = select(*COSTS, outbox.c.state, outbox.c.intent_at, outbox.c.lease_until, outbox.c.payload_sha256)


_IS_UNDER_WAY = or_(outbox.c.state == "leased", outbox.c.state == "sending")


# Statements of every batch are made once: making one costs as much as running it.
_UNDER_WAY = {
    by: _ROW.where(left, _IS_UNDER_WAY).order_by(outbox.c.message_id).with_for_update(skip_locked=True)
    for by, left in _IS_LEFT.items()
}
_GIVEN_BACK = (
    update(outbox)
    .where(outbox.c.epoch == bindparam("b_epoch"), outbox.c.state == "leased")
    .values(state="pending", **FREE)
)


@cache
def _idle(dialect: str) -> Update:
    return update(outbox).where(is_among(dialect, outbox.c.message_id, "b_ids")).values(state="pending", **FREE)


@cache
def _locking(dialect: str) -> Select[Any]:
    mine = and_(is_among(dialect, outbox.c.message_id, "b_ids"), outbox.c.epoch == bindparam("b_epoch"))
    return _ROW.where(mine).order_by(outbox.c.message_id).with_for_update()


@cache
def _intent(dialect: str) -> Update:
    mine = and_(
        is_among(dialect, outbox.c.message_id, "b_ids"),
        outbox.c.epoch == bindparam("b_epoch"),
        outbox.c.state == "leased",
    )
    values = {"state": "sending", "attempt_count": outbox.c.attempt_count + 1, "intent_at": bindparam("b_at")}
    return update(outbox).where(mine).values(values)


def _is_altered(message: Message, held: Mapping[str, Mapping[Any, Any]]) -> bool:
    """A release is for exactly its content, whoever can write to the ledger's files."""
    found = payload_sha256(message.recipient_json, message.content_json)
    return bool(found != held[message.message_id]["payload_sha256"])


def _has_lapsed(first_used_at: datetime | None, at: datetime, key_horizon: timedelta | None) -> bool:
    """By business time: the clock that leases run by may be another machine's, and a wrong one would make a key look young."""
    return key_horizon is not None and first_used_at is not None and to_utc(at) - first_used_at >= key_horizon


def _note_lapsed(
    connection: Connection,
    held: Mapping[str, Mapping[Any, Any]],
    ends: Mapping[str, tuple[str, str]],
    at: datetime,
) -> None:
    lapsed = [held[message_id] for message_id, (state, _) in ends.items() if state == "unknown"]
    note_unknown(connection, lapsed, [_LAPSED] * len(lapsed), at=at)


def _receipt_row(each: Receipt, rows: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    return {
        "message_id": each.message_id,
        "attempt": rows[each.message_id]["attempt_count"],
        "status": each.status,
        "provider_id": each.provider_id,
        "detail": each.detail,
        "at": each.at,
    }


def _confirm(connection: Connection, late: Sequence[Receipt]) -> None:
    """A late truth: it was counted as spent already."""
    ids = [each.message_id for each in late]
    if ids:
        unknown = and_(among(connection, outbox.c.message_id, ids), outbox.c.state == "unknown")
        connection.execute(update(outbox).where(unknown).values(state="sent", reason="a late receipt proves it"))


def _ends(connection: Connection, messages: Sequence[Message], at: datetime) -> dict[str, tuple[str, str]]:
    """State and reason of the messages that may not go."""
    ends = {message_id: ("suppressed", reason) for message_id, reason in refusals(connection, messages).items()}
    plans = {plan_id: _plan_end(connection, plan_id, at) for plan_id in {message.plan_id for message in messages}}
    for message in messages:
        plan_end = plans[message.plan_id]
        if plan_end is not None:
            ends[message.message_id] = plan_end
        elif message.expires_at <= to_utc(at):
            ends[message.message_id] = ("expired", "its window has passed")
    return ends


def _plan_end(connection: Connection, plan_id: str, at: datetime) -> tuple[str, str] | None:
    status = authority.standing(connection, plan_id)
    if status.state != "released":
        return "cancelled", f"plan {status.state}"
    if authority.is_over(status, at):
        return "expired", "its authorization has expired"
    if not has_passed(connection, status.generation_id):
        return "cancelled", "a gate of its data failed"
    return None


def of_seat(channel: str, owner: str, now: datetime) -> Left:
    """What a gone dispatcher left: one of the same seat, or any whose lease is over."""
    return Left("seat", {"b_channel": channel, "b_owner": owner, "b_now": now})


def of_lease(lease: Lease) -> Left:
    """What one lease holds."""
    return Left("lease", {"b_epoch": lease.epoch})
