"""The landing sensor asks for what isn't dealt with, until it is; the approvals sensor for what a person let go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.home import Home
from assets.ledger.flushing import flush
from assets.ledger.inbox import Delivery, Event
from assets.ledger.ledger import Ledger
from assets.ledger.records import PlanRecord
from orchestration.sensors import RETRY_AFTER, build_sensors

NOW = datetime(2026, 1, 5, 18, tzinfo=UTC)


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.op
def trouble() -> None:
    """Fails."""
    raise dg.Failure("as asked")


@dataclass
class Desk:
    """A workspace and an instance to evaluate sensors on."""

    home: Home
    ledger: Ledger
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    clock: list[datetime] = field(default_factory=lambda: [NOW])
    cursor: str | None = None

    def ask(self, name: str, zone: str = "America/New_York") -> dg.RunRequest | str:
        """A tick: the run that it asks for, or why it skips."""
        sensor = next(one for one in build_sensors(zone, lambda: self.clock[0]) if one.name == name)
        resources: dict[str, Any] = {"ledger": self.ledger}
        if name == "new_files":
            resources["home"] = self.home
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=resources, definitions=self.definitions
        )
        said = sensor.evaluate_tick(context)
        self.cursor = said.cursor
        return said.run_requests[0] if said.run_requests else str(said.skip_message)

    def drop(self, name: str, text: str = '{"event_id": "e1"}\n') -> Path:
        """A file into landing."""
        path = self.home.landing / "outcomes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def deal_with(self, path: Path) -> None:
        """What an ingest leaves in the ledger."""
        stat = path.stat()
        modified = datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, UTC).replace(tzinfo=None)
        relative = path.relative_to(self.home.landing).as_posix()
        self.ledger.landing.see([(relative, stat.st_size, modified)])


@pytest.fixture
def desk(tmp_path: Path, definitions: dg.Definitions) -> Iterator[Desk]:
    home = Home(tmp_path).make()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.upgrade()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(home, ledger, instance, definitions)


def finish(desk: Desk, job_name: str, step: Callable[[], None]) -> None:
    """A finished run of a job of that name."""
    job = dg.GraphDefinition(name=job_name, node_defs=[step]).to_job(name=job_name)
    job.execute_in_process(instance=desk.instance, raise_on_error=False)


def test_nothing_new_is_nothing_to_do(desk: Desk) -> None:
    assert desk.ask("new_files") == "no new file"


def test_a_new_file_starts_an_ingest_of_the_day_in_the_workspaces_zone(desk: Desk) -> None:
    desk.drop("a.jsonl")
    found = desk.ask("new_files")
    assert isinstance(found, dg.RunRequest)
    assert found.partition_key == "2026-01-05"
    assert found.run_key is None
    ahead = desk.ask("new_files", "Asia/Tokyo")
    assert isinstance(ahead, dg.RunRequest)
    assert ahead.partition_key == "2026-01-06"


def test_a_file_that_was_dealt_with_is_not_asked_for_again(desk: Desk) -> None:
    desk.deal_with(desk.drop("a.jsonl"))
    assert desk.ask("new_files") == "no new file"
    desk.drop("b.jsonl")
    assert isinstance(desk.ask("new_files"), dg.RunRequest)


def test_a_file_that_changed_since_is_new(desk: Desk) -> None:
    path = desk.drop("a.jsonl")
    desk.deal_with(path)
    desk.drop("a.jsonl", '{"event_id": "e1"}\n{"event_id": "e2"}\n')
    assert isinstance(desk.ask("new_files"), dg.RunRequest)


@pytest.mark.parametrize("job", ["ingest", "cycle"])
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_that_takes_files_in_is_waited_for(desk: Desk, job: str, status: dg.DagsterRunStatus) -> None:
    desk.drop("a.jsonl")
    graph = dg.GraphDefinition(name=job, node_defs=[nothing]).to_job(name=job)
    desk.instance.create_run_for_job(graph, status=status)
    assert "under way" in str(desk.ask("new_files"))


def test_after_a_failed_ingest_the_same_files_are_asked_for_again_but_not_at_once(desk: Desk) -> None:
    desk.drop("a.jsonl")
    finish(desk, "ingest", trouble)
    desk.clock[0] = datetime.now(UTC)
    assert "the last ingest failed" in str(desk.ask("new_files"))
    desk.clock[0] = datetime.now(UTC) + RETRY_AFTER + timedelta(seconds=1)
    assert isinstance(desk.ask("new_files"), dg.RunRequest)


def test_after_a_good_ingest_that_left_a_file_behind_it_is_asked_for(desk: Desk) -> None:
    desk.drop("a.jsonl")
    finish(desk, "ingest", nothing)
    desk.clock[0] = datetime.now(UTC)
    assert isinstance(desk.ask("new_files"), dg.RunRequest)


def hold(desk: Desk, plan_id: str, at: datetime) -> None:
    record = PlanRecord(
        plan_id, "2026-01-05", "ab" * 32, ["one"], {"messages": {}, "spend": {}}, {"generation_id": "g"}, at
    )
    desk.ledger.plans.propose(record)
    desk.ledger.plans.hold(plan_id, ["assisted"], at=at, expires_at=at + timedelta(days=1))


def let_go(desk: Desk, plan_id: str, at: datetime) -> None:
    desk.ledger.generations.record_gate("g", "suite", is_passed=True, at=at)
    desk.ledger.plans.release(plan_id, "ab" * 32, by="Ann", at=at, messages=[], expires_at=at + timedelta(days=7))


def test_a_plan_that_waits_starts_nothing(desk: Desk) -> None:
    hold(desk, "p", NOW)
    assert desk.ask("approved_plans") == "no new approval"


def test_an_approval_starts_one_hand_over(desk: Desk) -> None:
    hold(desk, "p", NOW)
    desk.ledger.plans.approve("p", by="Ann", at=NOW)
    let_go(desk, "p", NOW)
    found = desk.ask("approved_plans")
    assert isinstance(found, dg.RunRequest)
    assert found.tags["wayfinder/trigger"] == "approval"
    assert desk.ask("approved_plans") == "no new approval"


def test_a_release_by_policy_is_no_approval(desk: Desk) -> None:
    record = PlanRecord(
        "p", "2026-01-05", "ab" * 32, ["one"], {"messages": {}, "spend": {}}, {"generation_id": "g"}, NOW
    )
    desk.ledger.plans.propose(record)
    let_go(desk, "p", NOW)
    assert desk.ask("approved_plans") == "no new approval"


def test_events_that_providers_reported_start_an_ingest_until_they_are_flushed(desk: Desk) -> None:
    event = Event("e1", "opened", NOW, customer_key="c1", channel="email")
    desk.ledger.inbox.take([Delivery("push", "sha", (event,))], at=NOW)
    assert isinstance(desk.ask("new_files"), dg.RunRequest)
    (path,) = flush(desk.ledger.inbox, desk.home.landing, at=NOW)
    assert isinstance(desk.ask("new_files"), dg.RunRequest)  # it's a landing file now
    desk.deal_with(path)
    assert desk.ask("new_files") == "no new file"
