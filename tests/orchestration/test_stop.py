"""Stop and resume by the verb: what hasn't left stays, whoever is handing over, until exactly that is resumed."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.channels.dispatch import dispatch
from assets.channels.file import FileDriver
from assets.ledger.ledger import Ledger
from orchestration.cli import app
from orchestration.errors import BadInput, WorkFailed
from tests.unit.assets.ledger.support import AT, messages, release


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    release(ledger, frame=messages(3))
    return ledger


def wayfinder(home: Path, *words: str) -> dict:
    said = CliRunner().invoke(app, [*words, "--home", str(home), "--at", AT.isoformat(), "--json"])
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout)


def refused(home: Path, *words: str) -> str:
    """Bad input, which `main` turns into exit status 2."""
    said = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert isinstance(said.exception, BadInput)
    return str(said.exception)


def hand_over(ledger: Ledger, home: Path, **more: object):
    drivers = {"email": FileDriver(home / "outbound")}
    return dispatch(ledger, drivers, at=AT, channel="email", **more)


@pytest.mark.parametrize("scope", [(), ("email",)])
def test_nothing_leaves_until_what_was_stopped_is_resumed(
    ledger: Ledger, tmp_path: Path, scope: tuple[str, ...]
) -> None:
    said = wayfinder(tmp_path, "stop", *scope, "--by", "Ann", "--why", "wrong price")
    assert said["stopped"][0]["by"] == "Ann"
    assert said["stopped"][0]["why"] == "wrong price"
    assert said["kept_back"] == {"email": 3}
    assert hand_over(ledger, tmp_path).is_halted
    assert wayfinder(tmp_path, "resume", *scope)["stopped"] == []
    assert hand_over(ledger, tmp_path).sent == 3


def test_a_stop_reaches_a_hand_over_that_is_under_way(ledger: Ledger, tmp_path: Path) -> None:
    """Said while the first batch leaves: the others stay."""
    counts = hand_over(
        ledger, tmp_path, batch_size=1, on_progress=lambda _: ledger.halts.active() or wayfinder(tmp_path, "stop")
    )
    assert counts.sent == 1
    assert counts.is_halted
    assert len(ledger.outbox.open_messages(AT.date())) == 2


def test_a_stopped_channel_stays_stopped_when_everything_is_resumed(ledger: Ledger, tmp_path: Path) -> None:
    wayfinder(tmp_path, "stop", "email")
    wayfinder(tmp_path, "stop")
    assert [one["scope"] for one in wayfinder(tmp_path, "resume")["stopped"]] == ["email"]
    assert hand_over(ledger, tmp_path).is_halted


def test_an_unknown_channel_is_bad_input_and_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    for verb in ("stop", "resume"):
        said = refused(tmp_path, verb, "fax")
        assert "'fax'" in said
        assert "direct_mail" in said
    assert ledger.halts.active() == []


def test_what_is_not_stopped_cannot_be_resumed(ledger: Ledger, tmp_path: Path) -> None:
    wayfinder(tmp_path, "stop", "sms")
    assert "stopped are: sms" in refused(tmp_path, "resume")


def test_a_mistyped_home_is_refused_instead_of_stopped(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "hmoe", "stop")
    assert not (tmp_path / "hmoe").exists()


def test_who_said_so_is_in_the_audit_trail(ledger: Ledger, tmp_path: Path) -> None:
    wayfinder(tmp_path, "stop", "email", "--by", "Ann")
    wayfinder(tmp_path, "resume", "email", "--by", "Bob")
    assert list(ledger.audit.trail()["kind"])[-2:] == ["halt.stop", "halt.resume"]
    assert wayfinder(tmp_path, "audit")["is_sound"]


def test_a_stop_loads_nothing_heavy() -> None:
    heavy = "{'dagster', 'pandas', 'mlflow', 'cvxpy', 'duckdb', 'dbt', 'pyarrow', 'alembic'}"
    code = f"import sys; import orchestration.cli, orchestration.stop; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


def test_the_audit_ends_with_exit_status_1_and_names_what_is_wrong(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE budget SET cap_micros = 1 WHERE scope = 'total'")
    said = CliRunner().invoke(app, ["audit", "--home", str(tmp_path), "--at", (AT + timedelta(days=1)).isoformat()])
    assert said.exit_code == 1
    assert "nothing beyond a cap" in said.output
    assert "total 2026-01-05" in said.output


def test_a_ledger_that_cannot_be_reached_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYFINDER_LEDGER_URL", "postgresql://ann:hunter2@127.0.0.1:1/ledger")
    said = CliRunner().invoke(app, ["stop", "--home", str(tmp_path)])
    assert isinstance(said.exception, WorkFailed)
    assert "127.0.0.1:1/ledger" in str(said.exception)
    assert "hunter2" not in str(said.exception)
