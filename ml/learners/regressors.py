"""What learners are made of: ways to predict an expectation from features."""

from abc import ABC, abstractmethod
from typing import Any, Final, Literal, Self

import numpy as np

from ml.learners.contract import Matrix, Outcome, Vector

Base = Literal["trees", "line"]

SCREENED: Final = 300
"""Of more columns than this, the ones most correlated with what is predicted are used; found on the rows of each fit."""


class Regressor(ABC):
    """Predicts an expectation; of a binary target, a chance."""

    kind: str

    @abstractmethod
    def fit(self, matrix: Matrix, target: Vector, weight: Vector, outcome: Outcome, *, seed: int, threads: int) -> Self:
        """Learns from rows.

        Args:
            matrix: Features, [n, F]; NaN where missing.
            target: What is predicted, [n].
            weight: Row weights, [n].
            outcome: Whether the target is 0 or 1.
            seed: Seeds everything random.
            threads: Cores that may be used.
        """

    @abstractmethod
    def predict(self, matrix: Matrix) -> Vector:
        """The expectation of each row, [n]."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What was learned, as plain values."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: dict[str, Any]) -> "Regressor":
        """The regressor that `to_dict` wrote."""


class Constant(Regressor):
    """The mean, whatever the features: where rows are too few or all alike, nothing better is known.

    A chance is kept off 0 and 1 as if half a row of each had been seen (Jeffreys).
    """

    kind = "constant"

    def __init__(self, mean: float = 0.0) -> None:
        """Stores the mean."""
        self.mean_ = mean

    def fit(  # noqa: D102 - the contract says it
        self,
        matrix: Matrix,  # noqa: ARG002
        target: Vector,
        weight: Vector,
        outcome: Outcome,
        *,
        seed: int = 0,  # noqa: ARG002
        threads: int = 1,  # noqa: ARG002
    ) -> Self:
        total = float(weight.sum())
        if outcome == "binary":
            self.mean_ = (float(weight @ target) + 0.5) / (total + 1)
        else:
            self.mean_ = float(weight @ target) / total if total > 0 else 0.0
        return self

    def predict(self, matrix: Matrix) -> Vector:  # noqa: D102
        return np.full(len(matrix), self.mean_)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"kind": self.kind, "mean": self.mean_}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Constant":  # noqa: D102
        return cls(values["mean"])


def screened(
    matrix: Matrix, target: Vector, weight: Vector, limit: int = SCREENED
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of the columns to use, in order: all, or the `limit` most correlated with the target."""
    if matrix.shape[1] <= limit:
        return np.arange(matrix.shape[1])
    share = weight / max(float(weight.sum()), 1e-12)
    centred = (share * (target - share @ target)).astype(np.float32)
    strength = np.zeros(matrix.shape[1])
    for first in range(0, matrix.shape[1], 256):  # blocks: a copy of thousands of columns would double the memory
        block = matrix[:, first : first + 256]
        known = np.isfinite(block)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, block, 0)
        mean = filled.sum(axis=0) / count
        filled = np.where(known, block - mean, 0)
        spread = np.sqrt((filled.astype(np.float64) ** 2).mean(axis=0))
        strength[first : first + 256] = np.abs(centred @ filled) / np.maximum(spread, 1e-12)
    return np.sort(np.argsort(-strength, kind="stable")[:limit])
