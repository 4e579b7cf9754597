"""The one door to MLflow: runs with their figures, and the registry whose alias `champion` is what scoring loads.

Models are folders of text and JSON, logged as plain artifacts: no flavour, no pickle, nothing that runs when it's read.
A registered version carries the SHA-256 of its folder, and is refused where the files say otherwise.
"""

import fcntl
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml.response.model import ResponseModel
from ml.response.store import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT: Final = "wayfinder"
MODEL_NAME: Final = "wayfinder-response"
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
_EXPERIMENT_TAGS: Final = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "Response models, a run for each training. `policy_value` with its interval decides who becomes champion; "
    "`auc`, `calibration_error` and `qini` say why.",
}
PLANS: Final = "plans"
_PLANS_TAGS: Final = {
    "mlflow.note.content": "Plans, a run for each: what they are worth and cost, how near the best they are proven to be, what was "
    "scarce. Figures of plans only; nothing about a person.",
}
_FOLDER: Final = "model"
_DIGEST_TAG: Final = "sha256"
_PROMOTED: Final = "promoted"
_TAKEN_BACK: Final = "rolled_back"
_SQLITE: Final = "sqlite:///"
_REQUIREMENTS: Final = ("lightgbm>=4.7,<5", "numpy>=2.4,<3", "pandas>=3,<4")
_LONGEST_PARAMETER: Final = 500
_LONGEST_NOTE: Final = 5000


LOCAL_UI = "http://127.0.0.1:3001"


class TamperedModelError(RuntimeError):
    """The files of a registered model aren't those that were registered."""


@dataclass(frozen=True)
class NestedRun:
    """A run within a training: a candidate, or a trial of tuning.

    Attributes:
        name: Shown in the table of runs.
        seconds: That it took.
        metrics: Figures by name; the same names as the training's, so that one table compares them.
        parameters: Settings.
        tags: What it is, and why it won or lost.
    """

    name: str
    seconds: float
    metrics: Mapping[str, float]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRun:
    """What a training run is remembered by.

    Attributes:
        name: Shown in the table of runs.
        started_at: When the training began.
        data_version: Generation of the published data.
        parameters: Settings, allow-listed by the caller; no personal data.
        metrics: Figures by name.
        tags: Dagster run, asset key, partition, configuration and code versions.
        pictures: PNG bytes by file name.
        card: The model card, Markdown.
        nested: Candidates, and trials of tuning.
    """

    name: str
    started_at: datetime
    data_version: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    card: str = ""
    nested: tuple[NestedRun, ...] = ()


@dataclass(frozen=True)
class PlanRun:
    """What a plan is remembered by, to be compared with other days'.

    Attributes:
        name: The cycle's id.
        started_at: When it was decided (business time).
        seconds: That deciding took.
        metrics: Figures by name.
        parameters: Status and versions.
        tags: The cycle, the plan's hash.
    """

    name: str
    started_at: datetime
    seconds: float
    metrics: Mapping[str, float]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RegisteredModel:
    """A version in the registry, not loaded."""

    version: str
    run_id: str
    sha256: str


@dataclass(frozen=True)
class ChampionModel:
    """The model in use, verified and loaded."""

    model: ResponseModel
    version: str
    run_id: str
    sha256: str


class Tracking:
    """Runs and models at one MLflow store: a SQLite file, or a server by URL.

    Opening it is cheap; MLflow is imported (2 CPU-seconds) on first use, and a SQLite store is migrated once, under a
    lock: processes that migrate a fresh file together leave it broken for good.
    """

    def __init__(self, uri: str, artifact_root: Path | str | None = None) -> None:
        """Names the store.

        Args:
            uri: `sqlite:////absolute/path/mlflow.db`, or the URL of a server.
            artifact_root: Where a new experiment keeps its files; None leaves that to the server.
        """
        self.uri = uri
        self.artifact_root = artifact_root

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client on a store that exists."""
        return initialize(self.uri)

    @cached_property
    def experiment_id(self) -> str:
        """The experiment of all trainings, made where it's missing."""
        return self._experiment(EXPERIMENT, _EXPERIMENT_TAGS)

    def experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """The id of another experiment, made with these tags where it's missing."""
        return self._experiment(name, tags)

    def _experiment(self, name: str, tags: Mapping[str, str]) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = self.artifact_root
        if isinstance(location, Path):
            location.mkdir(parents=True, exist_ok=True)
            location = location.resolve().as_uri()
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        try:
            return str(self.client.create_experiment(name, artifact_location=location, tags=dict(tags)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process made it in between
                raise
            return str(self.client.get_experiment_by_name(name).experiment_id)

    def log_plan(self, run: PlanRun) -> str:
        """Logs a plan as a run of the experiment `plans`.

        Args:
            run: What to remember.

        Returns:
            The run's id.
        """
        from mlflow.entities import Metric, Param  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        started = int(run.started_at.timestamp() * 1000)
        ended = started + int(1000 * run.seconds)
        tags = {"mlflow.source.name": "ml/decision", "mlflow.source.type": "JOB", **run.tags}
        experiment = self._experiment(PLANS, _PLANS_TAGS)
        made = self.client.create_run(experiment, start_time=started, tags=tags, run_name=run.name)
        run_id = str(made.info.run_id)
        self.client.log_batch(
            run_id,
            [Metric(name, float(value), ended, 0) for name, value in run.metrics.items()],
            [Param(name, str(value)[:_LONGEST_PARAMETER]) for name, value in run.parameters.items()],
        )
        self.client.set_terminated(run_id, "FINISHED", ended)
        return run_id

    def log_training(self, model: ResponseModel, run: TrainingRun) -> RegisteredModel:
        """Logs a run with its model and registers the model as `challenger`.

        Args:
            model: The trained model.
            run: What to remember.

        Returns:
            The registered version. It isn't in use before `promote`.
        """
        tags = {
            "mlflow.source.name": "ml/response",
            "mlflow.source.type": "JOB",
            "mlflow.note.content": run.card[:_LONGEST_NOTE],
            "data_version": run.data_version,
            **run.tags,
        }
        started = int(run.started_at.timestamp() * 1000)
        made = self.client.create_run(self.experiment_id, start_time=started, tags=tags, run_name=run.name)
        run_id = str(made.info.run_id)
        try:
            self._log_figures(run_id, run, model)
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / _FOLDER
                model.save(folder)
                sha256 = digest(folder)
                self.client.log_artifacts(run_id, str(folder), _FOLDER)
                self._log_documents(run_id, run, Path(scratch) / "documents")
            for nested in run.nested:
                self._log_nested(run_id, started, nested)
            registered = self._register(run_id, sha256)
        except BaseException:
            self.client.set_terminated(run_id, "FAILED")
            raise
        self.client.set_terminated(run_id, "FINISHED")
        return registered

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str] | None = None) -> None:
        """Adds figures and tags to a run that exists: the gate's verdict, realized value."""
        self._log_batch(run_id, metrics, {}, tags or {})

    def champion(self) -> ChampionModel | None:
        """The model in use, or None before the first.

        Raises:
            TamperedModelError: Its files aren't those that were registered; nothing is loaded.
        """
        return self._load(CHAMPION)

    def challenger(self) -> ChampionModel | None:
        """The model that was registered last, verified in the same way."""
        return self._load(CHALLENGER)

    def challenger_tag(self, name: str) -> str | None:
        """A tag of the run whose model was registered last; None before the first, or without the tag."""
        version = self._version(CHALLENGER)
        return None if version is None else self.client.get_run(version.run_id).data.tags.get(name)

    def champion_version(self) -> str | None:
        """Number of the version in use; None before the first. Nothing is loaded."""
        version = self._version(CHAMPION)
        return None if version is None else str(version.version)

    def url_of(self, run_id: str, experiment: str = EXPERIMENT) -> str:
        """Where a browser shows a run: on the server, or on the port where `make ui` serves a local store."""
        base = LOCAL_UI if self.uri.startswith(_SQLITE) else self.uri.rstrip("/")
        number = self.experiment_id if experiment == EXPERIMENT else self._experiment(experiment, {})
        return f"{base}/#/experiments/{number}/runs/{run_id}"

    def promote(self, version: str) -> None:
        """Makes a registered version the champion."""
        self.client.set_registered_model_alias(MODEL_NAME, CHAMPION, version)
        self.client.set_model_version_tag(MODEL_NAME, version, _PROMOTED, "true")

    def in_use(self) -> RegisteredModel | None:
        """The champion's registration; None before the first. Nothing is loaded."""
        version = self._version(CHAMPION)
        if version is None:
            return None
        return RegisteredModel(str(version.version), str(version.run_id), str(version.tags[_DIGEST_TAG]))

    def earlier_champions(self) -> list[str]:
        """Versions that were in use before and weren't taken back, the newest first, without the one in use."""
        found = self.client.search_model_versions(f"name = '{MODEL_NAME}'")
        now = self.champion_version()
        used = [one for one in found if _PROMOTED in one.tags and _TAKEN_BACK not in one.tags]
        return sorted((str(one.version) for one in used if str(one.version) != now), key=int, reverse=True)

    def roll_back(self, to: str, reason: str) -> None:
        """Takes the champion out of use for an earlier version, and says so on its version and its run.

        Args:
            to: The version that is used instead.
            reason: Why, in a sentence.

        Raises:
            ValueError: No model is in use.
        """
        condemned = self.in_use()
        if condemned is None:
            raise ValueError(f"no {MODEL_NAME} is in use, so none can be rolled back")
        self.client.set_model_version_tag(MODEL_NAME, condemned.version, _TAKEN_BACK, reason[:_LONGEST_NOTE])
        self.client.set_tag(condemned.run_id, "wayfinder.rolled_back", reason[:_LONGEST_NOTE])
        self.client.set_registered_model_alias(MODEL_NAME, CHAMPION, to)

    def load(self, version: str) -> ChampionModel:
        """A registered version by its number, verified: to recompute an old decision.

        Raises:
            TamperedModelError: Its files aren't those that were registered; nothing is loaded.
        """
        return self._verified(self.client.get_model_version(MODEL_NAME, version))

    def _load(self, alias: str) -> ChampionModel | None:
        version = self._version(alias)
        return None if version is None else self._verified(version)

    def _version(self, alias: str) -> "ModelVersion | None":
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        try:
            return self.client.get_model_version_by_alias(MODEL_NAME, alias)
        except MlflowException as error:
            # MLflow says INVALID_PARAMETER_VALUE for an alias that isn't set.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _verified(self, version: "ModelVersion") -> ChampionModel:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(self.client.download_artifacts(version.run_id, _FOLDER, scratch))
            expected, found = version.tags.get(_DIGEST_TAG), digest(folder)
            if expected != found:
                raise TamperedModelError(
                    f"{MODEL_NAME} version {version.version}: its files have SHA-256 {found[:12]}, "
                    f"{str(expected)[:12]} was registered; restore the artifacts of run {version.run_id} "
                    "or promote another version"
                )
            return ChampionModel(ResponseModel.load(folder), str(version.version), str(version.run_id), found)

    def _register(self, run_id: str, sha256: str) -> RegisteredModel:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        try:
            self.client.create_registered_model(MODEL_NAME)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{_FOLDER}"
        version = self.client.create_model_version(MODEL_NAME, source, run_id, tags={_DIGEST_TAG: sha256})
        self.client.set_registered_model_alias(MODEL_NAME, CHALLENGER, version.version)
        self.client.set_tag(run_id, "model_version", str(version.version))
        return RegisteredModel(str(version.version), run_id, sha256)

    def _log_figures(self, run_id: str, run: TrainingRun, model: ResponseModel) -> None:
        from mlflow.entities import Dataset, DatasetInput  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        facts = {name: value for name, value in model.facts.items() if not isinstance(value, Mapping)}
        self._log_batch(run_id, run.metrics, {"data_version": run.data_version, **facts, **run.parameters}, {})
        dataset = Dataset("training_frame", run.data_version, "local", run.data_version)
        self.client.log_inputs(run_id, [DatasetInput(dataset, [])])

    def _log_batch(
        self, run_id: str, metrics: Mapping[str, float], parameters: Mapping[str, Any], tags: Mapping[str, str]
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        now = int(time.time() * 1000)  # MLflow's own bookkeeping of when a figure was written, not business time
        self.client.log_batch(
            run_id,
            [Metric(name, float(value), now, 0) for name, value in metrics.items()],
            [Param(name, str(value)[:_LONGEST_PARAMETER]) for name, value in parameters.items()],
            [RunTag(name, value) for name, value in tags.items()],
        )

    def _log_nested(self, parent: str, started: int, nested: NestedRun) -> None:
        from mlflow.entities import Metric, Param  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

        ended = started + int(1000 * nested.seconds)
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.source.name": "ml/response",
            "mlflow.source.type": "JOB",
            **nested.tags,
        }
        made = self.client.create_run(self.experiment_id, start_time=started, tags=tags, run_name=nested.name)
        run_id = str(made.info.run_id)
        self.client.log_batch(
            run_id,
            [Metric(name, float(value), ended, 0) for name, value in nested.metrics.items() if isfinite(value)],
            [Param(name, str(value)[:_LONGEST_PARAMETER]) for name, value in nested.parameters.items()],
        )
        self.client.set_terminated(run_id, "FINISHED", ended)

    def _log_documents(self, run_id: str, run: TrainingRun, folder: Path) -> None:
        (folder / "plots").mkdir(parents=True)
        (folder / "model_card.md").write_text(run.card, encoding="utf-8")
        (folder / "requirements.txt").write_text("\n".join(_REQUIREMENTS) + "\n", encoding="utf-8")
        for name, picture in run.pictures.items():
            (folder / "plots" / name).write_bytes(picture)
        self.client.log_artifacts(run_id, str(folder))


def initialize(uri: str) -> "MlflowClient":
    """A client on the store at `uri`, which is created and migrated first where it's a new SQLite file."""
    _quiet()
    if uri.startswith(_SQLITE):
        path = Path(uri.removeprefix(_SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            client = _client(uri)
            if not _is_migrated(path):
                client.search_experiments(max_results=1)
            return client
    return _client(uri)


def _client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _is_migrated(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("select count(*) from sqlite_master where name = 'registered_model_aliases'")
        return bool(tables.fetchone()[0])


def _quiet() -> None:
    """Switches off MLflow's telemetry and pickles, which it reads from the environment when it's imported."""
    if "mlflow" not in sys.modules:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
