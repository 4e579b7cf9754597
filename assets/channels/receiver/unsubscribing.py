"""`/unsubscribe/{message_id}/{token}`: GET shows a button, POST acts (RFC 8058's one click, or the button).

It holds before the next send: it's committed before the answer. A link works as long as the workspace's key does, which is
longer than the 60 days that the law asks for. GET changes nothing, because scanners follow links.
"""

import logging
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from assets.channels.receiver import pages
from assets.channels.receiver.body import TooLarge, read_body
from assets.channels.receiver.service import Service
from assets.channels.receiver.signing import is_same
from assets.ledger.inbox import Delivery, Event

PROVIDER: Final = "unsubscribe"
MOST_BYTES: Final = 10_000

_log = logging.getLogger(__name__)
_FORM = {"List-Unsubscribe": {"type": "string"}, "unsubscribe": {"type": "string"}}
_BODY = {
    "requestBody": {
        "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": _FORM}}}
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link isn't one of ours"},
    413: {"description": "Too large"},
    503: {"description": "Can't be stored now; come again"},
}


def unsubscribe_routes(service: Service) -> APIRouter:
    """The page and the one click."""
    router = APIRouter(tags=["unsubscribe"], prefix="/unsubscribe", default_response_class=HTMLResponse)

    @router.get("/{message_id}/{token}", responses=_ANSWERS)
    async def show(message_id: str, token: str) -> HTMLResponse:
        """Show the button."""
        if not _is_ours(service, message_id, token):
            return _page(pages.unknown(), 404)
        return _page(pages.ask(service.sender))

    @router.post("/{message_id}/{token}", responses=_ANSWERS, openapi_extra=_BODY)
    async def act(message_id: str, token: str, request: Request) -> HTMLResponse:
        """Unsubscribe. The body is one click's or the button's; the address alone says what is wanted."""
        if not _is_ours(service, message_id, token):
            service.writer.count_refused(PROVIDER)
            return _page(pages.unknown(), 404)
        try:
            await read_body(request, MOST_BYTES)
        except (TooLarge, TimeoutError):
            return _page(pages.later(), 413)
        return await _store(service, message_id)

    return router


async def _store(service: Service, message_id: str) -> HTMLResponse:
    event = Event(f"unsubscribe:{message_id}", "unsubscribed", service.clock(), message_id)
    try:
        await service.writer.put(Delivery(PROVIDER, "", (event,)))
    except Exception as error:  # noqa: BLE001 - the page says so, and a mail program tries again
        _log.warning("an unsubscribe could not be stored (%s)", type(error).__name__)
        return _page(pages.later(), 503)
    return _page(pages.done())


def _is_ours(service: Service, message_id: str, token: str) -> bool:
    """In a time that says nothing about the right token."""
    if not (message_id.isascii() and message_id.isprintable()):
        return False
    return is_same(service.unsubscribe.url(message_id).rpartition("/")[2], token)


def _page(text: str, code: int = 200) -> HTMLResponse:
    return HTMLResponse(text, code, headers=pages.HEADERS)
