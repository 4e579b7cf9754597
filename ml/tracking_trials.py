"""Through the same door to MLflow: fits of a table that a user had, each with a nested run for every candidate learner."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from ml.tracking import Tracking

TRIALS: Final = "trials"
_TAGS: Final = {
    "mlflow.note.content": "Fits of tables of past trials and mailings, each with a nested run for every candidate: `budget_value`, the "
    "gain a person averaged over all budgets, says why this learner won; those that can't be told apart from the best are averaged.",
}
_LONGEST: Final = 500
_LONGEST_NOTE: Final = 5000


@dataclass(frozen=True)
class CandidateRun:
    """A candidate and its figures."""

    name: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialRun:
    """What a fit is remembered by.

    Attributes:
        name: Shown in the table of runs.
        started_at: When it began.
        metrics: Figures by name.
        parameters: Which column was what, what was chosen.
        pictures: PNG bytes by file name.
        card: Markdown.
        candidates: What was tried.
    """

    name: str
    started_at: datetime
    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    pictures: Mapping[str, bytes]
    card: str
    candidates: Sequence[CandidateRun]


def log_trial(tracking: Tracking, run: TrialRun, folder: Path) -> str:
    """Logs a fit with its model and its candidates.

    Args:
        tracking: The store.
        run: What to remember.
        folder: The saved model, logged as plain files.

    Returns:
        The run's id.
    """
    experiment, client = tracking.experiment(TRIALS, _TAGS), tracking.client
    started = int(run.started_at.timestamp() * 1000)
    tags = {
        "mlflow.source.name": "ml/trials",
        "mlflow.source.type": "JOB",
        "mlflow.note.content": run.card[:_LONGEST_NOTE],
    }
    run_id = str(client.create_run(experiment, start_time=started, tags=tags, run_name=run.name).info.run_id)
    try:
        _log(tracking, run_id, run.metrics, run.parameters)
        for candidate in run.candidates:
            nested = {"mlflow.parentRunId": run_id, "mlflow.source.name": "ml/learners", "mlflow.source.type": "JOB"}
            made = client.create_run(experiment, start_time=started, tags=nested, run_name=candidate.name)
            _log(tracking, str(made.info.run_id), candidate.metrics, candidate.parameters)
            client.set_terminated(made.info.run_id, "FINISHED")
        with tempfile.TemporaryDirectory() as scratch:
            plots = Path(scratch) / "plots"
            plots.mkdir()
            for name, picture in run.pictures.items():
                (plots / name).write_bytes(picture)
            (Path(scratch) / "model_card.md").write_text(run.card, encoding="utf-8")
            client.log_artifacts(run_id, scratch)
        client.log_artifacts(run_id, str(folder), "model")
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _log(tracking: Tracking, run_id: str, metrics: Mapping[str, float], parameters: Mapping[str, str]) -> None:
    tracking.log_metrics(run_id, metrics)
    for name, value in parameters.items():
        tracking.client.log_param(run_id, name, str(value)[:_LONGEST])
