"""From decisions to released messages: what each objective's level allows, the plans that follow, and their release.

The same functions serve the cycle, the re-optimization and a person's approval: there is one way out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from assets.channels.messages import Unsubscribe, build_messages
from assets.cycles import read_json
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord, PlanStatus, ReleaseCounts
from data_tests import messages as messages_suite
from ml.configuration import Configuration
from ml.entities import NONE
from ml.objectives.pacing import daily_budget
from ml.policy.authority import Authorization, authorize
from ml.policy.decisions import plan_hash
from ml.policy.guardrails import PlanFigures, guardrails_of

HELD: Final = "-held"
WEEK: Final = timedelta(days=7)


class ReleaseError(RuntimeError):
    """A plan can't be released as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Office:
    """What releasing needs: where things are, what the operator states, and the key that links are made with."""

    home: Home
    ledger: Ledger
    configuration: Configuration
    unsubscribe: Unsubscribe = field(repr=False)


def propose(office: Office, cycle_id: str, at: datetime) -> list[PlanStatus]:
    """Split a cycle's decisions by what their objectives' levels allow, and propose a plan for each part.

    Objectives that may act form the plan `<cycle_id>`; those that wait for a person form `<cycle_id>-held`.
    Doing it again changes nothing.
    """
    facts = read_json(office.home.cycle(cycle_id) / "plan.json")
    decisions = decisions_of(office.home, cycle_id)
    verdicts = _verdicts(office, decisions, cycle_id, at)
    waiting = sorted(name for name, verdict in verdicts.items() if verdict.state == "waiting")
    acting = sorted(name for name, verdict in verdicts.items() if verdict.state == "released")
    expires_at = at + timedelta(hours=office.configuration.policy.approvals.expire_hours)
    for plan_id, objectives in ((cycle_id, acting), (cycle_id + HELD, waiting)):
        if not objectives and not (plan_id == cycle_id and not waiting):
            continue
        part = _part(decisions, objectives)
        summary = _summary(part, {name: verdicts[name] for name in objectives})
        hash_ = plan_hash(part)
        office.ledger.plans.propose(PlanRecord(plan_id, cycle_id, hash_, objectives, summary, facts["versions"], at))
        if plan_id.endswith(HELD):
            needed = 2 if office.configuration.policy.approvals.four_eyes else 1
            reasons = [f"{name}: {reason}" for name in objectives for reason in verdicts[name].reasons]
            office.ledger.plans.hold(plan_id, reasons, at=at, expires_at=expires_at, approvals_needed=needed)
    return office.ledger.plans.list(cycle_id)


def release(office: Office, plan_id: str, at: datetime, *, by: str, withdraws: Collection[str] = ()) -> ReleaseCounts:
    """Release a plan that may be: its messages, rendered and checked, its authorization and its holds in one transaction.

    Args:
        office: The workspace.
        plan_id: A plan that is proposed or approved.
        at: The clock T.
        by: The level that allows it, or the person who approved.
        withdraws: Open messages that it takes the place of.

    Raises:
        ReleaseError: The decisions aren't those that were proposed, or a message broke a data test.
    """
    plan = office.ledger.plans.get(plan_id)
    part = _part(decisions_of(office.home, plan.cycle_id), plan.objectives)
    if plan_hash(part) != plan.plan_hash:
        raise ReleaseError(f"plan {plan_id}: cycles/{plan.cycle_id}/decisions.parquet isn't what was proposed; restore the file, or run the cycle anew as another one")
    people = read_mart(office.home, plan.versions["generation_id"], "dim_recipients")
    outgoing = build_messages(part, people, office.configuration, office.unsubscribe)
    if len(outgoing):
        outgoing = outgoing[outgoing["expires_at"] > pd.Timestamp(at).tz_convert("UTC").tz_localize(None)]
        _check_messages(office.ledger, outgoing, plan, part, at)
    day = date.fromisoformat(plan.cycle_id[:10])
    return office.ledger.plans.release(
        plan_id,
        plan.plan_hash,
        by=by,
        at=at,
        messages=outgoing,
        expires_at=datetime.combine(day, at.timetz()).replace(hour=0, minute=0) + WEEK,
        budgets=_budget_lines(office.configuration, plan.objectives, day),
        withdraws=withdraws,
    )


def decisions_of(home: Home, cycle_id: str) -> pd.DataFrame:
    """Every decision of a cycle."""
    return pd.read_parquet(home.cycle(cycle_id) / "decisions.parquet")


def _part(decisions: pd.DataFrame, objectives: Collection[str]) -> pd.DataFrame:
    return decisions[decisions["objective_id"].isin(list(objectives))].reset_index(drop=True)


def _verdicts(office: Office, decisions: pd.DataFrame, cycle_id: str, at: datetime) -> dict[str, Authorization]:
    """What each objective's level says of its part. The caps of the policy are asked of the whole."""
    policy, day = office.configuration.policy, date.fromisoformat(cycle_id[:10])
    past = office.ledger.figures.since(date(1970, 1, 1))
    used = office.ledger.figures.used_actions(day)
    age_hours = _data_age_hours(office, at)
    verdicts = {}
    for objective in office.configuration.objectives:
        part = decisions[decisions["objective_id"] == objective.id]
        if part.empty:
            continue
        contacts = part[part["channel"] != NONE]
        own = past[(past["objective_id"] == objective.id)]
        before = own[own["cycle_on"] < day.isoformat()].groupby("cycle_on")[["spend", "people"]].sum()
        figures = PlanFigures(
            spend=contacts.groupby("channel")["contact_cost"].sum().to_dict(),
            people=contacts["customer_id"].nunique(),
            data_age_hours=age_hours,
            past_spend=before["spend"].tolist(),
            past_people=before["people"].tolist(),
            forecast_spend=daily_budget(objective, float(before["spend"].sum()), day),
        )
        level = office.ledger.objectives.see(objective.id, objective.autonomy, owner=objective.owner, at=at)
        new = sorted({f"{c}:{o}" for c, o in contacts[["channel", "offer_id"]].drop_duplicates().itertuples(index=False) if (c, o) not in used})
        verdicts[objective.id] = authorize(
            figures, level, guardrails_of(policy.guardrails), first_uses=new, is_first_cycle=before.empty  # type: ignore[arg-type]
        )
    return verdicts


def _data_age_hours(office: Office, at: datetime) -> float:
    """Hours since a file with rows last came in."""
    newest = office.ledger.landing.newest()
    return 0.0 if newest is None else max(0.0, (at - newest).total_seconds() / 3600)


def _summary(part: pd.DataFrame, verdicts: Mapping[str, Authorization]) -> dict[str, Any]:
    contacts = part[part["channel"] != NONE]
    return {
        "people": int(part["customer_id"].nunique()),
        "contacted": int(contacts["customer_id"].nunique()),
        "messages": {str(k): int(v) for k, v in contacts["channel"].value_counts().items()},
        "spend": {str(k): round(float(v), 6) for k, v in contacts.groupby("channel")["contact_cost"].sum().items()},
        "value": float(contacts["net_value"].sum()),
        "guardrails": {name: [reading.words for reading in verdict.readings] for name, verdict in verdicts.items()},
        "remarks": [f"{name}: {reason}" for name, verdict in verdicts.items() for reason in verdict.reasons],
    }


def _check_messages(ledger: Ledger, outgoing: pd.DataFrame, plan: PlanStatus, part: pd.DataFrame, at: datetime) -> None:
    result = messages_suite.check(outgoing.assign(plan_id=plan.plan_id), cycle_id=plan.cycle_id, plan_id=plan.plan_id, decisions=part)
    ledger.generations.record_gate(
        plan.versions["generation_id"], f"messages of {plan.plan_id}", is_passed=result.passed, at=at, detail="; ".join(map(str, result.failures))
    )
    if not result.passed:
        raise ReleaseError(f"plan {plan.plan_id}: its messages broke a data test, nothing was released: " + "; ".join(map(str, result.failures)))


def _budget_lines(configuration: Configuration, objectives: Sequence[str], day: date) -> list[BudgetLine]:
    caps = configuration.policy.spend_caps
    lines = [BudgetLine(f"objective:{name}", configuration.objective(name).budget) for name in objectives]
    lines += [BudgetLine(f"channel:{name}", cap, day) for name, cap in caps.per_channel_per_day.items()]
    return lines if caps.per_day is None else [*lines, BudgetLine("total", caps.per_day, day)]
