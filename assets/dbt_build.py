"""Runs dbt and tells Dagster of each model and test as it ends.

dbt takes three seconds to load and to read its project, whatever its size; its process starts with the run, so that
this happens while the steps before it work. A caller that runs many days in one process keeps it from run to run.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg

COMMAND: Final = ("build", "--exclude-resource-type", "unit_test")
"""Unit tests are for changes of code, not of data."""
_TAIL: Final = 2000


class DbtError(RuntimeError):
    """dbt could not build, or a test of it failed; the message says which."""


@dataclass(frozen=True)
class Dbt:
    """A dbt process that is about to be ready, for one command after another.

    Attributes:
        process: It waits for commands.
        words: Where the project is and where dbt writes.
        log: What dbt prints.
    """

    process: subprocess.Popen[str]
    words: tuple[str, ...]
    log: Path

    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Builds and tests what the run selects: a failed test stops what is downstream of it.

        Raises:
            DbtError: a model or a test failed.
        """
        from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context  # noqa: PLC0415 - heavy
        from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage  # noqa: PLC0415
        from dagster_dbt.dagster_dbt_translator import DagsterDbtTranslator  # noqa: PLC0415

        asked = get_updated_cli_invocation_params_for_context(
            context=context, manifest={}, dagster_dbt_translator=DagsterDbtTranslator()
        )
        indirect = ["--indirect-selection", asked.indirect_selection] if asked.indirect_selection else []
        for event in self._invoke([*COMMAND, *asked.selection_args, *indirect, *self.words]):
            message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
            yield from message.to_default_asset_events(
                manifest=asked.manifest, dagster_dbt_translator=asked.dagster_dbt_translator, context=context
            )

    def _invoke(self, words: list[str]) -> Iterator[dict[str, Any]]:
        """Dbt's result events as they come."""
        if self.process.stdin is None or self.process.stdout is None:
            raise DbtError("this dbt process was started without pipes; take one from `started`")
        problems = None
        try:
            self.process.stdin.write(json.dumps(words) + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                answer = json.loads(line)
                if "event" in answer:
                    yield answer["event"]
                if "problems" in answer:
                    problems = answer["problems"]
                    break
        except BrokenPipeError:
            problems = None
        except GeneratorExit:  # the run was stopped: what it would still be told must not reach the next one
            self.end()
            raise
        if problems is None:
            self.process.wait()
            raise DbtError(f"dbt ended without an answer:\n{self.log.read_text(errors='replace')[-_TAIL:]}")
        if problems:
            raise DbtError("dbt could not build the warehouse:\n" + "\n".join(problems))

    def end(self) -> None:
        """End the process."""
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(BrokenPipeError):  # it died with a command unread
            self.process.__exit__(None, None, None)  # closes the pipes and waits


_kept: list[Dbt] | None = None
"""The process that runs share; None where each has its own."""


@contextmanager
def keeping() -> Iterator[None]:
    """Within it one dbt process serves run after run of a workspace; the last one is ended on leaving."""
    global _kept  # noqa: PLW0603 - resources of a run are made by Dagster and have no other way to meet the next run's
    _kept = []
    try:
        yield
    finally:
        for dbt in _kept:
            dbt.end()
        _kept = None


@contextmanager
def started(project: Path, target: Path, logs: Path) -> Iterator[Dbt]:
    """A dbt process that reads the project; it is ended on leaving, unless runs share it (`keeping`).

    Args:
        project: Folder of the project and its profile.
        target: Folder of its parsed state and compiled SQL.
        logs: Folder of dbt's log.
    """
    folders = {"project-dir": project, "profiles-dir": project, "target-path": target, "log-path": logs}
    words = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    words += ["--no-write-json", "--quiet", "--no-use-colors"]
    if _kept is None:
        dbt = _start(tuple(words), logs)
        try:
            yield dbt
        finally:
            dbt.end()
        return
    standing = [dbt for dbt in _kept if dbt.words == tuple(words) and dbt.process.poll() is None]
    if not standing:
        for dbt in _kept:
            dbt.end()
        standing = [_start(tuple(words), logs)]
        _kept[:] = standing
    yield standing[0]


def _start(words: tuple[str, ...], logs: Path) -> Dbt:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "printed.log"
    with log.open("w") as printed:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "assets.dbt_worker", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
        )
    return Dbt(process, words, log)
