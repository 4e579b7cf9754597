"""What a person's factor may depend on: few columns of the customer view, on scales on which differences are alike.

Contacts of past campaigns hold little information on who is moved, so a model that may look at everything learns noise. These
say how a person buys, what they look at, what they answer to and how much they were written to lately.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ml.features import FeatureSpec, Matrix

Vector = npt.NDArray[np.float64]

COLUMNS: Final = (
    "lifecycle", "age_years", "tenure_days", "has_device_token", "has_phone", "purchase_365d_count", "margin_365d",
    "average_order_value_365d", "days_since_last_purchase", "discount_share_365d", "redemption_365d_count",
    "store_share_365d", "web_visit_30d_count", "web_visit_365d_count", "days_since_last_web_visit",
    "email_open_365d_count", "email_click_365d_count", "ad_click_365d_count", "call_365d_count", "touch_30d_count",
)  # fmt: skip
"""Of the customer view; those that a table doesn't have are left out."""
MOST_LEVELS: Final = 5
_RECENT_DAYS: Final = 30.0
_LARGE: Final = 3.0
_FARTHEST: Final = 4.0


@dataclass(frozen=True)
class Feature:
    """How one feature is made.

    Attributes:
        name: For people.
        kind: `level`: 1 where the column has this code; `recency`: 1 for today, half after 30 days, 0 for never; `logarithm`
            of 1 and the amount; `number`: as it is. What is missing counts as 0.
        position: Of its column in the matrix of a `FeatureSpec`.
        code: Of a `level`.
    """

    name: str
    kind: Literal["level", "recency", "logarithm", "number"]
    position: int
    code: int = 0

    def of(self, matrix: Matrix) -> Matrix:
        """The feature of people, [n]."""
        column = matrix[:, self.position]
        if self.kind == "level":
            return np.asarray(column == self.code, dtype=np.float32)
        known = np.nan_to_num(column)
        if self.kind == "recency":
            return np.where(np.isnan(column), np.float32(0), 1 / (1 + np.maximum(known, 0) / np.float32(_RECENT_DAYS)))
        return np.sign(known) * np.log1p(np.abs(known)) if self.kind == "logarithm" else known


@dataclass(frozen=True, eq=False)
class FactorFeatures:
    """The features, standardized.

    Attributes:
        made: K features.
        mean: Of each on the rows that they were made on, [K].
        sd: The same's standard deviation, [K].
    """

    made: tuple[Feature, ...]
    mean: Vector
    sd: Vector

    @classmethod
    def fit(cls, spec: FeatureSpec, matrix: Matrix) -> "FactorFeatures":
        """The features of a table, standardized on `matrix` [n, F]."""
        made = tuple(feature for name in COLUMNS if name in spec.names for feature in _features(spec, name, matrix))
        raw = _raw(made, matrix)
        sd = raw.std(axis=0, dtype=np.float64)
        return cls(made, raw.mean(axis=0, dtype=np.float64), np.where(sd > 0, sd, 1.0))

    def of(self, matrix: Matrix) -> Matrix:
        """The features of people, float32 [n, K], no farther than 4 standard deviations from the mean."""
        columns = _raw(self.made, matrix)
        columns -= self.mean.astype(np.float32)
        columns /= self.sd.astype(np.float32)
        return np.clip(columns, -_FARTHEST, _FARTHEST, out=columns).astype(np.float32, order="C")

    def sizes(self, weights: Vector, columns: int) -> Vector:
        """Sizes of the weights [K] added up by column of the table, [columns]."""
        return np.bincount([each.position for each in self.made], np.abs(weights), minlength=columns).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The features as plain values."""
        made = [asdict(feature) for feature in self.made]
        return {"made": made, "mean": self.mean.tolist(), "sd": self.sd.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FactorFeatures":
        """The features that `to_dict` wrote."""
        made = tuple(Feature(**each) for each in values["made"])
        return cls(made, np.array(values["mean"]), np.array(values["sd"]))


def _features(spec: FeatureSpec, name: str, matrix: Matrix) -> Iterator[Feature]:
    position = spec.names.index(name)
    if name in spec.vocabularies:
        for code, level in enumerate(spec.vocabularies[name][:MOST_LEVELS]):
            yield Feature(f"{name}={level}", "level", position, code)
    elif name.startswith("days_since_"):
        yield Feature(name, "recency", position)
    else:
        column = matrix[:, position]
        is_large = np.abs(column[np.isfinite(column)]).max(initial=0.0) > _LARGE
        yield Feature(name, "logarithm" if is_large else "number", position)


def _raw(made: tuple[Feature, ...], matrix: Matrix) -> Matrix:
    """Features before they are standardized, float32 [n, K] and one after another in memory, as they are made."""
    columns = np.empty((len(matrix), len(made)), dtype=np.float32, order="F")
    for k, feature in enumerate(made):
        columns[:, k] = feature.of(matrix)
    return columns
