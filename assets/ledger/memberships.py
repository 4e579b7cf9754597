"""Members of ad audiences: who was added and is still in, and which memberships were taken back.

A membership is a message of an ad channel that was handed over. Taking one back needs no authorization, as leaving needs
none; it is recorded once its removal was handed over.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Engine, func, select

from assets.ledger.audit import record
from assets.ledger.engine import reading, writing
from assets.ledger.many import insert_unless_there
from assets.ledger.records import Message
from assets.ledger.suppressions import refusals
from assets.ledger.tables import audience_removal, outbox

Why = Literal["withdrew", "left", "expired"]
"""Why a membership ends: consent or the person's wish, the objective's audience, or its days are over."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A person in an ad audience.

    Attributes:
        message_id: Of the message that added the person.
        decision_id: Its decision.
        customer_id: The person as the decision knew them.
        objective_id: For what.
        channel: `paid_social` or `display`.
        offer_id: Of the creative.
        creative_id: Names the audience, with the objective.
        contact_ids_json: The CRM ids that the person was unified from.
        decided_at: When it was decided.
        added_at: When it was handed over.
    """

    message_id: str
    decision_id: str
    customer_id: str
    objective_id: str
    channel: str
    offer_id: str
    creative_id: str
    contact_ids_json: str
    decided_at: datetime
    added_at: datetime

    @property
    def contact_ids(self) -> list[str]:
        """The CRM ids that the person was unified from."""
        return list(json.loads(self.contact_ids_json))


_MEMBERSHIP: Final = (
    "message_id", "decision_id", "customer_id", "objective_id", "channel", "offer_id", "creative_id", "contact_ids",
    "decided_at", "handed_over_at",
)  # fmt: skip
"""Columns of `outbox` in the order of `Membership`."""


class Memberships:
    """Who is in the audiences of ads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self, channel: str, *, since: datetime) -> list[Membership]:
        """The newest membership of each person that wasn't taken back.

        Args:
            channel: The ad channel.
            since: Memberships from before are passed over: platforms have let them go.
        """
        newest = func.row_number().over(
            partition_by=outbox.c.customer_id, order_by=(outbox.c.handed_over_at.desc(), outbox.c.message_id.desc())
        )
        added = (
            select(*(outbox.c[name] for name in _MEMBERSHIP), newest.label("age"))
            .where(outbox.c.channel == channel, outbox.c.state == "sent", outbox.c.handed_over_at >= since)
            .subquery()
        )
        gone = select(audience_removal.c.added_by)
        query = (
            select(*(added.c[name] for name in _MEMBERSHIP))
            .where(added.c.age == 1, added.c.message_id.not_in(gone))
            .order_by(added.c.message_id)
        )
        with reading(self._engine) as connection:
            return [Membership(*row) for row in connection.execute(query).tuples()]

    def refused(self, members: Sequence[Message]) -> set[str]:
        """Ids of messages, as they would be sent again, that suppressions or withdrawn consent forbid now."""
        with reading(self._engine) as connection:
            return set(refusals(connection, members))

    def taken_back(self, removals: Mapping[str, tuple[str, Why]], *, channel: str, at: datetime) -> None:
        """Keep that memberships were taken back.

        Args:
            removals: By id of the removal, the id of the message that had added the person, and why.
            channel: The ad channel.
            at: Business time.
        """
        if not removals:
            return
        rows = [
            {"message_id": message_id, "added_by": added_by, "channel": channel, "reason": why, "at": at}
            for message_id, (added_by, why) in removals.items()
        ]
        with writing(self._engine) as connection:
            insert_unless_there(connection, audience_removal, rows)
            detail: dict[str, int] = dict(Counter(str(why) for _, why in removals.values()))
            record(connection, kind="audience.removed", subject=channel, detail=detail, at=at)

    def changes(self, *, start: datetime, end: datetime) -> dict[str, dict[str, int]]:
        """By ad channel, how many were taken back in [start, end), by why."""
        query = (
            select(audience_removal.c.channel, audience_removal.c.reason, func.count().label("count"))
            .where(audience_removal.c.at >= start, audience_removal.c.at < end)
            .group_by(audience_removal.c.channel, audience_removal.c.reason)
            .order_by(audience_removal.c.channel, audience_removal.c.reason)
        )
        found: dict[str, dict[str, int]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(row["channel"], {})[row["reason"]] = row["count"]
        return found
