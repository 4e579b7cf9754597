"""A penalized line, logistic where the target is binary; its penalty is chosen by leave-one-out validation."""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np

from ml.learners.contract import Matrix, Outcome, Vector
from ml.learners.regressors import Constant, Regressor, screened
from ml.learners.standardized import Standardized
from ml.response.logit import sigmoid

PENALTIES: Final = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 10.0)
"""Of a squared coefficient (columns have standard deviation 1), relative to the curvature of one row's loss times n."""
LEAST_ROWS: Final = 30
_STEPS: Final = 25
_LEAST_STEP: Final = 1e-4
_CONVERGED: Final = 1e-9


class Line(Regressor):
    """Ridge regression, or logistic regression with a ridge penalty.

    The penalty is the one with the least leave-one-out loss: exact for squares, by one Newton step from the whole fit for
    the logistic one (Rad and Maleki 2020). Nothing is drawn, so the same rows give the same line.

    Args:
        penalties: To choose among.
    """

    kind = "line"

    def __init__(self, penalties: Sequence[float] = PENALTIES) -> None:
        """Stores the penalties."""
        self.penalties = tuple(penalties)
        self.constant_ = Constant()
        self.scale_: Standardized | None = None
        self.columns_: list[int] = []
        self.coefficients_ = np.zeros(0)
        self.intercept_ = 0.0
        self.penalty_: float | None = None
        self.is_logistic_ = False

    def fit(  # noqa: D102 - the contract says it
        self,
        matrix: Matrix,
        target: Vector,
        weight: Vector,
        outcome: Outcome,
        *,
        seed: int = 0,  # noqa: ARG002
        threads: int = 1,  # noqa: ARG002
    ) -> Self:
        self.constant_, self.scale_ = Constant().fit(matrix, target, weight, outcome), None
        if len(target) < LEAST_ROWS or matrix.shape[1] == 0 or target.min() == target.max():
            return self
        self.columns_ = [int(place) for place in screened(matrix, target, weight)]
        self.scale_ = Standardized.of(matrix[:, self.columns_])
        self.is_logistic_ = outcome == "binary"
        design = self.scale_(matrix[:, self.columns_])
        rows = weight * (len(weight) / weight.sum())
        best = min(
            (_logistic if self.is_logistic_ else _ridge)(design, target, rows, self.penalties),
            key=lambda fitted: fitted[0],
        )
        _, self.penalty_, self.intercept_, self.coefficients_ = best
        return self

    def predict(self, matrix: Matrix) -> Vector:  # noqa: D102
        if self.scale_ is None:
            return self.constant_.predict(matrix)
        score = self.intercept_ + self.scale_(matrix[:, self.columns_]) @ self.coefficients_
        return np.asarray(sigmoid(score) if self.is_logistic_ else score)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        learned = None if self.scale_ is None else {
            "scale": self.scale_.to_dict(), "columns": self.columns_, "coefficients": self.coefficients_.tolist(),
            "intercept": self.intercept_, "penalty": self.penalty_, "is_logistic": self.is_logistic_,
        }  # fmt: skip
        return {"kind": self.kind, "mean": self.constant_.mean_, "learned": learned}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Line":  # noqa: D102
        made, learned = cls(), values["learned"]
        made.constant_ = Constant(values["mean"])
        if learned is not None:
            made.scale_, made.columns_ = Standardized.from_dict(learned["scale"]), learned["columns"]
            made.coefficients_ = np.array(learned["coefficients"], dtype=np.float64)
            made.intercept_, made.penalty_ = learned["intercept"], learned["penalty"]
            made.is_logistic_ = learned["is_logistic"]
        return made


_Fitted = tuple[float, float, float, Vector]


def _ridge(X: Vector, y: Vector, w: Vector, penalties: Sequence[float]) -> list[_Fitted]:
    """Leave-one-out loss, penalty, intercept and coefficients of ridge regression for each penalty."""
    n = len(y)
    centre, level = w @ X / n, float(w @ y) / n
    Z, r = X - centre, y - level
    values, vectors = np.linalg.eigh((Z * w[:, None]).T @ Z)
    rotated = Z @ vectors
    moment = rotated.T @ (w * r)
    fitted = []
    for penalty in penalties:
        shrunk = 1 / (np.maximum(values, 0) + penalty * n)
        leverage = w * ((rotated**2) @ shrunk + 1 / n)
        left_out = (r - rotated @ (shrunk * moment)) / np.maximum(1 - leverage, 0.05)
        beta = vectors @ (shrunk * moment)
        fitted.append((float(w @ left_out**2) / n, penalty, level - float(centre @ beta), beta))
    return fitted


def _logistic(X: Vector, y: Vector, w: Vector, penalties: Sequence[float]) -> list[_Fitted]:
    """The same for logistic regression; from the strongest penalty to the weakest, each from where the last one ended."""
    n = len(y)
    design = np.column_stack([np.ones(n), X])
    rate = float(w @ y) / n
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1 - rate))
    ridge = np.full(design.shape[1], n * rate * (1 - rate))
    ridge[0] = 1e-6
    fitted = []
    for penalty in sorted(penalties, reverse=True):
        hold = ridge * np.where(np.arange(len(beta)) == 0, 1, penalty)
        beta, curvature = _newton(design, y, w, hold, beta)
        inverse = np.linalg.inv(curvature)
        score = design @ beta
        chance = sigmoid(score)
        spread = np.maximum(w * chance * (1 - chance), 1e-12)
        leverage = np.minimum(spread * np.einsum("ij,jk,ik->i", design, inverse, design, optimize=True), 0.95)
        left_out = score - leverage / (1 - leverage) * w * (y - chance) / spread
        loss = float(w @ (np.logaddexp(0, left_out) - y * left_out)) / n
        fitted.append((loss, penalty, float(beta[0]), beta[1:].copy()))
    return fitted


def _newton(design: Vector, y: Vector, w: Vector, hold: Vector, beta: Vector) -> tuple[Vector, Vector]:
    """Newton's method with halved steps; the minimum and the curvature there."""

    def loss(at: Vector) -> float:
        score = design @ at
        return float(w @ (np.logaddexp(0, score) - y * score) + 0.5 * hold @ at**2)

    now = loss(beta)
    for _ in range(_STEPS):
        chance = sigmoid(design @ beta)
        curvature = (design * (w * chance * (1 - chance))[:, None]).T @ design + np.diag(hold)
        step = np.linalg.solve(curvature, design.T @ (w * (y - chance)) - hold * beta)
        share = 1.0
        while (then := loss(beta + share * step)) > now and share > _LEAST_STEP:
            share /= 2
        if then >= now - _CONVERGED * abs(now):
            break
        beta, now = beta + share * step, then
    chance = sigmoid(design @ beta)
    return beta, (design * (w * chance * (1 - chance))[:, None]).T @ design + np.diag(hold)
