"""With which probability rows got their action, where the table doesn't say: its share, or what features tell of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.evaluation.policy_value import mean_with_interval
from ml.learners.contract import Trial, Vector
from ml.learners.folds import folds_of
from ml.learners.line import Line

FOLDS: Final = 3
LEAST_PROBABILITY: Final = 0.02
_LEAST_ROWS: Final = 200


@dataclass(frozen=True)
class Assignment:
    """Probabilities of what was done.

    Attributes:
        propensity: Of the row's own action, [n].
        is_random: Whether features don't tell who got what.
        saved: Log loss a row that features save over the shares, out of fold, with its standard error.
    """

    propensity: Vector
    is_random: bool
    saved: tuple[float, float]


def assignment(trial: Trial, *, seed: int) -> Assignment:
    """Estimates the probabilities of a trial whose table has none.

    A penalized logistic model for each action, out of fold, is believed only where it foretells the action better than the
    shares do by more than three standard errors; else assignment is taken as random.
    """
    every = np.arange(len(trial))
    shares = np.bincount(trial.action, minlength=trial.actions + 1) / len(trial)
    own = shares[trial.action]
    if len(trial) < _LEAST_ROWS:
        return Assignment(own, True, (0.0, 0.0))  # noqa: FBT003
    fold, chance = folds_of(trial, FOLDS, seed), np.zeros((len(trial), trial.actions + 1))
    for each in range(FOLDS):
        learn, judge = fold != each, fold == each
        for action in range(trial.actions + 1):
            target = (trial.action == action).astype(np.float64)
            model = Line().fit(trial.matrix[learn], target[learn], trial.weight[learn], "binary")
            chance[judge, action] = model.predict(trial.matrix[judge])
    chance = np.maximum(chance / chance.sum(axis=1, keepdims=True), LEAST_PROBABILITY * np.minimum(1, shares))
    saved = mean_with_interval(np.log(chance[every, trial.action]) - np.log(own), trial.weight)
    error = (saved.high - saved.value) / 1.959964
    is_random = not saved.value > 3 * error
    return Assignment(
        own if is_random else np.maximum(chance[every, trial.action], LEAST_PROBABILITY),
        is_random,
        (saved.value, error),
    )
