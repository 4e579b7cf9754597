"""Levels by the verb: what holds, what is proposed on which evidence, and a raise that only a named person accepts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.ledger.ledger import Ledger
from orchestration.cli import app
from orchestration.errors import BadInput
from tests.unit.assets.ledger.support import AT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    ledger.objectives.see("grow", "supervised", owner="owner@example.com", at=AT)
    ledger.objectives.propose("grow", "autonomous", by="system", reason="beats manual by 3 ± 1", at=AT)
    ledger.objectives.see("keep", "assisted", owner="owner@example.com", at=AT)
    yield ledger
    ledger.close()


def ask(home: Path, *words: str) -> dict:
    said = CliRunner().invoke(app, ["autonomy", *words, "--home", str(home), "--json"])
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout)


def refused(home: Path, *words: str) -> str:
    said = CliRunner().invoke(app, ["autonomy", *words, "--home", str(home)])
    assert isinstance(said.exception, BadInput)
    return str(said.exception)


def test_levels_and_the_evidence_for_a_change_are_shown(ledger: Ledger, tmp_path: Path) -> None:
    grow, keep = ask(tmp_path)["objectives"]
    assert (grow["level"], grow["proposed"], grow["evidence"]) == ("supervised", "autonomous", "beats manual by 3 ± 1")
    assert (keep["level"], keep["proposed"]) == ("assisted", None)
    shown = CliRunner().invoke(app, ["autonomy", "--home", str(tmp_path)], env={"COLUMNS": "200"}).output
    assert "wayfinder autonomy accept grow --by NAME" in shown


def test_a_named_person_accepts_a_raise(ledger: Ledger, tmp_path: Path) -> None:
    assert ask(tmp_path, "accept", "grow", "--by", "Ann")["level"] == "autonomous"
    assert ledger.objectives.level("grow") == "autonomous"
    assert list(ledger.audit.trail()["kind"])[-1] == "autonomy.accepted"


@pytest.mark.parametrize(
    ("objective", "by", "why"),
    [("keep", "Ann", "no raise is proposed"), ("grwo", "Ann", "grow, keep"), ("grow", "system", "named person")],
)
def test_a_raise_without_proposal_or_person_is_bad_input(
    ledger: Ledger, tmp_path: Path, objective: str, by: str, why: str
) -> None:
    assert why in refused(tmp_path, "accept", objective, "--by", by)
    assert ledger.objectives.level("grow") == "supervised"
