"""Faults on demand: how often which goes wrong, per channel, drawn from a seed.

At most one fault meets a request, so the rates of a channel add up to at most 1. The same seed and the same
sequence of requests to a channel meet the same faults; another channel's traffic changes nothing in it.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from market.words import MarketError

BEFORE: Final = ("throttle", "error_before", "drop_before")
AFTER: Final = ("error_after", "drop_after", "hang", "slow", "double")
_STAGES: Final = ("connect", "helo", "mail", "rcpt", "data", "end")
SMTP: Final = tuple(f"{kind}_{stage}" for kind in ("temporary", "permanent") for stage in _STAGES)
AT_CONNECT: Final = frozenset(f"{kind}_{stage}" for kind in ("temporary", "permanent") for stage in ("connect", "helo"))
CHANNELS: Final = ("email", "sms", "voice", "push", "direct_mail", "paid_social", "display")
EVERY: Final = "all"
_HTTP_ONLY: Final = ("throttle", "error_before")
SETTINGS: Final = {"retry_after_s": 1.0, "slow_s": 1.0, "hang_s": 30.0}


def kinds_of(channel: str) -> tuple[str, ...]:
    """The faults that a channel knows."""
    if channel == "email":
        return (*SMTP, *(kind for kind in (*BEFORE, *AFTER) if kind not in _HTTP_ONLY))
    return (*BEFORE, *AFTER)


class Faults:
    """Rates of faults by channel, and what was drawn.

    Attributes:
        rates: Channel to fault to rate.
        settings: Seconds: ``retry_after_s`` told with a 429, ``slow_s`` waited, ``hang_s`` until a hanging
            connection is dropped.
        injected: How often each fault met a request, by (channel, fault).
        drawn: Requests by channel that could have met one.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rates: dict[str, dict[str, float]] = {channel: {} for channel in CHANNELS}
        self.settings: dict[str, float] = dict(SETTINGS)
        self.injected: Counter[tuple[str, str]] = Counter()
        self.drawn: Counter[str] = Counter()
        self._dice: dict[str, random.Random] = {}
        self._restart()

    def _restart(self) -> None:
        self._dice = {channel: random.Random(f"{self.seed}/{channel}") for channel in CHANNELS}  # noqa: S311 - no secret

    def set(self, wanted: Mapping[str, Mapping[str, float]]) -> None:
        """Sets rates, leaving those that aren't named, and starts the draws anew.

        Args:
            wanted: Channel (or ``all``) to fault to rate; the key ``settings`` takes seconds by name.

        Raises:
            MarketError: A name is unknown, a rate isn't in [0, 1], or a channel's rates add up to more than 1.
        """
        rates = {channel: dict(known) for channel, known in self.rates.items()}
        for channel, kinds in wanted.items():
            if channel != "settings":
                _add(rates, channel, kinds)
        for channel, known in rates.items():
            if sum(known.values()) > 1 + 1e-9:
                raise MarketError(f"faults of {channel} add up to {sum(known.values()):.3f}; at most 1 is possible")
        settings = _settings(wanted.get("settings", {}))
        self.rates, self.settings = rates, self.settings | settings
        self._restart()

    def clear(self) -> None:
        """Ends all faults and forgets the counts."""
        self.rates = {channel: {} for channel in CHANNELS}
        self.settings = dict(SETTINGS)
        self.injected.clear()
        self.drawn.clear()
        self._restart()

    def draw(self, channel: str, among: frozenset[str] | None = None, besides: frozenset[str] = frozenset()) -> str:
        """The fault that meets a request, empty for none.

        Args:
            channel: One of ``CHANNELS``.
            among: Only these, where given.
            besides: Not these.
        """
        rates = self.rates[channel]
        if not rates:
            return ""
        self.drawn[channel] += 1
        place = self._dice[channel].random()
        for kind, rate in rates.items():
            if kind in besides or (among is not None and kind not in among):
                continue
            place -= rate
            if place < 0:
                self.injected[channel, kind] += 1
                return kind
        return ""

    def told(self) -> dict[str, object]:
        """Rates, settings and counts, for the control endpoint."""
        injected: dict[str, dict[str, int]] = {}
        for (channel, kind), count in sorted(self.injected.items()):
            injected.setdefault(channel, {})[kind] = count
        rates = {channel: kinds for channel, kinds in self.rates.items() if kinds}
        return {"rates": rates, "settings": self.settings, "injected": injected, "drawn": dict(self.drawn)}


def _add(rates: dict[str, dict[str, float]], channel: str, kinds: Mapping[str, float]) -> None:
    if channel != EVERY and channel not in CHANNELS:
        raise MarketError(f"faults of {channel!r}: no such channel; these are: {EVERY}, {', '.join(CHANNELS)}")
    for kind, rate in kinds.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise MarketError(f"fault {channel}.{kind}: {rate!r} is no rate; write one from 0 to 1")
        takers = [name for name in (CHANNELS if channel == EVERY else (channel,)) if kind in kinds_of(name)]
        if not takers:
            known = sorted(
                {each for name in CHANNELS for each in kinds_of(name)} if channel == EVERY else kinds_of(channel)
            )
            raise MarketError(f"fault {channel}.{kind} is unknown; these are: {', '.join(known)}")
        for name in takers:
            rates[name][kind] = float(rate)


def _settings(wanted: Mapping[str, float]) -> dict[str, float]:
    for name, seconds in wanted.items():
        if name not in SETTINGS or isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise MarketError(f"faults: {name}={seconds!r}; {', '.join(SETTINGS)} take seconds from 0")
    return {name: float(seconds) for name, seconds in wanted.items()}


def parsed(words: Iterable[str]) -> dict[str, dict[str, float]]:
    """Reads ``sms.drop_after=0.05`` and ``slow_s=2``, several with commas, as ``Faults.set`` takes them.

    Raises:
        MarketError: A word has another form.
    """
    wanted: dict[str, dict[str, float]] = {}
    for word in (part.strip() for line in words for part in line.split(",") if part.strip()):
        name, _, text = word.partition("=")
        channel, _, kind = name.rpartition(".")
        try:
            value = float(text)
        except ValueError:
            raise MarketError(f"--faults {word!r}: write CHANNEL.FAULT=RATE, such as sms.drop_after=0.05") from None
        wanted.setdefault(channel or "settings", {})[kind] = value
    return wanted
