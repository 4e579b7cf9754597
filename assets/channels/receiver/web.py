"""The web channel: what to show a visitor, and the visitor's answer.

`GET /web/decision` is asked by a site while a page is built: whatever is wrong, it gets an empty answer soon, and shows its
default. `POST /web/outcome` takes a visit or a click with the token that came with the decision.
"""

import asyncio
import hashlib
import hmac
import logging
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from assets.channels.receiver.body import TooLarge, read_body
from assets.channels.receiver.events import parse_json
from assets.channels.receiver.scheme import Broken
from assets.channels.receiver.service import Service
from assets.channels.receiver.signing import is_same
from assets.ledger.inbox import Delivery, Event

PROVIDER: Final = "web"
OUTCOMES: Final = ("visited", "clicked")
MOST_BYTES: Final = 4_000
TOKEN_LENGTH: Final = 32
NO_STORE: Final = {"Cache-Control": "no-store"}

_log = logging.getLogger(__name__)
_PROPERTIES: dict[str, Any] = {
    "message_id": {"type": "string"},
    "token": {"type": "string"},
    "event_type": {"enum": list(OUTCOMES)},
}
_SCHEMA: dict[str, Any] = {"type": "object", "properties": _PROPERTIES, "required": list(_PROPERTIES)}
_BODY = {"requestBody": {"content": {"application/json": {"schema": _SCHEMA}}, "required": True}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Not an outcome"},
    401: {"description": "The token isn't the message's"},
    413: {"description": "Too large"},
    503: {"description": "Can't be stored now"},
}


def web_routes(service: Service) -> APIRouter:
    """The decision and its outcome."""
    router = APIRouter(tags=["web"], prefix="/web")

    @router.get("/decision", responses={204: {"description": "Nothing to show: the site's default"}})
    def decide(
        visitor_id: Annotated[str, Query(min_length=1, max_length=256)],
        slot: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] = None,
    ) -> Response:
        """What to show a visitor in a place of a page, checked at this moment."""
        try:
            shown = service.ledger.web.show(visitor_id, slot, at=service.clock())
        except SQLAlchemyError as error:
            _log.warning("no web decision: the ledger can't be read (%s)", type(error).__name__)
            shown = None
        if shown is None:
            return Response(status_code=204, headers=NO_STORE)
        return JSONResponse({**shown._asdict(), "token": web_token(service, shown.message_id)}, headers=NO_STORE)

    @router.post("/outcome", status_code=204, responses=_ANSWERS, openapi_extra=_BODY, response_class=Response)
    async def report(request: Request) -> Response:
        """A visitor saw the message, or clicked it; each counts once a message."""
        try:
            values = parse_json(await read_body(request, MOST_BYTES))
        except (TooLarge, TimeoutError):
            return Response(status_code=413)
        except Broken:
            return Response(status_code=400)
        message_id, kind = _outcome(values)
        if message_id is None or kind is None:
            return Response(status_code=400)
        if not is_same(web_token(service, message_id), str(values.get("token"))):
            service.writer.count_refused(PROVIDER)
            return Response(status_code=401)
        return await _store(service, message_id, kind)

    return router


def web_token(service: Service, message_id: str) -> str:
    """What proves that a visitor was shown the message; no link's token, though of the same key."""
    return hmac.new(service.unsubscribe.key, f"web\n{message_id}".encode(), hashlib.sha256).hexdigest()[:TOKEN_LENGTH]


def _outcome(values: Any) -> tuple[str | None, Literal["visited", "clicked"] | None]:
    if not isinstance(values, dict) or values.get("event_type") not in OUTCOMES:
        return None, None
    message_id = values.get("message_id")
    is_id = isinstance(message_id, str) and message_id.isascii() and message_id.isprintable() and message_id != ""
    return (message_id if is_id else None), values["event_type"]


async def _store(service: Service, message_id: str, kind: str) -> Response:
    event = Event(f"web:{message_id}:{kind}", kind, service.clock(), message_id, channel="web")
    try:
        await asyncio.shield(service.writer.put(Delivery(PROVIDER, "", (event,))))
    except Exception as error:  # noqa: BLE001 - not stored, so not accepted
        _log.warning("a web outcome could not be stored (%s)", type(error).__name__)
        return Response(status_code=503, headers={"Retry-After": "5"})
    return Response(status_code=204)
