"""How well probabilities rank people, and whether they mean what they say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Vector = npt.NDArray[np.float64]


def _weights(target: npt.NDArray[Any], weight: npt.NDArray[Any] | None) -> Vector:
    return np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)


def auc(probability: npt.NDArray[Any], target: npt.NDArray[Any]) -> float:
    """Chance that a random converter is ranked above a random other (ties count half); NaN with one class only."""
    positive = np.asarray(target, dtype=bool)
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    return float((rankdata(probability)[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def log_losses(probability: npt.NDArray[Any], target: npt.NDArray[Any]) -> Vector:
    """Negative log likelihood of each row, [n]; half its deviance."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(-np.where(np.asarray(target, dtype=bool), np.log(p), np.log1p(-p)))


def log_loss(probability: npt.NDArray[Any], target: npt.NDArray[Any], weight: npt.NDArray[Any] | None = None) -> float:
    """Mean negative log likelihood; NaN without rows."""
    if not len(target):
        return float("nan")
    return float(np.average(log_losses(probability, target), weights=_weights(target, weight)))


@dataclass(frozen=True)
class CalibrationGroup:
    """People with similar predictions: what was promised, what came, and the 95 % interval of what came."""

    people: int
    promised: float
    observed: float
    low: float
    high: float


def calibration_table(
    probability: npt.NDArray[Any], target: npt.NDArray[Any], weight: npt.NDArray[Any] | None = None, groups: int = 10
) -> list[CalibrationGroup]:
    """Promised and observed rates by quantile group of the prediction, lowest first."""
    weights, table = _weights(target, weight), []
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(target, dtype=np.float64)
    for members in np.array_split(np.argsort(p, kind="stable"), groups):
        if not len(members) or weights[members].sum() <= 0:
            continue
        share = weights[members] / weights[members].sum()
        observed, effective = float(share @ y[members]), 1 / float((share**2).sum())
        half = 1.96 * float(np.sqrt(observed * (1 - observed) / effective))
        promised = float(share @ p[members])
        table.append(CalibrationGroup(len(members), promised, observed, observed - half, observed + half))
    return table


def calibration_error(
    probability: npt.NDArray[Any], target: npt.NDArray[Any], weight: npt.NDArray[Any] | None = None, groups: int = 10
) -> float:
    """Mean |promised - observed| over deciles of the prediction, weighted by people; NaN without rows."""
    table = calibration_table(probability, target, weight, groups)
    if not table:
        return float("nan")
    return float(np.average([abs(g.promised - g.observed) for g in table], weights=[g.people for g in table]))
