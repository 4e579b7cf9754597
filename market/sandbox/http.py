"""The HTTP server: one process, each provider under a prefix of its own, faults before and after its answer.

Plain ASGI on uvicorn: a request is read whole, handed to the provider, and answered in one piece.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from market.sandbox.book import FAULT, Book
from market.sandbox.clock import Clock
from market.sandbox.exchange import Answer, Provider, Request, as_json
from market.sandbox.faults import BEFORE, Faults
from market.words import MarketError

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Control = Callable[[Request], Answer]
CONTROL: Final = "_sandbox"
MOST_BYTES: Final = 32_000_000  # 100,000 identifiers with room


class Droppable(HttpToolsProtocol):
    """uvicorn's protocol, which hands the connection to the application so that it can be broken off."""

    def on_message_begin(self) -> None:
        """Begins a request."""
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class Application:
    """Routes requests to providers and lets faults happen.

    Args:
        providers: By the first part of the path.
        faults: What goes wrong.
        book: Where accepted messages are noted.
        clock: The sandbox's time.
        control: Answers ``/_sandbox/…``.
    """

    def __init__(
        self, providers: Mapping[str, Provider], faults: Faults, book: Book, clock: Clock, control: Control
    ) -> None:
        self._providers = providers
        self._faults = faults
        self._book = book
        self._clock = clock
        self._control = control

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        prefix, request = await self._read(scope, receive)
        provider = self._providers.get(prefix)
        if provider is None:
            answer = self._controlled(request) if prefix == CONTROL else as_json(404, {"error": "no such provider"})
            await _reply(send, answer)
            return
        await self._serve(provider, request, scope["state"]["transport"], receive, send)

    async def _read(self, scope: dict[str, Any], receive: Receive) -> tuple[str, Request]:
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MOST_BYTES:
                break
        prefix, _, path = scope["raw_path"].decode("ascii")[1:].partition("/")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        return prefix, Request(scope["method"], "/" + unquote(path), query, headers, body, self._clock.now())

    def _controlled(self, request: Request) -> Answer:
        try:
            return self._control(request)
        except (MarketError, ValueError, KeyError, TypeError, AttributeError) as error:
            return as_json(400, {"error": str(error)})

    async def _serve(
        self, provider: Provider, request: Request, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        channel = provider.channel_of(request)
        fault = self._faults.draw(channel) if channel else ""
        if fault in BEFORE:
            await self._fail_early(provider, fault, transport, receive, send)
            return
        answer = provider.handle(request)
        if answer.accepted:
            self._book.add(answer.accepted, request.at)
            if fault == "double":
                self._book.add(answer.accepted, request.at, cause=FAULT)
        elif answer.is_replay:
            self._book.replayed(channel)
        if not fault or answer.status >= 300:
            await _reply(send, answer)
        elif fault == "drop_after":
            await _drop(transport, receive)
        elif fault == "hang":
            await _hang(self._faults.settings["hang_s"], transport, receive)
        else:
            if fault == "slow":
                await asyncio.sleep(self._faults.settings["slow_s"])
            await _reply(send, provider.broken(500) if fault == "error_after" else answer)

    async def _fail_early(
        self, provider: Provider, fault: str, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        if fault == "drop_before":
            await _drop(transport, receive)
        elif fault == "throttle":
            await _reply(send, provider.throttled(round(self._faults.settings["retry_after_s"])))
        else:
            await _reply(send, provider.broken(503))


async def _reply(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _drop(transport: asyncio.Transport, receive: Receive) -> None:
    """Breaks the connection off; uvicorn answers nothing once it knows."""
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang(seconds: float, transport: asyncio.Transport, receive: Receive) -> None:
    """Says nothing until the client goes, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        await _drop(transport, receive)


def query_of(request: Request) -> dict[str, str]:
    """The query's values, of a repeated name the last."""
    return dict(parse_qsl(request.query))


def body_of(request: Request) -> dict[str, Any]:
    """A control request's JSON object.

    Raises:
        MarketError: It is none.
    """
    body = json.loads(request.body) if request.body else {}
    if not isinstance(body, dict):
        raise MarketError("the body must be a JSON object")
    return body
