"""Small penalized logistic fits: the shifts and lines that carry a head's average and its calibration."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_PROBABILITY_FLOOR: Final = 1e-6
_NEWTON_STEPS: Final = 50
_CONVERGED: Final = 1e-8


def sigmoid(logit: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The probability of a logit, in the precision of its argument."""
    with np.errstate(over="ignore"):
        probability: npt.NDArray[Any] = 1 / (1 + np.exp(-logit))
    return probability


def logit_of(probability: float) -> float:
    """The logit of a probability, kept within the limits that floats can tell from 0 and 1."""
    p = min(max(probability, _PROBABILITY_FLOOR), 1 - _PROBABILITY_FLOOR)
    return float(np.log(p / (1 - p)))


def logits(chance: Vector) -> Vector:
    """Logits of chances, [n], kept within a millionth of 0 and 1."""
    kept = np.clip(chance, _PROBABILITY_FLOOR, 1 - _PROBABILITY_FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))


def smoothed_rate(successes: float, trials: float) -> float:
    """A rate that is never 0 or 1 (Jeffreys prior): three of three doesn't mean always."""
    return (successes + 0.5) / (trials + 1.0)


def unit_mean(weight: Vector) -> Vector:
    """Weights scaled to mean 1, so that their sum counts rows and a penalty means the same for every head."""
    total = weight.sum()
    return weight * (len(weight) / total) if total > 0 else np.ones_like(weight)


def fit_cells(
    cell: npt.NDArray[np.int64], design: Vector, *, offset: Vector, target: Vector, weight: Vector, prior_sd: Vector
) -> Vector:
    """Maximum a posteriori coefficients of logit = offset + design[cell] @ beta, beta_j ~ Normal(0, prior_sd_j).

    Rows enter through sums per cell alone, so a step costs one pass whatever the number of coefficients.

    Args:
        cell: Cell of each row, int [n] in [0, K).
        design: What the coefficients mean for each cell, [K, J].
        offset: Logit before the fit, [n].
        target: 0 or 1, [n].
        weight: Row weights, mean 1, [n].
        prior_sd: How far from 0 each coefficient is expected, [J].

    Returns:
        beta, [J].
    """
    beta = np.zeros(design.shape[1])
    precision = 1 / prior_sd**2
    for _ in range(_NEWTON_STEPS):
        probability = sigmoid(offset + (design @ beta)[cell])
        residual = np.bincount(cell, weight * (target - probability), minlength=len(design))
        curvature = np.bincount(cell, weight * probability * (1 - probability), minlength=len(design))
        gradient = design.T @ residual - precision * beta
        step = np.linalg.solve((design.T * curvature) @ design + np.diag(precision), gradient)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < _CONVERGED:
            break
    return beta


@dataclass(frozen=True)
class Line:
    """A calibration: logit -> slope x logit + intercept (Platt scaling), two plain numbers."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, logit: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The calibrated logit, in the precision of its argument."""
        line: npt.NDArray[Any] = logit * logit.dtype.type(self.slope) + logit.dtype.type(self.intercept)
        return line


def fit_line(
    logit: Vector, target: Vector, weight: Vector, *, offset: Vector | None = None, slope_sd: float, intercept_sd: float
) -> Line:
    """Fits a calibration line on rows that the head has not learned from, drawn towards slope 1 and intercept 0.

    Args:
        logit: What the head says, [n].
        target: 0 or 1, [n].
        weight: Row weights, mean 1, [n].
        offset: Added to the line, [n]; where given, `logit` is a difference on top of it.
        slope_sd: Prior standard deviation of the slope around 1.
        intercept_sd: Prior standard deviation of the intercept around 0.

    Returns:
        The line; the identity where there is nothing to learn from. The slope is never negative: a head that
        orders people the wrong way is silenced rather than reversed.
    """
    if len(target) == 0:
        return Line()
    centre = np.average(logit, weights=weight)
    design = np.column_stack([logit - centre, np.ones_like(logit)])
    start = logit + (offset if offset is not None else 0.0)
    every_row = np.arange(len(target))
    prior_sd = np.array([slope_sd, intercept_sd])
    slope, intercept = fit_cells(every_row, design, offset=start, target=target, weight=weight, prior_sd=prior_sd)
    slope = max(slope, -1.0)
    return Line(float(1 + slope), float(intercept - slope * centre))
