"""What every driver over HTTP shares: one server, no redirects, and what an answer means for a delivery class."""

import email.utils
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from assets.channels.connections import KeptConnections
from assets.channels.contract import Delivery, Message, Receipt, detail_of
from assets.channels.hosts import Resolver, addresses_of
from assets.ledger.records import ReceiptStatus

LONGEST_WAIT: Final = timedelta(days=1)
_CREDENTIALS: Final = (401, 407)
_BUSY: Final = 429
_UNAVAILABLE: Final = 503
_UNDECIDED_4XX: Final = (408, 409, 425)
_BODY_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request.

    Attributes:
        status: Of a message that the request stood for.
        detail: Why, without anything that the other side wrote.
        code: HTTP status; None where there was no answer.
        body: The answer's JSON object; empty where it isn't one.
        headers: The answer's.
        retry_after: How long the other side asked to wait.
    """

    status: ReceiptStatus
    detail: str = ""
    code: int | None = None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry_after: timedelta | None = None

    def receipt(self, message: Message, at: datetime, *, provider_id: str | None = None) -> Receipt:
        """The receipt of a message that the request stood for alone."""
        return Receipt(message.message_id, self.status, at, provider_id, self.detail, self.retry_after)


class Api:
    """A provider's HTTP interface, over a few kept connections; safe to use from several threads.

    `http.client` itself: it follows no redirect, asks no environment for a proxy, takes a third of a larger client's
    time over a request, and shows when a request starts to leave.

    Args:
        base_url: Start of every request's URL; checked by the caller (`hosts.check_url`).
        delivery: What an ambiguous answer means.
        timeout_s: For connecting, and for each write and read.
        connections: Kept at a time.
        auth: User name and password.
        headers: Of every request.
        resolve: What names stand for.
    """

    def __init__(
        self,
        base_url: str,
        *,
        delivery: Delivery,
        timeout_s: float,
        connections: int,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        resolve: Resolver = addresses_of,
    ) -> None:
        self._delivery: Delivery = delivery
        self._base_url, self._kept = base_url.rstrip("/"), KeptConnections(timeout_s, connections, resolve)
        basic = {"Authorization": f"Basic {b64encode(':'.join(auth).encode()).decode()}"} if auth else {}
        self._headers = _Hidden({"Accept": "application/json", **basic, **(headers or {})})

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request and say what its answer means. A lost connection or a late answer is an answer as well.

        Args:
            method: Such as POST.
            url: Absolute, or what follows the base URL.
            headers: Beside those of every request.
            form: The body's fields, form-encoded; or
            json: the body as JSON; or
            content: the body as it is.
        """
        kind, body = _body(form, json, content)
        parts = urlsplit(url if "://" in url else f"{self._base_url}/{url}")
        origin = (parts.scheme, parts.hostname or "", parts.port)
        try:
            connection = self._kept.take(origin)
        except OSError as error:
            return Answer("retry", detail_of("unreachable", f"no connection to the provider ({type(error).__name__})"))
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        try:
            connection.request(method, path, body, {**self._headers, **kind, **(headers or {})})
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            return Answer(ambiguous(self._delivery), detail_of("unanswered", type(error).__name__))
        answered = {name.lower(): value for name, value in response.getheaders()}
        found = _bounded(response)
        if response.isclosed():  # read to its end
            self._kept.give_back(origin, connection)
        else:
            connection.close()
        return read(self._delivery, response.status, answered, found)


class _Hidden(dict[str, str]):
    """Headers that no representation shows."""

    def __repr__(self) -> str:
        return "{...}"


def _body(form: Mapping[str, str] | None, value: object, content: bytes | None) -> tuple[dict[str, str], bytes]:
    if form is not None:
        return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode("ascii")
    if value is not None:
        return {"Content-Type": "application/json"}, json.dumps(value, ensure_ascii=False).encode()
    return {}, content or b""


def read(delivery: Delivery, code: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
    """What an answer means for a message.

    Asked to wait (429, or 503 that names a time) is certainly not sent; any other 5xx may have been sent, so only a
    keyed message is tried again. Wrong credentials are the operator's to mend: nothing was sent, and it waits.
    """
    wait = retry_after(headers)
    if 200 <= code < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        return Answer("sent", "", code, body, headers)
    if code == _BUSY or (code == _UNAVAILABLE and wait is not None):
        return Answer("retry", detail_of("throttled", f"HTTP {code}"), code, body, headers, wait)
    if code in _CREDENTIALS:
        return Answer("retry", detail_of("unauthorized", f"HTTP {code}: check the secrets"), code, body, headers)
    if 400 <= code < 500 and code not in _UNDECIDED_4XX:  # noqa: PLR2004 - RFC 9110, 15.5
        return Answer("failed", detail_of("refused", f"HTTP {code}"), code, body, headers)
    return Answer(ambiguous(delivery), detail_of("unanswered", f"HTTP {code}"), code, body, headers, wait)


def ambiguous(delivery: Delivery) -> ReceiptStatus:
    """What a lost answer means: the same key may go again, anything else can't be told."""
    return "retry" if delivery == "keyed" else "unknown"


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long a Retry-After header asks to wait, at most a day (RFC 9110, 10.2.3): seconds, or a date.

    A date counts from the answer's own Date, so that no clock of ours is asked.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and value.isascii():
        return min(timedelta(seconds=min(int(value), 10**6)), LONGEST_WAIT)
    try:
        until, since = (email.utils.parsedate_to_datetime(text) for text in (value, headers.get("date", "")))
        return max(min(until - since, LONGEST_WAIT), timedelta(0))
    except (ValueError, TypeError):
        return None


def _bounded(response: HTTPResponse) -> Mapping[str, Any]:
    """The answer's JSON object; empty where it's none, is longer than an answer can be, or broke off.

    The status stands before the body, so what was accepted stays accepted.
    """
    try:
        data = response.read(_BODY_BYTES)
        parsed = json.loads(data) if data and response.isclosed() else {}
    except (OSError, HTTPException, ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
