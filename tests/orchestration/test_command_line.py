"""The command line: every verb explains itself, and answers bad words with exit status 2 and what would be right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app

VERBS = (
    "cycle",
    "dispatch",
    "ingest",
    "plans",
    "approve",
    "reject",
    "why",
    "what-if",
    "shadow",
    "report",
    "status",
    "demo",
    "simulate",
    "ui",
    "stop",
    "resume",
    "audit",
    "forget",
    "bill",
    "autonomy",
)
ANSWERING = tuple(verb for verb in VERBS if verb != "ui")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    assert "Usage" in shown.output
    assert "--home" in shown.output
    assert "--config" in shown.output
    assert ("--json" in shown.output) == (verb in ANSWERING)


def test_the_overview_names_every_verb_with_a_sentence() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    for verb in VERBS:
        line = next(line for line in shown.output.splitlines() if f" {verb} " in line)
        assert len(line.split()) > 4


def test_verbs_that_act_take_the_clock_as_an_argument() -> None:
    for verb in ("cycle", "dispatch", "ingest", "plans", "approve", "reject", "status"):
        assert "--at" in CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output


def wayfinder(*words: str, home: Path) -> "subprocess.CompletedProcess[str]":
    program = str(Path(sys.executable).with_name("wayfinder"))
    return subprocess.run([program, *words, "--home", str(home)], capture_output=True, text=True, check=False)


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    code = "import sys; import orchestration.cli; print(*sorted({'dagster', 'pandas', 'mlflow', 'cvxpy'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


def test_what_if_answers_without_what_a_stored_problem_can_do_without() -> None:
    heavy = "{'dagster', 'pandas', 'mlflow', 'dbt', 'sqlalchemy', 'matplotlib', 'lightgbm'}"
    code = f"import sys; import orchestration.cli, orchestration.what_if; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "place", "remedy"),
    [
        (["cycle", "--date", "tomorrow"], "--date 'tomorrow'", "2026-01-05"),
        (["cycle", "--at", "noon"], "--at 'noon'", "2026-01-05T09:00:00Z"),
        (["why", "c1", "--channel", "fax"], "--channel 'fax'", "email"),
        (["status", "--config", "/nowhere"], "/nowhere", "--config"),
    ],
)
def test_bad_words_get_exit_status_2_and_what_would_be_right(
    words: list[str], place: str, remedy: str, home: Path
) -> None:
    done = wayfinder(*words, home=home)
    assert done.returncode == 2
    assert place in done.stderr
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_verb_or_option_is_bad_input(home: Path) -> None:
    assert wayfinder("cycles", home=home).returncode == 2
    assert CliRunner().invoke(app, ["cycle", "--when", "now"]).exit_code == 2


@pytest.mark.slow
def test_json_is_exactly_one_object_on_standard_output(home: Path) -> None:
    done = wayfinder("plans", "--json", home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
