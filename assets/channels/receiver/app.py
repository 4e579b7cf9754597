"""The application: `build_receiver` takes plain objects and knows nothing of the command line."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.hooks import Hook
from assets.channels.receiver.service import Service
from assets.channels.receiver.unsubscribing import unsubscribe_routes
from assets.channels.receiver.web import web_routes
from assets.channels.receiver.webhooks import webhook_routes
from assets.channels.receiver.writer import Writer
from assets.ledger.ledger import Ledger


def build_receiver(
    ledger: Ledger,
    *,
    hooks: Mapping[str, Hook],
    unsubscribe: Unsubscribe,
    clock: Callable[[], datetime],
    sender: str = "",
    origins: Sequence[str] = (),
    signed_clock: Callable[[], datetime] | None = None,
) -> FastAPI:
    """The receiver of a workspace.

    Args:
        ledger: Upgraded.
        hooks: Webhooks by name.
        unsubscribe: With the address at which we're reached from outside, without a slash at its end.
        clock: Aware UTC.
        sender: Name of who sends, for the unsubscribe page.
        origins: Sites whose pages may ask for decisions.
        signed_clock: What signatures are dated by, where `clock` is a replayed business time.
    """
    service = Service(ledger, hooks, unsubscribe, clock, Writer(ledger.inbox, clock), sender, signed_clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.writer.close()

    app = FastAPI(title="Wayfinder receiver", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.include_router(webhook_routes(service))
    app.include_router(unsubscribe_routes(service))
    app.include_router(web_routes(service))

    @app.get("/health", tags=["health"])
    def health() -> JSONResponse:
        """Whether the ledger can be read, and how many events wait to be flushed."""
        return JSONResponse({"ok": True, "waiting": ledger.inbox.waiting(at=clock())})

    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"])
    return app
