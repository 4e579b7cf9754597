"""The receiver as it runs: behind uvicorn, over sockets."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.ledger.ledger import Ledger
from tests.unit.assets.channels.receiver.support import HOOKS, event, standard

ROOT = Path(__file__).parents[5]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def now():
    return datetime.now(UTC)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def serving(ledger, **more):
    """The address of a running receiver."""
    port = free_port()
    unsubscribe = Unsubscribe(f"http://127.0.0.1:{port}", b"k" * 32)
    app = build_receiver(ledger, hooks=HOOKS, unsubscribe=unsubscribe, clock=now, **more)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield unsubscribe
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def ledger(sqlite_template, tmp_path):
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def test_a_signed_post_over_a_socket_is_in_the_ledger(ledger):
    with serving(ledger) as unsubscribe, httpx.Client(base_url=unsubscribe.base_url) as client:
        assert client.post("/webhooks/push", **standard(event(), now())).status_code == 200
        assert client.get("/health").json() == {"ok": True, "waiting": 1}
        assert client.post("/webhooks/push", **standard(event(), now(), keys=(b"wrong",))).status_code == 401
        assert client.post(unsubscribe.url("m0"), data={"List-Unsubscribe": "One-Click"}).status_code == 200
    counts = ledger.inbox.counts()
    assert (counts["push"]["accepted"], counts["push"]["refused"], counts["unsubscribe"]["accepted"]) == (1, 1, 1)


def test_an_endless_body_is_cut_off(ledger):
    with serving(ledger) as unsubscribe, httpx.Client(base_url=unsubscribe.base_url) as client:
        sent = 0

        def endless():
            nonlocal sent
            while True:
                sent += 1
                yield b" " * 65_536

        with suppress(httpx.TransportError):  # the connection may be closed on it
            assert client.post("/webhooks/push", content=endless()).status_code == 413
        assert sent < 1_000
        assert client.get("/health").status_code == 200


CRASHING = """
import os, sys, uvicorn
from datetime import UTC, datetime
from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.ledger.inbox import Inbox
from assets.ledger.ledger import Ledger
from tests.unit.assets.channels.receiver.support import HOOKS

url, port, crashes = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "crashes"
take = Inbox.take
def take_and_die(self, deliveries, *, at):
    take(self, deliveries, at=at)
    os.kill(os.getpid(), 9)
if crashes:
    Inbox.take = take_and_die
app = build_receiver(Ledger(url), hooks=HOOKS, unsubscribe=Unsubscribe("http://x", b"k" * 32), clock=lambda: datetime.now(UTC))
uvicorn.run(app, port=port, log_level="warning")
"""


@contextmanager
def process(ledger, crashes):
    port = free_port()
    command = [sys.executable, "-c", CRASHING, str(ledger.engine.url), str(port), "crashes" if crashes else "lives"]
    started = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield started, f"http://127.0.0.1:{port}"
    finally:
        started.kill()
        started.wait()


@pytest.mark.slow
def test_fault_18_a_crash_between_commit_and_answer_loses_and_doubles_nothing(ledger):
    post = standard(event("e1", "unsubscribed"), now())
    with process(ledger, crashes=True) as (started, base), pytest.raises(httpx.TransportError):
        httpx.post(f"{base}/webhooks/push", **post)
    assert started.returncode == -signal.SIGKILL
    with process(ledger, crashes=False) as (_, base):
        assert httpx.post(f"{base}/webhooks/push", **post).status_code == 200
    counts = ledger.inbox.counts()["push"]
    assert (counts["accepted"], counts["duplicate"]) == (1, 1)
    assert ledger.audit.check() == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_unsubscribe_page_is_readable_in_a_browser(ledger, tmp_path):
    with serving(ledger, sender="Shop & Co") as unsubscribe:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={tmp_path}/profile",
        ]
        picture = tmp_path / "page.png"
        command = [CHROMIUM, *flags, "--window-size=390,700", f"--screenshot={picture}", unsubscribe.url("m0")]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 5_000
    assert ledger.inbox.counts() == {}
