"""Conversions that follow a click on their message: of what comes anyway, and of what the message caused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.response.contrast import Contrast
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.redemption import shares_of
from ml.response.rows import TrainingRows

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_TRACED: Final = 5
"""Conversions after a click from which a channel's shares are told apart."""
MOST: Final = 0.95
"""Of caused conversions that follow a click, however it looks: some people come another way."""
HALF: Final = 0.5
"""Of caused conversions that are thought to follow a click, while nothing is known: many read, and come another way."""
_FLOOR: Final = 1e-3


@dataclass(frozen=True)
class Trace:
    """Shares of a channel's conversions that follow a click: of those that come anyway, and of those caused."""

    anyway: float
    caused: float


@dataclass(frozen=True, eq=False)
class Traces:
    """What is known of clicks.

    Attributes:
        channels: Shares, by channel whose clicks are known.
        clicking: How much likelier one person is to click than another; alike without it.
    """

    channels: Mapping[str, Trace] = field(default_factory=dict)
    clicking: LogLine | None = None

    def of(self, rows: TrainingRows, contrast: Contrast) -> "TracedRows":
        """The shares of each row, and which purchases are whose.

        Args:
            rows: Training rows, n of them.
            contrast: The same rows' contrast, with all of its contacts.
        """
        at, count = contrast.contacts, len(rows.is_traced)
        names, place = np.unique(contrast.channel.astype(str), return_inverse=True)
        shares = [self.channels.get(str(name), Trace(0.0, 0.0)) for name in names]
        known = ~np.isnan(rows.is_traced[at])
        rise = 1.0 if self.clicking is None else self.clicking.rise(rows.features[at])
        anyway, caused, traced = np.zeros(count), np.zeros(count), np.zeros(count)
        caused[at] = np.where(known, np.array([each.caused for each in shares])[place], 0.0)
        anyway[at] = np.where(known, np.minimum(np.array([each.anyway for each in shares])[place] * rise, MOST), 0.0)
        traced[at] = np.where(caused[at] > 0, np.nan_to_num(rows.is_traced[at]), 0.0)
        left = np.log1p(-anyway)
        if contrast.days is not None:
            left = contrast.days.overlapping(at, left[at])
        is_followed = np.isin(contrast.purchase, contrast.purchase[traced > 0]) & (rows.is_converted > 0)
        return TracedRows(traced, anyway, caused, is_followed, np.exp(left))


@dataclass(frozen=True, eq=False)
class TracedRows:
    """What clicks tell of each of n rows. Of contacts whose clicks nobody tells, and of others, nothing.

    Attributes:
        traced: 1 where a conversion followed a click on the row's message, [n].
        anyway: Share of what comes anyway that follows a click on it, [n].
        caused: Share of what it caused that does, [n].
        is_followed: Whether the row's conversion followed a click on any message to the person, [n].
        left: Share of what comes anyway in the row's horizon that follows no click on any message, [n].
    """

    traced: Vector
    anyway: Vector
    caused: Vector
    is_followed: npt.NDArray[np.bool_]
    left: Vector


def fit_traces(rows: TrainingRows, contrast: Contrast, features: FactorFeatures, caused: Vector) -> Traces:
    """The shares of each channel whose clicks are known, and who clicks.

    Who is likelier to click does so before what comes anyway as well: left out, habitual clickers would look persuaded. Of what
    comes anyway the share is thought to be that of all conversions that follow a click: rather too many than too few, since what
    is held for a coincidence isn't promised. Where too few followed a click, or what follows one isn't rarer among what comes
    anyway, a contact stays one count.

    Args:
        rows: Training rows, n of them.
        contrast: The same rows' contrast.
        features: What clicking may depend on.
        caused: What each of its `contacts` is expected to have caused, [C + H].
    """
    contact, channel = contrast.contacts, contrast.channel
    known = np.flatnonzero(~np.isnan(rows.is_traced[contact]))
    clicked, rate = rows.is_clicked[contact[known]], np.zeros(len(known))
    for name in np.unique(channel[known].astype(str)):
        rate[channel[known] == name] = clicked[channel[known] == name].mean()
    asked = known[rate > 0]
    if not len(asked):
        return Traces()
    clicking = LogLine.fit(features, rows.features[contact[asked]], rows.is_clicked[contact[asked]], rate[rate > 0])
    told = contrast.told[contact]
    anyway = np.maximum(contrast.expected[contact], 0.0) * told
    found = {}
    for name in dict.fromkeys(channel[known]):
        at = known[channel[known] == name]
        traced = rows.is_traced[contact[at]]
        if traced.sum() < LEAST_TRACED:
            continue
        usual = float(traced.sum() / rows.is_converted[contact[at]].sum())
        coincident = anyway[at] * clicking.rise(rows.features[contact[at]])
        shares = shares_of(traced, coincident, np.maximum(caused[at], 0.0) * told[at], (usual, HALF))
        trace = Trace(max(shares[0], _FLOOR), min(shares[1], MOST))
        if trace.anyway < trace.caused:
            found[name] = trace
    return Traces(found, clicking)
