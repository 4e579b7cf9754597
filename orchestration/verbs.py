"""What each verb of the command line does, with its facts as plain values. Screens show them, `--json` prints them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd

from assets.channels.messages import creative_problems
from assets.cycles import read_json, revisions
from assets.home import Home
from assets.ledger.errors import LedgerError
from assets.ledger.ledger import Ledger
from assets.ledger.records import PlanStatus
from assets.releasing import ReleaseError, release
from assets.reoptimizing import CHANGES
from ml.configuration import Configuration, ConfigurationError, read_configuration
from ml.entities import CHANNELS
from orchestration import jobs
from orchestration.build import ledger_url, locked, prepare
from orchestration.errors import BadInput, WorkFailed
from orchestration.resources import drivers_of
from orchestration.runs import Progress, Run, run_job
from orchestration.settings import Settings

Facts = dict[str, Any]
Believes = Callable[[date], None]
"""Called with a cycle's day when its scores are there."""


def configuration_of(settings: Settings) -> Configuration:
    """The configuration that the settings name.

    Raises:
        BadInput: It has mistakes; the message lists all of them.
    """
    try:
        return read_configuration(settings.config)
    except ConfigurationError as error:
        raise BadInput(str(error)) from None


def day_of(settings: Settings, text: str | None, at: datetime) -> date:
    """Day of a cycle: the given one, else the day of `at` in the workspace's zone."""
    if text is None:
        return at.astimezone(ZoneInfo(configuration_of(settings).policy.time_zone)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--date {text!r} is no date; right would be 2026-01-05") from None


def cycle(
    settings: Settings, text: str | None, at: datetime, progress: Progress, *, believes: Believes | None = None
) -> Facts:
    """Run the whole asset graph for a day.

    Args:
        settings: The workspace.
        text: The day; that of `at` where it isn't given.
        at: The clock.
        progress: Told each step.
        believes: Puts other scores in the place of the model's before anything is decided by them.
    """
    day = day_of(settings, text, at)
    if believes is None:
        run = _run(settings, "cycle", day, at, "command line", progress)
    else:
        _run(settings, "cycle", day, at, "command line", progress, jobs.until_scores)
        believes(day)
        run = _run(settings, "cycle", day, at, "command line", progress, jobs.from_scores)
    home, ledger = Home(settings.home), _ledger(settings)
    facts = read_json(home.cycle(day.isoformat()) / "plan.json")
    plans = [plan_facts(plan) for plan in ledger.plans.list(day.isoformat())]
    summary = facts["summary"]
    return {
        **_of_plans(day.isoformat(), plans),
        "people_eligible": facts["people_eligible"],
        "people_contacted": summary["contacted"],
        "messages": _by_channel(summary["contacts_by_channel"]),
        "spend": _by_channel(summary["spend_by_channel"]),
        "value_expected": summary["value"],
        "gap": facts["allocation"]["gap"],
        "prices": facts["allocation"]["prices"],
        "leave_alone": summary["lines"],
        "handed_over": _handed_over(ledger, day.isoformat()),
        "lift": read_json(home.cycle(day.isoformat()) / "lift.json")["lifts"],
        "notes": [*_lacks(run), *facts["notes"]],
        "report": str(home.reports / f"{day}.html"),
        "run_id": run.run_id,
        "seconds": run.seconds,
    }


def _lacks(run: Run) -> list[str]:
    """What the run had to do without."""
    absent = [name.removeprefix("raw/") for name, recorded in run.metadata.items() if recorded.get("is_absent")]
    lacks = [f"nothing has ever landed for {', '.join(absent)}; the cycle works without"] if absent else []
    model = str(run.metadata.get("response_models", {}).get("notes", "none"))
    return lacks if model == "none" else [*lacks, model]


def dispatch(settings: Settings, at: datetime, progress: Progress) -> Facts:
    """Hand over what is released and due."""
    day = day_of(settings, None, at)
    before = _counts(_ledger(settings))
    run = _run(settings, "dispatch", day, at, "command line", progress)
    ledger = _ledger(settings)
    after = _counts(ledger)
    moved = {key: after[key] - before.get(key, 0) for key in after if key[1] not in {"pending", "leased", "sending"}}
    counts: dict[str, dict[str, int]] = {}
    for (channel, state), number in moved.items():
        counts.setdefault(state, {})[channel] = number
    plans = [plan_facts(plan) for plan in ledger.plans.list() if plan.cycle_id.startswith(day.isoformat())]
    sent = _by_channel(counts.get("sent", {}))
    return {
        **_of_plans(day.isoformat(), plans),
        "at": at.isoformat(),
        "people_eligible": None,
        "people_contacted": sum(sent.values()),
        "messages": sent,
        "spend": _by_channel(_spend_since(ledger, before)),
        "value_expected": None,
        "gap": None,
        "counts": counts,
        "run_id": run.run_id,
        "seconds": run.seconds,
    }


def ingest(settings: Settings, at: datetime, progress: Progress) -> Facts:
    """Take in what landed, and re-optimize the open rest of the day where that calls for it."""
    day = day_of(settings, None, at)
    run = _run(settings, "ingest", day, at, "command line", progress)
    taken, anew = run.metadata.get("outcomes", {}), run.metadata.get("reoptimization", {})
    cycle_id = str(anew.get("cycle", "unchanged"))
    home, ledger = Home(settings.home), _ledger(settings)
    changed = cycle_id != "unchanged"
    facts = read_json(home.cycle(cycle_id) / "plan.json") if changed else None
    plans = [plan_facts(plan) for plan in ledger.plans.list(cycle_id)] if changed else []
    summary = _summed(plans)
    return {
        **_of_plans(cycle_id if changed else day.isoformat(), plans),
        "files": taken.get("files", 0),
        "outcomes": {name: taken.get(name, 0) for name in ("new", "duplicate", "unmatched", "suppressed")},
        "decision": anew.get("decision", ""),
        "cancelled": anew.get("withdrawn", 0),
        "changes": (facts or {}).get("changes", {}),
        "people_eligible": facts["people_eligible"] if facts else None,
        "people_contacted": sum(summary["messages"].values()),
        "messages": summary["messages"],
        "spend": summary["spend"],
        "value_expected": summary["value"],
        "gap": facts["allocation"]["gap"] if facts else None,
        "run_id": run.run_id,
        "seconds": run.seconds | {name: value for name, value in anew.items() if name.startswith("seconds_")},
    }


def plans(settings: Settings, at: datetime) -> Facts:
    """Every plan with its state."""
    prepare(settings)
    ledger = _ledger(settings)
    waiting = {plan.plan_id for plan in ledger.plans.waiting(at)}
    found = [plan_facts(plan) for plan in ledger.plans.list()]
    for plan in found:
        plan["is_waiting"] = plan["plan_id"] in waiting
    return {"plans": found}


def approve(settings: Settings, plan_id: str, by: str, at: datetime) -> Facts:
    """Approve a waiting plan and release it."""
    from orchestration.resources import office_of  # noqa: PLC0415 - heavy

    prepare(settings)
    configuration_of(settings)
    office = office_of(settings)
    try:
        status = office.ledger.plans.approve(plan_id, by=by, at=at)
        released = release(office, plan_id, at, by=by).released if status.state == "approved" else 0
    except LedgerError as error:
        raise BadInput(str(error)) from None
    except ReleaseError as error:
        raise WorkFailed(str(error)) from None
    return {**plan_facts(office.ledger.plans.get(plan_id)), "by": by, "released": released}


def reject(
    settings: Settings,
    plan_id: str,
    by: str,
    reason: str,
    at: datetime,
    channels: Sequence[str] = (),
    until: str | None = None,
) -> Facts:
    """Reject a waiting plan, and with `channels` or `until` what the next plans leave out."""
    until_on = None if until is None else day_of(settings, until, at)
    prepare(settings)
    ledger = _ledger(settings)
    try:
        status = ledger.plans.reject(plan_id, by=by, at=at, why=reason, channels=channels, until_on=until_on)
    except LedgerError as error:
        raise BadInput(str(error)) from None
    return {**plan_facts(status), "by": by, "released": 0}


def why(settings: Settings, customer: str, channel: str | None, text: str | None) -> Facts:
    """Explain a person's decisions: of one day, or of the newest cycle that has any."""
    from ml.explain.why import why as explain  # noqa: PLC0415
    from ml.policy.send_windows import slot_hours  # noqa: PLC0415

    if channel is not None and channel not in CHANNELS:
        raise BadInput(f"--channel {channel!r} is none of {', '.join(CHANNELS)}")
    home, configuration = Home(settings.home), configuration_of(settings)
    customer_id = _customer_id(home, customer)
    days = [date.fromisoformat(text)] if text else sorted(_cycle_days(home), reverse=True)
    for cycle_id in (each for day in days for each in reversed(revisions(home, day))):
        decisions = pd.read_parquet(
            home.cycle(cycle_id) / "decisions.parquet", filters=[("customer_id", "==", customer_id)]
        )
        if channel is not None:
            decisions = decisions[decisions["channel"] == channel]
        if len(decisions):
            prices = read_json(home.cycle(cycle_id) / "plan.json")["allocation"]["prices"]
            return {
                "customer_id": customer_id,
                "cycle_id": cycle_id,
                "decisions": [
                    each.to_dict()
                    for each in explain(
                        decisions,
                        prices,
                        currency=configuration.policy.currency,
                        active_hours=_active_hours(home, cycle_id, customer_id),
                        slots=slot_hours(configuration.actions),
                    )
                ],
                "changes": _changes(home, cycle_id, customer_id),
            }
    raise BadInput(
        f"no decision about {customer!r}{f' on {text}' if text else ''}: the id must be one of "
        "dim_customers or of a CRM contact, in an objective's audience"
    )


def _active_hours(home: Home, cycle_id: str, customer_id: str) -> str | None:
    """When the person looked, as the cycle knew it; None where it kept no features of the person."""
    from ml.signals.hours import COLUMN  # noqa: PLC0415

    path = home.cycle(cycle_id) / "features.parquet"
    rows = pd.read_parquet(path, filters=[("customer_id", "==", customer_id)])
    found = rows.get(COLUMN, pd.Series(dtype="object")).dropna()
    return str(found.iloc[0]) if len(found) else None


def _changes(home: Home, cycle_id: str, customer_id: str) -> list[Facts]:
    """What re-optimizations of the cycle's day changed for the person, in order, each with its reason."""
    found: list[Facts] = []
    for revision in revisions(home, date.fromisoformat(cycle_id.partition(".")[0])):
        path = home.cycle(revision) / CHANGES
        if path.exists():
            rows = pd.read_parquet(path, filters=[("customer_id", "==", customer_id)])
            rows = rows.astype(object).where(rows.notna(), None)
            found += [
                {"cycle_id": revision, **{str(name): value for name, value in row.items()}}
                for row in rows.to_dict("records")
            ]
    return found


def report(settings: Settings, text: str | None) -> Facts:
    """Where the report of a day is."""
    home = Home(settings.home)
    found = sorted(home.reports.glob(f"{text or '*'}.html"))
    if not found:
        raise BadInput(f"no report{f' for {text}' if text else ''} yet: run `wayfinder cycle` first")
    return {"html": str(found[-1]), "markdown": str(found[-1].with_suffix(".md"))}


def last_cycle_day(settings: Settings) -> date | None:
    """The newest day with a plan."""
    return max(_cycle_days(Home(settings.home)), default=None)


def plan_facts(plan: PlanStatus) -> Facts:
    """A plan as plain values."""
    return {
        "plan_id": plan.plan_id,
        "cycle_id": plan.cycle_id,
        "state": {"approved": "waiting", "proposed": "waiting"}.get(plan.state, plan.state),
        "objectives": plan.objectives,
        "messages": sum(plan.summary["messages"].values()),
        "messages_by_channel": plan.summary["messages"],
        "spend": sum(plan.summary["spend"].values()),
        "spend_by_channel": plan.summary["spend"],
        "value_expected": plan.summary["value"],
        "reasons": plan.reasons,
    }


def _run(
    settings: Settings,
    job: str,
    day: date,
    at: datetime,
    trigger: str,
    progress: Progress,
    assets: dg.AssetSelection | None = None,
) -> Run:
    """One job at a time in a home: a second verb waits for the first."""
    configuration = configuration_of(settings)
    problems = creative_problems(configuration)
    if problems:
        raise BadInput("\n".join(problems))
    prepare(settings)
    try:
        drivers_of(settings, configuration)
    except ValueError as error:  # a secret that isn't set, a server that may not be reached
        raise BadInput(str(error)) from None
    with locked(settings.home / ".run.lock"):
        run = run_job(
            job,
            day=day,
            at=at,
            trigger=trigger,
            progress=progress,
            log=settings.home / "logs" / f"{day}.log",
            assets=assets,
        )
    if run.error:
        raise WorkFailed(run.error)
    return run


def _ledger(settings: Settings) -> Ledger:
    return Ledger(ledger_url(settings))


def _of_plans(cycle_id: str, plans: list[Facts]) -> Facts:
    """The cycle's plan as one line: released where any part of it is, else what its first part is."""
    states = [plan["state"] for plan in plans]
    first = next((plan for plan in plans if plan["state"] == "released"), plans[0] if plans else None)
    state = "released" if "released" in states else (states[0] if states else "released")
    return {"cycle_id": cycle_id, "plan_id": first["plan_id"] if first else cycle_id, "state": state, "plans": plans}


def _summed(plans: list[Facts]) -> Facts:
    messages = {channel: sum(plan["messages_by_channel"].get(channel, 0) for plan in plans) for channel in CHANNELS}
    spend = {channel: sum(plan["spend_by_channel"].get(channel, 0.0) for plan in plans) for channel in CHANNELS}
    return {"messages": messages, "spend": spend, "value": sum(plan["value_expected"] for plan in plans)}


def _by_channel(figures: dict[str, Any]) -> dict[str, Any]:
    return {channel: figures.get(channel, 0) for channel in CHANNELS}


def _counts(ledger: Ledger) -> dict[tuple[str, str], int]:
    frame = ledger.outbox.counts()
    keys = zip(frame["channel"].tolist(), frame["state"].tolist(), strict=True)
    return dict(zip(keys, frame["messages"].tolist(), strict=True))


def _spend_since(ledger: Ledger, before: dict[tuple[str, str], int]) -> dict[str, float]:
    """Money of the messages that left meanwhile, at the channel's mean cost: within a channel a contact costs the same."""
    sent = ledger.outbox.counts()
    sent = sent[sent["state"] == "sent"]
    rows = zip(sent["channel"].tolist(), sent["messages"].tolist(), sent["spend"].tolist(), strict=True)
    return {
        channel: spend * (1 - before.get((channel, "sent"), 0) / messages)
        for channel, messages, spend in rows
        if messages
    }


def _handed_over(ledger: Ledger, cycle_id: str) -> dict[str, int]:
    counts = ledger.outbox.counts(cycle_id)
    sent = counts[counts["state"] == "sent"]
    return dict(zip(sent["channel"].tolist(), sent["messages"].tolist(), strict=True))


def _cycle_days(home: Home) -> set[date]:
    return {date.fromisoformat(path.parent.name.partition(".")[0]) for path in home.root.glob("cycles/*/plan.json")}


def _customer_id(home: Home, name: str) -> str:
    """A customer by its own id, or by one of its CRM contacts, in the newest generation."""
    from assets.duck import query  # noqa: PLC0415

    generations = sorted(
        (path for path in home.published.glob("[0-9]*") if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    if not generations:
        raise BadInput("nothing is published yet: run `wayfinder cycle` first")
    path: Path = generations[-1] / "dim_recipients.parquet"
    sql = "select customer_id from read_parquet($path) where customer_id = $name or list_contains(contact_ids, $name)"
    found = query(sql, path=str(path), name=name)
    if found.empty:
        raise BadInput(f"no customer {name!r}: give a customer_id of dim_customers or a contact_id of the CRM")
    return str(found["customer_id"].iloc[0])
