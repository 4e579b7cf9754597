"""Messages on their way: claimed with a lease, moved on only by the holder of its epoch, never twice.

    pending ─claim─► leased ─begin_sending─► sending ─ack─► sent | failed | unknown | (retry) pending

`leased` provably never reached a channel, so it is always safe to redo; `sending` may have.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, Integer, Select, and_, bindparam, func, or_, select, update

from assets.ledger import handover, health
from assets.ledger.closing import IS_OPEN
from assets.ledger.columns import from_micros
from assets.ledger.counters import current_number, next_number
from assets.ledger.engine import in_one, is_among, reading, writing
from assets.ledger.figures import SENT_AT
from assets.ledger.halts import is_halted
from assets.ledger.handover import Check
from assets.ledger.records import Delivery, Intent, Lease, Message, Receipt, Since
from assets.ledger.release import end_pending, pending
from assets.ledger.tables import outbox, payload

_MESSAGE = (
    outbox.c.message_id,
    outbox.c.decision_id,
    outbox.c.plan_id,
    outbox.c.cycle_id,
    outbox.c.customer_id,
    outbox.c.objective_id,
    outbox.c.channel,
    outbox.c.offer_id,
    outbox.c.creative_id,
    outbox.c.slot,
    outbox.c.send_at,
    outbox.c.expires_at,
    outbox.c.decided_at,
    outbox.c.cost_micros,
    outbox.c.attempt_count,
    outbox.c.contact_ids,
    payload.c.recipient,
    payload.c.content,
)
_EXPORT = (
    "message_id",
    "decision_id",
    "cycle_id",
    "customer_id",
    "objective_id",
    "channel",
    "offer_id",
    "creative_id",
    "slot",
)
IS_CONTACT = or_(
    outbox.c.state.in_(("sending", "sent", "unknown")),
    and_(outbox.c.state.in_(("pending", "leased")), outbox.c.key_first_used_at.is_not(None)),
)
"""A message that left, or may have."""

_AT = outbox.c.send_at.type


class Outbox:
    """The messages that releases let out, and where each stands."""

    def __init__(self, engine: Engine, connection: Connection | None = None) -> None:
        self._engine, self._connection = engine, connection

    @contextmanager
    def together(self) -> Iterator["Outbox"]:
        """Several acts in one transaction: all of them or none, for one commit."""
        with writing(self._engine) as connection:
            yield Outbox(self._engine, connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
            return
        with writing(self._engine) as connection:
            yield connection

    def lock_both(self, sent: Lease, batch: Lease, *, is_checked: bool) -> None:
        """Before the receipts of one batch and the intent of another in one transaction: all that both will lock."""
        with self._writing() as connection:
            handover.lock_both(connection, sent, batch, is_checked=is_checked)

    def claim(
        self, channel: str, *, at: datetime, limit: int, owner: str, lease_s: float, now: datetime | None = None
    ) -> Lease:
        """Take due messages of a channel for `lease_s` seconds, the earliest first.

        None while the channel is halted or its breaker is open.

        Args:
            channel: The channel.
            at: Business time: due is what has `send_at` ≤ `at` < `expires_at`.
            limit: At most so many.
            owner: The seat of the dispatcher (`take_over`).
            lease_s: How long nobody else may take them.
            now: The clock that leases run by, where it isn't business time.
        """
        now = now or at
        with self._writing() as connection:
            if is_halted(connection, channel):
                return Lease(channel, owner, 0, (), is_halted=True)
            rests_until, is_probe = health.admit(connection, channel, now=now)
            if rests_until is not None:
                return Lease(channel, owner, 0, (), rests_until=rests_until)
            limit = min(limit, health.PROBE_MESSAGES) if is_probe else limit
            epoch = next_number(connection, "claim")
            asked = _asked(channel, at, now) | {"b_limit": limit}
            given = {"b_owner": owner, "b_epoch": epoch, "b_until": now + timedelta(seconds=lease_s)}
            claimed = connection.execute(_CLAIMED, asked | given).rowcount
            return Lease(channel, owner, epoch, _messages(connection, epoch) if claimed else (), is_probe=is_probe)

    def begin_sending(
        self,
        lease: Lease,
        *,
        at: datetime,
        now: datetime | None = None,
        refused: Mapping[str, str] | None = None,
        checks: Sequence[Check] = (),
        key_horizon: timedelta | None = None,
    ) -> Intent:
        """The intent: check again all that may have changed since the release, and commit that sending begins.

        Checked: halt, the plan's authorization (revoked, expired, gates of its data), the message's window,
        suppression and consent, the horizon of a key that was used before. What fails ends here with its reason and
        gives its hold back. What comes back may be sent, at once.

        Args:
            lease: From `claim`.
            at: Business time.
            now: The clock that leases run by.
            refused: Reasons of the caller's own checks, by `message_id`.
            checks: Checks that have to hold at the commit. They read only.
            key_horizon: How long the channel remembers a key.
        """
        with self._writing() as connection:
            return handover.begin(
                connection,
                lease,
                at=at,
                now=now or at,
                refused=refused or {},
                checks=checks,
                key_horizon=key_horizon,
            )

    def ack(
        self,
        lease: Lease,
        receipts: Sequence[Receipt],
        *,
        at: datetime,
        now: datetime | None = None,
        delivery: Delivery = "blind",
        retry_at: Mapping[str, datetime] | None = None,
        again: Collection[str] = (),
    ) -> Counter[str]:
        """Record what the channel said, settle the money and forget the addresses.

        Args:
            lease: The batch that was sent.
            receipts: One a message; a message without one counts as `unknown`.
            at: Business time of the hand-over.
            now: The clock that leases run by.
            delivery: The channel's class: an `unknown` on a keyed channel goes again under its key.
            retry_at: From when on messages that go again may be claimed.
            again: Those whose attempts aren't used up.

        Returns:
            How many messages it moved, by the state in which they ended; `retry`: back to pending.
        """
        with self._writing() as connection:
            return handover.acknowledge(
                connection,
                lease,
                receipts,
                at=at,
                now=now or at,
                delivery=delivery,
                retry_at=retry_at or {},
                again=again,
            )

    def take_back(self, lease: Lease, message_ids: Sequence[str]) -> int:
        """Undo the intent of messages that no driver got: they need a fresh one. Returns how many."""
        with self._writing() as connection:
            return handover.take_back(connection, lease, message_ids)

    def abandon(
        self, lease: Lease, *, delivery: Delivery, at: datetime, now: datetime, key_horizon: timedelta | None
    ) -> int:
        """Leave a batch whose channel failed while sending, as its class allows. Returns how many may go again."""
        with self._writing() as connection:
            mine = handover.of_lease(lease)
            count = handover.take_over(connection, mine, delivery=delivery, at=at, key_horizon=key_horizon)
            health.note(connection, lease.channel, total=1, failed=1, now=now)
            return count

    def doubt(self, channel: str, *, due_by: datetime, reason: str, at: datetime) -> int:
        """End pending messages that may have left without a trace as `unknown`: never sent again. Returns how many."""
        with self._writing() as connection:
            return handover.doubt(connection, channel, due_by=due_by, reason=reason, at=at)

    def due_count(self, channel: str, *, at: datetime, now: datetime | None = None) -> int:
        """How many messages of a channel could be claimed."""
        with reading(self._engine) as connection:
            return int(connection.execute(_DUE_COUNT, _asked(channel, at, now or at)).scalar_one())

    def release_back(self, lease: Lease) -> int:
        """Give back what was claimed and not begun. Returns how many."""
        with self._writing() as connection:
            return handover.release_back(connection, lease)

    def take_over(
        self,
        channel: str,
        *,
        owner: str,
        delivery: Delivery,
        at: datetime,
        now: datetime | None = None,
        key_horizon: timedelta | None = None,
    ) -> int:
        """Pick up what a dispatcher left: one of the same seat (gone if this one runs), or any whose lease is over.

        Leased messages go back to pending. Of those in sending, a keyed channel gets the same key again within its
        horizon; elsewhere nobody can tell whether they left, so they become `unknown`: counted as sent, never sent
        again by themselves.

        Returns:
            How many went back to pending.
        """
        with self._writing() as connection:
            left = handover.of_seat(channel, owner, now or at)
            return handover.take_over(connection, left, delivery=delivery, at=at, key_horizon=key_horizon)

    def expire(self, at: datetime, *, channel: str | None = None) -> int:
        """Close pending messages whose window has passed.

        They go to the next decision, never out late. Returns how many.
        """
        over = _OVER if channel is None else _OVER_IN_CHANNEL
        asked: dict[str, Any] = {"b_at": at} if channel is None else {"b_at": at, "b_channel": channel}
        with self._writing() as connection:
            return end_pending(
                connection, over, asked, state="expired", reason="its window has passed", subject="expired", at=at
            )

    def open_messages(self, cycle_on: date) -> pd.DataFrame:
        """The day's messages that can still be changed.

        Message_id, plan_id, customer_id, objective_id, channel, offer_id, send_at, cost.
        """
        query = select(
            outbox.c.message_id,
            outbox.c.plan_id,
            outbox.c.customer_id,
            outbox.c.objective_id,
            outbox.c.channel,
            outbox.c.offer_id,
            outbox.c.send_at,
            outbox.c.cost_micros,
        )
        query = query.where(outbox.c.cycle_on == cycle_on.isoformat(), IS_OPEN).order_by(outbox.c.message_id)
        return self._frame(query)

    def counts(self, cycle_id: str | None = None) -> pd.DataFrame:
        """Messages by channel and state: channel, state, messages, spend (currency)."""
        query = select(
            outbox.c.channel,
            outbox.c.state,
            func.count().label("messages"),
            func.sum(outbox.c.cost_micros).label("cost_micros"),
        )
        query = query.group_by(outbox.c.channel, outbox.c.state).order_by(outbox.c.channel, outbox.c.state)
        frame = self._frame(query if cycle_id is None else query.where(outbox.c.cycle_id == cycle_id))
        return frame.rename(columns={"cost": "spend"})

    def handed_over_since(self, cursor: int) -> Since:
        """Messages that were handed over (or may have been) after a cursor, and the cursor to keep once they are safe.

        Columns as `raw.messages`: message_id, decision_id, cycle_id, customer_id, objective_id, channel, offer_id,
        creative_id, slot,
        handed_over_at (naive UTC), cost, contact_ids (JSON list).
        """
        columns = [outbox.c[name] for name in (*_EXPORT, "handed_over_at", "cost_micros", "contact_ids")]
        with reading(self._engine) as connection:
            last = current_number(connection, "handover")
            query = select(*columns).where(outbox.c.handover_no > cursor, outbox.c.handover_no <= last)
            return Since(
                _tidy(pd.read_sql(query.order_by(outbox.c.handover_no, outbox.c.message_id), connection)),
                max(cursor, last),
            )

    def contacts_since(self, at: datetime) -> pd.DataFrame:
        """Contacts for frequency caps and offers in hand, those that may have happened included.

        Columns: message_id, customer_id, channel, offer_id, sent_at (naive UTC).
        """
        columns = (outbox.c.message_id, outbox.c.customer_id, outbox.c.channel, outbox.c.offer_id, SENT_AT)
        query = select(*columns).where(IS_CONTACT, at <= SENT_AT)
        return self._frame(query.order_by(SENT_AT, outbox.c.message_id))

    def contacts_of(
        self, customer_ids: Sequence[str], since: datetime, *, besides: Sequence[str] = ()
    ) -> list[tuple[str, str, datetime]]:
        """Contacts of some people, those that may have happened included: customer_id, channel, when (aware UTC).

        Args:
            customer_ids: The people.
            since: From when on.
            besides: Messages that don't count: those that are asked about.
        """
        own = set(besides)
        with reading(self._engine) as connection:
            asked = {"b_ids": in_one(connection, customer_ids), "b_since": since}
            rows = connection.execute(_contacts(connection.dialect.name), asked)
            return [(row.customer_id, row.channel, row.at) for row in rows if row.message_id not in own]

    def _frame(self, query: Select[Any]) -> pd.DataFrame:
        with reading(self._engine) as connection:
            found = connection.execute(query)
            rows = [tuple(row) for row in found]  # pandas asks each row for names that SQLAlchemy searches at length
            return _tidy(pd.DataFrame.from_records(rows, columns=list(found.keys())))


# Statements of every dispatch are made once: making one costs as much as running it.
_DUE = select(outbox.c.message_id).where(
    outbox.c.channel == bindparam("b_channel"),
    outbox.c.state == "pending",
    outbox.c.send_at <= bindparam("b_at"),
    outbox.c.expires_at > bindparam("b_at"),
    or_(outbox.c.not_before.is_(None), outbox.c.not_before <= bindparam("b_now")),
)
_DUE_COUNT = select(func.count()).select_from(_DUE.subquery())
_NEXT = (
    _DUE.order_by(outbox.c.send_at, outbox.c.message_id)
    .limit(bindparam("b_limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
_CLAIMED = (
    update(outbox)
    .where(outbox.c.message_id.in_(_NEXT))
    .values(state="leased", owner=bindparam("b_owner"), epoch=bindparam("b_epoch"), lease_until=bindparam("b_until"))
)
_OF_EPOCH = (
    select(*_MESSAGE)
    .join(payload, payload.c.message_id == outbox.c.message_id)
    .where(outbox.c.epoch == bindparam("b_epoch"))
    .order_by(outbox.c.send_at, outbox.c.message_id)
)
_OVER = pending(outbox.c.expires_at <= bindparam("b_at"))
_OVER_IN_CHANNEL = pending(and_(outbox.c.expires_at <= bindparam("b_at"), outbox.c.channel == bindparam("b_channel")))


@cache
def _contacts(dialect: str) -> Select[Any]:
    when = func.coalesce(outbox.c.handed_over_at, outbox.c.intent_at, outbox.c.key_first_used_at, type_=_AT)
    query = select(outbox.c.customer_id, outbox.c.channel, when.label("at"), outbox.c.message_id)
    return query.where(is_among(dialect, outbox.c.customer_id, "b_ids"), IS_CONTACT, when >= bindparam("b_since"))


def _asked(channel: str, at: datetime, now: datetime) -> dict[str, Any]:
    return {"b_channel": channel, "b_at": at, "b_now": now}


def _messages(connection: Connection, epoch: int) -> list[Message]:
    rows = connection.execute(_OF_EPOCH, {"b_epoch": epoch})
    return [Message(*(*row[:13], from_micros(row[13]), *row[14:])) for row in rows]


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Money in currency, times as naive UTC as in the warehouse."""
    if "cost_micros" in frame:
        frame["cost"] = frame.pop("cost_micros").astype("float64") / 1e6
    for name in [name for name in frame.columns if name.endswith("_at")]:
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.tz_localize(None).astype("datetime64[us]")
    return frame
