"""Offers and creatives as the persons take them: whatever an id, its appeal is a stable hash of it.

No configured id is known here. What an offer gives away is read from the operator's catalogue where one is named,
else from the hash as well.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from market.draws import Stream, generator, text_hash
from market.words import CATEGORIES, CHANNELS, TRAITS, Floats, Ints, MarketError

NO_OFFER: Final = "none"
DEFAULT_OFFERS: Final = {NO_OFFER: 0.0, "ten_off": 10.0, "free_shipping": 6.0}


@dataclass
class Catalogue:
    """The offers and creatives met so far, in the order met; an index stays what it is.

    Attributes:
        costs: What the operator says that an offer costs when redeemed.
        channels: Offers by channel, where the operator limits them.
        contact_costs: Cost of a contact by channel, where the operator states it.
        offers: Offer ids met.
        creatives: Creative ids met.
    """

    costs: dict[str, float] = field(default_factory=dict)
    channels: dict[str, list[str]] = field(default_factory=dict)
    contact_costs: dict[str, float] = field(default_factory=dict)
    offers: list[str] = field(default_factory=lambda: [NO_OFFER])
    creatives: list[str] = field(default_factory=list)

    def offer_index(self, offer_id: str) -> int:
        """Index of an offer, new ones included."""
        return _index(self.offers, offer_id)

    def creative_index(self, creative_id: str) -> int:
        """Index of a creative, new ones included."""
        return _index(self.creatives, creative_id)

    def offer_costs(self) -> Floats:
        """What each offer met gives away, in currency."""
        return np.array([self._cost(offer) for offer in self.offers])

    def _cost(self, offer: str) -> float:
        if offer == NO_OFFER:
            return 0.0
        return self.costs.get(offer, 2.0 + text_hash(offer) % 1300 / 100.0)

    def offer_vectors(self, seed: int) -> Floats:
        """Taste direction of each offer met: unit vectors [offers, 6]."""
        rows = [generator(seed, Stream.CATALOGUE, text_hash(o)).standard_normal(len(TRAITS)) for o in self.offers]
        matrix = np.array(rows)
        return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))

    def creative_looks(self, seed: int) -> tuple[Floats, Ints]:
        """Standard normal appeal and category of each creative met (at least one row)."""
        known = self.creatives or [""]
        appeal = np.array([generator(seed, Stream.CATALOGUE, text_hash(c), 1).standard_normal() for c in known])
        return appeal, np.array([text_hash(c) % len(CATEGORIES) for c in known])

    def offers_of(self, channel: str) -> list[str]:
        """Offers that go with a channel."""
        return self.channels.get(channel) or list(self.costs or DEFAULT_OFFERS)


def _index(known: list[str], name: str) -> int:
    try:
        return known.index(name)
    except ValueError:
        known.append(name)
        return len(known) - 1


def read_catalogue(config: Path | None) -> Catalogue:
    """The catalogue of an operator's ``actions.yaml``, or the default one.

    Raises:
        MarketError: The file is absent or has no offers.
    """
    if config is None:
        return Catalogue(costs=dict(DEFAULT_OFFERS))
    path = config / "actions.yaml"
    if not path.is_file():
        raise MarketError(f"{path}: no such file; --config names the folder that has actions.yaml")
    stated = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    offers = stated.get("offers") or {}
    if not offers:
        raise MarketError(f"{path}: no offers; state at least `offers: {{none: {{cost_when_redeemed: 0}}}}`")
    made = {(c.get("channel"), c.get("offer")) for c in (stated.get("creatives") or {}).values()}
    by_channel: dict[str, list[str]] = {}
    for channel in CHANNELS:
        fits = [name for name, o in offers.items() if channel in ((o or {}).get("channels") or CHANNELS)]
        by_channel[channel] = [name for name in fits if (channel, name) in made] or fits
    costs = {str(name): float((o or {}).get("cost_when_redeemed", 0.0)) for name, o in offers.items()}
    contact = {str(c): float((terms or {}).get("cost", 0.0)) for c, terms in (stated.get("channels") or {}).items()}
    return Catalogue(costs=costs, channels=by_channel, contact_costs=contact)


@lru_cache(maxsize=4096)
def is_identifier(name: str) -> bool:
    """Whether a name can be an offer's or creative's id: letters, digits, `_`, `-`, `.`."""
    return re.fullmatch(r"[\w.\-]{1,80}", name) is not None
