"""The chance to convert as a log-linear function of few features: what trees begin with.

A year of a small shop has some hundred purchases of people left alone: trees that begin from nothing make of them more difference
between regular buyers than there is, and what they get wrong would pass for what contacts cause.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.factor_features import FactorFeatures
from ml.response.logit import logits, smoothed_rate
from ml.response.poisson import Term, fit_poisson

Vector = npt.NDArray[np.float64]

LINE_SD: Final = 0.2
"""Prior standard deviation of the weights, in logs for a standard deviation of a feature."""
MOST: Final = 0.9
"""A line in logs knows no end; a chance next to 1 could not be made right by the trees that follow."""
_LARGEST: Final = 6.0


@dataclass(frozen=True, eq=False)
class LogLine:
    """Chance to convert = rate x exp(weights[0] + weights[1:] . features).

    Attributes:
        features: K features.
        rate: Of all people that it was learned from.
        weights: [K + 1].
    """

    features: FactorFeatures
    rate: float
    weights: Vector

    @classmethod
    def fit(cls, features: FactorFeatures, matrix: Matrix, converted: Vector, told: Vector) -> "LogLine":
        """Learns the line.

        Args:
            features: What it depends on.
            matrix: [n, F].
            converted: 0 or 1, [n].
            told: Share of its outcome that each row has told, [n]. No weight: rows aren't thinned by what came of them, and
                regression on what they were thinned by makes weights needless.
        """
        rate = smoothed_rate(float(converted.sum()), float(told.sum()))
        columns = _with_one(features.of(matrix))
        sds = np.append(1.0, np.full(columns.shape[1] - 1, LINE_SD))
        return cls(features, rate, fit_poisson(converted, Term(told * rate, columns, sds)).weights)

    def rise(self, matrix: Matrix) -> Vector:
        """The chance of people over that of all, [n]."""
        return np.exp(np.clip(_with_one(self.features.of(matrix)) @ self.weights, -_LARGEST, _LARGEST))

    def logit(self, matrix: Matrix) -> Vector:
        """Logit of the chance of people, [n]."""
        return logits(np.minimum(self.rate * self.rise(matrix), MOST))

    def to_dict(self) -> dict[str, Any]:
        """The line as plain values."""
        return {"features": self.features.to_dict(), "rate": self.rate, "weights": self.weights.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LogLine":
        """The line that `to_dict` wrote."""
        return cls(FactorFeatures.from_dict(values["features"]), values["rate"], np.array(values["weights"]))


def _with_one(columns: Matrix) -> Matrix:
    return np.column_stack([np.ones(len(columns), dtype=np.float32), columns])
