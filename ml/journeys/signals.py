"""The state of a person's conversation, and the signals in it that change what the next contact causes.

A state is read from columns of the customer view. What matters of it depends on the contact that comes next: a scan
matters for a call, an offer in hand for the same offer through another channel.
"""

import zlib
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
CALL: Final = CHANNELS.index("voice")
WEAR_DAYS: Final = 7.0
"""Time in which the view's `wear` falls to a third."""
LEAST_FACTOR: Final = 0.1
"""No signal turns an effect off or round: a contact keeps at least a tenth of it."""
MOST_FACTOR: Final = 4.0

COLUMNS: Final = (
    "days_since_last_scan", "days_since_last_offer", "last_offer_id", "days_since_last_touch", "last_touch_channel", "wear",
    "last_objection", "days_since_last_objection",
)  # fmt: skip
"""Columns of the customer view that a state is read from."""


@dataclass(frozen=True)
class Kind:
    """What of a contact a signal looks at.

    Attributes:
        channel: Position in `CHANNELS`.
        offer: Code of its offer; 0 for none.
    """

    channel: int
    offer: int

    @classmethod
    def of(cls, option: Option) -> "Kind":
        """Of an option."""
        return cls(CHANNELS.index(option.channel), offer_code(option.offer_id))

    @property
    def has_offer(self) -> bool:
        """Whether an offer is made."""
        return self.offer != 0


def offer_code(offer_id: str) -> int:
    """A number for an offer that is the same wherever it is read; 0 for `none`."""
    return 0 if offer_id == NONE else zlib.crc32(offer_id.encode()) + 1


@dataclass(frozen=True, eq=False)
class Conversation:
    """Where the conversations with N people stand.

    Attributes:
        is_scanned: bool [N], a mailer was scanned lately.
        offer: int64 [N], code of the offer in hand; 0 for none.
        last_channel: int8 [N], position in `CHANNELS` of the last contact; -1 for none.
        wear: float32 [N], contacts lately, each `exp(-days / 7)`.
        is_rested: bool [N], nothing came for days.
        objection: int8 [N], position in `OBJECTIONS`; -1 for none.
    """

    is_scanned: np.ndarray
    offer: np.ndarray
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
                np.where(number("days_since_last_offer") <= terms.offer_days, _offers(customers), 0),
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

    def scanned(self) -> "Conversation":
        """The same with a mailer that was scanned lately."""
        return replace(self, is_scanned=np.ones(len(self), dtype=bool))

    def signal(self, name: Signal, kind: Kind) -> np.ndarray | None:
        """How much of a signal is in the state for a contact of that kind, [N]; None where it isn't about such contacts."""
        match name:
            case "call_after_scan":
                return self.is_scanned if kind.channel == CALL else None
            case "offer_repeated":
                return (self.offer == kind.offer) & (self.last_channel != kind.channel) if kind.has_offer else None
            case "wear":
                return self.wear
            case "price_without_offer" | "price_with_offer":
                is_about = kind.has_offer == (name == "price_with_offer")
                return self.objection == OBJECTIONS.index("price") if is_about else None
            case "timing_too_soon" | "timing_rested":
                is_rested = self.is_rested if name == "timing_rested" else ~self.is_rested
                return np.asarray((self.objection == OBJECTIONS.index("timing")) & is_rested)
            case _:
                return np.asarray(self.objection == OBJECTIONS.index(name))

    def signals(self, kind: Kind) -> np.ndarray:
        """All signals, float32 [N, K] in the order of `SIGNALS`; 0 for those that aren't about such contacts."""
        found = np.zeros((len(self), len(SIGNALS)), dtype=np.float32)
        for k, name in enumerate(SIGNALS):
            one = self.signal(name, kind)
            if one is not None:
                found[:, k] = one
        return found

    def factor(self, kind: Kind, deltas: np.ndarray) -> np.ndarray:
        """What the signals make of the effect of a contact of that kind, float32 [N]: 1 + their deltas, within bounds.

        Args:
            kind: Of the contact.
            deltas: float [K], the factor of each signal less 1.
        """
        total = np.ones(len(self), dtype=np.float32)
        for name, delta in zip(SIGNALS, deltas, strict=True):
            one = self.signal(name, kind) if delta else None
            if one is not None:
                total += np.float32(delta) * one
        return np.asarray(np.clip(total, LEAST_FACTOR, MOST_FACTOR))

    def state(self) -> np.ndarray:
        """What is in the state whatever comes next, float64 [N, 9]: scan, offer, wear, rest, and each objection."""
        parts = [self.is_scanned, self.offer > 0, self.wear, self.is_rested]
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
            offer=np.full(len(self), kind.offer) if kind.has_offer and days <= terms.offer_days else self.offer,
            last_channel=np.full(len(self), kind.channel, dtype=np.int8),
            wear=(self.wear + 1) * left,
            is_rested=everyone & (days > terms.rest_days),
        )


def _offers(customers: pd.DataFrame) -> np.ndarray:
    if "last_offer_id" not in customers:
        return np.zeros(len(customers), dtype=np.int64)
    codes, ids = pd.factorize(customers["last_offer_id"].astype(object))
    return np.array([*(offer_code(str(each)) for each in ids), 0], dtype=np.int64)[codes]
