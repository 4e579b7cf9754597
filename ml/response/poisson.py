r"""Poisson regression with a mean of two parts, each a known scale times the exponential of a line.

    y_i ~ Poisson(a_i exp(u_i'v) + b_i exp(x_i'w)),   v, w ~ N(0, diag(sd^2))

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
_LARGEST: Final = 6.0
_LEAST: Final = 1e-7
_FIXED: Final = 1e-6
"""A weight whose prior has no width is held at 0 by a prior of this width."""


@dataclass(frozen=True, eq=False)
class Term:
    """A part of the mean: `scale` [n], at least 0, the line's columns [n, K], and prior deviations of their weights [K].

    A weight whose prior has no width is held at 0.
    """

    scale: Vector
    columns: Vector
    sds: Vector

    def of(self, weights: Vector) -> Vector:
        """The part under these weights, [n]."""
        return np.asarray(self.scale * np.exp(np.clip(self.columns @ weights, -_LARGEST, _LARGEST)))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights [K] of the last term, their covariance [K, K], the log evidence, and the weights of all terms to begin with."""

    weights: Vector
    covariance: Vector
    evidence: float
    all_weights: Vector


def fit_poisson(counts: Vector, *terms: Term, begin: Vector | None = None) -> Fitted:
    """The weights that are likeliest afterwards.

    Args:
        counts: [n].
        terms: Whose sum is the mean.
        begin: Weights of all terms to begin with.
    """
    precision = 1 / np.maximum(np.concatenate([term.sds for term in terms]), _FIXED) ** 2
    ends = np.cumsum([len(term.sds) for term in terms])[:-1]

    def parts(weights: Vector) -> list[Vector]:
        return [term.of(own) for term, own in zip(terms, np.split(weights, ends), strict=True)]

    def likelihood(weights: Vector) -> float:
        mean = np.maximum(sum(parts(weights)), _LEAST)
        return float(counts @ np.log(mean) - mean.sum() - (precision * weights**2).sum() / 2)

    def slopes(weights: Vector) -> tuple[Vector, Vector]:
        each = parts(weights)
        mean = np.maximum(sum(each), _LEAST)
        jacobian = np.hstack([part[:, None] * term.columns for part, term in zip(each, terms, strict=True)])
        gradient = jacobian.T @ (counts / mean - 1) - precision * weights
        jacobian /= np.sqrt(mean)[:, None]
        return gradient, jacobian.T @ jacobian + np.diag(precision)

    weights = np.zeros(len(precision)) if begin is None else begin.copy()
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
    last = slice(len(weights) - len(terms[-1].sds), None)
    covariance = np.asarray(np.linalg.inv(information)[last, last], dtype=np.float64)
    return Fitted(weights[last], covariance, reached + float(np.log(precision).sum() - volume) / 2, weights)
