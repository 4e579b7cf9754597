"""A day's messages leave through the real protocols, and what comes of them comes back signed: the same loop as with files."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml

from orchestration.service import build_app
from tests.integration.loop_support import AFTERNOON, CHECKOUT, EVENING, Workspace

pytestmark = pytest.mark.slow
REAL = ("email", "sms", "voice", "direct_mail", "paid_social", "display")


@contextmanager
def sandbox(workspace: Workspace, *words: str) -> Iterator[dict[str, Any]]:
    """Local providers at the afternoon's business time."""
    command = [sys.executable, "-m", "orchestration.cli", "sandbox", "--home", str(workspace.home), "--at", AFTERNOON]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ports = ["--port-http", "0", "--port-smtp", "0"]
    process = subprocess.Popen(
        [*command, *ports, *words], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def receiver(workspace: Workspace, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `wayfinder serve` runs, at business time."""
    monkeypatch.setenv("WAYFINDER_PUBLIC_URL", f"http://127.0.0.1:{port}")
    app = build_app(workspace.settings, datetime.fromisoformat(AFTERNOON))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def workspace(cycled: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    return copy_of(cycled)


def point_at(workspace: Workspace, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sandbox says to put into `channels.yaml` and the environment."""
    for name, value in told["environment"].items():
        monkeypatch.setenv(name, value)
    (workspace.config / "channels.yaml").write_text(yaml.safe_dump(told["channels"]))


def delivered(folder: str) -> Counter[str]:
    command = [sys.executable, "-m", "market", "deliveries", "--folder", folder, "--list"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return Counter(json.loads(line)["channel"] for line in done.stdout.splitlines())


def test_what_is_due_reaches_each_provider_once_though_dispatch_runs_twice(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = workspace.outbox()
    with sandbox(workspace) as told:
        point_at(workspace, told, monkeypatch)
        first = workspace.wayfinder("dispatch", "--at", AFTERNOON).facts
        again = workspace.wayfinder("dispatch", "--at", AFTERNOON).facts
        time.sleep(0.5)  # the providers write their log in batches
    assert sum(again["messages"].values()) == 0
    sent = {channel: number for channel, number in first["messages"].items() if number and channel in REAL}
    assert sent
    assert {channel: delivered(told["folder"])[channel] for channel in sent} == sent
    assert not {state for one, state in workspace.outbox().items() if before[one] == "pending"} & {"unknown", "sending"}
    assert workspace.wayfinder("audit", "--at", EVENING).status == 0


def test_what_providers_report_comes_back_signed_and_is_taken_in(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    with sandbox(workspace, "--answer", f"http://127.0.0.1:{unused_port}") as told:
        point_at(workspace, told, monkeypatch)
        with receiver(workspace, unused_port, monkeypatch):
            assert httpx.get(f"http://127.0.0.1:{unused_port}/health").status_code == 200
            sent = workspace.wayfinder("dispatch", "--at", AFTERNOON).facts["messages"]
            deadline = time.monotonic() + 30
            while not workspace.ledger.inbox.waiting(at=datetime.fromisoformat(EVENING)):
                assert time.monotonic() < deadline, workspace.ledger.inbox.counts()
                time.sleep(0.2)
            time.sleep(1)
    counts = workspace.ledger.inbox.counts()
    assert sum(each["accepted"] for each in counts.values()) > 0
    known = [counts[name] for name in ("email", "sms", "voice") if name in counts]  # a mailer is on its way for days
    assert sum(each["refused"] + each["quarantined"] for each in known) == 0
    taken = workspace.wayfinder("ingest", "--at", EVENING).facts
    assert taken["files"] >= 1
    assert sum(sent.values()) > 0
    assert workspace.wayfinder("audit", "--at", EVENING).status == 0


@pytest.fixture
def unused_port(tmp_path: Path) -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
