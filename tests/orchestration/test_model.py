"""`wayfinder model`: what it writes, logs and refuses."""

import json
import subprocess
import sys
from datetime import date

import pandas as pd
import pytest

from assets.ledger.ledger import Ledger
from ml.learning.memory import believed, prior_uplift
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


def test_what_a_trial_teaches_of_a_channel_is_where_campaigns_start_from(tmp_path):
    train = tmp_path / "train.csv"
    table(300).to_csv(train, index=False)
    words = ("--outcome", "bought", "--action", "mail", "--control", "none", "--out", tmp_path / "m", "--json")
    wrong = wayfinder("model", "fit", "--train", train, *words, "--teaches", "email=nobody", home=tmp_path / "home")
    assert wrong.returncode == 2
    assert "email=ACTION" in wrong.stderr
    arm = table(300).query("mail != 'none'")["mail"].iloc[0]
    at = ("--at", "2026-01-04T10:00:00Z")
    found = wayfinder(
        "model", "fit", "--train", train, *words, *at, "--teaches", f"email={arm}", home=tmp_path / "home"
    )
    assert found.returncode == 0, found.stderr
    (statement,) = json.loads(found.stdout)["findings"]
    assert "train.csv" in statement
    ledger = Ledger(f"sqlite:///{tmp_path}/home/ledger.db")
    held = believed(ledger.findings.held(before="2026-01-05").values(), date(2026, 1, 5))
    assert [one.key for one in held] == ["trial/email/train.csv"]
    assert held[0].low < held[0].effect < held[0].high
    assert prior_uplift(held, {"email": 0.002, "sms": 0.002})["email"] != 0.002
