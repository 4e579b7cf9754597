"""What a response is worth: the mean, or a model of it where that foretells better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.learners.bases import regressor_from
from ml.learners.contract import Matrix, Vector
from ml.learners.line import Line
from ml.learners.regressors import Constant, Regressor
from ml.learners.trees import Trees

LEAST_RESPONSES: Final = 200
FOLDS: Final = 5
_TOP: Final = 0.995


@dataclass(frozen=True)
class ResponseWorth:
    """Expected money of a response.

    Attributes:
        model: Regressor on the amounts of responses.
        scale: Makes the mean prediction equal the mean amount, which the largest amounts are part of.
        low: Smallest prediction.
        high: Largest.
        errors: Mean squared error out of fold of each that was tried, relative to the mean's.
    """

    model: Regressor
    scale: float
    low: float
    high: float
    errors: dict[str, float]

    def predict(self, matrix: Matrix) -> Vector:
        """Expected money of each person's response, [n]."""
        return np.clip(self.model.predict(matrix) * self.scale, self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "model": self.model.to_dict(),
            "scale": self.scale,
            "low": self.low,
            "high": self.high,
            "errors": self.errors,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ResponseWorth":
        """What `to_dict` wrote."""
        return cls(**(values | {"model": regressor_from(values["model"])}))


def one_each() -> ResponseWorth:
    """Without amounts, a response is worth 1."""
    return ResponseWorth(Constant(1.0), 1.0, 1.0, 1.0, {})


def fit_worth(matrix: Matrix, amount: Vector, *, seed: int, threads: int) -> ResponseWorth:
    """Learns amounts from responses [n]; keeps the mean unless a model errs less by more than a standard error.

    Amounts above their 99.5th percentile count as that while models learn.
    """
    mean = float(amount.mean())
    top = float(np.quantile(amount, _TOP))
    cut = np.minimum(amount, top)
    low, high = float(amount.min()), float(amount.max())
    if len(amount) < LEAST_RESPONSES or low == high:
        return ResponseWorth(Constant(mean), 1.0, low, high, {})
    fold = np.random.default_rng(seed).permutation(len(amount)) % FOLDS
    losses = {
        name: _losses(name, matrix, cut, fold, seed=seed, threads=threads) for name in ("constant", "line", "trees")
    }
    errors = {name: float(loss.mean() / losses["constant"].mean()) for name, loss in losses.items()}
    best = min(errors, key=lambda name: errors[name])
    saved = losses["constant"] - losses[best]
    if not saved.mean() > saved.std() / np.sqrt(len(saved)):
        return ResponseWorth(Constant(mean), 1.0, low, high, errors)
    model = _fresh(best).fit(matrix, cut, np.ones(len(cut)), "continuous", seed=seed, threads=threads)
    said = float(model.predict(matrix).mean())
    return ResponseWorth(model, mean / said if said else 1.0, low, high, errors)


def _fresh(name: str) -> Regressor:
    kinds: dict[str, Callable[[], Regressor]] = {"constant": Constant, "line": Line, "trees": Trees}
    return kinds[name]()


def _losses(
    name: str, matrix: Matrix, amount: Vector, fold: npt.NDArray[np.int64], *, seed: int, threads: int
) -> Vector:
    said = np.zeros(len(amount))
    for each in range(FOLDS):
        learn, judge = fold != each, fold == each
        model = _fresh(name).fit(
            matrix[learn], amount[learn], np.ones(int(learn.sum())), "continuous", seed=seed, threads=threads
        )
        said[judge] = model.predict(matrix[judge])
    return np.asarray((amount - said) ** 2)
