"""Sensors: they ask the landing folder and the ledger whether there is work, and start the run that does it.

Others ask whether there is trouble, and tell a person. None of them keeps anything: what is done is in the ledger, so a
run that failed is asked for again at the next tick.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from assets.home import Home
from assets.intake import FileStat, pending_files
from assets.ledger.ledger import Ledger
from orchestration import jobs
from orchestration.health import troubles
from orchestration.notify import Notifier

LANDING_SECONDS = 30
APPROVAL_SECONDS = 30
WATCH_SECONDS = 60
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
RETRY_AFTER = timedelta(minutes=15)


def build_sensors(
    time_zone: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC), notifier: Notifier | None = None
) -> list[dg.SensorDefinition]:
    """The sensors of a workspace.

    Args:
        time_zone: Where its days begin (IANA name).
        clock: What time it is.
        notifier: Who is told of trouble; nobody by default.
    """

    def today() -> str:
        return clock().astimezone(ZoneInfo(time_zone)).date().isoformat()

    @dg.sensor(
        job=jobs.ingest, minimum_interval_seconds=LANDING_SECONDS, description="New landing files start an ingest."
    )
    def new_files(
        context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home], ledger: dg.ResourceParam[Ledger]
    ) -> dg.RunRequest | dg.SkipReason:
        waiting = pending_files(home.root, {FileStat(*seen) for seen in ledger.landing.seen()})
        events = ledger.inbox.waiting(at=clock())
        if events:
            context.log.info(f"{events} events wait in the inbox")
        if not waiting and not events:
            return dg.SkipReason("no new file")
        if _is_under_way(context, "ingest", "cycle"):
            return dg.SkipReason(f"{len(waiting)} new files; a run that takes them in is under way")
        if _failed_lately(context, "ingest", clock()):
            return dg.SkipReason(
                f"{len(waiting)} new files; the last ingest failed, the next try is {RETRY_AFTER} after it"
            )
        context.log.info(f"{len(waiting)} new files")
        return dg.RunRequest(partition_key=today(), tags={"wayfinder/cycle": today(), "wayfinder/trigger": "landing"})

    @dg.sensor(
        job=jobs.hand_over,
        minimum_interval_seconds=APPROVAL_SECONDS,
        description="A person's approval starts the hand-over.",
    )
    def approved_plans(
        context: dg.SensorEvaluationContext, ledger: dg.ResourceParam[Ledger]
    ) -> dg.RunRequest | dg.SkipReason:
        released = ledger.plans.released_by_people_since(clock() - timedelta(seconds=10 * APPROVAL_SECONDS))
        done = context.cursor or ""
        newest = max(released, default="")
        if newest <= done:
            return dg.SkipReason("no new approval")
        context.update_cursor(newest)  # a missed tick is harmless: the schedule hands over every quarter of an hour
        return dg.RunRequest(partition_key=today(), tags={"wayfinder/cycle": today(), "wayfinder/trigger": "approval"})

    return [new_files, approved_plans, *_notices(clock, notifier or Notifier())]


def _notices(clock: Callable[[], datetime], notices: Notifier) -> list[dg.SensorDefinition]:
    """The sensors that tell people."""

    @dg.sensor(
        minimum_interval_seconds=WATCH_SECONDS,
        description="Tells a person, once, of what is stuck, stopped or lapsing.",
    )
    def troubled_ledger(context: dg.SensorEvaluationContext, ledger: dg.ResourceParam[Ledger]) -> dg.SkipReason:
        known = set(json.loads(context.cursor or "[]"))
        found = troubles(ledger.engine, clock())
        for trouble in found:
            if trouble.key not in known:
                context.log.warning(trouble.words)
                notices.notify(trouble.words, {"event": "ledger", "key": trouble.key})
        context.update_cursor(json.dumps(sorted(trouble.key for trouble in found)))
        return dg.SkipReason("; ".join(trouble.words for trouble in found) or "nothing is stuck, stopped or lapsing")

    @dg.run_failure_sensor(
        minimum_interval_seconds=WATCH_SECONDS, description="Tells a person of every run that failed."
    )
    def failed_runs(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        steps = [event.step_key for event in context.get_step_failure_events() if event.step_key]
        facts = {"event": "run_failed", "job": run.job_name, "run_id": run.run_id, "steps": ", ".join(steps) or "none"}
        facts |= {"cycle": run.tags.get("wayfinder/cycle", ""), "trigger": run.tags.get("wayfinder/trigger", "")}
        # the error's own text stays in the event log: who reads a notice may not be allowed to read that
        notices.notify(f"run of {run.job_name} failed", facts)

    return [troubled_ledger, failed_runs]


def _is_under_way(context: dg.SensorEvaluationContext, *job_names: str) -> bool:
    return any(
        context.instance.get_runs(dg.RunsFilter(job_name=name, statuses=UNDER_WAY), limit=1) for name in job_names
    )


def _failed_lately(context: dg.SensorEvaluationContext, job_name: str, now: datetime) -> bool:
    records = context.instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    if not records or records[0].dagster_run.status != dg.DagsterRunStatus.FAILURE or records[0].end_time is None:
        return False
    return now - datetime.fromtimestamp(records[0].end_time, UTC) < RETRY_AFTER
