"""Plans and their authority: who let out which decisions, when, and under which limits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, bindparam, insert, select

from assets.ledger import authority, rejections, release
from assets.ledger.columns import to_json
from assets.ledger.engine import reading, writing
from assets.ledger.errors import PlanConflict, PlanRefused
from assets.ledger.records import BudgetLine, Escalation, PlanRecord, PlanStatus, ReleaseCounts
from assets.ledger.tables import plan, plan_authorization
from ml.entities import NONE

SYSTEM = "system"


_HASH = select(plan.c.plan_hash).where(plan.c.plan_id == bindparam("b_id"))
_PROPOSED = insert(plan)


class Plans:
    """Proposes, holds, approves and releases. What is decided about a plan is a new row each time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def propose(self, proposed: PlanRecord, *, held: Escalation | None = None) -> bool:
        """Keep a plan as it was decided. Returns whether it was new; the same plan again changes nothing.

        Args:
            proposed: The plan.
            held: Where it waits for a person: committed with it, so that there is no moment at which it could go.

        Raises:
            PlanConflict: If the id is taken by other decisions.
            PlanRefused: If `versions` names no generation of data.
        """
        if not proposed.versions.get("generation_id"):
            raise PlanRefused(f"plan {proposed.plan_id}: versions must name the generation_id that it was decided on")
        with writing(self._engine) as connection:
            known = connection.execute(_HASH, {"b_id": proposed.plan_id}).scalar()
            if known == proposed.plan_hash:
                if held and authority.standing(connection, proposed.plan_id).state == "proposed":
                    _escalate(connection, proposed, held, at=proposed.at, by=SYSTEM)
                return False
            if known is not None:
                raise PlanConflict(
                    f"plan {proposed.plan_id} exists with other decisions (hash {known[:12]}): "
                    "give new decisions a new plan id"
                )
            connection.execute(_PROPOSED, _row(proposed))
            authority.append(connection, _ids(proposed), "proposed", actor=SYSTEM, at=proposed.at)
            if held:
                _escalate(connection, proposed, held, at=proposed.at, by=SYSTEM)
            return True

    def hold(
        self,
        plan_id: str,
        reasons: Sequence[str],
        *,
        at: datetime,
        expires_at: datetime,
        approvals_needed: int = 1,
        by: str = SYSTEM,
    ) -> None:
        """Escalate a plan: it waits for a person. Holding a held plan again changes nothing.

        Args:
            plan_id: The plan.
            reasons: Why a person has to look, in words.
            at: Business time.
            expires_at: When nobody's answer becomes no.
            approvals_needed: How many different people must agree.
            by: Who escalated.

        Raises:
            PlanRefused: If the plan is released or closed already.
        """
        with writing(self._engine) as connection:
            status = authority.status(connection, plan_id)
            if status.state == "waiting":
                return
            if status.state != "proposed":
                raise PlanRefused(
                    f"plan {plan_id} is {status.state} and can't be held; "
                    "stop its channel to keep its open messages back"
                )
            _escalate(connection, status, Escalation(reasons, expires_at, approvals_needed), at=at, by=by)

    def approve(
        self, plan_id: str, *, by: str, at: datetime, why: str = "", plan_hash: str | None = None
    ) -> PlanStatus:
        """A person's yes, to exactly the decisions that were shown. Releasing is a step of its own.

        Args:
            plan_id: The plan.
            by: The person.
            at: Business time.
            why: In their words.
            plan_hash: The hash that was shown; it must be the plan's.

        Raises:
            PlanRefused: If the plan doesn't wait (or no longer), another hash was shown, or nobody is named.
        """
        return self._decide("approved", plan_id, by=by, at=at, why=why, plan_hash=plan_hash)

    def reject(
        self,
        plan_id: str,
        *,
        by: str,
        at: datetime,
        why: str,
        channels: Collection[str] = (),
        until_on: date | None = None,
    ) -> PlanStatus:
        """A person's no, with a reason that the next plans take into account.

        Args:
            plan_id: The plan.
            by: The person.
            at: Business time.
            why: In their words.
            channels: Channels that the no is about; without any, the plan's own contacts.
            until_on: The last day on which it isn't proposed again; the day after the plan's own without it.

        Raises:
            PlanRefused: As `approve`, where no reason is given, or where a channel isn't one of the plan's.
        """
        if not why.strip():
            raise PlanRefused(f"plan {plan_id}: a rejection needs its reason (--why)")
        plan_of = self.get(plan_id)
        used = {channel for name in plan_of.objectives for channel in plan_of.channels_of(name)} - {NONE}
        strange = sorted(set(channels) - used)
        if strange:
            raise PlanRefused(
                f"plan {plan_id} has no {strange[0]}: --channel is one of {', '.join(sorted(used)) or 'none'}"
            )
        reason = rejections.reason_of(why, sorted(channels), until_on)
        return self._decide("rejected", plan_id, by=by, at=at, why=reason, plan_hash=None)

    def rejections(self, on: date) -> "list[rejections.Rejection]":
        """What people refused and what still holds on a day, oldest first."""
        said = select(plan_authorization.c.plan_id, plan_authorization.c.actor, plan_authorization.c.reason).where(
            plan_authorization.c.kind == "rejected"
        )
        with reading(self._engine) as connection:
            found = [
                rejections.rejection_of(authority.status(connection, row.plan_id), row.actor, row.reason)
                for row in connection.execute(said.order_by(plan_authorization.c.seq)).all()
            ]
        return [each for each in found if each.until_on >= on]

    def supersede(self, plan_id: str, *, by_plan_id: str, at: datetime) -> None:
        """Close a plan that isn't released because a newer one takes its place."""
        with writing(self._engine) as connection:
            status = authority.status(connection, plan_id)
            if status.state in ("proposed", "waiting", "approved"):
                authority.append(
                    connection, _ids(status), "superseded", actor=SYSTEM, at=at, reason=f"replaced by {by_plan_id}"
                )

    def release(
        self,
        plan_id: str,
        plan_hash: str,
        *,
        by: str,
        at: datetime,
        messages: pd.DataFrame | Iterable[Mapping[str, Any]],
        expires_at: datetime,
        budgets: Iterable[BudgetLine] = (),
        withdraws: Collection[str] = (),
        reason: str = "",
    ) -> ReleaseCounts:
        """Let a plan's messages out: authorization, messages and holds in one transaction, or none of them.

        Doing it again adds nothing. A plan that was held is released only after its approvals.

        Args:
            plan_id: A proposed or approved plan.
            plan_hash: Sha256 of the decisions that the messages were made from.
            by: The level that allows it (`supervised`, `autonomous`) or the person who approved.
            at: Business time.
            messages: As `messages.outbox_rows`.
            expires_at: From when on nothing of it may be handed over any more.
            budgets: Caps to hold the messages against; scopes without a cap are counted all the same.
            withdraws: Ids of open messages that make room for these (re-optimization).
            reason: In words.

        Raises:
            PlanRefused: Without authority, with another hash, or where the data's gates didn't pass.
            BudgetExceeded: If a cap would be passed.
            BadMessages: If messages can't be kept.
        """
        terms = release.Terms(plan_id, plan_hash, by, at, expires_at, tuple(budgets), withdraws, reason)
        with writing(self._engine) as connection:
            return release.release(connection, terms, messages)

    def revoke(self, plan_id: str, *, by: str, at: datetime, why: str) -> int:
        """Take a released plan back: what hasn't left never will. Returns how many messages were cancelled."""
        with writing(self._engine) as connection:
            status = authority.status(connection, plan_id)
            count = release.cancel_open(connection, plan_id=plan_id, reason="plan revoked", at=at)
            authority.append(connection, _ids(status), "revoked", actor=by, at=at, reason=why)
            return count

    def waiting(self, at: datetime) -> list[PlanStatus]:
        """Plans that wait for a person at this time; those whose time has passed are closed first."""
        with writing(self._engine) as connection:
            statuses = [authority.status(connection, plan_id) for plan_id in authority.open_plan_ids(connection)]
            for status in statuses:
                if status.state == "waiting" and authority.is_over(status, at):
                    authority.append(
                        connection, _ids(status), "expired", actor=SYSTEM, at=at, reason="nobody answered in time"
                    )
            return [status for status in statuses if status.state == "waiting" and not authority.is_over(status, at)]

    def approved(self) -> list[PlanStatus]:
        """Plans that people have approved and that aren't released yet: what dispatch has to pick up."""
        with reading(self._engine) as connection:
            statuses = [authority.status(connection, plan_id) for plan_id in authority.open_plan_ids(connection)]
        return [status for status in statuses if status.state == "approved"]

    def released_by_people_since(self, at: datetime) -> list[str]:
        """When and which plans people's approvals let out since a moment, as sortable text."""
        released = plan_authorization.alias()
        query = (
            select(released.c.at, released.c.plan_id)
            .join(plan_authorization, plan_authorization.c.plan_id == released.c.plan_id)
            .where(released.c.kind == "released", plan_authorization.c.kind == "approved", released.c.seq >= 0)
            .order_by(released.c.seq)
        )
        with reading(self._engine) as connection:
            return [f"{row.at.isoformat()} {row.plan_id}" for row in connection.execute(query) if row.at >= at]

    def get(self, plan_id: str) -> PlanStatus:
        """One plan.

        Raises:
            PlanRefused: If there is no such plan.
        """
        with reading(self._engine) as connection:
            return authority.status(connection, plan_id)

    def list(self, cycle_id: str | None = None) -> "list[PlanStatus]":
        """All plans, oldest first, or those of one cycle."""
        query = select(plan.c.plan_id).order_by(plan.c.proposed_at, plan.c.plan_id)
        with reading(self._engine) as connection:
            wanted = query if cycle_id is None else query.where(plan.c.cycle_id == cycle_id)
            ids: Sequence[str] = connection.execute(wanted).scalars().all()
            return [authority.status(connection, plan_id) for plan_id in ids]

    def withheld(self, cycle_id: str) -> frozenset[tuple[str, str]]:
        """Objectives' channels of a cycle whose part was never released: nothing of it went out."""
        never = [status for status in self.list(cycle_id) if all(row["kind"] != "released" for row in status.history)]
        return frozenset(
            (objective, channel)
            for status in never
            for objective in status.objectives
            for channel in status.channels_of(objective)
            if channel != NONE
        )

    def _decide(self, kind: str, plan_id: str, *, by: str, at: datetime, why: str, plan_hash: str | None) -> PlanStatus:
        if by.strip().lower() in ("", SYSTEM):
            raise PlanRefused(f"plan {plan_id}: only a named person can decide (--by NAME)")
        with writing(self._engine) as connection:
            status = authority.status(connection, plan_id)
            if kind == "approved" and any(row["kind"] == kind and row["by"] == by for row in status.history):
                return status
            if status.state != "waiting" or authority.is_over(status, at):
                state = "expired" if status.state == "waiting" else status.state
                raise PlanRefused(
                    f"plan {plan_id} is {state}: only a waiting plan can be {kind}; see `wayfinder plans`"
                )
            if plan_hash is not None and plan_hash != status.plan_hash:
                raise PlanRefused(
                    f"plan {plan_id}: the decisions shown ({plan_hash[:12]}) aren't the plan's: look again, then decide"
                )
            authority.append(connection, _ids(status), kind, actor=by, at=at, reason=why)
            return authority.status(connection, plan_id)


def _escalate(connection: Connection, of: PlanRecord | PlanStatus, held: Escalation, *, at: datetime, by: str) -> None:
    extra: dict[str, Any] = {
        "reason": "\n".join(held.reasons),
        "approvals_needed": held.approvals_needed,
        "expires_at": held.expires_at,
    }
    authority.append(connection, _ids(of), "escalated", actor=by, at=at, **extra)


def _ids(of: PlanRecord | PlanStatus) -> tuple[str, str]:
    return of.plan_id, of.plan_hash


def _row(proposed: PlanRecord) -> dict[str, Any]:
    return {
        "plan_id": proposed.plan_id,
        "cycle_id": proposed.cycle_id,
        "plan_hash": proposed.plan_hash,
        "generation_id": proposed.versions["generation_id"],
        "objectives": to_json(list(proposed.objectives)),
        "summary": to_json(proposed.summary),
        "versions": to_json(proposed.versions),
        "proposed_at": proposed.at,
    }
