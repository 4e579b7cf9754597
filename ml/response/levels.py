r"""How much a contact moves people with each channel and offer, in logs, so that what holds for one says something of the others.

    log level_o = log(thought_o) + pooled + channel_c(o) + offering_o + offer_f(o) + own_o

An offer multiplies what a contact moves, whichever channel it comes through: a tenth of a point becomes three tenths, one
point three. Added to it, the offer's points would be promised of channels that hardly move anybody. What one offer makes of a
contact says something of all others (`offering`, of any offer against none): where ten off moves more than was thought, so do
free shipping and others that are stated and were never made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.entities import NONE, Option
from ml.response.averages import Average, Averages
from ml.response.thought import LEAST_SHARE, PRIOR_UPLIFT, Thought

Vector = npt.NDArray[np.float64]

POOLED_SD, CHANNEL_SD, OFFERING_SD, OFFER_SD, OWN_SD = 2.0, 1.0, 0.6, 0.3, 0.3
"""Standard deviations beforehand, in logs: the level of all may lie off by several times, channels by a factor of e from it, offers
all together by a factor of two from what is assumed of them and each by a third from the others, and an option by a third from its
channel's and offer's."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The regression's columns for options: pooled, any offer, each channel, each offer, each option.

    Attributes:
        options: O options.
        columns: Of each option, its channel with any offer, and any contact, float64 [O + C + 1, L].
        scale: Level of each beforehand, [O + C + 1].
        sds: Prior standard deviations of the weights, [L].
    """

    options: tuple[Option, ...]
    columns: Vector
    scale: Vector
    sds: Vector

    @classmethod
    def of(cls, options: Sequence[Option], thought: Thought) -> "Levels":
        """The columns of distinct options.

        Args:
            options: The options.
            thought: Uplift of each beforehand; what was found to do nothing may still do a little.
        """
        channels, offers = (
            list(dict.fromkeys(each)) for each in ([o.channel for o in options], [o.offer_id for o in options])
        )
        asked = (
            [(o.channel, o.offer_id, str(o)) for o in options] + [(name, "", "") for name in channels] + [("", "", "")]
        )
        parts = [
            np.ones((len(asked), 1)),
            np.array([[offer not in {"", NONE}] for _, offer, _ in asked], dtype=np.float64),
        ]
        offers = [name for name in offers if name != NONE]  # an offer is measured against a contact without one
        names: list[list[str]] = [channels, offers, [str(option) for option in options]]
        for place, known in enumerate(names):
            parts.append(np.array([[one[place] == name for name in known] for one in asked], dtype=np.float64))
        scale = np.array([max(thought.of(channel, offer), LEAST_SHARE * PRIOR_UPLIFT) for channel, offer, _ in asked])
        sizes = (
            POOLED_SD,
            OFFERING_SD,
            *([CHANNEL_SD] * len(channels)),
            *([OFFER_SD] * len(offers)),
            *([OWN_SD] * len(options)),
        )
        return cls(tuple(options), np.hstack(parts), scale, np.array(sizes))

    def averages(self, weights: Vector, covariance: Vector) -> Averages:
        """The levels under weights [L] with their covariance [L, L]: medians, and their standard deviation.

        What is unknown of a parameter that nothing is known of isn't put into the mean: of a channel that was never used it
        would promise several times what the others move.
        """
        level = self.scale * np.exp(self.columns @ weights)
        log_sd = np.sqrt(np.einsum("ij,jk,ik->i", self.columns, covariance, self.columns))
        found = [Average(float(m), float(m * min(s, 1.0))) for m, s in zip(level, log_sd, strict=True)]
        count = len(self.options)
        channels = list(dict.fromkeys(option.channel for option in self.options))
        return Averages(
            dict(zip(map(str, self.options), found, strict=False)),
            dict(zip(channels, found[count:], strict=False)),
            found[-1],
        )
