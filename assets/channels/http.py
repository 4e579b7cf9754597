"""What every driver over HTTP shares: one server, no redirects, and what an answer means for a delivery class."""

import email.utils
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import httpx

from assets.channels.contract import Delivery, Message, Receipt, detail_of
from assets.channels.hosts import Resolver, addresses_of, is_loopback, is_public
from assets.ledger.records import ReceiptStatus

LONGEST_WAIT: Final = timedelta(days=1)
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
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

    Args:
        base_url: Start of every request's URL; checked by the caller (`hosts.check_url`).
        delivery: What an ambiguous answer means.
        timeout_s: For connecting, for writing, and for each part of the answer.
        connections: At a time.
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
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.Client(
            base_url=base_url,
            auth=auth,
            headers=dict(headers or {}),
            timeout=timeout_s,
            transport=_PublicHosts(limits, resolve),
            follow_redirects=False,
            trust_env=False,
        )

    def send(self, method: str, url: str, **request: Any) -> Answer:
        """Send a request and say what its answer means. A lost connection or a late answer is an answer as well."""
        try:
            with self._client.stream(method, url, **request) as response:
                body = _bounded(response)
                return read(self._delivery, response.status_code, response.headers, body)
        except _UNSENT:
            return Answer("retry", detail_of("unreachable", "no connection to the provider"))
        except httpx.HTTPError as error:
            return Answer(ambiguous(self._delivery), detail_of("unanswered", type(error).__name__))


class _PublicHosts(httpx.HTTPTransport):
    """Refuses names that stand for something inside: what a provider's name resolves to is no secret door."""

    def __init__(self, limits: httpx.Limits, resolve: Resolver) -> None:
        super().__init__(verify=_trust(), limits=limits, trust_env=False)
        self._resolve, self._checked = resolve, set[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host not in self._checked and not is_loopback(host):
            try:
                addresses = self._resolve(host)
            except OSError:
                raise httpx.ConnectError("the name can't be resolved", request=request) from None
            if not addresses or not all(map(is_public, addresses)):
                raise httpx.ConnectError("the name stands for an address that isn't public", request=request)
            self._checked.add(host)
        return super().handle_request(request)


@cache
def _trust() -> ssl.SSLContext:
    """Certificates are read once: that takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


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


def _bounded(response: httpx.Response) -> Mapping[str, Any]:
    """The answer's JSON object; empty where it's none, is longer than an answer can be, or broke off.

    The status stands before the body, so what was accepted stays accepted.
    """
    data = bytearray()
    try:
        for part in response.iter_bytes():
            data += part
            if len(data) > _BODY_BYTES:
                return {}
        parsed = json.loads(data)
    except (httpx.HTTPError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
