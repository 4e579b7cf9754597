"""The rows that say what was decided about a plan, and the state that follows from them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select

from assets.ledger.audit import record
from assets.ledger.columns import to_utc
from assets.ledger.errors import PlanRefused
from assets.ledger.records import PlanStatus
from assets.ledger.rejections import why_of
from assets.ledger.tables import plan, plan_authorization

_APPENDED = insert(plan_authorization).returning(plan_authorization.c.seq)
CLOSED = ("released", "rejected", "expired", "superseded", "revoked")


def append(
    connection: Connection, ids: tuple[str, str], kind: str, *, actor: str, at: datetime, reason: str = "", **more: Any
) -> int:
    """Append a row for (plan_id, plan_hash) and its link in the audit trail. Returns the row's number."""
    plan_id, plan_hash = ids
    row = {"plan_id": plan_id, "plan_hash": plan_hash, "kind": kind, "actor": actor, "reason": reason, "at": at} | more
    seq: int = connection.execute(_APPENDED, row).scalar_one()
    detail: dict[str, Any] = {"plan_hash": plan_hash, "by": actor, "reason": reason}
    detail |= {name: value for name, value in more.items() if isinstance(value, int)}
    record(connection, kind=f"plan.{kind}", subject=plan_id, detail=detail, at=at)
    return seq


class Standing(NamedTuple):
    """Where a plan stands, as far as a hand-over asks: its state, until when, and the data that it was decided on."""

    state: str
    expires_at: datetime | None
    generation_id: str


_WORDS = (
    select(
        plan.c.generation_id,
        plan_authorization.c.kind,
        plan_authorization.c.actor,
        plan_authorization.c.approvals_needed,
        plan_authorization.c.expires_at,
    )
    .join(plan, plan.c.plan_id == plan_authorization.c.plan_id)
    .where(plan_authorization.c.plan_id == bindparam("b_id"))
    .order_by(plan_authorization.c.seq)
)


_PLAN = select(plan).where(plan.c.plan_id == bindparam("b_id"))
_HISTORY = (
    select(plan_authorization)
    .where(plan_authorization.c.plan_id == bindparam("b_id"))
    .order_by(plan_authorization.c.seq)
)


def standing(connection: Connection, plan_id: str) -> Standing:
    """Where a proposed plan stands: what `status` says, without reading all of it for each batch."""
    rows = connection.execute(_WORDS, {"b_id": plan_id}).all()
    return Standing(_state(rows), _expiry(rows), rows[0].generation_id)


def status(connection: Connection, plan_id: str) -> PlanStatus:
    """The plan and where it stands.

    Raises:
        PlanRefused: If there is no such plan.
    """
    kept = connection.execute(_PLAN, {"b_id": plan_id}).first()
    if kept is None:
        raise PlanRefused(
            f"plan {plan_id} isn't in the ledger: propose it first, or see `wayfinder plans` for those that are"
        )
    rows = connection.execute(_HISTORY, {"b_id": plan_id}).all()
    escalations = [row for row in rows if row.kind == "escalated"]
    return PlanStatus(
        plan_id=plan_id,
        cycle_id=kept.cycle_id,
        plan_hash=kept.plan_hash,
        state=_state(rows),
        objectives=json.loads(kept.objectives),
        summary=json.loads(kept.summary),
        versions=json.loads(kept.versions),
        reasons=[reason for row in escalations for reason in row.reason.split("\n") if reason],
        proposed_at=kept.proposed_at,
        expires_at=_expiry(rows),
        history=[{"kind": row.kind, "by": row.actor, "at": row.at, "reason": _words(row)} for row in rows],
    )


def _expiry(rows: Sequence[Any]) -> datetime | None:
    """The newest word's."""
    return next((row.expires_at for row in reversed(rows) if row.expires_at), None)


def _words(row: Any) -> str:
    return why_of(row.reason) if row.kind == "rejected" else str(row.reason)


def _state(rows: Any) -> str:
    """The newest closing row; else whether the approvals that an escalation asks for are there."""
    closing = [row.kind for row in rows if row.kind in CLOSED]
    if closing:
        return str(closing[-1])
    needed = max((row.approvals_needed for row in rows if row.kind == "escalated"), default=0)
    if needed == 0:
        return "proposed"
    approvers = {row.actor for row in rows if row.kind == "approved"}
    return "approved" if len(approvers) >= needed else "waiting"


def is_over(of: PlanStatus | Standing, at: datetime) -> bool:
    """Whether the plan's time to be approved, or to be handed over, has passed."""
    return of.expires_at is not None and to_utc(at) >= of.expires_at


def open_plan_ids(connection: Connection) -> list[str]:
    """Plans that nothing has closed yet."""
    closed = select(plan_authorization.c.plan_id).where(plan_authorization.c.kind.in_(CLOSED))
    query = select(plan.c.plan_id).where(plan.c.plan_id.not_in(closed)).order_by(plan.c.proposed_at, plan.c.plan_id)
    return list(connection.execute(query).scalars())
