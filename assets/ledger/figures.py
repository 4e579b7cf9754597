"""What plans have bound and spent, by day, objective and channel."""

from datetime import date, datetime

import pandas as pd
from sqlalchemy import Engine, case, func, select

from assets.ledger.columns import MICROS, from_micros
from assets.ledger.engine import reading
from assets.ledger.tables import outbox, outcome

COUNTED = ("pending", "leased", "sending", "sent", "unknown")
"""States in which a message's money is held or spent; `unknown` counts as sent."""
SENT_AT = func.coalesce(outbox.c.handed_over_at, outbox.c.send_at, type_=outbox.c.send_at.type).label("sent_at")
"""When a message left, or is due to."""


class Figures:
    """Sums over the outbox."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, first_day: date) -> pd.DataFrame:
        """Messages that are released or left, from a day on: cycle_on (ISO text), objective_id, channel, messages, people, spend."""
        keys = (outbox.c.cycle_on, outbox.c.objective_id, outbox.c.channel)
        sums = (
            func.count().label("messages"),
            func.count(func.distinct(outbox.c.customer_id)).label("people"),
            func.sum(outbox.c.cost_micros).label("spend"),
        )
        query = select(*keys, *sums).where(outbox.c.cycle_on >= first_day.isoformat(), outbox.c.state.in_(COUNTED))
        with reading(self._engine) as connection:
            frame = pd.read_sql(query.group_by(*keys).order_by(*keys), connection)
        return frame.assign(spend=[from_micros(int(amount)) for amount in frame["spend"]])

    def cost_of_people(self, before: date) -> pd.DataFrame:
        """Money for messages of cycles before a day that are released or left: customer_id, objective_id, cost."""
        keys = (outbox.c.customer_id, outbox.c.objective_id)
        spent = select(*keys, func.sum(outbox.c.cost_micros).label("cost")).where(
            outbox.c.cycle_on < before.isoformat(), outbox.c.state.in_(COUNTED)
        )
        with reading(self._engine) as connection:
            frame = pd.read_sql(spent.group_by(*keys), connection)
        return frame.assign(cost=frame["cost"].astype(float) / MICROS)

    def used_actions(self, before: date) -> set[tuple[str, str]]:
        """Channels with offers (channel, offer_id) of which a message was handed over for a cycle before a day."""
        query = select(outbox.c.channel, outbox.c.offer_id).where(
            outbox.c.cycle_on < before.isoformat(), outbox.c.state.in_(("sent", "unknown"))
        )
        with reading(self._engine) as connection:
            return {(row.channel, row.offer_id) for row in connection.execute(query.distinct())}

    def reached_on(self, cycle_on: date) -> set[str]:
        """Customers to whom a message of the day's cycles left, or is leaving."""
        left = ("leased", "sending", "sent", "unknown")
        query = select(outbox.c.customer_id).where(outbox.c.cycle_on == cycle_on.isoformat(), outbox.c.state.in_(left))
        with reading(self._engine) as connection:
            return set(connection.execute(query.distinct()).scalars())

    def handed_over_on(self, cycle_on: date) -> dict[str, int]:
        """Messages of the day's cycles that left, by channel."""
        query = select(outbox.c.channel, func.count().label("messages")).where(
            outbox.c.cycle_on == cycle_on.isoformat(), outbox.c.state.in_(("sent", "unknown"))
        )
        with reading(self._engine) as connection:
            return {row.channel: row.messages for row in connection.execute(query.group_by(outbox.c.channel))}

    def contacts_since(self, at: datetime) -> pd.DataFrame:
        """Messages that left since a moment, or may have, or still may: message_id, customer_id, sent_at (naive UTC)."""
        columns = (outbox.c.message_id, outbox.c.customer_id, SENT_AT)
        query = select(*columns).where(outbox.c.state.in_(COUNTED), at <= SENT_AT)
        with reading(self._engine) as connection:
            return pd.read_sql(query, connection)

    def contacted(self, start: datetime, end: datetime) -> list[str]:
        """People to whom a message left in [start, end), or may have, or still may: customer_id, each once."""
        query = select(outbox.c.customer_id).where(outbox.c.state.in_(COUNTED), start <= SENT_AT, end > SENT_AT)
        with reading(self._engine) as connection:
            return list(connection.execute(query.distinct()).scalars())

    def losses(self, since: datetime) -> pd.DataFrame:
        """What contacts ended in: channel, sent (messages handed over since), lost (of them: unsubscribed, complained)."""
        ends = (
            select(outcome.c.message_id)
            .where(outcome.c.event_type.in_(("unsubscribed", "complained")), outcome.c.message_id.is_not(None))
            .distinct()
            .subquery()
        )
        query = (
            select(
                outbox.c.channel,
                func.count().label("sent"),
                func.sum(case((ends.c.message_id.is_not(None), 1), else_=0)).label("lost"),
            )
            .outerjoin(ends, ends.c.message_id == outbox.c.message_id)
            .where(outbox.c.state.in_(("sent", "unknown")), outbox.c.handed_over_at >= since)
            .group_by(outbox.c.channel)
        )
        with reading(self._engine) as connection:
            return pd.read_sql(query, connection)
