r"""Poisson regression with a mean of two parts, each a known scale times the exponential of a line.

    y_i ~ Poisson(a_i exp(u_i'v) + b_i exp(x_i'w)),   v, w ~ N(0, diag(sd^2))

Found by Fisher scoring with steps that never lose (Levenberg 1944). The evidence is the Laplace approximation of the marginal
likelihood, without what all choices of sd have in common.

Columns are used in single precision, since reading them is what takes the time. A line is then off by some 1e-6, which moves no
weight by more than a thousandth of its error. What is summed up for the likelihood is in double precision.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

_ROUNDS: Final = 60
_TRIES: Final = 8
_ENOUGH: Final = 1e-3
_LARGEST: Final = 6.0
_LEAST: Final = 1e-7


@dataclass(frozen=True, eq=False)
class Term:
    """A part of the mean: `scale` [n], at least 0, the line's columns [n, K], and prior deviations of their weights [K].

    Columns in single precision, row by row, are used as they are where no weight is held at 0.

    A weight whose prior has no width is held at 0.
    """

    scale: Vector
    columns: Vector | Single
    sds: Vector


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights [K] of the last term, their covariance [K, K], the log evidence, and the weights of all terms to begin with.

    Weights that are held at 0 have no variance.
    """

    weights: Vector
    covariance: Vector
    evidence: float
    all_weights: Vector


@dataclass(frozen=True, eq=False)
class _Part:
    """A term without the weights that are held at 0: columns [n, F] of those that are free."""

    scale: Vector
    columns: Single

    @classmethod
    def of(cls, term: Term) -> "_Part":
        free = term.sds > 0
        columns = term.columns if free.all() else term.columns[:, free]
        return cls(term.scale, np.ascontiguousarray(columns, dtype=np.float32))

    def mean(self, weights: Vector) -> Vector:
        """The part of the mean under these weights, [n]."""
        line = self.columns @ weights.astype(np.float32)
        return np.asarray(self.scale * np.exp(np.clip(line, -_LARGEST, _LARGEST).astype(np.float64)))


def fit_poisson(counts: Vector, *terms: Term, begin: Vector | None = None) -> Fitted:
    """The weights that are likeliest afterwards.

    Args:
        counts: [n].
        terms: Whose sum is the mean.
        begin: Weights of all terms to begin with.
    """
    sds = np.concatenate([term.sds for term in terms])
    free, parts = np.flatnonzero(sds > 0), [_Part.of(term) for term in terms]
    precision = 1 / sds[free] ** 2
    ends = np.cumsum([part.columns.shape[1] for part in parts])[:-1]

    def means(weights: Vector) -> list[Vector]:
        return [part.mean(own) for part, own in zip(parts, np.split(weights, ends), strict=True)]

    def likelihood(each: list[Vector], weights: Vector) -> float:
        mean = np.maximum(sum(each), _LEAST)
        return float(counts @ np.log(mean) - mean.sum() - (precision * weights**2).sum() / 2)

    def slopes(each: list[Vector], weights: Vector) -> tuple[Vector, Vector]:
        mean = np.maximum(sum(each), _LEAST)
        off, root = counts / mean - 1, 1 / np.sqrt(mean)
        jacobian = np.empty((len(counts), len(free)), dtype=np.float32)
        for part, own, block in zip(parts, each, np.split(jacobian, ends, axis=1), strict=True):
            np.multiply(part.columns, (own * root).astype(np.float32)[:, None], out=block)
        gradient = jacobian.T @ (off / root).astype(np.float32) - precision * weights
        return gradient, (jacobian.T @ jacobian).astype(np.float64) + np.diag(precision)

    weights = np.zeros(len(free)) if begin is None else begin[free]
    each = means(weights)
    reached, damping = likelihood(each, weights), 1e-3
    for _ in range(_ROUNDS):
        gradient, information = slopes(each, weights)
        for _ in range(_TRIES):
            step = np.linalg.solve(information + damping * np.diag(np.diag(information)), gradient)
            moved = means(weights + step)
            tried = likelihood(moved, weights + step)
            if tried >= reached:
                break
            damping *= 5
        else:
            break
        gained, reached, weights, each = tried - reached, tried, weights + step, moved
        damping = max(damping / 3, 1e-9)
        if gained < _ENOUGH:
            break
    _, information = slopes(each, weights)
    _, volume = np.linalg.slogdet(information)
    whole, spread = np.zeros(len(sds)), np.zeros((len(sds), len(sds)))
    whole[free], spread[np.ix_(free, free)] = weights, np.linalg.inv(information)
    last = slice(len(sds) - len(terms[-1].sds), None)
    return Fitted(whole[last], spread[last, last], reached + float(np.log(precision).sum() - volume) / 2, whole)
