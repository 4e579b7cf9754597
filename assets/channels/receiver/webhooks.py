"""`POST /webhooks/{name}`: verify the raw bytes, read, store, and only then answer.

An unknown name is 404, a body over a megabyte 413, an unproved one 401, an unreadable one 400 (and in quarantine); what
can't be stored now is 503, and the provider comes again. Everything else is stored once and answered with 200.
"""

import hashlib
import logging
from typing import Any

from fastapi import APIRouter, Request, Response

from assets.channels.receiver.body import TooLarge, read_body
from assets.channels.receiver.hooks import Hook
from assets.channels.receiver.scheme import Broken, Post, Reading, Refused, unreadable
from assets.channels.receiver.service import Service
from assets.ledger.inbox import Delivery

_log = logging.getLogger(__name__)
_BODY = {"requestBody": {"content": {"application/json": {"schema": {}}}, "required": True}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Signed, but unreadable; kept in quarantine"},
    401: {"description": "Not proved to be the provider's"},
    404: {"description": "No such webhook"},
    408: {"description": "The body didn't come in time"},
    413: {"description": "Too large"},
    503: {"description": "Can't be stored now; come again"},
}


def webhook_routes(service: Service) -> APIRouter:
    """The webhooks of a receiver."""
    router = APIRouter(tags=["webhooks"])

    @router.post("/webhooks/{name}", responses=_ANSWERS, openapi_extra=_BODY, response_class=Response)
    async def take_in(name: str, request: Request) -> Response:
        """Take in what a provider reports."""
        hook = service.hooks.get(name)
        if hook is None:
            return Response(status_code=404)
        try:
            post = await _post(hook, request, service.unsubscribe.base_url)
            hook.scheme.verify(post, hook.secrets, service.signed_now())
        except (TooLarge, TimeoutError, Refused) as refused:
            service.writer.count_refused(name)
            code = {TooLarge: 413, TimeoutError: 408}.get(type(refused), 401)
            return Response(status_code=code, headers={"Connection": "close"} if code != 401 else None)  # noqa: PLR2004 - HTTP
        return await _store(service, hook, post)

    return router


async def _post(hook: Hook, request: Request, base_url: str) -> Post:
    """The post with the address that the provider knows: behind a proxy the request's own host is another."""
    raw_path = request.scope.get("raw_path", b"").decode("latin-1") or request.url.path
    query = request.scope["query_string"].decode("latin-1")
    url = f"{base_url}{raw_path.partition('?')[0]}{'?' + query if query else ''}"
    return Post(hook.name, hook.channel, dict(request.headers), await read_body(request), url)


async def _store(service: Service, hook: Hook, post: Post) -> Response:
    reading, code = _read(hook, post, service)
    raw_sha256 = hashlib.sha256(post.body).hexdigest()
    delivery = Delivery(hook.name, raw_sha256, tuple(reading.events), tuple(reading.unreadable), reading.ignored)
    try:
        await service.writer.put(delivery)
    except Exception as error:  # noqa: BLE001 - not stored, so not accepted: the provider keeps it
        _log.warning("a post to %s could not be stored (%s)", hook.name, type(error).__name__)
        return Response(status_code=503, headers={"Retry-After": "5"})
    media_type, text = hook.scheme.ANSWER
    return Response(text if code == 200 else None, code, media_type=media_type)  # noqa: PLR2004 - HTTP


def _read(hook: Hook, post: Post, service: Service) -> tuple[Reading, int]:
    try:
        reading = hook.scheme.read(post, service.clock())
    except Broken as broken:
        return Reading(unreadable=[unreadable(str(broken), post.body)]), 400
    is_lost = reading.unreadable and not reading.events and not reading.ignored
    return reading, 400 if is_lost else 200
