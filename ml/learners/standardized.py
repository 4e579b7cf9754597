"""Numbers as a penalized line wants them: known, of one scale, without extremes."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.learners.contract import Matrix, Vector

EXTREME: Final = 4.0
"""Standard deviations beyond which a number counts as this many; columns of two values are left as they are."""
MISSING_SHARE: Final = 0.005
"""From this share of missing values on, whether it is missing is a column of its own."""


@dataclass(frozen=True)
class Standardized:
    """Learned from one matrix, applied to others.

    Attributes:
        mean: Of the known values, [F]; stands in where a value is missing.
        scale: Standard deviation, [F]; 0 where there is only one value.
        limit: Largest distance from the mean in standard deviations, [F].
        missing: Columns whose missing values are a column of their own, [M].
        missing_share: Of these, [M].
    """

    mean: Vector
    scale: Vector
    limit: Vector
    missing: npt.NDArray[np.int64]
    missing_share: Vector

    @classmethod
    def of(cls, matrix: Matrix) -> "Standardized":
        """Learns means and scales from [n, F]."""
        known = np.isfinite(matrix)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, matrix, 0).sum(axis=0, dtype=np.float64) / count
        centred = np.where(known, matrix - mean, 0)
        scale = np.sqrt((centred**2).sum(axis=0) / count)
        scale[scale < 1e-7 * np.maximum(np.abs(mean), 1e-30)] = 0
        low, high = centred.min(axis=0, initial=0), centred.max(axis=0, initial=0)
        two_valued = (np.isclose(centred, low) | np.isclose(centred, high) | ~known).all(axis=0)
        limit = np.where(two_valued, np.inf, EXTREME)
        share = 1 - known.mean(axis=0) if len(matrix) else np.zeros(matrix.shape[1])
        missing = np.flatnonzero((share >= MISSING_SHARE) & (share <= 1 - MISSING_SHARE))
        return cls(mean, scale, limit, missing, share[missing])

    def __call__(self, matrix: Matrix) -> Vector:
        """Columns of mean 0 and standard deviation 1 (before extremes are cut), [n, F + M]."""
        known = np.isfinite(matrix)
        scale = np.where(self.scale > 0, self.scale, 1)
        z = np.where(known, (matrix - self.mean) / scale, 0.0)
        z[:, self.scale == 0] = 0
        z = np.clip(z, -self.limit, self.limit)
        gaps = ~known[:, self.missing] - self.missing_share
        spread = np.sqrt(self.missing_share * (1 - self.missing_share))
        return np.asarray(np.hstack([z, gaps / np.maximum(spread, 1e-12)]), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        limit = [None if np.isinf(value) else float(value) for value in self.limit]
        return {
            "mean": self.mean.tolist(), "scale": self.scale.tolist(), "limit": limit,
            "missing": self.missing.tolist(), "missing_share": self.missing_share.tolist(),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Standardized":
        """What `to_dict` wrote."""
        limit = np.array([np.inf if value is None else value for value in values["limit"]], dtype=np.float64)
        mean, scale, share = (np.array(values[name], dtype=np.float64) for name in ("mean", "scale", "missing_share"))
        return cls(mean, scale, limit, np.array(values["missing"], dtype=np.int64), share)
