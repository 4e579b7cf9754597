"""A person's no, with what it is about: kept in the words of its row, so that it is one fact with one signature."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from assets.ledger.records import PlanStatus

DEFAULT_DAYS: Final = 1
"""Days after the plan's own in which a no still holds, where it names no other: the next cycle's plan heeds it."""
_SCOPE: Final = "\nscope "


@dataclass(frozen=True)
class Rejection:
    """What was refused, why, and until when it isn't proposed again.

    Attributes:
        plan: The plan.
        by: The person.
        why: In their words.
        channels: Channels that the no is about, for everybody of the plan's objectives; none: each person of the plan
            and the channel that they were to be contacted through.
        until_on: The last day on which it holds.
    """

    plan: PlanStatus
    by: str
    why: str
    channels: tuple[str, ...]
    until_on: date

    @property
    def words(self) -> str:
        """What a later plan says of it."""
        what = f"{', '.join(self.channels)} for anybody" if self.channels else "the same contacts"
        return (
            f"{self.plan.plan_id} was rejected by {self.by}: {self.why}; until {self.until_on} nothing proposes {what} "
            f"of {', '.join(self.plan.objectives)} again"
        )


def reason_of(why: str, channels: Sequence[str], until_on: date | None) -> str:
    """The text of a rejection's row."""
    words = " ".join(why.split())
    if not channels and until_on is None:
        return words
    scope = {"channels": sorted(set(channels)), "until_on": until_on.isoformat() if until_on else None}
    return f"{words}{_SCOPE}{json.dumps(scope)}"


def why_of(reason: str) -> str:
    """The person's words alone."""
    return reason.partition(_SCOPE)[0]


def rejection_of(plan: PlanStatus, by: str, reason: str) -> Rejection:
    """What a row says."""
    why, _, text = reason.partition(_SCOPE)
    scope = json.loads(text) if text else {"channels": [], "until_on": None}
    day = date.fromisoformat(plan.cycle_id[:10])
    until_on = date.fromisoformat(scope["until_on"]) if scope["until_on"] else day + timedelta(days=DEFAULT_DAYS)
    return Rejection(plan, by, why, tuple(scope["channels"]), until_on)
