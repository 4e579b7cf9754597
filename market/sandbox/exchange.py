"""What passes between the HTTP server and a provider: a request, its answer, and what was accepted by it."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

JSON_TYPE: Final = ("content-type", "application/json")
Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Request:
    """One HTTP request, read whole.

    Attributes:
        method: In capitals.
        path: Decoded, without the provider's prefix.
        query: As sent.
        headers: Names in lower case.
        body: Raw bytes.
        at: The sandbox's time.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at: datetime

    def form(self) -> dict[str, str]:
        """The body as ``application/x-www-form-urlencoded``; of a repeated name the last."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def basic(self) -> tuple[str, str] | None:
        """User and password of HTTP basic authentication; None without."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password

    def bearer(self) -> str:
        """The token of bearer authentication; empty without."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message, or one change of an audience, that a provider took on.

    Attributes:
        channel: The contract's name.
        key: The sender's own id as found in the request; the provider's id where there is none.
        provider_id: The provider's id.
        content: What is hashed for the log.
        recipient: As the contract's ``recipient``, from the request.
        facts: Ids that the request carries besides (``offer_id``, ``creative_id``, ``cycle_id``, ``operation``).
        text: What a person would read.
        callback: Where the provider was told to report to.
        sender: Who it comes from, as the provider knows it.
        operation: ``send``, ``add`` or ``remove``.
        has_effect: False where a set already was as asked for.
    """

    channel: str
    key: str
    provider_id: str
    content: bytes
    recipient: dict[str, Any]
    facts: dict[str, str] = field(default_factory=dict)
    text: str = ""
    callback: str = ""
    sender: str = ""
    operation: str = "send"
    has_effect: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answers.

    Attributes:
        status: HTTP status.
        body: Raw bytes.
        headers: With the content type.
        accepted: What it took on by this request.
        is_replay: The answer of an earlier request with the same key.
    """

    status: int
    body: bytes = b""
    headers: Headers = (JSON_TYPE,)
    accepted: tuple[Accepted, ...] = ()
    is_replay: bool = False


def as_json(
    status: int, facts: Any, *, accepted: tuple[Accepted, ...] = (), headers: Headers = (), is_replay: bool = False
) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, json.dumps(facts).encode(), (JSON_TYPE, *headers), accepted, is_replay)


class Provider(Protocol):
    """A provider's HTTP interface."""

    def channel_of(self, request: Request) -> str:
        """The channel whose faults meet a request; empty where none should (reading, unknown paths)."""

    def handle(self, request: Request) -> Answer:
        """Answers a request."""

    def throttled(self, retry_after_s: int) -> Answer:
        """What it answers to too many requests."""

    def broken(self, status: int) -> Answer:
        """What it answers when it fails itself (500 to 599)."""
