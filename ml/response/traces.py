"""Conversions that follow a click on their message: of what comes anyway, and of what the message caused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.response.contrast import Contrast
from ml.response.redemption import shares_of
from ml.response.rows import TrainingRows

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_TRACED: Final = 5
"""Conversions after a click from which a channel's shares are told apart."""
MOST: Final = 0.95
"""Of caused conversions that follow a click, however it looks: some people come another way."""
_FLOOR: Final = 1e-3


@dataclass(frozen=True)
class Trace:
    """Shares of a channel's conversions that follow a click: of those that come anyway, and of those caused."""

    anyway: float
    caused: float


def fit_traces(rows: TrainingRows, contrast: Contrast, caused: Vector) -> dict[str, Trace]:
    """The shares of each channel whose clicks are known.

    Of what comes anyway the share is thought to be that of contacts that anybody clicks, which isn't known here, so it is drawn
    towards the share of all conversions that follow a click: rather too many than too few, since what is held for a
    coincidence isn't promised. Where too few followed a click, or what follows one isn't rarer among what comes anyway, a
    contact stays one count.

    Args:
        rows: Training rows, n of them.
        contrast: The same rows' contrast.
        caused: What each of its contacts is expected to have caused, [C].
    """
    traced, told = rows.is_traced[contrast.contact], contrast.told[contrast.contact]
    anyway = np.maximum(contrast.expected[contrast.contact], 0.0) * told
    converted, of_channel = (
        rows.is_converted[contrast.contact],
        np.array(contrast.channels, dtype=object)[contrast.option],
    )
    found = {}
    for channel in dict.fromkeys(contrast.channels):
        at = np.flatnonzero((of_channel == channel) & ~np.isnan(traced))
        if traced[at].sum() < LEAST_TRACED:
            continue
        usual = float(traced[at].sum() / converted[at].sum())
        shares = shares_of(traced[at], anyway[at], np.maximum(caused[at], 0.0) * told[at], (usual, 1.0))
        trace = Trace(max(shares[0], _FLOOR), min(shares[1], MOST))
        if trace.anyway < trace.caused:
            found[channel] = trace
    return found


def split(
    traced: Vector, channels: Sequence[str], option: Integers, traces: Mapping[str, Trace]
) -> tuple[Vector, Vector, Vector]:
    """Of contacts [C]: 1 where a conversion followed a click, and both shares; 0 of those that are one count.

    Args:
        traced: As in the training rows, [C].
        channels: Of each option.
        option: Of each contact, [C].
        traces: By channel.
    """
    known = ~np.isnan(traced)
    nothing = Trace(0.0, 0.0)
    shares = np.array([(t.anyway, t.caused) for t in (traces.get(name, nothing) for name in channels)]).reshape(-1, 2)
    anyway, caused = (np.where(known, shares[option, k], 0.0) for k in (0, 1))
    return np.where(caused > 0, np.nan_to_num(traced), 0.0), anyway, caused
