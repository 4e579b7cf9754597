"""Runs a job of the project in this process, on the workspace's own Dagster instance, and tells how it goes."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.aside import aside
from orchestration.resources import AT_TAG

Progress = Callable[[str, float | None], None]
"""Called with a step's name, and its seconds once it has succeeded (None while it begins)."""

POLL_SECONDS = 0.4


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        seconds: Wall time by step, in the order of completion.
        error: The first failure in one line with its cause, None where the run succeeded.
        metadata: What each asset recorded, by its key (`raw/orders`, `outcomes`); numbers and text only.
    """

    run_id: str
    seconds: dict[str, float]
    error: str | None
    metadata: dict[str, dict[str, Any]]


def run_job(
    job: str,
    *,
    day: date,
    at: datetime,
    trigger: str,
    progress: Progress,
    log: Path,
    assets: dg.AssetSelection | None = None,
) -> Run:
    """Run `job`, or those of its `assets`, for the partition of `day` with business time `at`.

    The run appears in the Dagster UI of the same home, like any other. What dbt and the solvers print goes to `log`.
    """
    from orchestration.definitions import defs  # noqa: PLC0415 - heavy: dbt's manifest is read here

    run_id = str(uuid.uuid4())
    tags = {AT_TAG: at.isoformat(), "wayfinder/cycle": day.isoformat(), "wayfinder/trigger": trigger}
    log.parent.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.get() as instance, aside(log), _watching(instance, run_id, progress) as watched:
        result = defs.resolve_job_def(job).execute_in_process(
            run_id=run_id,
            instance=instance,
            partition_key=day.isoformat(),
            tags=tags,
            raise_on_error=False,
            asset_selection=None if assets is None else list(assets.resolve(defs.resolve_asset_graph())),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        error = None if result.success else _first_failure(instance, run_id)
    return Run(run_id, watched, error, _metadata(result))


class _watching:  # noqa: N801 - reads as a phrase where it is used
    """Follows a run's events in a thread: Dagster tells nothing while a job runs in this process."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str, progress: Progress) -> None:
        self._instance, self._run_id, self._progress = instance, run_id, progress
        self._seconds: dict[str, float] = {}
        self._cursor: str | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> dict[str, float]:
        self._thread.start()
        return self._seconds

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._look()

    def _follow(self) -> None:
        while not self._stopped.wait(POLL_SECONDS):
            self._look()

    def _look(self) -> None:
        kinds = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}
        found = self._instance.get_records_for_run(self._run_id, cursor=self._cursor, of_type=kinds)
        self._cursor = found.cursor
        for record in found.records:
            event = record.event_log_entry.dagster_event
            if event is None or event.step_key is None:
                continue
            if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
                self._seconds[event.step_key] = event.step_success_data.duration_ms / 1000
                self._progress(event.step_key, self._seconds[event.step_key])
            else:
                self._progress(event.step_key, None)


def _metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Plain values of each materialization."""
    found: dict[str, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        recorded = event.materialization
        values = {
            name: value.value
            for name, value in recorded.metadata.items()
            if isinstance(value.value, str | int | float | bool)
        }
        found["/".join(recorded.asset_key.path)] = values
    return found


def _first_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    found = instance.get_records_for_run(run_id, of_type={dg.DagsterEventType.STEP_FAILURE})
    for record in found.records:
        event = record.event_log_entry.dagster_event
        error = event.step_failure_data.error if event else None
        if event and error:
            cause = error
            while cause.cause is not None:
                cause = cause.cause
            return f"{event.step_key}: {cause.message.strip()}"
    return "the run failed before its first step; see it in the Dagster UI"
