"""Complaints and bounces as mailbox providers count them: a channel that annoys people is slowed down, then stopped.

The bounds on complaints are those that Gmail and Yahoo publish for bulk senders of e-mail (aim under 0.1 %, never
0.3 %); those on hard bounces are where Amazon SES reviews (5 %) and pauses (10 %) an account. Nobody publishes such
bounds for the other channels: those are left alone.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, func, insert, or_, select

from assets.ledger.audit import record
from assets.ledger.engine import reading, writing
from assets.ledger.halts import is_halted
from assets.ledger.tables import halt, outbox, outcome

BREAKER = "breaker"
WINDOW = timedelta(days=7)
ENOUGH_MESSAGES = 500
COMPLAINTS_SLOW, COMPLAINTS_HALT = 0.001, 0.003
BOUNCES_SLOW, BOUNCES_HALT = 0.05, 0.1
JUDGED = ("email",)
SLOW_SHARE = 0.25
"""Of what is due, while a channel is slowed down; the rest waits for the next dispatch, or for the next decision."""


class Feedback(NamedTuple):
    """Messages of a channel, and what came back, over a window."""

    sent: int
    complaints: int
    hard_bounces: int


class Verdict(NamedTuple):
    """What follows, and why."""

    pace: Literal["full", "slow", "halt"]
    reason: str = ""


def judge(of: Feedback) -> Verdict:
    """Full speed, slow or halt.

    Args:
        of: Counts; below `ENOUGH_MESSAGES` sent, a share says nothing yet.
    """
    if of.sent < ENOUGH_MESSAGES:
        return Verdict("full")
    found = (
        ("complaints", of.complaints, COMPLAINTS_SLOW, COMPLAINTS_HALT),
        ("hard bounces", of.hard_bounces, BOUNCES_SLOW, BOUNCES_HALT),
    )
    verdict = Verdict("full")
    for name, count, slow, stop in found:
        share = count / of.sent
        if share >= stop:
            return Verdict("halt", f"{share:.2%} {name} of {of.sent} messages: {stop:.1%} is the bound")
        if share >= slow:
            verdict = Verdict("slow", f"{share:.2%} {name} of {of.sent} messages: {slow:.1%} is where it slows down")
    return verdict


class Reputation:
    """What recipients say of a channel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, channel: str, *, at: datetime) -> Verdict:
        """Judge a channel by its last days, and stop it where it must be.

        A person who resumes it starts the count anew.

        Args:
            channel: The channel.
            at: Business time.
        """
        if channel not in JUDGED:
            return Verdict("full")
        with reading(self._engine) as connection:
            verdict = judge(feedback(connection, channel, at=at))
        if verdict.pace == "halt":
            self._halt(channel, verdict, at)
        return verdict

    def _halt(self, channel: str, verdict: Verdict, at: datetime) -> None:
        with writing(self._engine) as connection:
            if not is_halted(connection, channel):
                row = {"scope": channel, "kind": "stop", "actor": BREAKER, "reason": verdict.reason, "at": at}
                connection.execute(insert(halt).values(row))
                detail = {"by": BREAKER, "reason": verdict.reason}
                record(connection, kind="halt.stop", subject=channel, detail=detail, at=at)


_RESUMED_AT = select(func.max(halt.c.at, type_=halt.c.at.type)).where(
    halt.c.scope == bindparam("b_channel"), halt.c.kind == "resume"
)
_OF_CHANNEL = and_(
    outbox.c.channel == bindparam("b_channel"),
    outbox.c.handed_over_at > bindparam("b_after"),
    outbox.c.handed_over_at <= bindparam("b_at"),
)
_SENT = select(func.count()).select_from(outbox).where(_OF_CHANNEL)
_IS_HARD = and_(outcome.c.event_type == "bounced", func.coalesce(outcome.c.payload, "").not_like('%"soft"%'))
_COMPLAINTS_AND_BOUNCES = (
    select(outcome.c.event_type, func.count(outcome.c.message_id.distinct()))
    .select_from(outcome.join(outbox, outbox.c.message_id == outcome.c.message_id))
    .where(_OF_CHANNEL, or_(outcome.c.event_type == "complained", _IS_HARD))
    .group_by(outcome.c.event_type)
)


def feedback(connection: Connection, channel: str, *, at: datetime) -> Feedback:
    """Counts over the window, or since the channel was last resumed by a person."""
    resumed_at = connection.execute(_RESUMED_AT, {"b_channel": channel}).scalar()
    asked = {"b_channel": channel, "b_after": max(at - WINDOW, resumed_at or at - WINDOW), "b_at": at}
    sent = connection.execute(_SENT, asked).scalar_one()
    if sent < ENOUGH_MESSAGES:
        return Feedback(sent, 0, 0)
    counts = {row[0]: int(row[1]) for row in connection.execute(_COMPLAINTS_AND_BOUNCES, asked)}
    return Feedback(sent, counts.get("complained", 0), counts.get("bounced", 0))
