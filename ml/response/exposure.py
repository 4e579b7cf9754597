"""Who looks at what comes by a channel: a contact that isn't seen does nothing, whatever it offers.

Opened messages, visits of the site and answered calls are a hundred times as many as the purchases that contacts cause, so who
looks is known long before it is known whom a contact moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.entities import ON_SCREEN, Option
from ml.features import Matrix
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.rows import TrainingRows, at_most

Vector = npt.NDArray[np.float64]

LEAST_SEEN: Final = 50
"""Contacts that were seen, and as many that weren't, from which a channel's people are told apart."""
MOST_ROWS: Final = 50_000
ALIKE: Final = (0.0, 0.5, 1.0)
"""Of the differences, in logs, between those who look by the channels that tell, what may hold of those that don't."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """Chance to look within the horizon at what comes by a channel.

    Attributes:
        lines: By channel that tells whether somebody looked.
        alike: Of the differences between those who look on a screen, in logs, what holds of channels that don't tell.
    """

    lines: Mapping[str, LogLine] = field(default_factory=dict)
    alike: float = float(np.mean(ALIKE))

    def chance(self, channel: str, matrix: Matrix) -> Vector:
        """Of people, [n]; 1 by a channel that doesn't tell."""
        line = self.lines.get(channel)
        return np.ones(len(matrix)) if line is None else np.minimum(line.rate * line.rise(matrix), 1.0)

    def ratio(self, channel: str, matrix: Matrix) -> Vector:
        """The same over that of those contacted by the channel, [n].

        Who looks at what comes on a screen by one channel is likelier to look at what comes by another: of one that doesn't tell it
        is the mean of those that do, in logs, times `alike`. Left alike for all, its contacts would go to people who look at
        nothing while those who look got everything by the channels that tell. Of letters and telephones that says nothing.
        """
        line = self.lines.get(channel)
        if line is not None:
            return self.chance(channel, matrix) / line.rate
        told = [name for name in self.lines if {name, channel} <= ON_SCREEN]
        logs = [np.log(self.chance(name, matrix) / self.lines[name].rate) for name in told]
        return np.exp(self.alike * np.mean(logs, axis=0)) if logs else np.ones(len(matrix))

    def ratios(self, matrix: Matrix, options: Sequence[Option]) -> Vector:
        """The ratio by each option's channel, [n, O]."""
        by_channel = {name: self.ratio(name, matrix) for name in {option.channel for option in options}}
        columns = [by_channel[option.channel] for option in options]
        return np.stack(columns, axis=1) if columns else np.ones((len(matrix), 0))

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {"lines": {channel: line.to_dict() for channel, line in self.lines.items()}, "alike": self.alike}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Exposure":
        """What `to_dict` wrote."""
        lines = {channel: LogLine.from_dict(line) for channel, line in values["lines"].items()}
        return cls(lines, values["alike"])


def fit_exposure(rows: TrainingRows, channel: npt.NDArray[Any], features: FactorFeatures, seed: int) -> Exposure:
    """Learns who looks, from contacts of channels that tell.

    Args:
        rows: Training rows, n of them.
        channel: Of each contact, [n].
        features: What looking may depend on.
        seed: Draws the contacts where a channel has more than `MOST_ROWS`.
    """
    known = rows.contacted & (rows.train | rows.tune) & ~np.isnan(rows.is_exposed)
    lines = {}
    for name in np.unique(channel[known].astype(str)):
        at = np.flatnonzero(known & (channel == name))
        seen = int(rows.is_exposed[at].sum())
        if min(seen, len(at) - seen) < LEAST_SEEN:
            continue
        at = at_most(at, MOST_ROWS, seed)
        lines[str(name)] = LogLine.fit(features, rows.features[at], rows.is_exposed[at], np.ones(len(at)))
    return Exposure(lines)
