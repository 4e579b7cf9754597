"""The state of a person's conversation, and the signals in it that change what the next contact causes.

A state is read from columns of the customer view. What matters of it depends on the contact that comes next: a scan
matters for a call, an offer in hand for the same kind of offer through another channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np
import pandas as pd

from ml.configuration.journeys import Journeys, Signal
from ml.entities import CHANNELS, NONE, Option

SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)
WORDS: Final[dict[Signal, str]] = {
    "call_after_scan": "a call after a scanned mailer",
    "offer_repeated": "an offer in hand, made again through another channel",
    "wear": "contacts lately, each counting less by the day",
    "price_without_offer": "who objects to the price, without an offer",
    "price_with_offer": "who objects to the price, with an offer",
    "timing_too_soon": "who had no time, within days of the last contact",
    "timing_rested": "who had no time, left in peace since",
    "trust": "who doesn't trust the caller",
    "no_need": "who needs nothing",
    "competitor": "who buys elsewhere",
}
MOVING: Final[frozenset[Signal]] = frozenset(
    {"call_after_scan", "offer_repeated", "wear", "timing_too_soon", "timing_rested"}
)
"""Signals that a contact can bring about or end. The others stay as they are whatever is done: they add to no continuation."""
OBJECTIONS: Final = ("price", "timing", "trust", "no_need", "competitor")
WEAR_DAYS: Final = 7.0
"""Time in which the view's `wear` falls to a third."""
LEAST_FACTOR: Final = 0.1
"""No signal turns an effect off or round: a contact keeps at least a tenth of it."""
MOST_FACTOR: Final = 4.0

COLUMNS: Final = (
    "days_since_last_scan", "days_since_last_offer", "days_since_last_touch", "last_touch_channel", "wear",
    "last_objection", "days_since_last_objection",
)  # fmt: skip
"""Columns of the customer view that a state is read from."""


@dataclass(frozen=True)
class Kind:
    """What of a contact a signal looks at: its channel (position in `CHANNELS`), and whether it makes an offer."""

    channel: int
    has_offer: bool


def kinds_of(options: Sequence[Option]) -> tuple[tuple[Kind, ...], np.ndarray]:
    """The distinct kinds of O options, and the position of each option's kind, int [O]."""
    of = [Kind(CHANNELS.index(option.channel), option.offer_id != NONE) for option in options]
    kinds = tuple(dict.fromkeys(of))
    return kinds, np.array([kinds.index(each) for each in of], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Conversation:
    """Where the conversations with N people stand.

    Attributes:
        is_scanned: bool [N], a mailer was scanned lately.
        is_offered: bool [N], an offer is in hand.
        last_channel: int8 [N], position in `CHANNELS` of the last contact; -1 for none.
        wear: float32 [N], contacts lately, each `exp(-days / 7)`.
        is_rested: bool [N], nothing came for days.
        objection: int8 [N], position in `OBJECTIONS`; -1 for none.
    """

    is_scanned: np.ndarray
    is_offered: np.ndarray
    last_channel: np.ndarray
    wear: np.ndarray
    is_rested: np.ndarray
    objection: np.ndarray

    @classmethod
    def of(cls, customers: pd.DataFrame, terms: Journeys) -> "Conversation":
        """Read from the customer view, or from rows of a training frame; a column that isn't there tells nothing."""
        count = len(customers)

        def number(name: str) -> np.ndarray:
            if name not in customers:
                return np.full(count, np.nan)
            return customers[name].to_numpy(dtype=np.float64, na_value=np.nan)

        def place(name: str, words: Sequence[str]) -> np.ndarray:
            if name not in customers:
                return np.full(count, -1, dtype=np.int8)
            return pd.Index(words).get_indexer(pd.Index(customers[name].astype(object))).astype(np.int8)

        with np.errstate(invalid="ignore"):  # nothing is neither late nor early
            return cls(
                number("days_since_last_scan") <= terms.scan_days,
                number("days_since_last_offer") <= terms.offer_days,
                place("last_touch_channel", CHANNELS),
                np.nan_to_num(number("wear")).astype(np.float32),
                ~(number("days_since_last_touch") <= terms.rest_days),
                place("last_objection", OBJECTIONS),
            )

    def __len__(self) -> int:
        return len(self.wear)

    def take(self, rows: np.ndarray | slice) -> "Conversation":
        """Some of the people."""
        return Conversation(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def signals(self, kind: Kind) -> np.ndarray:
        """How much of each signal is in the state for a contact of that kind, float32 [N, K] in the order of `SIGNALS`."""
        objects = {name: self.objection == place for place, name in enumerate(OBJECTIONS)}
        nothing = np.zeros(len(self), dtype=bool)
        found: dict[Signal, np.ndarray] = {
            "call_after_scan": self.is_scanned if kind.channel == CHANNELS.index("voice") else nothing,
            "offer_repeated": self.is_offered & (self.last_channel != kind.channel) & kind.has_offer,
            "wear": self.wear,
            "price_without_offer": objects["price"] & (not kind.has_offer),
            "price_with_offer": objects["price"] & kind.has_offer,
            "timing_too_soon": objects["timing"] & ~self.is_rested,
            "timing_rested": objects["timing"] & self.is_rested,
            "trust": objects["trust"],
            "no_need": objects["no_need"],
            "competitor": objects["competitor"],
        }
        return np.stack([found[name] for name in SIGNALS], axis=1).astype(np.float32)

    def state(self) -> np.ndarray:
        """What is in the state whatever comes next, float64 [N, 9]: scan, offer, wear, rest, and each objection."""
        parts = [self.is_scanned, self.is_offered, self.wear, self.is_rested]
        return np.stack([*parts, *(self.objection == place for place in range(len(OBJECTIONS)))], axis=1).astype(float)

    def after(self, days: int, terms: Journeys, kind: Kind | None = None) -> "Conversation":
        """The state some days on, if a contact of that kind is made now, or none. A scan has to be seen: it isn't foretold.

        Args:
            days: From now.
            terms: How long things count.
            kind: Of the contact.
        """
        left = np.float32(np.exp(-days / WEAR_DAYS))
        if kind is None:
            return replace(self, wear=self.wear * left, is_rested=self.is_rested | (days > terms.rest_days))
        everyone = np.ones(len(self), dtype=bool)
        return replace(
            self,
            is_offered=self.is_offered | (kind.has_offer and days <= terms.offer_days),
            last_channel=np.full(len(self), kind.channel, dtype=np.int8),
            wear=(self.wear + 1) * left,
            is_rested=everyone & (days > terms.rest_days),
        )


def factor(signals: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """What the signals make of an effect, float32 [N]: 1 + their deltas, within bounds.

    Args:
        signals: float [N, K].
        delta: float [K], the factor of each less 1.
    """
    return np.asarray(np.clip(1 + signals @ delta.astype(np.float32), LEAST_FACTOR, MOST_FACTOR))
