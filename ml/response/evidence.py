"""What the training rows can prove: who was contacted how, how that was decided, and the weights that follow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import CHANNELS, NONE, Option

Vector = npt.NDArray[np.float64]
EvidenceKind = Literal["randomised", "observational", "none"]

RANDOMISED_SHARE: Final = 0.9
"""A channel counts as randomised where at least this share of its contacts has a known probability below 1."""

WEIGHT_LIMIT: Final = 20.0
"""Inverse-propensity weights are clipped at this multiple of their channel's mean: little bias, much less variance."""


@dataclass(frozen=True)
class Evidence:
    """What one channel's effect rests on.

    Attributes:
        channel: The channel.
        kind: `randomised`: differences are caused by the contact; `observational`: they're only as good as the
            features that explain who was chosen; `none`: nobody was contacted, the effect comes from other channels.
        contacts: Contacted rows.
        conversions: Converted rows among them.
        known_share: Share of contacts with a known assignment probability below 1.
        clipped_share: Share of contacts whose weight was clipped at `WEIGHT_LIMIT`.
    """

    channel: str
    kind: EvidenceKind
    contacts: int
    conversions: int
    known_share: float
    clipped_share: float

    def to_dict(self) -> dict[str, Any]:
        """The evidence as plain JSON values."""
        return asdict(self)


def is_contacted(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row was contacted, [len(frame)]."""
    return (frame["channel"].fillna(NONE) != NONE).to_numpy(dtype=bool)


def row_weights(frame: pd.DataFrame) -> Vector:
    """Sample weight x stabilized, clipped inverse propensity of each row, [len(frame)].

    Within a channel the inverse propensities have mean 1, so that a channel's weight in the pooled head is its number
    of contacts. Rows of unknown or certain assignment keep their sample weight.
    """
    sample = frame["sample_weight"].to_numpy(dtype=np.float64) if "sample_weight" in frame else np.ones(len(frame))
    inverse = _inverse_propensity(frame)
    return np.asarray(sample * np.minimum(inverse, WEIGHT_LIMIT))


def gather_evidence(frame: pd.DataFrame, options: Sequence[Option]) -> list[Evidence]:
    """The evidence for each channel of `options` or of the frame, in the order of CHANNELS."""
    channel = frame["channel"].fillna(NONE).to_numpy(dtype=object)
    known, converted = is_drawn(frame), frame["is_converted"].to_numpy(dtype=bool)
    clipped = _inverse_propensity(frame) > WEIGHT_LIMIT
    wanted = {option.channel for option in options} | set(channel)
    return [_of_channel(name, channel == name, known, converted, clipped) for name in CHANNELS if name in wanted]


def _of_channel(
    name: str, rows: npt.NDArray[Any], known: npt.NDArray[Any], converted: npt.NDArray[Any], clipped: npt.NDArray[Any]
) -> Evidence:
    contacts = int(rows.sum())
    if contacts == 0:
        return Evidence(name, "none", 0, 0, 0.0, 0.0)
    known_share = float(known[rows].mean())
    kind: EvidenceKind = "randomised" if known_share >= RANDOMISED_SHARE else "observational"
    return Evidence(name, kind, contacts, int(converted[rows].sum()), known_share, float(clipped[rows].mean()))


def is_drawn(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row's action was drawn: its probability is known and below 1, [len(frame)].

    An action taken with certainty was not randomized, whatever the log calls it.
    """
    propensity = frame["propensity"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray((propensity > 0) & (propensity < 1))


def _inverse_propensity(frame: pd.DataFrame) -> Vector:
    """1 / propensity, scaled to mean 1 among the known rows of each channel; 1 where unknown."""
    known = is_drawn(frame)
    inverse = np.ones(len(frame))
    inverse[known] = 1 / frame["propensity"].to_numpy(dtype=np.float64, na_value=np.nan)[known]
    codes, _ = pd.factorize(frame["channel"].fillna(NONE))
    groups = int(codes.max(initial=0)) + 1
    total = np.bincount(codes[known], inverse[known], minlength=groups)
    count = np.bincount(codes[known], minlength=groups)
    mean = np.divide(total, count, out=np.ones(groups), where=count > 0)
    inverse[known] /= mean[codes[known]]
    return inverse
