"""What the web channel's decision endpoint may show a visitor: from hand-over until its window is over."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, select

from assets.ledger.columns import from_micros
from assets.ledger.counters import upsert
from assets.ledger.engine import reading, writing
from assets.ledger.halts import is_halted
from assets.ledger.outcomes import ATTEMPTED
from assets.ledger.records import Message
from assets.ledger.suppressions import refusals
from assets.ledger.tables import outbox, web_message

CHANNEL = "web"
_MESSAGE = (
    "message_id",
    "decision_id",
    "plan_id",
    "cycle_id",
    "customer_id",
    "objective_id",
    "channel",
    "offer_id",
    "creative_id",
)


class Shown(NamedTuple):
    """A web message as a site gets it."""

    message_id: str
    slot: str
    html: str


class WebMessages:
    """A read model by visitor; the visitor's id is kept as a hash only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, messages: Sequence[Message], *, at: datetime) -> None:
        """Make messages available to their visitors, and forget those whose window is over. Again changes nothing."""
        rows = [
            {
                "message_id": message.message_id,
                "visitor_sha256": visitor_sha256(visitor),
                "slot": str(content.get("slot", "")),
                "html": str(content["html"]),
                "send_at": message.send_at,
                "expires_at": message.expires_at,
            }
            for message in messages
            for content in (message.content,)
            for visitor in dict.fromkeys(message.recipient["visitor_ids"])
        ]
        with writing(self._engine) as connection:
            connection.execute(delete(web_message).where(web_message.c.expires_at <= at))
            if rows:
                connection.execute(upsert(connection, web_message).on_conflict_do_nothing(), rows)

    def show(self, visitor_id: str, slot: str | None, *, at: datetime) -> Shown | None:
        """The newest message of a visitor that may be shown now; None where there is none, or it may no longer be.

        Asked again at this moment: stop, window, suppression, consent.

        Args:
            visitor_id: The site's id of its visitor.
            slot: The place on the page; any where None.
            at: The time of the visit.
        """
        with reading(self._engine) as connection:
            found = _candidates(connection, visitor_id, slot, at)
            if not found or is_halted(connection, CHANNEL):
                return None
            refused = refusals(connection, [message for message, _ in found])
            return next((shown for message, shown in found if message.message_id not in refused), None)

    def handed_over(self, message_id: str) -> bool:
        """Whether a message is one that the endpoint had."""
        query = select(outbox.c.message_id).where(
            outbox.c.message_id == message_id, outbox.c.channel == CHANNEL, outbox.c.state.in_(ATTEMPTED)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None


def visitor_sha256(visitor_id: str) -> str:
    """The hash that stands for a visitor."""
    return hashlib.sha256(visitor_id.encode()).hexdigest()


def _candidates(connection: Connection, visitor_id: str, slot: str | None, at: datetime) -> list[tuple[Message, Shown]]:
    joined = web_message.join(outbox, outbox.c.message_id == web_message.c.message_id)
    query = (
        select(
            *(outbox.c[name] for name in (*_MESSAGE, "decided_at", "cost_micros", "contact_ids")),
            outbox.c.slot.label("day_part"),
            web_message.c.slot,
            web_message.c.html,
            web_message.c.send_at,
            web_message.c.expires_at,
        )
        .select_from(joined)
        .where(
            web_message.c.visitor_sha256 == visitor_sha256(visitor_id),
            web_message.c.send_at <= at,
            web_message.c.expires_at > at,
            outbox.c.state.in_(ATTEMPTED),
        )
        .order_by(web_message.c.send_at.desc(), web_message.c.message_id)
    )
    if slot is not None:
        query = query.where(web_message.c.slot == slot)
    return [
        (_message(row), Shown(row["message_id"], row["slot"], row["html"]))
        for row in connection.execute(query).mappings()
    ]


def _message(row: Any) -> Message:
    """The message as the checks at hand-over read it; its recipient is a visitor, whose address is nobody's."""
    return Message(
        **{name: row[name] for name in _MESSAGE},
        slot=row["day_part"],
        send_at=row["send_at"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
        cost=from_micros(row["cost_micros"]),
        attempt_count=1,
        contact_ids_json=row["contact_ids"],
        recipient_json="{}",
        content_json="{}",
    )
