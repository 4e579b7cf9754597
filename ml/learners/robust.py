"""Doubly robust outcomes: for each row and action, an unbiased guess of what would have come of it."""

from typing import Final

import numpy as np

from ml.learners.contract import Trial, Vector

WEIGHT_LIMIT: Final = 100.0
"""Largest inverse propensity; a rarer assignment counts as if it had been this likely."""


def robust_outcomes(trial: Trial, expected: Vector) -> Vector:
    """m_a(X) + 1[A = a] (Y - m_a(X)) / e, the terms of the augmented inverse-propensity estimator (Robins et al. 1994).

    Their mean over rows is the value of giving everybody action a; of a policy, the mean of its actions' terms.

    Args:
        trial: The rows.
        expected: m: expected outcome by action, from models that haven't seen the row, [n, K + 1].

    Returns:
        float64 [n, K + 1].
    """
    robust = expected.astype(np.float64, copy=True)
    every = np.arange(len(trial))
    inverse = np.minimum(1 / trial.propensity, WEIGHT_LIMIT)
    robust[every, trial.action] += inverse * (trial.outcome - expected[every, trial.action])
    return robust
