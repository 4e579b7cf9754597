r"""Poisson regression with a known part of the mean, beside a known scale times the exponential of a line.

    y_i ~ Poisson(known_i + scale_i exp(x_i'w)),   w ~ N(0, diag(sd^2))

Found by Fisher scoring with steps that never lose (Levenberg 1944). The evidence is the Laplace approximation of the marginal
likelihood, without what all choices of sd have in common.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_ROUNDS: Final = 60
_TRIES: Final = 8
_ENOUGH: Final = 1e-3
_LARGEST: Final = 4.0
_LEAST: Final = 1e-7
_FIXED: Final = 1e-6
"""A weight whose prior has no width is held at 0 by a prior of this width."""


@dataclass(frozen=True, eq=False)
class Term:
    """The part of the mean that is learned: `scale` [n], at least 0, and the line's columns [n, K]."""

    scale: Vector
    columns: Vector

    def of(self, weights: Vector) -> Vector:
        """The part under these weights, [n]."""
        return np.asarray(self.scale * np.exp(np.clip(self.columns @ weights, -_LARGEST, _LARGEST)))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights [K], their covariance [K, K], and the log evidence."""

    weights: Vector
    covariance: Vector
    evidence: float


def fit_poisson(
    counts: Vector, term: Term, sds: Vector, *, known: Vector | float = 0.0, begin: Vector | None = None
) -> Fitted:
    """The weights that are likeliest afterwards.

    Args:
        counts: [n].
        term: What is learned.
        sds: Prior standard deviations of the weights, [K]; 0 holds a weight at 0.
        known: The known part, [n], at least 0.
        begin: Weights to begin with.
    """
    precision = 1 / np.maximum(sds, _FIXED) ** 2

    def likelihood(weights: Vector) -> float:
        mean = np.maximum(known + term.of(weights), _LEAST)
        return float(counts @ np.log(mean) - mean.sum() - (precision * weights**2).sum() / 2)

    def slopes(weights: Vector) -> tuple[Vector, Vector]:
        learned = term.of(weights)
        mean = np.maximum(known + learned, _LEAST)
        jacobian = learned[:, None] * term.columns
        gradient = jacobian.T @ (counts / mean - 1) - precision * weights
        return gradient, (jacobian / mean[:, None]).T @ jacobian + np.diag(precision)

    weights = np.zeros(len(sds)) if begin is None else begin.copy()
    reached, damping = likelihood(weights), 1e-3
    for _ in range(_ROUNDS):
        gradient, information = slopes(weights)
        for _ in range(_TRIES):
            step = np.linalg.solve(information + damping * np.diag(np.diag(information)), gradient)
            tried = likelihood(weights + step)
            if tried >= reached:
                break
            damping *= 5
        else:
            break
        gained, reached, weights, damping = tried - reached, tried, weights + step, max(damping / 3, 1e-9)
        if gained < _ENOUGH:
            break
    _, information = slopes(weights)
    _, volume = np.linalg.slogdet(information)
    return Fitted(
        weights,
        np.asarray(np.linalg.inv(information), dtype=np.float64),
        reached + float(np.log(precision).sum() - volume) / 2,
    )
