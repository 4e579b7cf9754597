"""From decisions to released messages: what each objective's level allows, the plans that follow, and their release.

The same functions serve the cycle, the re-optimization and a person's approval: there is one way out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from assets.channels.messages import Unsubscribe, build_messages
from assets.cycles import read_json, write_json
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord, PlanStatus, ReleaseCounts
from data_tests import messages as messages_suite
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.entities import NONE
from ml.objectives.pacing import daily_budget
from ml.policy.authority import Authorization, authorize
from ml.policy.decisions import plan_hash
from ml.policy.guardrails import PlanFigures, guardrails_of

HELD: Final = "-held"
WITHDRAWS: Final = "withdraws.json"
"""Open messages, with their customers, that a re-optimization takes the place of."""
SPLIT: Final = "authority.json"
"""Which objectives' parts may go and which wait, as their levels said when the cycle was first proposed."""
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
    decisions = decisions_of(office.home, cycle_id)
    path = office.home.cycle(cycle_id) / SPLIT
    if not path.exists():
        write_json(_split(office, decisions, cycle_id, at), path)
    split = read_json(path)
    asked_at = datetime.fromisoformat(split["at"])
    for plan_id, part in split["plans"].items():
        _propose(office, plan_id, part, _part(decisions, part["objectives"]), cycle_id, asked_at)
    return office.ledger.plans.list(cycle_id)


def _split(office: Office, decisions: pd.DataFrame, cycle_id: str, at: datetime) -> dict[str, Any]:
    """What each level said when it was first asked: asked again later, with other figures, it could say otherwise."""
    verdicts = _verdicts(office, decisions, cycle_id, at)
    waiting = sorted(name for name, verdict in verdicts.items() if verdict.state == "waiting")
    acting = sorted(name for name, verdict in verdicts.items() if verdict.state == "released")
    plans = {}
    for plan_id, objectives in ((cycle_id, acting), (cycle_id + HELD, waiting)):
        if not objectives and not (plan_id == cycle_id and not waiting):
            continue
        own = {name: verdicts[name] for name in objectives}
        reasons = [f"{name}: {reason}" for name in objectives for reason in verdicts[name].reasons]
        plans[plan_id] = {
            "objectives": objectives,
            "summary": _summary(_part(decisions, objectives), own),
            "reasons": reasons,
        }
    return {"at": at.isoformat(), "plans": plans}


def _propose(
    office: Office, plan_id: str, part: Mapping[str, Any], decisions: pd.DataFrame, cycle_id: str, at: datetime
) -> None:
    """A plan into the ledger, and held at once where it waits for a person. One that went further stays as it is."""
    plans, approvals = office.ledger.plans, office.configuration.policy.approvals
    versions = read_json(office.home.cycle(cycle_id) / "plan.json")["versions"]
    plans.propose(
        PlanRecord(plan_id, cycle_id, plan_hash(decisions), part["objectives"], part["summary"], versions, at)
    )
    if plan_id.endswith(HELD) and plans.get(plan_id).state == "proposed":
        expires_at = at + timedelta(hours=approvals.expire_hours)
        needed = 2 if approvals.four_eyes else 1
        plans.hold(plan_id, part["reasons"], at=at, expires_at=expires_at, approvals_needed=needed)


def release(office: Office, plan_id: str, at: datetime, *, by: str) -> ReleaseCounts:
    """Release a plan that may be: its messages, rendered and checked, its authorization and its holds in one transaction.

    Args:
        office: The workspace.
        plan_id: A plan that is proposed or approved.
        at: The clock T.
        by: The level that allows it, or the person who approved.

    Raises:
        ReleaseError: The decisions aren't those that were proposed, or a message broke a data test.
    """
    plan = office.ledger.plans.get(plan_id)
    part = _part(decisions_of(office.home, plan.cycle_id), plan.objectives)
    if plan_hash(part) != plan.plan_hash:
        raise ReleaseError(
            f"plan {plan_id}: cycles/{plan.cycle_id}/decisions.parquet isn't what was proposed; "
            "restore the file, or run the cycle anew as another one"
        )
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
        withdraws=_withdrawn(office, plan, part),
    )


def _withdrawn(office: Office, plan: PlanStatus, part: pd.DataFrame) -> list[str]:
    """Open messages to withdraw: those of the plan's own people, and with the acting plan those of people who get nothing now."""
    path = office.home.cycle(plan.cycle_id) / WITHDRAWS
    if not path.exists():
        return []
    withdraws = read_json(path)["withdraws"]
    replaced = set(decisions_of(office.home, plan.cycle_id, ("customer_id",))["customer_id"])
    own = set(part["customer_id"])
    return [
        message_id
        for message_id, customer in withdraws.items()
        if customer in own or (customer not in replaced and plan.plan_id == plan.cycle_id)
    ]


def decisions_of(home: Home, cycle_id: str, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Every decision of a cycle, with all columns or those asked for."""
    return pd.read_parquet(
        home.cycle(cycle_id) / "decisions.parquet", columns=None if columns is None else list(columns)
    )


def _part(decisions: pd.DataFrame, objectives: Collection[str]) -> pd.DataFrame:
    return decisions[decisions["objective_id"].isin(list(objectives))].reset_index(drop=True)


def _verdicts(office: Office, decisions: pd.DataFrame, cycle_id: str, at: datetime) -> dict[str, Authorization]:
    """What each objective's level says of its part of the day: what this cycle adds to what is bound or spent today already."""
    day = date.fromisoformat(cycle_id[:10])
    figures = office.ledger.figures.since(date(1970, 1, 1))
    today = figures[figures["cycle_on"] == day.isoformat()]
    earlier = figures[figures["cycle_on"] < day.isoformat()]
    contacts = decisions[decisions["channel"] != NONE]
    used = office.ledger.figures.used_actions(day) | _used_before(office, cycle_id)
    shared = _Shared(_spend(contacts, today), _data_age_hours(office, at))
    return {
        objective.id: _verdict(office, objective, contacts, today, earlier, used, shared, day, at)
        for objective in office.configuration.objectives
        if (decisions["objective_id"] == objective.id).any()
    }


@dataclass(frozen=True)
class _Shared:
    """What all objectives of a day share."""

    day_spend: Mapping[str, float]
    data_age_hours: float


def _verdict(
    office: Office,
    objective: Objective,
    contacts: pd.DataFrame,
    today: pd.DataFrame,
    earlier: pd.DataFrame,
    used: set[tuple[str, str]],
    shared: _Shared,
    day: date,
    at: datetime,
) -> Authorization:
    own, own_today = (frame[frame["objective_id"] == objective.id] for frame in (contacts, today))
    before = earlier[earlier["objective_id"] == objective.id].groupby("cycle_on")[["spend", "people"]].sum()
    figures = PlanFigures(
        spend=_spend(own, own_today),  # type: ignore[arg-type]
        people=int(own["customer_id"].nunique() + own_today["people"].sum()),
        data_age_hours=shared.data_age_hours,
        past_spend=before["spend"].tolist(),
        past_people=before["people"].tolist(),
        forecast_spend=daily_budget(objective, float(before["spend"].sum()), day),
        day_spend=shared.day_spend,  # type: ignore[arg-type]
    )
    level = office.ledger.objectives.see(objective.id, objective.autonomy, owner=objective.owner, at=at)
    options = own[["channel", "offer_id"]].drop_duplicates().itertuples(index=False)
    new = sorted(
        f"{option.channel}:{option.offer_id}" for option in options if (option.channel, option.offer_id) not in used
    )
    bounds = guardrails_of(office.configuration.policy.guardrails)
    return authorize(figures, level, bounds, first_uses=new, is_first_cycle=before.empty)  # type: ignore[arg-type]


def _spend(contacts: pd.DataFrame, today: pd.DataFrame) -> dict[str, float]:
    """Money by channel: of these contacts and of what is released today."""
    both = (
        contacts.groupby("channel")["contact_cost"].sum().add(today.groupby("channel")["spend"].sum(), fill_value=0.0)
    )
    return {str(channel): float(amount) for channel, amount in both.items()}


def _used_before(office: Office, cycle_id: str) -> set[tuple[str, str]]:
    """Channels with offers that the touch history knows."""
    generation_id = read_json(office.home.cycle(cycle_id) / "plan.json")["versions"]["generation_id"]
    touches = read_mart(
        office.home, generation_id, "fct_touches", "distinct channel, coalesce(offer_id, 'none') as offer_id"
    )
    return set(touches.itertuples(index=False, name=None))


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
    result = messages_suite.check(
        outgoing.assign(plan_id=plan.plan_id), cycle_id=plan.cycle_id, plan_id=plan.plan_id, decisions=part
    )
    ledger.generations.record_gate(
        plan.versions["generation_id"],
        f"messages of {plan.plan_id}",
        is_passed=result.passed,
        at=at,
        detail="; ".join(map(str, result.failures)),
    )
    if not result.passed:
        raise ReleaseError(
            f"plan {plan.plan_id}: its messages broke a data test, nothing was released: "
            + "; ".join(map(str, result.failures))
        )


def _budget_lines(configuration: Configuration, objectives: Sequence[str], day: date) -> list[BudgetLine]:
    caps = configuration.policy.spend_caps
    lines = [BudgetLine(f"objective:{name}", configuration.objective(name).budget) for name in objectives]
    lines += [BudgetLine(f"channel:{name}", cap, day) for name, cap in caps.per_channel_per_day.items()]
    return lines if caps.per_day is None else [*lines, BudgetLine("total", caps.per_day, day)]
