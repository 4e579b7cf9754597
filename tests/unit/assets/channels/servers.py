"""Real servers on loopback that answer as they are told, and keep what they got."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)
    connection: int = 0

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """`fault`: `drop` closes the connection without an answer, `cut` in the middle of the answer's body."""

    code: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


class Provider:
    """An HTTP server: `answer` says what each request gets."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda _: Reply()
        self._lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _any(self) -> None:
                provider._serve(self)

            do_GET = do_POST = do_DELETE = do_PUT = _any  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # the default of 5 refuses connections where many are opened at once

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        request = Request(
            handler.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in handler.headers.items()},
            body,
            handler.client_address[1],
        )
        with self._lock:
            self.requests.append(request)
            reply = self.answer(request)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if reply.fault == "drop":
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(reply.code)
        for name, value in {
            "Content-Length": str(len(data)),
            "Content-Type": "application/json",
            **reply.headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data[:1] if reply.fault == "cut" else data)
        if reply.fault == "cut":
            handler.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def provider() -> Iterator[Provider]:
    made = Provider()
    try:
        yield made
    finally:
        made.close()


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """An SMTP server's handler: `answers` by step (`MAIL`, `RCPT`, `DATA`), `drop` the step after which it hangs up."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], bytes]] = []
        self.sessions: set[int] = set()
        self.answers: dict[str, str] = {}
        self.drop: str | None = None

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: ARG002, N802
        self.sessions.add(id(session))
        if self.drop == "MAIL":
            server.transport.abort()
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 2.1.0 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802
        if self.drop == "RCPT":
            server.transport.abort()
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
        if not self.answers.get("DATA"):
            self.got.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        if self.drop == "DATA":
            server.transport.abort()
        return self.answers.get("DATA", "250 2.0.0 queued")


@contextmanager
def mail_server(user: str = "", password: str = "") -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()

    def authenticate(server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (user, password), handled=False)

    options = {"authenticator": authenticate, "auth_require_tls": False, "auth_required": True} if user else {}

    class Server(Controller):
        def factory(self):
            return SMTP(self.handler, enable_SMTPUTF8=False, **options)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Server(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()
