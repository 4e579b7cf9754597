"""How well an uplift orders people: Qini, its area, and the uplift among the first k.

Figures need people who were contacted at random; on others they describe the choice of people as much as the effect.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class QiniCurve:
    """Incremental conversions when the first n people by predicted uplift are contacted.

    Attributes:
        people: n, from 0 to all, [K].
        gain: Conversions of the contacted among them, less those of the others scaled to as many people, [K].
    """

    people: Vector
    gain: Vector

    @property
    def area(self) -> float:
        """Area between the curve and the straight line of a random order."""
        random_order = self.people * (self.gain[-1] / self.people[-1]) if self.people[-1] else np.zeros_like(self.gain)
        return float(np.trapezoid(self.gain - random_order, self.people))

    @property
    def gain_area(self) -> float:
        """Area under the curve as incremental conversions per person, when any share of people is equally likely (AUUC)."""
        everybody = float(self.people[-1])
        return float(np.trapezoid(self.gain, self.people)) / everybody**2 if everybody else float("nan")


def qini_curve(
    uplift: npt.NDArray[Any],
    contacted: npt.NDArray[Any],
    converted: npt.NDArray[Any],
    weight: npt.NDArray[Any] | None = None,
) -> QiniCurve:
    """The Qini curve (Radcliffe 2007); people of equal uplift enter together.

    Args:
        uplift: Predicted, [n].
        contacted: 1 where the person was contacted, [n].
        converted: 1 where the person converted, [n].
        weight: How many people each stands for, [n]; 1 without it.

    Returns:
        The curve, starting at (0, 0).
    """
    order = np.argsort(-np.asarray(uplift), kind="stable")
    ranked = np.asarray(uplift)[order]
    treated = np.asarray(contacted, dtype=np.float64)[order]
    success = np.asarray(converted, dtype=np.float64)[order]
    counts = np.ones(len(order)) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], [True])) if len(order) else np.zeros(0, dtype=np.int64)
    contacts, others = np.cumsum(counts * treated)[ends], np.cumsum(counts * (1 - treated))[ends]
    among_contacts = np.cumsum(counts * treated * success)[ends]
    among_others = np.cumsum(counts * (1 - treated) * success)[ends]
    scale = np.divide(contacts, others, out=np.zeros_like(contacts), where=others > 0)
    gain = among_contacts - among_others * scale
    return QiniCurve(np.concatenate([[0.0], np.cumsum(counts)[ends]]), np.concatenate([[0.0], gain]))


def qini(
    uplift: npt.NDArray[Any],
    contacted: npt.NDArray[Any],
    converted: npt.NDArray[Any],
    weight: npt.NDArray[Any] | None = None,
) -> float:
    """Area under the Qini curve over that of the best order knowable afterwards: 0 for chance, at most 1.

    NaN where one of the groups is empty or nobody converted. Equal to scikit-uplift's `qini_auc_score` with negative
    effects allowed.
    """
    treated, success = np.asarray(contacted, dtype=np.float64), np.asarray(converted, dtype=np.float64)
    if not 0 < treated.sum() < len(treated) or not success.any():
        return float("nan")
    best = qini_curve(success * (2 * treated - 1), treated, success, weight).area
    return qini_curve(uplift, treated, success, weight).area / best if best else float("nan")


def uplift_at(
    share: float,
    uplift: npt.NDArray[Any],
    contacted: npt.NDArray[Any],
    converted: npt.NDArray[Any],
    weight: npt.NDArray[Any] | None = None,
) -> float:
    """Difference in conversion between contacted and others among the `share` of people with the highest uplift.

    NaN where one of the groups has nobody among them.
    """
    first = np.argsort(-np.asarray(uplift), kind="stable")[: int(share * len(uplift))]
    treated, success = np.asarray(contacted, dtype=bool)[first], np.asarray(converted, dtype=np.float64)[first]
    if treated.all() or not treated.any():
        return float("nan")
    counts = np.ones(len(first)) if weight is None else np.asarray(weight, dtype=np.float64)[first]
    sides = [float(np.average(success[side], weights=counts[side])) for side in (treated, ~treated)]
    return sides[0] - sides[1]


@dataclass(frozen=True)
class UpliftDecile:
    """Promised against observed uplift in one group of people with similar predictions."""

    people: int
    promised: float
    observed: float
    low: float
    high: float


def uplift_by_group(
    uplift: npt.NDArray[Any],
    contacted: npt.NDArray[Any],
    converted: npt.NDArray[Any],
    groups: int = 10,
    weight: npt.NDArray[Any] | None = None,
) -> list[UpliftDecile]:
    """Promised and observed uplift by quantile group of the prediction, lowest first, with 95 % intervals.

    Groups without people on both sides are left out.
    """
    order = np.argsort(np.asarray(uplift), kind="stable")
    table = []
    for members in np.array_split(order, groups):
        treated = np.asarray(contacted, dtype=bool)[members]
        success = np.asarray(converted, dtype=np.float64)[members]
        if treated.all() or not treated.any():
            continue
        counts = np.ones(len(members)) if weight is None else np.asarray(weight, dtype=np.float64)[members]
        (first, error), (second, other) = (_rate(success[side], counts[side]) for side in (treated, ~treated))
        observed, half = first - second, 1.96 * float(np.sqrt(error**2 + other**2))
        promised = float(np.asarray(uplift)[members].mean())
        table.append(UpliftDecile(len(members), promised, observed, observed - half, observed + half))
    return table


def _rate(success: Vector, weight: Vector) -> tuple[float, float]:
    """Weighted rate and its standard error."""
    share = weight / weight.sum()
    rate = float(share @ success)
    return rate, float(np.sqrt((share**2 * (success - rate) ** 2).sum()))
