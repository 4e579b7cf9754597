"""Effects shrunk to what holds out: levels and spread of what a learner promises, against doubly robust effects."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.learners.contract import CONTROL, Vector

LEAST_SLOPE: Final = 0.05
"""Where no spread of effects holds out, this share of it is kept: the order of people stays."""
MOST_SLOPE: Final = 1.5
LEAST_POOLED: Final = 3
"""Actions that borrow from each other: the spread between two can't be told from their errors."""


@dataclass(frozen=True)
class EffectCalibration:
    """effect = level + slope (promised - centre), for each action.

    Attributes:
        centre: Mean of what was promised, [K].
        level: Average effect that holds out, [K]; actions borrow from each other as far as their own rows leave it open.
        slope: Share of the spread that holds out, the same for all actions.
    """

    centre: Vector
    level: Vector
    slope: float

    @classmethod
    def of(cls, effects: Vector, robust: Vector, weight: Vector) -> "EffectCalibration":
        """Learns from out-of-fold effects [n, K] and doubly robust outcomes [n, K + 1]."""
        share = weight / weight.sum()
        true = robust[:, 1:] - robust[:, [CONTROL]]
        level, centre = share @ true, share @ effects
        error = np.sqrt((share[:, None] ** 2 * (true - level) ** 2).sum(axis=0))
        spread = effects - centre
        moment = share @ spread**2
        promised = share @ (spread * true)
        noise = (share[:, None] ** 2 * (spread * (true - level)) ** 2).sum(axis=0)
        return cls(centre, pooled(level, error), _slope(moment, promised, noise))

    def __call__(self, effects: Vector) -> Vector:
        """Calibrated effects, [n, K]."""
        return np.asarray(self.level + self.slope * (effects - self.centre))


def pooled(level: Vector, error: Vector) -> Vector:
    """Levels drawn to their common mean as far as their errors leave it open (DerSimonian and Laird 1986)."""
    known = np.isfinite(error) & (error > 0)
    if known.sum() < LEAST_POOLED:
        return level
    precision = 1 / error[known] ** 2
    common = float(precision @ level[known] / precision.sum())
    excess = float(precision @ (level[known] - common) ** 2) - (known.sum() - 1)
    between = max(0.0, excess / float(precision.sum() - (precision**2).sum() / precision.sum()))
    drawn = np.array(level, dtype=np.float64)
    drawn[known] = (level[known] * between + common * error[known] ** 2) / (between + error[known] ** 2)
    return drawn


def _slope(moment: Vector, promised: Vector, noise: Vector) -> float:
    """Regression of true on promised effects, all actions by their precision, shrunk by its own uncertainty."""
    known = (moment > 0) & (noise > 0)
    if not known.any():
        return LEAST_SLOPE
    precision = moment[known] ** 2 / noise[known]
    slope = float((precision * promised[known] / moment[known]).sum() / precision.sum())
    kept = slope * slope**2 / (slope**2 + 1 / float(precision.sum())) if slope > 0 else 0.0
    return float(np.clip(kept, LEAST_SLOPE, MOST_SLOPE))
