"""The control endpoint ``/_sandbox/…``: faults, deliveries, mails, subscriptions, members and the clock, at run time."""

from collections.abc import Callable
from typing import Any, Final

from market.sandbox.book import Book
from market.sandbox.clock import Clock
from market.sandbox.exchange import Answer, Request, as_json
from market.sandbox.faults import Faults
from market.sandbox.google import Google
from market.sandbox.http import body_of, query_of
from market.sandbox.mail import Postbox
from market.sandbox.meta import Meta
from market.sandbox.poster import Poster, aware
from market.sandbox.webpush import WebPush

_MOST_ROWS: Final = 10_000


class Control:
    """Answers the endpoint.

    Args:
        faults, book, clock, postbox, push, audiences: The sandbox's parts.
        poster: Where the sandbox answers by itself.
    """

    def __init__(
        self,
        *,
        faults: Faults,
        book: Book,
        clock: Clock,
        postbox: Postbox,
        push: WebPush,
        audiences: tuple[Meta, Google],
        poster: Poster | None,
    ) -> None:
        self._faults = faults
        self._book = book
        self._clock = clock
        self._postbox = postbox
        self._push = push
        self._audiences = audiences
        self._poster = poster
        self._routes: dict[str, Callable[[Request], Any]] = {
            "/health": self._health,
            "/faults": self._set_faults,
            "/deliveries": self._deliveries,
            "/mails": self._mails,
            "/subscriptions": self._subscriptions,
            "/members": self._members,
            "/clock": self._tick,
            "/webhooks": self._webhooks,
            "/callbacks": lambda _: {},
        }

    def __call__(self, request: Request) -> Answer:
        """Answers a request; errors name what is wrong."""
        route = self._routes.get(request.path)
        if route is None:
            return as_json(404, {"error": f"{request.path} is unknown; these are: {', '.join(self._routes)}"})
        return as_json(200, route(request))

    def _health(self, _: Request) -> Any:
        return {"ok": True, "now": self._clock.now().isoformat()}

    def _set_faults(self, request: Request) -> Any:
        """GET tells, PUT and POST set, DELETE ends all."""
        if request.method == "DELETE":
            self._faults.clear()
        elif request.method in {"PUT", "POST"}:
            self._faults.set(body_of(request))
        return self._faults.told()

    def _deliveries(self, request: Request) -> Any:
        """Counts by channel; with ``list=1`` the rows after ``after``."""
        query = query_of(request)
        if "list" not in query:
            return self._book.counts()
        limit = min(int(query.get("limit", _MOST_ROWS)), _MOST_ROWS)
        return self._book.rows(query.get("channel"), int(query.get("after", 0)), limit)

    def _mails(self, request: Request) -> Any:
        """The newest mails, parsed."""
        newest = self._postbox.newest(int(query_of(request).get("limit", 10)))
        return {"count": self._postbox.count, "mails": [mail.told() for mail in newest]}

    def _subscriptions(self, request: Request) -> Any:
        """GET ``?token=…`` is a browser's subscription; PUT says which tokens are ``gone`` or ``unknown``."""
        if request.method in {"PUT", "POST"}:
            body = body_of(request)
            self._push.gone = set(body.get("gone", self._push.gone))
            self._push.unknown = set(body.get("unknown", self._push.unknown))
            return {"gone": len(self._push.gone), "unknown": len(self._push.unknown)}
        query = query_of(request)
        return self._push.subscription(query["token"], query.get("application_server_key", ""))

    def _members(self, _: Request) -> Any:
        """How many members each audience has."""
        return {name: len(found) for kept in self._audiences for name, found in kept.members.items()}

    def _tick(self, request: Request) -> Any:
        """PUT ``{"at": …}`` sets the business time."""
        if request.method in {"PUT", "POST"}:
            self._clock.set(aware(str(body_of(request)["at"])))
        return {"now": self._clock.now().isoformat()}

    def _webhooks(self, _: Request) -> Any:
        """What the receiver said to the sandbox's own answers."""
        return dict(self._poster.counts) if self._poster is not None else {}
