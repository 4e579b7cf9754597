"""What a contact is thought to add to the chance of a conversion before results of its own say so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ml.configuration.actions import Actions
from ml.entities import CHANNELS

PRIOR_UPLIFT: Final = 0.002
"""Of a contact with all that it does, while nothing is known: small, so that only cheap contacts are worth trying until
something is."""
LEAST_SHARE: Final = 0.05
"""Of `PRIOR_UPLIFT`: what is thought at least, since logs know no 0."""


def thought_of_channels(actions: Actions, horizon_days: int) -> dict[str, float]:
    """What a contact by each channel is thought to add within the horizon; all of it by a channel without terms."""
    shares = actions.shares_within(horizon_days)
    return {channel: PRIOR_UPLIFT * max(shares.get(channel, 1.0), LEAST_SHARE) for channel in CHANNELS}


@dataclass(frozen=True)
class Thought:
    """The prior of effects.

    Attributes:
        channels: Uplift of a contact without an offer, by channel, as other trials found it; `PRIOR_UPLIFT` without one.
        offers: By offer, how many times as many a contact with it is thought to move; once without it.
    """

    channels: Mapping[str, float] = field(default_factory=dict)
    offers: Mapping[str, float] = field(default_factory=dict)

    def of(self, channel: str, offer_id: str) -> float:
        """Uplift of a contact; of any channel's where it isn't named."""
        plain = self.channels.get(channel, PRIOR_UPLIFT)
        return plain * (self.offers.get(offer_id, 1.0) if plain > 0 else 1.0)
