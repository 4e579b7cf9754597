"""A workspace that tests drive as its users do: by files and by the verbs, in this process."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pandas as pd
import yaml

from assets.home import Home
from assets.ledger.ledger import Ledger
from orchestration.resources import AT_TAG
from orchestration.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
CUSTOMERS = 800
DAY = date(2026, 1, 5)
MORNING = "2026-01-05T10:00:00Z"  # five o'clock in New York
AFTERNOON = "2026-01-05T18:00:00Z"
EVENING = "2026-01-05T23:00:00Z"
NIGHT = "2026-01-06T04:30:00Z"

FRONT = (
    "raw/cycle",
    "published_generation",
    "training_frame",
    "response_models",
    "journeys",
    "champion_promises",
    "candidate_scores",
)
DISPATCHES = tuple(
    f"dispatch_{channel}"
    for channel in ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
)
BACK = (
    "autonomy",
    "creatives",
    "allocation",
    "plan",
    "authorization",
    "lift",
    "findings",
    "drift",
    *DISPATCHES,
    "report",
)


@dataclass(frozen=True)
class Answer:
    """What a verb said.

    Attributes:
        status: Exit status.
        out: Standard output.
        err: Standard error.
    """

    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """The JSON object that `--json` prints; before it is what dbt says in this process, which has no file descriptor of its own."""
        assert self.status == 0, self.err
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Workspace:
    """A home and a configuration of its own."""

    home: Path
    config: Path

    def copy(self, folder: Path) -> "Workspace":
        """The same workspace elsewhere: what a test does to it stays in the test."""
        shutil.copytree(self.home, folder / "home", symlinks=True)
        shutil.copytree(self.config, folder / "config")
        return Workspace(folder / "home", folder / "config")

    def wayfinder(self, *words: str, json: bool = True) -> Answer:
        """A verb of the command line, run in this process."""
        from orchestration import cli  # noqa: PLC0415 - the environment must be set first

        folders = ["--home", str(self.home), "--config", str(self.config)]
        argv = ["wayfinder", *words, *folders, *(["--json"] if json else [])]
        out, err, status = io.StringIO(), io.StringIO(), 0
        with self.entered(), mock.patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as end:
                status = int(end.code or 0)
        return Answer(status, out.getvalue(), err.getvalue())

    @contextmanager
    def entered(self):
        """This process works on this workspace, and forgets it afterwards."""
        with mock.patch.dict(os.environ, {"COLUMNS": "400"}):
            settings = self.settings
            settings.enter()
            yield settings

    @property
    def settings(self) -> Settings:
        """Settings of the workspace; one thread, so that tests beside it get on."""
        return Settings(home=self.home, config=self.config, threads=1).resolved()

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(f"sqlite:///{self.home / 'ledger.db'}")

    def cycle(self, day: date = DAY, at: str = MORNING) -> dict[str, Any]:
        """A whole cycle."""
        return self.wayfinder("cycle", "--date", day.isoformat(), "--at", at).facts

    def run(self, *assets: str, day: date = DAY, at: str = MORNING) -> dg.ExecuteInProcessResult:
        """Materialize some assets of the cycle with their checks, as a person would in the UI."""
        with self.entered() as settings:
            from orchestration.build import prepare  # noqa: PLC0415
            from orchestration.definitions import defs  # noqa: PLC0415

            prepare(settings)
            keys = [dg.AssetKey(name.split("/")) for name in assets]
            with dg.DagsterInstance.get() as instance:
                return defs.resolve_implicit_global_asset_job_def().execute_in_process(
                    instance=instance,
                    partition_key=day.isoformat(),
                    tags={AT_TAG: datetime.fromisoformat(at).isoformat()},
                    asset_selection=keys,
                    raise_on_error=False,
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                )

    def decisions(self, cycle_id: str = DAY.isoformat()) -> pd.DataFrame:
        """Decisions of a cycle."""
        return pd.read_parquet(self.home / "cycles" / cycle_id / "decisions.parquet")

    def view(self, mart: str = "dim_customers", day: date = DAY) -> pd.DataFrame:
        """A mart of the generation that is published for a day."""
        generation = Home(self.home).generation(self.ledger.generations.latest_of(day))
        return pd.read_parquet(generation / f"{mart}.parquet")

    def sent(self) -> list[dict[str, Any]]:
        """Messages in outbound, in the order of the files."""
        files = sorted((self.home / "outbound").rglob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]

    def outbound_bytes(self) -> dict[str, bytes]:
        """What is in outbound, byte for byte."""
        files = sorted((self.home / "outbound").rglob("*.jsonl"))
        return {path.relative_to(self.home).as_posix(): path.read_bytes() for path in files}

    def land(self, source: str, name: str, rows: Iterable[dict[str, Any]]) -> Path:
        """Put a JSON Lines file into landing."""
        return self.land_text(source, f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def land_text(self, source: str, name: str, content: str | bytes) -> Path:
        """Put a file into landing as it is."""
        path = self.home / "landing" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def configure(self, file: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Edit a file of the configuration."""
        path = self.config / file
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")

    def configure_objectives(self, **values: Any) -> None:
        """Set keys of every objective."""
        for path in sorted((self.config / "objectives").glob("*.yaml")):
            self.configure(f"objectives/{path.name}", lambda data: data.update(values))

    def outbox(self) -> dict[str, str]:
        """State of each message of the ledger."""
        import sqlalchemy as sa  # noqa: PLC0415

        from assets.ledger.tables import outbox  # noqa: PLC0415

        engine = sa.create_engine(f"sqlite:///{self.home / 'ledger.db'}")
        with engine.connect() as connection:
            return dict(connection.execute(sa.select(outbox.c.message_id, outbox.c.state)).tuples().all())


def failures(result: dg.ExecuteInProcessResult) -> str:
    """What failed, with its cause: for the message of an assertion."""
    found = []
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        while error is not None:
            found.append(f"{event.step_key}: {error.message.strip()}")
            error = error.cause
    return "\n".join(found)


def succeed(result: dg.ExecuteInProcessResult) -> None:
    """Assert that a run succeeded, and say what failed where it didn't."""
    assert result.success, failures(result)


def make_market(home: Path, config: Path, *, customers: int = CUSTOMERS) -> None:
    """A small sample market, in a process of its own."""
    words = ["make", "--home", str(home), "--config", str(config), "--start", DAY.isoformat()]
    sizes = ["--customers", str(customers), "--events-per-customer", "25"]
    command = [sys.executable, "-m", "market", *words, *sizes]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)


def messages_open_or_sent(outbox: dict[str, str]) -> set[str]:
    """Messages that left or may still leave."""
    return {
        message_id
        for message_id, state in outbox.items()
        if state in {"pending", "leased", "sending", "sent", "unknown"}
    }
