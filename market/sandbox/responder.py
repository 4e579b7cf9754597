"""Lets the sandbox answer by itself: what a provider reports soon after accepting, from a table of chances.

It has no world behind it: who responds follows from the message's id and the seed, whatever was sent. Answers of the
sample market's persons come by ``market answer --sandbox``.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from market.sandbox.accounts import Accounts, derived
from market.sandbox.events import Address, Outcome, webhook
from market.sandbox.exchange import Accepted
from market.sandbox.poster import Poster
from market.voice import conversation

_Chances = tuple[tuple[str, float, float], ...]
_REACHED: Final = {"email": 0.985, "sms": 0.97, "voice": 0.98, "push": 0.93, "direct_mail": 0.96}
_LOST: Final = {"email": "bounced", "sms": "failed", "voice": "failed", "push": "failed", "direct_mail": "failed"}
_THEN: Final[Mapping[str, _Chances]] = {
    "email": (("delivered", 1.0, 2), ("opened", 0.24, 900), ("clicked", 0.04, 960), ("unsubscribed", 0.002, 1000),
              ("complained", 0.0005, 1100)),
    "sms": (("delivered", 1.0, 2), ("replied", 0.012, 300), ("unsubscribed", 0.008, 400)),
    "push": (("delivered", 1.0, 1), ("opened", 0.12, 300)),
    "direct_mail": (("delivered", 1.0, 4 * 86_400), ("visited", 0.05, 5 * 86_400)),
}  # fmt: skip
_ANSWERED: Final = 0.34
SPREAD_S: Final = 0.5  # within which a message's events are posted, in their order


class Responder:
    """Makes outcomes of what is accepted.

    Args:
        accounts: Of the sandbox.
        base_url: The receiver's.
        poster: Posts them.
    """

    def __init__(self, accounts: Accounts, base_url: str, poster: Poster) -> None:
        self._accounts = accounts
        self._base_url = base_url
        self._poster = poster

    def accepted(self, one: Accepted, at: datetime) -> None:
        """Posts what becomes of a message, soon and in its order; the events are dated as if they took their time."""
        if one.channel not in _REACHED:
            return
        address = Address(one.key, one.channel, one.provider_id, one.callback, one.sender, one.recipient)
        outcomes = outcomes_of(self._accounts.seed, one.channel, one.key, at)
        for place, outcome in enumerate(outcomes):
            post = webhook(outcome, address, self._accounts, self._base_url)
            if post is not None:
                self._poster.post(post, after_s=SPREAD_S * (place + 1) / len(outcomes))


def outcomes_of(seed: int, channel: str, key: str, at: datetime) -> list[Outcome]:
    """What becomes of a message: the same for the same seed and id.

    Args:
        seed: The sandbox's.
        channel: The contract's name.
        key: The message's id.
        at: When it was accepted.
    """
    chance = _dice(seed, key)

    def made(kind: str, after_s: float, payload: dict[str, Any] | None = None) -> Outcome:
        identity = "s" + hashlib.sha256(f"{seed}/{key}/{kind}".encode()).hexdigest()[:24]
        return Outcome(identity, kind, at + timedelta(seconds=after_s), payload)

    if chance("reached") >= _REACHED[channel]:
        return [made(_LOST[channel], 30)]
    if channel == "voice":
        if chance("answered") >= _ANSWERED:
            return [made("no_answer", 35)]
        number = int(chance("words") * 2**52)
        said = conversation(number, number % 6, buys=chance("buys") < 0.05, leaves=chance("leaves") < 0.012)
        return [made("answered", 20 + float(said["duration_s"]), said)]
    texts = {"replied": {"text": "ok will have a look"}, "visited": {"device": "mobile", "via": "qr"}}
    return [made(kind, after, texts.get(kind)) for kind, share, after in _THEN[channel] if chance(kind) < share]


class _dice:  # noqa: N801 - called like a function
    def __init__(self, seed: int, key: str) -> None:
        self._seed = seed
        self._key = key

    def __call__(self, purpose: str) -> float:
        return int.from_bytes(derived(self._seed, self._key, purpose)[:8], "big") / 2**64
