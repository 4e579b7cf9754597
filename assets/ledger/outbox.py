"""Messages on their way: claimed with a lease, moved on only by the holder of its epoch, never twice.

    pending ─claim─► leased ─begin_sending─► sending ─ack─► sent | failed | unknown | (retry) pending

`leased` provably never reached a channel, so it is always safe to redo; `sending` may have.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, Select, and_, func, or_, select, update

from assets.ledger import handover
from assets.ledger.columns import from_micros
from assets.ledger.counters import current_number, next_number
from assets.ledger.engine import reading, writing
from assets.ledger.halts import is_halted
from assets.ledger.records import Delivery, Intent, Lease, Message, Receipt, Since
from assets.ledger.release import COSTS, close_open
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
_MAY_HAVE_LEFT = ("sending", "sent", "unknown")


class Outbox:
    """The messages that releases let out, and where each stands."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(
        self, channel: str, *, at: datetime, limit: int, owner: str, lease_s: float, now: datetime | None = None
    ) -> Lease:
        """Take due messages of a channel for `lease_s` seconds, the earliest first; none while the channel is halted.

        Args:
            channel: The channel.
            at: Business time: due is what has `send_at` ≤ `at` < `expires_at`.
            limit: At most so many.
            owner: The seat of the dispatcher (`take_over`).
            lease_s: How long nobody else may take them.
            now: The clock that leases run by, where it isn't business time.
        """
        now = now or at
        with writing(self._engine) as connection:
            if is_halted(connection, channel):
                return Lease(channel, owner, 0, (), is_halted=True)
            epoch = next_number(connection, "claim")
            due = (
                _due(channel, at, now)
                .order_by(outbox.c.send_at, outbox.c.message_id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            values = {
                "state": "leased",
                "owner": owner,
                "epoch": epoch,
                "lease_until": now + timedelta(seconds=lease_s),
            }
            claimed = connection.execute(update(outbox).where(outbox.c.message_id.in_(due)).values(values)).rowcount
            return Lease(channel, owner, epoch, _messages(connection, epoch) if claimed else ())

    def begin_sending(
        self, lease: Lease, *, at: datetime, now: datetime | None = None, refused: Mapping[str, str] | None = None
    ) -> Intent:
        """The intent: check again all that may have changed since the release, and commit that sending begins.

        Checked: halt, the plan's authorization (revoked, expired, gates of its data), the message's window,
        suppression and consent. What fails ends here with its reason and gives its hold back. What comes back may be
        sent, at once.

        Args:
            lease: From `claim`.
            at: Business time.
            now: The clock that leases run by.
            refused: Reasons of the caller's own checks, by `message_id`.
        """
        with writing(self._engine) as connection:
            return handover.begin(connection, lease, at=at, now=now or at, refused=refused or {})

    def ack(self, lease: Lease, receipts: Sequence[Receipt], *, at: datetime, retry_at: datetime | None = None) -> int:
        """Record what the channel said, settle the money and forget the addresses. Returns how many messages it moved.

        Args:
            lease: The batch that was sent.
            receipts: One a message; a message without one becomes `unknown`.
            at: Business time of the hand-over.
            retry_at: From when on messages with a `retry` receipt may be claimed again.
        """
        with writing(self._engine) as connection:
            return handover.acknowledge(connection, lease, receipts, at=at, retry_at=retry_at)

    def release_back(self, lease: Lease) -> int:
        """Give back what was claimed and not begun. Returns how many."""
        mine = and_(outbox.c.epoch == lease.epoch, outbox.c.state == "leased")
        with writing(self._engine) as connection:
            return connection.execute(
                update(outbox).where(mine).values(state="pending", owner=None, lease_until=None)
            ).rowcount

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
        with writing(self._engine) as connection:
            left = and_(outbox.c.channel == channel, or_(outbox.c.owner == owner, outbox.c.lease_until <= (now or at)))
            return handover.take_over(connection, left, delivery=delivery, at=at, key_horizon=key_horizon)

    def expire(self, at: datetime, *, channel: str | None = None) -> int:
        """Close pending messages whose window has passed.

        They go to the next decision, never out late. Returns how many.
        """
        over = and_(outbox.c.state == "pending", outbox.c.expires_at <= at)
        over = over if channel is None else and_(over, outbox.c.channel == channel)
        with writing(self._engine) as connection:
            closed = (
                update(outbox).where(over).values(state="expired", reason="its window has passed").returning(*COSTS)
            )
            rows = connection.execute(closed).mappings().all()
            return len(close_open(connection, rows, subject="expired", at=at)) if rows else 0

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
        query = query.where(outbox.c.cycle_on == cycle_on.isoformat(), outbox.c.state == "pending").order_by(
            outbox.c.message_id
        )
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
        """Contacts for frequency caps, those that may have happened included.

        Columns: message_id, customer_id, channel, sent_at (naive UTC).
        """
        when = func.coalesce(outbox.c.handed_over_at, outbox.c.send_at, type_=outbox.c.send_at.type).label("sent_at")
        query = select(outbox.c.message_id, outbox.c.customer_id, outbox.c.channel, when).where(
            outbox.c.state.in_(_MAY_HAVE_LEFT), when >= at
        )
        return self._frame(query.order_by(when, outbox.c.message_id))

    def contacts_of(self, customer_ids: Sequence[str], since: datetime) -> list[tuple[str, str, datetime]]:
        """Contacts of some people, those that may have happened included: customer_id, channel, when (aware UTC)."""
        found: list[tuple[str, str, datetime]] = []
        with reading(self._engine) as connection:
            for start in range(0, len(customer_ids), 500):
                query = select(outbox.c.customer_id, outbox.c.channel, outbox.c.handed_over_at).where(
                    outbox.c.customer_id.in_(customer_ids[start : start + 500]),
                    outbox.c.state.in_(_MAY_HAVE_LEFT),
                    outbox.c.handed_over_at >= since,
                )
                found += [(row.customer_id, row.channel, row.handed_over_at) for row in connection.execute(query)]
        return found

    def _frame(self, query: Select[Any]) -> pd.DataFrame:
        with reading(self._engine) as connection:
            return _tidy(pd.read_sql(query, connection))


def _due(channel: str, at: datetime, now: datetime) -> Select[Any]:
    is_ready = or_(outbox.c.not_before.is_(None), outbox.c.not_before <= now)
    return select(outbox.c.message_id).where(
        outbox.c.channel == channel,
        outbox.c.state == "pending",
        outbox.c.send_at <= at,
        outbox.c.expires_at > at,
        is_ready,
    )


def _messages(connection: Connection, epoch: int) -> list[Message]:
    query = select(*_MESSAGE).join(payload, payload.c.message_id == outbox.c.message_id).where(outbox.c.epoch == epoch)
    rows = connection.execute(query.order_by(outbox.c.send_at, outbox.c.message_id))
    return [Message(*(*row[:13], from_micros(row[13]), *row[14:])) for row in rows]


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Money in currency, times as naive UTC as in the warehouse."""
    if "cost_micros" in frame:
        frame["cost"] = frame.pop("cost_micros").astype("float64") / 1e6
    for name in [name for name in frame.columns if name.endswith("_at")]:
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.tz_localize(None).astype("datetime64[us]")
    return frame
