import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

CHECKOUT = Path(__file__).parents[4]


@dataclass
class Running:
    """A sandbox in a process of its own, and a client that speaks with it."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    client: httpx.Client
    keys: int = 0

    @property
    def http(self) -> str:
        return str(self.told["http"])

    @property
    def smtp(self) -> tuple[str, int]:
        host, port = self.told["smtp"].split(":")
        return host, int(port)

    def secret(self, name: str) -> str:
        return str(self.told["environment"][f"SANDBOX_{name}"])

    @property
    def account(self) -> str:
        return str(self.told["channels"]["sms"]["account_sid"])

    def key(self) -> str:
        self.keys += 1
        return f"m{os.getpid():07d}{self.keys:07d}"

    def faults(self, **channels: dict[str, float]) -> None:
        answer = self.client.put(f"{self.http}/_sandbox/faults", json=channels)
        assert answer.status_code == 200, answer.text

    def injected(self) -> dict[str, Any]:
        return dict(self.client.get(f"{self.http}/_sandbox/faults").json()["injected"])

    def rows(self, channel: str, key: str = "") -> list[dict[str, Any]]:
        rows = self.client.get(f"{self.http}/_sandbox/deliveries", params={"list": 1, "channel": channel}).json()
        return [row for row in rows if not key or row["key"] == key]

    def counts(self, channel: str) -> dict[str, int]:
        return dict(self.client.get(f"{self.http}/_sandbox/deliveries").json().get(channel, {}))

    def send_sms(self, key: str = "", **form: str) -> httpx.Response:
        values = {"To": "+14155551212", "From": "+15017122661", "Body": "Hi there"} | form
        if key:
            values["StatusCallback"] = f"http://127.0.0.1:9/webhooks/sms?message_id={key}"
        url = f"{self.http}/twilio/2010-04-01/Accounts/{self.account}/Messages.json"
        return self.client.post(url, data=values, auth=(self.account, self.secret("TWILIO_TOKEN")))


@contextlib.contextmanager
def running(folder: Path, *words: str) -> Iterator[Running]:
    command = [
        sys.executable,
        "-m",
        "market",
        "sandbox",
        "--folder",
        str(folder),
        "--port-http",
        "0",
        "--port-smtp",
        "0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen([*command, *words], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        with httpx.Client(timeout=10, trust_env=False) as client:
            yield Running(process, told, client)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest.fixture
def sandbox(sandbox_process: Running) -> Running:
    sandbox_process.client.delete(f"{sandbox_process.http}/_sandbox/faults")
    return sandbox_process


@dataclass
class Receiver:
    """A real HTTP server that keeps what is posted to it."""

    url: str
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: Callable[[int], int] = lambda _: 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver("")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                found.posts.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status = found.statuses(len(found.posts))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # the default of 5 refuses connections where sixteen are opened at once

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
