"""The contact heads: the difference that a contact makes, on the logit scale, added to the baseline.

Only differences are learned, and each level starts from the one above and has to earn its own opinion: all contacts
alike, a channel, a channel with an offer for the averages; pooled trees, a channel's trees for who differs. A channel
with little history therefore behaves like its neighbours, and with no evidence the difference is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ml.entities import Option
from ml.response.logit import Line
from ml.response.trees import Forest


@dataclass(frozen=True)
class Shifts:
    """Average differences in logits: of any contact, of a channel beyond that, of an offer in it beyond that."""

    pooled: float
    channels: Mapping[str, float]
    options: Mapping[str, float]

    def of(self, option: Option) -> float:
        """Average difference of an option; an unseen one has its channel's, an unseen channel has the pooled one."""
        return self.pooled + self.channels.get(option.channel, 0.0) + self.options.get(str(option), 0.0)


@dataclass(frozen=True)
class Effects:
    """What a contact adds to the baseline logit.

    Attributes:
        shifts: Average differences.
        pooled: How the difference depends on the person and the offer, for any channel.
        channels: What a channel's trees add to the pooled ones.
        lines: Calibration of each channel's difference on held-out contacts.
    """

    shifts: Shifts
    pooled: Forest
    channels: Mapping[str, Forest]
    lines: Mapping[str, Line]

    def channel(self, channel: str) -> Forest:
        """The channel's own trees; none where it has no history."""
        return self.channels.get(channel, Forest())

    def calibrate(self, option: Option, trees: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Calibrated difference in logits of an option, given what pooled and channel trees say together, [n]."""
        return self.lines.get(option.channel, Line())(trees + trees.dtype.type(self.shifts.of(option)))
