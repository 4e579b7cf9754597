"""`wayfinder model`: what it writes, logs and refuses."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from ml.tracking import Tracking
from ml.tracking_trials import TRIALS
from tests.unit.ml.trials.test_trials import table

pytestmark = pytest.mark.slow


def wayfinder(*words, home):
    command = [sys.executable, "-m", "orchestration.cli", *map(str, words), "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_fit_is_logged_with_a_nested_run_for_each_candidate_and_scores_every_row(tmp_path):
    train, out = tmp_path / "train.csv", tmp_path / "scores.parquet"
    table(300).to_csv(train, sep=";", index=False)
    words = (
        "--outcome",
        "bought",
        "--action",
        "mail",
        "--control",
        "none",
        "--amount",
        "spent",
        "--out",
        tmp_path / "m",
    )
    fitted = wayfinder("model", "fit", "--train", train, *words, "--json", home=tmp_path / "home")
    assert fitted.returncode == 0, fitted.stderr
    facts = json.loads(fitted.stdout)
    client = Tracking(f"sqlite:///{tmp_path}/home/mlflow/mlflow.db").client
    experiment = client.get_experiment_by_name(TRIALS).experiment_id
    nested = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{facts['run_id']}'")
    assert {"mean_effect", "s_line", "t_line", "dr_line", "s_trees", "t_trees", "x_trees", "dr_trees"} <= {
        run.info.run_name for run in nested
    }
    scored = wayfinder(
        "model", "score", "--model", tmp_path / "m", "--data", train, "--out", out, home=tmp_path / "home"
    )
    assert scored.returncode == 0, scored.stderr
    assert len(pd.read_parquet(out)) == 300


def test_bad_input_is_refused_with_status_2_naming_file_and_remedy(tmp_path):
    missing = tmp_path / "no.csv"
    refused = wayfinder("model", "fit", "--train", missing, "--outcome", "y", "--out", tmp_path / "m", home=tmp_path)
    assert refused.returncode == 2
    assert "no.csv" in refused.stderr
    assert "right would be" in refused.stderr
