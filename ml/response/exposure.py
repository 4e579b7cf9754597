"""Who looks at what comes by a channel: a contact that isn't seen does nothing, whatever it offers.

Opened messages, visits of the site and answered calls are a hundred times as many as the purchases that contacts cause, so who
looks is known long before it is known whom a contact moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.entities import CONTACT_DETAILS, ON_SCREEN, Option
from ml.features import FeatureSpec, Matrix
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

    Who looks at what comes on a screen by one channel is likelier to look at what comes by another: of one that doesn't tell it is
    the mean of those that do, in logs, times `alike`. Left alike for all, its contacts would go to people who look at nothing while
    those who look got everything by the channels that tell. Of letters and telephones, and of people whom no channel that tells
    can reach, that says nothing.

    Attributes:
        lines: By channel that tells whether somebody looked.
        details: Columns of the matrix, one of which is above 0 where the channel reaches the person, by channel that tells; with
            none it reaches all.
        alike: Of the differences between those who look on a screen, in logs, what holds of channels that don't tell.
        typical: Mean of what that makes over those contacted, by channel that doesn't tell, and over all under `""`.
    """

    lines: Mapping[str, LogLine] = field(default_factory=dict)
    details: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alike: float = float(np.mean(ALIKE))
    typical: Mapping[str, float] = field(default_factory=dict)

    def chance(self, channel: str, matrix: Matrix) -> Vector:
        """Of people, [n]; 1 by a channel that doesn't tell."""
        line = self.lines.get(channel)
        return np.ones(len(matrix)) if line is None else np.minimum(line.rate * line.rise(matrix), 1.0)

    def ratio(self, channel: str, matrix: Matrix) -> Vector:
        """The same over that of those contacted by the channel, [n]."""
        if channel in self.lines:
            return self.chance(channel, matrix) / self.lines[channel].rate
        return self._carried(channel, self._logs(matrix)) if self.is_carried_to(channel) else np.ones(len(matrix))

    def ratios(self, matrix: Matrix, options: Sequence[Option]) -> Vector:
        """The ratio by each option's channel, [n, O]."""
        channels = list(dict.fromkeys(option.channel for option in options))
        logs = self._logs(matrix) if any(map(self.is_carried_to, channels)) else np.zeros(len(matrix))
        by_channel = {
            name: self._carried(name, logs) if self.is_carried_to(name) else self.ratio(name, matrix)
            for name in channels
        }
        columns = [by_channel[option.channel] for option in options]
        return np.stack(columns, axis=1) if columns else np.ones((len(matrix), 0))

    def is_carried_to(self, channel: str) -> bool:
        """Whether the channel doesn't tell, and others on screens do."""
        return channel not in self.lines and channel in ON_SCREEN and not ON_SCREEN.isdisjoint(self.lines)

    def carried_over(self, share: float, matrix: Matrix, channel: npt.NDArray[Any]) -> "Exposure":
        """The same with another share of the differences carried over to channels that don't tell.

        Args:
            share: `alike`.
            matrix: Contacted people, [n, F].
            channel: By which, [n].
        """
        times = np.exp(share * self._logs(matrix))
        typical = {str(name): float(times[channel == name].mean()) for name in np.unique(channel.astype(str))}
        return replace(self, alike=share, typical=typical | {"": float(times.mean()) if len(times) else 1.0})

    def _logs(self, matrix: Matrix) -> Vector:
        """Logarithm of the ratio, mean over the channels on screens that tell and reach the person, [n]; 0 without one."""
        total, count = np.zeros(len(matrix)), np.zeros(len(matrix))
        for name in ON_SCREEN.intersection(self.lines):
            places = list(self.details.get(name, ()))
            reached = (matrix[:, places] > 0).any(axis=1) if places else np.ones(len(matrix), dtype=bool)
            total += np.where(reached, np.log(self.chance(name, matrix) / self.lines[name].rate), 0.0)
            count += reached
        return total / np.maximum(count, 1.0)

    def _carried(self, channel: str, logs: Vector) -> Vector:
        return np.exp(self.alike * logs) / self.typical.get(channel, self.typical.get("", 1.0))

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {
            "lines": {channel: line.to_dict() for channel, line in self.lines.items()},
            "details": {channel: list(places) for channel, places in self.details.items()},
            "alike": self.alike,
            "typical": dict(self.typical),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Exposure":
        """What `to_dict` wrote."""
        lines = {channel: LogLine.from_dict(line) for channel, line in values["lines"].items()}
        details = {channel: tuple(places) for channel, places in values["details"].items()}
        return cls(lines, details, values["alike"], values["typical"])


def fit_exposure(
    rows: TrainingRows, channel: npt.NDArray[Any], spec: FeatureSpec, features: FactorFeatures, seed: int
) -> Exposure:
    """Learns who looks, from contacts of channels that tell.

    Args:
        rows: Training rows, n of them.
        channel: Of each contact, [n].
        spec: Columns of the rows' features.
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
    details = {
        str(name): tuple(spec.names.index(column) for column in columns if column in spec.names)
        for name, columns in CONTACT_DETAILS.items()
        if name in lines
    }
    found = Exposure(lines, details)
    return found.carried_over(found.alike, rows.features[rows.contacted], channel[rows.contacted])
