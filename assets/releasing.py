"""From decisions to released messages: what each objective's level allows, the plans that follow, and their release.

The same functions serve the cycle, the re-optimization and a person's approval: there is one way out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import pandas as pd

from assets.channels.messages import Unsubscribe, build_messages, content_sha256
from assets.cycles import read_json, write_json
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.objectives import channel_subject
from assets.ledger.records import BudgetLine, Escalation, PlanRecord, PlanStatus, ReleaseCounts
from assets.plan_figures import Day, day_of, figures_of
from data_tests import messages as messages_suite
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.entities import AUTONOMY_LEVELS, NONE, Autonomy, Channel, lower
from ml.policy.authority import Authorization, authorize, authorize_channels
from ml.policy.decisions import plan_hash
from ml.policy.earning import Judgement, breach
from ml.policy.guardrails import guardrails_of

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
        own = _part(decisions, part["objectives"], part["summary"].get("channels"))
        _propose(office, plan_id, part, own, cycle_id, asked_at)
    _lower_on_breach(office, split["plans"], cycle_id, asked_at)
    return office.ledger.plans.list(cycle_id)


def _lower_on_breach(office: Office, plans: Mapping[str, Mapping[str, Any]], cycle_id: str, at: datetime) -> None:
    """Lower the level of objectives that this cycle breached a guardrail for: from the next plan on, within the day too."""
    for name in sorted({name for part in plans.values() for name in part["summary"].get("crossed", {})}):
        level: Autonomy = office.ledger.objectives.level(name)  # type: ignore[assignment]
        judged = _own_breach(plans, cycle_id, name, level)
        if judged is not None:
            office.ledger.earning.keep(name, cycle_id, "breach", level, judged, at=at)


def _own_breach(
    plans: Mapping[str, Mapping[str, Any]], cycle_id: str, objective_id: str, level: Autonomy
) -> Judgement | None:
    """What the plans of a cycle do themselves to the level of an objective that they were made under."""
    crossed = {plan_id: part["summary"].get("crossed", {}).get(objective_id, ()) for plan_id, part in plans.items()}
    return breach(level, crossed.get(cycle_id, ()), [each for found in crossed.values() for each in found])


def _split(office: Office, decisions: pd.DataFrame, cycle_id: str, at: datetime) -> dict[str, Any]:
    """What each level said when it was first asked: asked again later, with other figures, it could say otherwise."""
    replaced = frozenset(_withdraws(office, cycle_id))
    day = day_of(office.home, office.ledger, office.configuration, decisions, cycle_id, at, replaced=replaced)
    verdicts = {
        objective.id: _verdicts(office, objective, day, at)
        for objective in office.configuration.objectives
        if (decisions["objective_id"] == objective.id).any()
    }
    plans = {}
    for plan_id, state in ((cycle_id, "released"), (cycle_id + HELD, "waiting")):
        own = {name: _of_state(found, state) for name, found in verdicts.items()}
        own = {name: found for name, found in own.items() if found}
        if own or (plan_id == cycle_id and not verdicts):
            plans[plan_id] = _planned(office, plan_id, decisions, own, cycle_id)
    return {"at": at.isoformat(), "plans": plans}


def _planned(
    office: Office,
    plan_id: str,
    decisions: pd.DataFrame,
    verdicts: Mapping[str, Mapping[str, Authorization]],
    cycle_id: str,
) -> dict[str, Any]:
    """One plan of the split. What waits for a person is rendered already: the approval is for exactly that content."""
    objectives = sorted(verdicts)
    channels = {name: sorted(verdicts[name]) for name in objectives}
    part = _part(decisions, objectives, channels)
    reasons = [
        f"{name}: {reason}"
        for name in objectives
        for reason in dict.fromkeys(reason for verdict in verdicts[name].values() for reason in verdict.reasons)
    ]
    summary = _summary(part, verdicts) | {"channels": channels, "remarks": reasons}
    if plan_id.endswith(HELD):
        generation_id = read_json(office.home.cycle(cycle_id) / "plan.json")["versions"]["generation_id"]
        summary["content_sha256"] = content_sha256(_rendered(office, part, generation_id))
    levels = _levels_in_force(office, channels)
    return {"objectives": objectives, "summary": summary, "reasons": reasons, "levels": levels}


def _levels_in_force(office: Office, channels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The levels of objectives, and of those of their channels that have one of their own."""
    subjects = [
        each for name in sorted(channels) for each in (name, *(channel_subject(name, c) for c in channels[name]))
    ]
    found = {subject: office.ledger.objectives.level(subject) for subject in subjects}
    return {subject: level for subject, level in found.items() if level is not None}


def _of_state(verdicts: Mapping[str, Authorization], state: str) -> dict[str, Authorization]:
    return {channel: verdict for channel, verdict in verdicts.items() if verdict.state == state}


def _verdicts(office: Office, objective: Objective, day: Day, at: datetime) -> dict[str, Authorization]:
    """What the levels in force say of an objective's part, by channel; `none` are the people whom it leaves alone."""
    figures = figures_of(objective, day, office.configuration)
    bounds = guardrails_of(office.configuration.policy.guardrails)
    level, by_channel = _levels(office, objective, at)
    used = day.contacts.loc[day.contacts["objective_id"] == objective.id, "channel"].unique()
    verdicts: dict[str, Authorization] = {
        str(channel): verdict
        for channel, verdict in authorize_channels(
            figures, {channel: lower(level, by_channel.get(channel, level)) for channel in used}, bounds
        ).items()
    }
    acting = next((verdict for verdict in verdicts.values() if verdict.state == "released"), None)
    alone = acting or next(iter(verdicts.values()), None) or authorize(figures, level, bounds)
    return verdicts | {NONE: alone}


def _levels(office: Office, objective: Objective, at: datetime) -> tuple[Autonomy, Mapping[Channel, Autonomy]]:
    """The objective's level in force, and those of channels that have one of their own."""
    ledger = office.ledger.objectives
    level = ledger.see(objective.id, objective.autonomy, owner=objective.owner, at=at)
    stated: Mapping[str, str] = {str(channel): word for channel, word in objective.autonomy_by_channel.items()}
    by_channel = ledger.see_channels(objective.id, stated, otherwise=objective.autonomy, owner=objective.owner, at=at)
    return level, by_channel  # type: ignore[return-value]


def _propose(
    office: Office, plan_id: str, part: Mapping[str, Any], decisions: pd.DataFrame, cycle_id: str, at: datetime
) -> None:
    """A plan into the ledger, in one act with its escalation where it waits for a person. One that went further stays as it is."""
    plans, approvals = office.ledger.plans, office.configuration.policy.approvals
    versions = read_json(office.home.cycle(cycle_id) / "plan.json")["versions"]
    record = PlanRecord(plan_id, cycle_id, plan_hash(decisions), part["objectives"], part["summary"], versions, at)
    expires_at = at + timedelta(hours=approvals.expire_hours)
    held = Escalation(part["reasons"], expires_at, 2 if approvals.four_eyes else 1)
    plans.propose(record, held=held if plan_id.endswith(HELD) else None)


def release_by_policy(office: Office, plan: PlanStatus, at: datetime) -> ReleaseCounts | None:
    """Release a proposed plan that its levels let go; where one was lowered since they were asked, it waits for a person.

    Returns:
        What the release did; None where the plan is held.
    """
    reasons = _lowered_since(office, plan, at)
    if not reasons:
        return release(office, plan.plan_id, at, by="policy")
    approvals = office.configuration.policy.approvals
    expires_at = at + timedelta(hours=approvals.expire_hours)
    needed = 2 if approvals.four_eyes else 1
    office.ledger.plans.hold(plan.plan_id, reasons, at=at, expires_at=expires_at, approvals_needed=needed)
    return None


def _lowered_since(office: Office, plan: PlanStatus, at: datetime) -> list[str]:
    """A lower level holds at once, also for what was decided before: a line for each that was lowered."""
    for objective in office.configuration.objectives:
        if objective.id in plan.objectives:
            _levels(office, objective, at)  # takes note of what its file says by now
    plans = read_json(office.home.cycle(plan.cycle_id) / SPLIT)["plans"]
    now = _levels_in_force(office, {name: plan.channels_of(name) for name in plan.objectives})
    lowered = []
    for subject, level in plans[plan.plan_id].get("levels", {}).items():
        own = _own_breach(plans, plan.cycle_id, subject, level)  # holds from the next plan on
        if AUTONOMY_LEVELS.index(now[subject]) < AUTONOMY_LEVELS.index(own.level if own else level):
            lowered.append(f"{subject}: its level was lowered from {level} to {now[subject]} after this was decided")
    return lowered


def release(office: Office, plan_id: str, at: datetime, *, by: str) -> ReleaseCounts:
    """Release a plan that may be: its messages, rendered and checked, its authorization and its holds in one transaction.

    Args:
        office: The workspace.
        plan_id: A plan that is proposed or approved.
        at: The clock T.
        by: The level that allows it, or the person who approved.

    Raises:
        ReleaseError: The decisions or the content aren't those that were proposed, or a message broke a data test.
    """
    plan = office.ledger.plans.get(plan_id)
    part = part_of(plan, decisions_of(office.home, plan.cycle_id))
    if plan_hash(part) != plan.plan_hash:
        raise ReleaseError(
            f"plan {plan_id}: cycles/{plan.cycle_id}/decisions.parquet isn't what was proposed; "
            "restore the file, or run the cycle anew as another one"
        )
    outgoing = _rendered(office, part, plan.versions["generation_id"])
    if content_sha256(outgoing) != plan.summary.get("content_sha256", content_sha256(outgoing)):
        raise ReleaseError(
            f"plan {plan_id}: what would be sent isn't what was shown: a template, an offer's label, the sender or the "
            "address of links has changed since; restore it, or reject the plan and run the cycle anew"
        )
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


def _rendered(office: Office, part: pd.DataFrame, generation_id: str) -> pd.DataFrame:
    people = read_mart(office.home, generation_id, "dim_recipients")
    return build_messages(part, people, office.configuration, office.unsubscribe)


def _withdraws(office: Office, cycle_id: str) -> dict[str, str]:
    """Open messages that a re-optimization takes the place of, with their customers."""
    path = office.home.cycle(cycle_id) / WITHDRAWS
    return dict(read_json(path)["withdraws"]) if path.exists() else {}


def _withdrawn(office: Office, plan: PlanStatus, part: pd.DataFrame) -> list[str]:
    """Open messages to withdraw: those of the plan's own people, and with the acting plan those of people who get nothing now."""
    withdraws = _withdraws(office, plan.cycle_id)
    if not withdraws:
        return []
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


def part_of(plan: PlanStatus, decisions: pd.DataFrame) -> pd.DataFrame:
    """A plan's own decisions, of those of its cycle."""
    return _part(decisions, plan.objectives, plan.summary.get("channels"))


def _part(
    decisions: pd.DataFrame, objectives: Collection[str], channels: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """Decisions of the objectives; with `channels` only those that it names for each."""
    if channels is None:
        return decisions[decisions["objective_id"].isin(list(objectives))].reset_index(drop=True)
    pairs = [(name, channel) for name in objectives for channel in channels[name]]
    own = pd.MultiIndex.from_frame(decisions[["objective_id", "channel"]]).isin(pairs)
    return decisions[own].reset_index(drop=True)


def _summary(part: pd.DataFrame, verdicts: Mapping[str, Mapping[str, Authorization]]) -> dict[str, Any]:
    contacts = part[part["channel"] != NONE]
    return {
        "people": int(part["customer_id"].nunique()),
        "contacted": int(contacts["customer_id"].nunique()),
        "messages": {str(k): int(v) for k, v in contacts["channel"].value_counts().items()},
        "spend": {str(k): round(float(v), 6) for k, v in contacts.groupby("channel")["contact_cost"].sum().items()},
        "value": float(contacts["net_value"].sum()),
        "guardrails": {
            name: list(dict.fromkeys(reading.words for verdict in found.values() for reading in verdict.readings))
            for name, found in verdicts.items()
        },
        "crossed": {name: crossed for name, found in verdicts.items() if (crossed := _crossed(found))},
    }


def _crossed(verdicts: Mapping[str, Authorization]) -> list[str]:
    """Guardrails that the contacts of an objective's part cross, by their keys."""
    readings = [reading for channel, verdict in verdicts.items() if channel != NONE for reading in verdict.readings]
    return sorted({reading.name for reading in readings if reading.is_crossed})


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
