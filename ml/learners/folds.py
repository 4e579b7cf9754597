"""Folds of a trial, balanced in action and outcome."""

import numpy as np
import numpy.typing as npt

from ml.learners.contract import Trial


def folds_of(trial: Trial, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Fold of each row, 0 to count - 1, [n]: each has its share of every action, and there of high and low outcomes."""
    noise = np.random.default_rng(seed).random(len(trial))
    rank = trial.outcome if trial.kind == "binary" else (trial.outcome > np.median(trial.outcome)).astype(np.float64)
    order = np.lexsort((noise, rank, trial.action))
    fold = np.empty(len(trial), dtype=np.int64)
    fold[order] = np.arange(len(trial)) % count
    return fold
