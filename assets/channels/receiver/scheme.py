"""What every provider's scheme promises, and what it is given."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from assets.ledger.inbox import Event, Unreadable


class Refused(Exception):  # noqa: N818 - a domain noun
    """A post that isn't proved to be its provider's, or is too old. Nothing of it is read."""


class Broken(ValueError):  # noqa: N818 - a domain noun
    """A signed body, or one event of it, that can't be read. The message names the field and never its value."""


@dataclass(frozen=True, slots=True)
class Post:
    """A post as it came.

    Attributes:
        name: The last part of its path.
        channel: The channel that the hook belongs to.
        headers: By name in lower case.
        body: The raw bytes: what is signed.
        url: The address that the provider called, as it's known outside, with its query.
    """

    name: str
    channel: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False)


@dataclass(slots=True)
class Reading:
    """What a body holds: events, what of it is broken, and how many parts say nothing that anyone needs."""

    events: list[Event] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    ignored: int = 0


class Scheme(Protocol):
    """How a provider signs and what its bodies mean."""

    ANSWER: tuple[str, str]
    """Media type and text of the answer to a post that was taken in."""

    def verify(self, post: Post, secrets: Sequence[str], now: datetime) -> None:
        """Check that the post is the provider's, with any of the secrets (two while a key is changed).

        Raises:
            Refused: It isn't, or nobody can tell.
        """

    def read(self, post: Post, at: datetime) -> Reading:
        """Read a verified body.

        Raises:
            Broken: Nothing of it can be read.
        """


def unreadable(reason: str, body: bytes) -> Unreadable:
    """A part for quarantine."""
    return Unreadable(reason, body, hashlib.sha256(body).hexdigest())
