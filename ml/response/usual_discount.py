"""The discount that a person usually gets: what a sale without an offer gives away."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.rows import TrainingRows

Vector = npt.NDArray[np.float64]

LEAST_SALES: Final = 300
"""Sales from which people are told apart."""
_LARGEST_QUANTILE: Final = 0.95


@dataclass(frozen=True, eq=False)
class UsualDiscount:
    """Expected discount of a conversion without an offer.

    Attributes:
        mean: Over all sales, money; 0 where discounts aren't known.
        line: How much more one person gets than another; alike without it.
        largest: No prediction above this.
    """

    mean: float = 0.0
    line: LogLine | None = None
    largest: float = 0.0

    def of(self, matrix: Matrix) -> Vector:
        """Of people, money, [n]."""
        rise = np.ones(len(matrix)) if self.line is None else self.line.rise(matrix)
        return np.minimum(self.mean * rise, self.largest)

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {"mean": self.mean, "line": None if self.line is None else self.line.to_dict(), "largest": self.largest}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "UsualDiscount":
        """What `to_dict` wrote."""
        line = None if values["line"] is None else LogLine.from_dict(values["line"])
        return cls(values["mean"], line, values["largest"])


def fit_usual_discount(rows: TrainingRows, features: FactorFeatures, purchase: npt.NDArray[np.int64]) -> UsualDiscount:
    """Learns discounts from each sale once.

    Args:
        rows: Training rows, n of them.
        features: What a discount may depend on.
        purchase: Number of each converted row's purchase, [n].
    """
    known = np.flatnonzero(~np.isnan(rows.usual_discount))
    at = known[np.unique(purchase[known], return_index=True)[1]]
    if not len(at):
        return UsualDiscount()
    discount = rows.usual_discount[at]
    found = UsualDiscount(float(discount.mean()), None, float(np.quantile(discount, _LARGEST_QUANTILE)))
    found = replace(found, largest=max(found.largest, found.mean))
    if len(at) < LEAST_SALES or found.mean <= 0:
        return found
    # Money scatters more than counts do, and a line that takes it for counts learns noise (quasi-Poisson; Wedderburn 1974).
    share = discount / found.mean
    told = np.full(len(at), 1 / max(float(((share - 1) ** 2).mean()), 1.0))
    return replace(found, line=LogLine.fit(features, rows.features[at], share * told, told))
