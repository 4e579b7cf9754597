"""What a policy would have been worth, from rows whose action was drawn with a known probability.

Three estimators of E[reward under the policy]: inverse propensity (unbiased, noisy), self-normalized (slightly biased,
steadier) and doubly robust (unbiased where the propensities are right, and steadier the better the reward model;
Dudik, Langford and Li 2011). Weights are clipped at a stated limit; the share clipped is reported.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

WEIGHT_LIMIT: Final = 100.0
_Z95: Final = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A value per person with its 95 % interval, and what it rests on."""

    value: float
    low: float
    high: float
    rows: int
    clipped_share: float = 0.0


@dataclass(frozen=True)
class LoggedRows:
    """Logged rows and what a policy would do there.

    Attributes:
        reward: What came of the logged action, [n].
        propensity: Probability with which the logged action was drawn, in (0, 1], [n].
        agreement: Probability with which the policy takes the logged action, [n]; 0 or 1 for a deterministic one.
        sample_weight: How many people a row stands for, [n].
    """

    reward: Vector
    propensity: Vector
    agreement: Vector
    sample_weight: Vector

    @property
    def weight(self) -> Vector:
        """Importance weight of each row, clipped at `WEIGHT_LIMIT`, [n]."""
        return np.minimum(self.agreement / self.propensity, WEIGHT_LIMIT)

    @property
    def clipped_share(self) -> float:
        """Share of rows whose weight was clipped."""
        return float((self.agreement / self.propensity > WEIGHT_LIMIT).mean()) if len(self.reward) else 0.0


def inverse_propensity(rows: LoggedRows) -> Estimate:
    """Mean of weight x reward."""
    return mean_with_interval(rows.weight * rows.reward, rows.sample_weight, clipped_share=rows.clipped_share)


def self_normalized(rows: LoggedRows) -> Estimate:
    """Sum of weight x reward over sum of weights; the interval is by its influence function."""
    total = float((rows.sample_weight * rows.weight).sum())
    if total <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"), len(rows.reward), rows.clipped_share)
    value = float((rows.sample_weight * rows.weight * rows.reward).sum()) / total
    mean_weight = total / float(rows.sample_weight.sum())
    influence = value + rows.weight * (rows.reward - value) / mean_weight
    return mean_with_interval(influence, rows.sample_weight, clipped_share=rows.clipped_share)


def doubly_robust(rows: LoggedRows, expected_logged: npt.NDArray[Any], expected_policy: npt.NDArray[Any]) -> Estimate:
    """Mean of what the reward model expects of the policy, corrected where the policy agrees with the log.

    Args:
        rows: Logged rows.
        expected_logged: Reward that a model expects of the logged action, [n].
        expected_policy: Reward that it expects under the policy, [n].
    """
    terms = doubly_robust_terms(rows, expected_logged, expected_policy)
    return mean_with_interval(terms, rows.sample_weight, clipped_share=rows.clipped_share)


def doubly_robust_terms(
    rows: LoggedRows, expected_logged: npt.NDArray[Any], expected_policy: npt.NDArray[Any]
) -> Vector:
    """Contribution of each row to the doubly robust value, [n]; policies are compared by the difference of theirs."""
    return np.asarray(expected_policy + rows.weight * (rows.reward - expected_logged))


def mean_with_interval(
    terms: npt.NDArray[Any],
    sample_weight: npt.NDArray[Any],
    groups: npt.NDArray[np.int64] | None = None,
    *,
    clipped_share: float = 0.0,
) -> Estimate:
    """Weighted mean with its 95 % normal interval.

    Args:
        terms: Independent contributions, [n].
        sample_weight: How many people each stands for, [n].
        groups: The person's number of each row, [n], where rows of one person depend on each other: the interval is
            then over people.
        clipped_share: Passed on to the estimate.

    Returns:
        The estimate; NaN without rows, and without an interval for a single one.
    """
    count = len(terms)
    if count == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0, clipped_share)
    share = np.asarray(sample_weight, dtype=np.float64) / float(np.sum(sample_weight))
    value = float(share @ terms)
    deviations: Vector = share * (terms - value)
    if groups is not None:
        deviations = np.bincount(groups, deviations).astype(np.float64)
    independent = len(deviations)
    if independent == 1:
        return Estimate(value, float("-inf"), float("inf"), count, clipped_share)
    error = float(np.sqrt((deviations**2).sum() * independent / (independent - 1)))
    return Estimate(value, value - _Z95 * error, value + _Z95 * error, count, clipped_share)
