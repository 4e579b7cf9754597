"""Runs the sandbox: the SMTP and the HTTP server in one process, until a signal ends it. Loopback only."""

import asyncio
import json
import signal
import socket
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import uvicorn

from market.sandbox import smtp
from market.sandbox.accounts import Accounts
from market.sandbox.book import Book
from market.sandbox.channels import channels_snippet, environment_of
from market.sandbox.clock import Clock
from market.sandbox.control import Control
from market.sandbox.exchange import Provider
from market.sandbox.faults import Faults
from market.sandbox.google import Google
from market.sandbox.http import Application, Droppable
from market.sandbox.lob import Lob
from market.sandbox.mail import Postbox
from market.sandbox.mailbag import Mailbag
from market.sandbox.meta import Meta
from market.sandbox.poster import Disorder, Poster
from market.sandbox.responder import Responder
from market.sandbox.twilio import Twilio
from market.sandbox.webpush import WebPush
from market.words import MarketError

HOST: Final = "127.0.0.1"
_FLUSH_S: Final = 0.2
_KEPT_MAILS: Final = 1000


@dataclass(frozen=True)
class Options:
    """How a sandbox is run.

    Attributes:
        folder: Where the log (and the mailbag) goes.
        port_http, port_smtp: 0 takes a free one.
        seed: Of accounts, faults and answers.
        faults: As ``Faults.set`` takes them.
        at: Business time at the start; the wall clock without one.
        answer: Base URL of a receiver that gets answers; nobody without one.
        disorder: How unreliably they come.
        keeps_mailbag: Whether the market's mailbag is written.
    """

    folder: Path
    port_http: int = 8025
    port_smtp: int = 1025
    seed: int = 7
    faults: dict[str, dict[str, float]] = field(default_factory=dict)
    at: datetime | None = None
    answer: str = ""
    disorder: Disorder = field(default_factory=Disorder)
    keeps_mailbag: bool = False


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only then
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise MarketError(
            f"port {port} of {HOST} can't be had ({error.strerror}); name another one, or 0 for any"
        ) from error
    return bound


class Sandbox:
    """The parts, put together.

    Args:
        options: How it is run.

    Raises:
        MarketError: A port is taken or a fault is unknown.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.faults = Faults(options.seed)
        self.faults.set(options.faults)
        self._socket = _bound(options.port_http)
        self.origin = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self.accounts = Accounts(options.seed)
        self.clock = Clock(options.at)
        self.book = Book(options.folder)
        self._postbox = Postbox(_KEPT_MAILS)
        self._mailbag = Mailbag(options.folder) if options.keeps_mailbag else None
        self._poster: Poster | None = None

    async def run(self, ready: asyncio.Event | None = None, *, is_told: bool = True) -> None:
        """Serves until SIGINT or SIGTERM.

        Args:
            ready: Set when both ports are served.
            is_told: Whether the line for programs is printed then.
        """
        mail = smtp.MailHandler(self.accounts, self.faults, self.book, self._postbox, self.clock)
        mail.reads_text = self._mailbag is not None
        self._let_know()
        server = uvicorn.Server(self._http())
        mails = await smtp.listen(mail, self._options.port_smtp)
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        tasks = [asyncio.create_task(server._serve([self._socket])), asyncio.create_task(self._write())]  # noqa: SLF001 - `serve` would take the signals to itself
        while not server.started and not tasks[0].done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if is_told:
            sys.stdout.write(json.dumps(self.told(mails.sockets[0].getsockname()[1])) + "\n")
            sys.stdout.flush()
        if ready is not None:
            ready.set()
        await asyncio.wait([asyncio.create_task(stopped.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        mails.close()
        await tasks[0]
        await self._end(tasks[1])

    def told(self, port_smtp: int) -> dict[str, Any]:
        """Ports, addresses, accounts, and a ``channels.yaml`` that points drivers here."""
        return {
            "ready": True,
            "http": self.origin,
            "smtp": f"{HOST}:{port_smtp}",
            "folder": str(self._options.folder),
            "control": f"{self.origin}/_sandbox",
            "environment": environment_of(self.accounts),
            "channels": channels_snippet(self.accounts, self.origin, port_smtp, self._options.answer),
        }

    def _let_know(self) -> None:
        if self._mailbag is not None:
            self.book.listen(self._mailbag.add)
        if self._options.answer:
            self._poster = Poster(self.accounts, self._options.disorder, self._options.seed)
            self.book.listen(Responder(self.accounts, self._options.answer, self._poster).accepted)

    def _http(self) -> uvicorn.Config:
        push, meta, google = WebPush(self.accounts, self.origin), Meta(self.accounts), Google(self.accounts)
        control = Control(
            faults=self.faults,
            book=self.book,
            clock=self.clock,
            postbox=self._postbox,
            push=push,
            audiences=(meta, google),
            poster=self._poster,
        )
        providers: dict[str, Provider] = {
            "twilio": Twilio(self.accounts),
            "lob": Lob(self.accounts),
            "push": push,
            "meta": meta,
            "google": google,
        }
        application = Application(providers, self.faults, self.book, self.clock, control)
        return uvicorn.Config(
            application,
            http=Droppable,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.book.flush()
            if self._mailbag is not None:
                self._mailbag.flush()

    async def _end(self, writing: asyncio.Task[None]) -> None:
        writing.cancel()
        if self._poster is not None:
            await self._poster.close()
        if self._mailbag is not None:
            self._mailbag.close()
        self.book.close()
        self._socket.close()


def serve(options: Options) -> None:
    """Runs a sandbox until it is ended.

    Raises:
        MarketError: A port is taken or a fault is unknown.
    """
    sandbox = Sandbox(options)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(sandbox.run())


def _loop_factory() -> Any:
    """The loop of uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop
