"""What goes into the ledger and comes out of it, as plain values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:  # a stop must take effect without waiting for pandas
    import pandas as pd

from ml.entities import CHANNELS, NONE

Delivery = Literal["keyed", "reconcilable", "blind"]
ReceiptStatus = Literal["sent", "failed", "unknown", "retry"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a channel gets it. Recipient and content stay JSON text: most drivers pass them on as they are."""

    message_id: str
    decision_id: str
    plan_id: str
    cycle_id: str
    customer_id: str
    objective_id: str
    channel: str
    offer_id: str
    creative_id: str
    slot: str
    send_at: datetime
    expires_at: datetime
    decided_at: datetime
    cost: float
    attempt_count: int
    contact_ids_json: str
    recipient_json: str = field(repr=False)
    content_json: str = field(repr=False)

    @property
    def contact_ids(self) -> list[str]:
        """The CRM ids that the person was unified from."""
        return list(json.loads(self.contact_ids_json))

    @property
    def recipient(self) -> dict[str, Any]:
        """Where it goes: personal data, never to be logged."""
        return dict(json.loads(self.recipient_json))

    @property
    def content(self) -> dict[str, Any]:
        """What it says, rendered."""
        return dict(json.loads(self.content_json))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel says about one message.

    `retry` means certainly not sent and worth another try, after `retry_after` where the channel named a time;
    `unknown` that nobody can tell.
    """

    message_id: str
    status: ReceiptStatus
    at: datetime
    provider_id: str | None = None
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Messages claimed by one dispatcher, or a batch of them. Only the holder of their epoch may move them on.

    `rests_until`: the channel's breaker is open until then; `is_probe`: this batch is to show whether it may close.
    """

    channel: str
    owner: str
    epoch: int
    messages: Sequence[Message]
    is_halted: bool = False
    rests_until: datetime | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """What may be sent now, and how many of the batch ended instead, by the state in which they ended.

    `number` is its place in the order of commits, among claims and intents.
    """

    messages: Sequence[Message]
    ended: Mapping[str, int]
    is_halted: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it is proposed: immutable from then on.

    `versions` names at least the `generation_id` of the data that it was decided on; `plan_hash` is the sha256 of its
    decisions file.
    """

    plan_id: str
    cycle_id: str
    plan_hash: str
    objectives: Sequence[str]
    summary: Mapping[str, Any]
    versions: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Escalation:
    """That a plan waits for a person from the moment it is proposed: why, until when, and how many must agree."""

    reasons: Sequence[str]
    expires_at: datetime
    approvals_needed: int = 1


@dataclass(frozen=True, slots=True)
class PlanStatus:
    """A plan and where it stands."""

    plan_id: str
    cycle_id: str
    plan_hash: str
    state: str
    objectives: list[str]
    summary: dict[str, Any]
    versions: dict[str, str]
    reasons: list[str]
    proposed_at: datetime
    expires_at: datetime | None
    history: list[dict[str, Any]]

    def channels_of(self, objective_id: str) -> list[str]:
        """Channels of an objective that the plan is about; `none` where it is also about those left alone."""
        named: Mapping[str, list[str]] = self.summary.get("channels", {})
        return list(named.get(objective_id, (*CHANNELS, NONE)))


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A cap.

    `scope`: `total`, `channel:<channel>` (both by day) or `objective:<objective_id>` (over its whole period).
    """

    scope: str
    cap: float
    day: date | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What a budget has left: `cap - held - spent`."""

    scope: str
    period: str
    cap: float | None
    held: float
    spent: float


@dataclass(frozen=True, slots=True)
class ReleaseCounts:
    """What a release did.

    `dropped`: new messages for people whose old one had already left when it was to be replaced.
    """

    released: int
    cancelled: int = 0
    dropped: int = 0
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """What an intake of outcomes brought."""

    new: int
    duplicate: int
    unmatched: int
    by_type: dict[str, int]
    suppressed: int


class Since(NamedTuple):
    """Rows after a cursor, and the cursor to keep once they are safe."""

    frame: "pd.DataFrame"
    cursor: int


class Violation(NamedTuple):
    """A broken invariant of the ledger."""

    rule: str
    subject: str
    detail: str
