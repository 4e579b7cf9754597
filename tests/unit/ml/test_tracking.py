import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ml.evaluation.card import model_card
from ml.evaluation.plots import draw
from ml.evaluation.report import evaluate, validation_rows
from ml.response.model import ResponseModel
from ml.tracking import EXPERIMENT, PLANS, PlanRun, TamperedModelError, Tracking, TrainingRun, initialize
from tests.unit.ml.planted import OPTIONS, people, training_frame


@pytest.fixture(scope="session")
def migrated(tmp_path_factory) -> Path:
    """A migrated store: migrations take seconds, a copy takes none."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    initialize(f"sqlite:///{path}")
    return path


@pytest.fixture
def tracking(migrated, tmp_path) -> Tracking:
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return Tracking(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")


@pytest.fixture(scope="module")
def model() -> ResponseModel:
    return ResponseModel.fit(training_frame(3_000, seed=1), OPTIONS, seed=1, threads=1)


def run(**changes) -> TrainingRun:
    values = {
        "name": "response 2026-01-05",
        "started_at": datetime(2026, 1, 5, tzinfo=UTC),
        "data_version": "2026-01-05-1",
        "parameters": {"seed": 1},
        "metrics": {"email.auc": 0.7},
        "tags": {"dagster.run_id": "r1"},
    }
    return TrainingRun(**(values | changes))


def test_there_is_no_champion_before_the_first_promotion(tracking, model):
    assert tracking.champion() is None
    tracking.log_training(model, run())
    assert tracking.champion() is None


def test_promoted_model_is_loaded_and_scores_the_same_bits(tracking, model):
    registered = tracking.log_training(model, run())
    tracking.promote(registered.version)
    champion = tracking.champion()
    assert (champion.version, champion.sha256) == (registered.version, registered.sha256)
    customers = people(200, seed=2)
    np.testing.assert_array_equal(
        champion.model.score(customers, OPTIONS).uplift, model.score(customers, OPTIONS).uplift
    )


def test_newer_version_is_challenger_until_it_is_promoted(tracking, model):
    first = tracking.log_training(model, run())
    tracking.promote(first.version)
    second = tracking.log_training(model, run())
    assert tracking.champion().version == first.version
    assert tracking.challenger().version == second.version
    tracking.promote(second.version)
    assert tracking.champion().version == second.version
    assert tracking.load(first.version).version == first.version


@pytest.mark.parametrize("harm", ["flip", "add", "remove"])
def test_tampered_files_are_refused(tracking, model, tmp_path, harm):
    tracking.promote(tracking.log_training(model, run()).version)
    (stored,) = (tmp_path / "artifacts").rglob("model.json")
    if harm == "flip":
        content = bytearray(stored.read_bytes())
        content[100] ^= 1
        stored.write_bytes(bytes(content))
    elif harm == "add":
        (stored.parent / "extra.pkl").write_bytes(b"x")
    else:
        (stored.parent / "baseline.txt").unlink()
    with pytest.raises(TamperedModelError, match="promote another version"):
        tracking.champion()


def test_run_shows_figures_parameters_data_tags_plots_and_card(tracking):
    frame = training_frame(10_000, seed=3)
    model = ResponseModel.fit(frame, OPTIONS, seed=1, threads=1)
    report = evaluate(model, validation_rows(frame))
    registered = tracking.log_training(
        model, run(metrics=report.metrics, pictures=draw(report), card=model_card(model, report.metrics))
    )
    tracking.log_metrics(registered.run_id, {"gate.difference": 0.1}, {"gate": "better"})
    logged = tracking.client.get_run(registered.run_id)
    assert {"email.auc", "voice.calibration_error", "calibration_error", "gate.difference"} <= set(logged.data.metrics)
    assert {"policy_value", "policy_value_low", "policy_value_high"} <= set(logged.data.metrics)
    assert logged.data.params["data_version"] == "2026-01-05-1"
    assert {
        "dagster.run_id": "r1",
        "gate": "better",
        "mlflow.source.name": "ml/response",
    }.items() <= logged.data.tags.items()
    assert logged.inputs.dataset_inputs[0].dataset.digest == "2026-01-05-1"
    assert logged.info.status == "FINISHED"
    names = {item.path for item in tracking.client.list_artifacts(registered.run_id)}
    assert names == {"model", "model_card.md", "plots", "requirements.txt"}
    plots = {item.path for item in tracking.client.list_artifacts(registered.run_id, "plots")}
    assert {"plots/calibration.png", "plots/feature_importance.png", "plots/uplift_email.png"} <= plots


def test_failed_logging_leaves_a_failed_run_and_no_version(tracking, model):
    with pytest.raises(Exception, match="metric"):
        tracking.log_training(model, run(metrics={"not a legal metric name!\n": 1.0}))
    (failed,) = tracking.client.search_runs([tracking.experiment_id])
    assert failed.info.status == "FAILED"
    assert tracking.challenger() is None


def test_opening_costs_no_import_of_mlflow():
    code = "import sys, ml.tracking as t; t.Tracking('sqlite:////nowhere/x.db'); assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_processes_that_open_a_fresh_store_together_all_succeed(tmp_path):
    code = f"from ml.tracking import Tracking; print(Tracking('sqlite:///{tmp_path}/mlflow.db').experiment_id)"
    opened = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    outcomes = [(process.communicate()[1].decode()[-500:], process.returncode) for process in opened]
    assert [code for _, code in outcomes] == [0, 0, 0], outcomes
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        assert connection.execute("select count(*) from experiments where name = ?", [EXPERIMENT]).fetchone() == (1,)


def test_a_plan_is_a_finished_run_of_its_own_experiment(tracking):
    decided_at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    figures = {"value": 12.5, "messages_by_channel/email": 3.0, "price/capacity/voice": 0.7}
    run_id = tracking.log_plan(
        PlanRun("2026-01-05", decided_at, 1.5, figures, {"status": "certified"}, {"plan_hash": "x"})
    )
    found = tracking.client.get_run(run_id)
    assert found.info.status == "FINISHED"
    assert (found.info.start_time, found.info.end_time - found.info.start_time) == (decided_at.timestamp() * 1000, 1500)
    assert dict(found.data.metrics) == figures
    assert dict(found.data.params) == {"status": "certified"}
    assert found.data.tags["plan_hash"] == "x"
    assert tracking.client.get_experiment(found.info.experiment_id).name == PLANS
    assert found.info.experiment_id != tracking.experiment_id
    assert f"/experiments/{found.info.experiment_id}/runs/{run_id}" in tracking.url_of(run_id, PLANS)
