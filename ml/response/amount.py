"""The amount head: expected margin of a conversion."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.rows import TrainingRows
from ml.response.trees import Forest, TreeSettings, fit_forest

SETTINGS: Final = TreeSettings(trees=80, leaves=7, learning_rate=0.08, rows_per_leaf=50, l2=10.0)
_SMALLEST_SHARE: Final = 0.01


@dataclass(frozen=True)
class Amount:
    """Expected margin of a conversion: scale x exp(trees), or the constant mean where trees don't predict better.

    Attributes:
        mean: Mean margin of a conversion in the training rows.
        forest: What the features add to the logarithm; empty where the constant was better on held-out sales.
        scale: Makes the mean prediction equal the mean margin.
        largest: No prediction above this (99.9th percentile of margins).
    """

    mean: float
    forest: Forest
    scale: float
    largest: float

    def predict(self, matrix: Matrix, threads: int) -> npt.NDArray[np.float32]:
        """Expected margin of each row of `matrix` [n, F] should it convert, float32 [n]."""
        if self.forest.is_empty:
            return np.full(len(matrix), self.mean, dtype=np.float32)
        logarithm = np.log(self.mean) + self.forest.answer(matrix, threads)
        return np.asarray(np.minimum(self.scale * np.exp(logarithm), self.largest), dtype=np.float32)


def fit_amount(rows: TrainingRows, *, seed: int, threads: int) -> Amount:
    """Learns margins from conversions (gamma regression, log link) and keeps the better of trees and constant.

    Margins at or below 0 count as a hundredth of the mean while the trees learn; the scale restores the mean.

    Args:
        rows: All training rows; those with a conversion and a known margin are used.
        seed: Seeds everything random.
        threads: Cores that this process really owns.

    Returns:
        The head; 0 for everyone where nobody converted.
    """
    sold = (rows.is_converted > 0) & np.isfinite(rows.margin)
    if not sold.any():
        return Amount(0.0, Forest(), 1.0, 0.0)
    mean = float(np.average(rows.margin[sold], weights=rows.weight[sold]))
    largest = float(np.quantile(rows.margin[sold], 0.999))
    if mean <= 0:
        return Amount(mean, Forest(), 1.0, largest)
    start = np.full(len(sold), np.log(mean))
    positive = np.maximum(np.nan_to_num(rows.margin), _SMALLEST_SHARE * mean)
    learn, hold = (rows.pick(sold & part, positive, start) for part in (rows.train, rows.tune))
    forest = fit_forest(learn, hold, SETTINGS, objective="gamma", seed=seed, threads=threads)
    predicted = mean * np.exp(forest.answer(rows.features[sold], threads))
    return Amount(mean, forest, mean / float(np.average(predicted, weights=rows.weight[sold])), largest)
