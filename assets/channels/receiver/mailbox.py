"""Bounces by mail: a mail server posts each one raw, as `message/rfc822`, signed as in Standard Webhooks.

What a bounce says is read by `assets.channels.bounces`.
"""

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from typing import Final

from assets.channels.receiver import standard
from assets.channels.receiver.events import make_event
from assets.channels.receiver.scheme import Broken, Post, Reading

ANSWER: Final = standard.ANSWER
MEDIA_TYPE: Final = "message/rfc822"
PARSER: Final = "assets.channels.bounces"


def verify(post: Post, secrets: Sequence[str], now: datetime) -> None:
    """As in Standard Webhooks.

    Raises:
        Refused: It isn't signed, or too old.
    """
    standard.verify(post, secrets, now)


def read(post: Post, at: datetime) -> Reading:
    """The bounce that a mail reports; a mail that is none is ignored.

    Raises:
        Broken: It isn't posted as a mail, or there's no parser.
    """
    if post.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Broken(f"the body must be {MEDIA_TYPE}")
    try:
        parser = import_module(PARSER)
    except ModuleNotFoundError:
        raise Broken(f"bounces by mail need {PARSER}") from None
    found = parser.bounce_of(post.body, received_at=at)
    return Reading(ignored=1) if found is None else Reading([make_event(**found, at=at)])
