"""Every command of the runbook does what it says, in the order in which it stands there."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import typer.main

from tests.integration.loop_support import AFTERNOON, CHECKOUT, Workspace

pytestmark = pytest.mark.slow

RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
WITH_CLOCK = {"status", "dispatch", "ingest", "plans", "stop", "resume", "forget", "audit", "bill"}


def commands(section: str) -> list[str]:
    """The lines of its fenced blocks."""
    return [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines() if line]


def run(workspace: Workspace, line: str, names: dict[str, str]) -> str:
    """A line as a shell would read it."""
    words = [re.sub(r"\$(\w+)", lambda found: names[found[1]], word) for word in shlex.split(line)]
    environment = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    assert words.pop(0) == "wayfinder"
    clock = ["--at", AFTERNOON] if words[0] in WITH_CLOCK else []
    with mock.patch.dict(os.environ, environment):
        said = workspace.wayfinder(*words, *clock, json=False)
    assert said.status == 0, f"{line}\n{said.out}{said.err}"
    return said.out


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_every_command_works(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace], tmp_path: Path, section: str
) -> None:
    workspace = copy_of(cycled)
    customer = workspace.sent()[0]["customer_id"]
    names = {
        "NEW_LEDGER_URL": f"sqlite:///{tmp_path / 'moved' / 'ledger.db'}",
        "CUSTOMER": customer,
        "CHALLENGER": str(workspace.config),
    }
    found = commands(section)
    assert found
    for line in found:
        said = run(workspace, line, names)
        if line.endswith("wayfinder audit"):
            assert "the ledger is sound" in said


def test_commands_name_only_verbs_that_exist() -> None:
    from orchestration.cli import app  # noqa: PLC0415

    verbs = typer.main.get_command(app).commands
    assert set(re.findall(r"wayfinder ([a-z-]+)", RUNBOOK)) <= set(verbs)
