"""The landing sensor asks for what isn't dealt with, until it is; the approvals sensor for what a person let go."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from assets.home import Home
from assets.ledger.flushing import flush
from assets.ledger.inbox import Delivery, Event
from assets.ledger.ledger import Ledger
from assets.ledger.records import PlanRecord
from orchestration.notify import Notifier
from orchestration.sensors import RETRY_AFTER, build_sensors
from tests.unit.assets.ledger.support import AT, release

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


class Inbox:
    """A real HTTP server that keeps what is posted to it."""

    def __init__(self, status: int = 200) -> None:
        self.posted: list[dict[str, Any]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                inbox.posted.append(json.loads(self.rfile.read(length)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/notice"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    yield server
    server.server.shutdown()
    server.server.server_close()


def watch(desk: Desk, notifier: Notifier) -> str:
    """A tick of the sensor that watches the ledger."""
    sensors = build_sensors("America/New_York", lambda: desk.clock[0], notifier)
    sensor = next(one for one in sensors if one.name == "troubled_ledger")
    context = dg.build_sensor_context(instance=desk.instance, cursor=desk.cursor, resources={"ledger": desk.ledger})
    said = sensor.evaluate_tick(context)
    desk.cursor = said.cursor
    return str(said.skip_message)


def test_a_sound_ledger_troubles_nobody(desk: Desk, inbox: Inbox) -> None:
    assert watch(desk, Notifier(inbox.url)) == "nothing is stuck, stopped or lapsing"
    assert inbox.posted == []


def test_a_stop_is_told_once_and_again_when_it_is_said_again(desk: Desk, inbox: Inbox) -> None:
    desk.ledger.halts.stop("email", by="Ann", at=NOW, reason="complaints")
    watch(desk, Notifier(inbox.url))
    watch(desk, Notifier(inbox.url))
    assert [notice["subject"] for notice in inbox.posted] == ["email is stopped by Ann: complaints"]
    desk.ledger.halts.resume("email", by="Ann", at=NOW)
    watch(desk, Notifier(inbox.url))
    desk.ledger.halts.stop("email", by="Bob", at=NOW + timedelta(minutes=1))
    watch(desk, Notifier(inbox.url))
    assert len(inbox.posted) == 2


def test_a_waiting_plan_is_told_when_it_is_held_and_before_it_lapses(desk: Desk, inbox: Inbox) -> None:
    hold(desk, "p", NOW)
    watch(desk, Notifier(inbox.url))
    desk.clock[0] = NOW + timedelta(hours=17)
    watch(desk, Notifier(inbox.url))
    assert len(inbox.posted) == 1
    desk.clock[0] = NOW + timedelta(hours=18)
    watch(desk, Notifier(inbox.url))
    assert ["waits for a person" in inbox.posted[0]["subject"], "lapses" in inbox.posted[1]["subject"]] == [True, True]
    desk.ledger.plans.reject("p", by="Ann", at=desk.clock[0], why="no")
    assert watch(desk, Notifier(inbox.url)) == "nothing is stuck, stopped or lapsing"


def test_messages_of_a_dispatcher_that_is_gone_are_told(desk: Desk, inbox: Inbox) -> None:
    release(desk.ledger, at=AT)
    lease = desk.ledger.outbox.claim("email", at=AT, limit=9, owner="a", lease_s=60)
    desk.ledger.outbox.begin_sending(lease, at=AT)
    desk.clock[0] = AT + timedelta(seconds=100)
    assert "are stuck" not in watch(desk, Notifier(inbox.url))
    desk.clock[0] = AT + timedelta(seconds=120)
    assert "email: 3 messages are stuck" in watch(desk, Notifier(inbox.url))
    assert "person0" not in json.dumps(inbox.posted)


def test_a_failed_run_is_told_with_its_step_and_without_its_error(desk: Desk, inbox: Inbox) -> None:
    job = dg.GraphDefinition(name="cycle", node_defs=[trouble]).to_job(name="cycle")
    result = job.execute_in_process(
        instance=desk.instance, raise_on_error=False, tags={"wayfinder/cycle": "2026-01-05"}
    )
    event = next(event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        "failed_runs", event, desk.instance, result.dagster_run
    ).for_run_failure()
    sensors = build_sensors("America/New_York", lambda: NOW, Notifier(inbox.url))
    next(one for one in sensors if one.name == "failed_runs")(context)
    assert inbox.posted[0]["steps"] == "trouble"
    assert inbox.posted[0]["cycle"] == "2026-01-05"
    assert "as asked" not in json.dumps(inbox.posted)


def test_a_notice_that_cannot_be_delivered_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    refusing = Inbox(status=500)
    notifier = Notifier(refusing.url, email_to="ops@example.com", smtp_port=9)
    failed = notifier.notify("s", {})
    refusing.server.shutdown()
    refusing.server.server_close()
    assert failed == ["webhook: HTTPStatusError", "email: ConnectionRefusedError"]
    assert refusing.url not in caplog.text
    assert "could not be delivered" in caplog.text


def test_a_notice_goes_out_by_smtp() -> None:
    from aiosmtpd.controller import Controller  # noqa: PLC0415
    from aiosmtpd.handlers import Message  # noqa: PLC0415

    got: list[Any] = []

    class Keeping(Message):
        def handle_message(self, message: Any) -> None:
            got.append(message)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(Keeping(), hostname="127.0.0.1", port=port)
    server.start()
    assert Notifier(email_to="ops@example.com", smtp_port=port).notify("run failed", {"job": "cycle"}) == []
    server.stop()
    assert got[0]["Subject"] == "Wayfinder: run failed"
    assert "job: cycle" in got[0].get_payload()
