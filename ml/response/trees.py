"""Boosted trees: the one place that calls LightGBM."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.logit import sigmoid

Vector = npt.NDArray[np.float64]

BINNED_ROWS: Final = 20_000
"""Rows that the 63 bins of a feature are drawn by; from more they hardly differ and take as long as a third of the trees."""


@dataclass(frozen=True)
class TreeSettings:
    """How large and how cautious a forest is.

    Attributes:
        trees: At most so many trees; fewer where the tuning rows stop improving.
        leaves: Leaves of a tree.
        learning_rate: Share of each tree's answer that is believed.
        rows_per_leaf: A leaf speaks for at least so many rows.
        l2: Penalty on leaf values in units of curvature: the rows' weight of "no difference".
        patience: Trees without improvement before stopping.
    """

    trees: int
    leaves: int
    learning_rate: float
    rows_per_leaf: int
    l2: float
    patience: int = 10
    feature_share: float = 0.7


@dataclass(frozen=True)
class Rows:
    """Rows for a forest whose trees F(x) make the score `start + F(x)`.

    Attributes:
        matrix: Features, [n, F].
        target: What is predicted, [n].
        weight: Row weights, mean 1, [n].
        start: Score without the trees, [n].
    """

    matrix: Matrix
    target: Vector
    weight: Vector
    start: Vector

    def __len__(self) -> int:
        return len(self.target)

    @property
    def has_both_classes(self) -> bool:
        """Whether a 0/1 target has something to tell apart."""
        return bool(0 < self.target.sum() < len(self))


class Forest:
    """Trees that add to a starting score; without trees it adds nothing."""

    def __init__(self, text: str | None = None) -> None:
        """Stores the forest's LightGBM text; None is the forest that adds nothing."""
        self.text = text

    @property
    def is_empty(self) -> bool:
        """Whether the forest adds nothing."""
        return self.text is None

    @cached_property
    def _booster(self) -> lgb.Booster:
        return lgb.Booster(model_str=self.text)

    @property
    def trees(self) -> int:
        """Number of trees."""
        return 0 if self.text is None else self._booster.num_trees()

    def gain(self, feature_count: int) -> Vector:
        """Gain by feature, [feature_count]."""
        return np.zeros(feature_count) if self.text is None else self._booster.feature_importance("gain")

    def answer(self, matrix: Matrix, threads: int) -> Vector:
        """What the trees say of `matrix` [n, F], float64 [n]; 0 without trees."""
        if self.text is None or len(matrix) == 0:
            return np.zeros(len(matrix))
        return np.asarray(self._booster.predict(matrix, raw_score=True, num_threads=threads), dtype=np.float64)


def fit_forest(train: Rows, tune: Rows, settings: TreeSettings, *, objective: str, seed: int, threads: int) -> Forest:
    """Grows a forest from the starting scores, and keeps it only if it helps on rows that it has not learned from.

    Args:
        train: Rows to learn from.
        tune: Rows that say when to stop, and whether to have begun.
        settings: Size and caution.
        objective: LightGBM objective, `binary` or `gamma`.
        seed: Seeds everything random.
        threads: Cores that this process really owns; more makes LightGBM slower by a factor.

    Returns:
        The forest; an empty one where the tuning rows aren't better off by more than one standard error.
    """
    if len(train) < 2 * settings.rows_per_leaf or len(tune) == 0:
        return Forest()
    parameters: dict[str, Any] = {
        "objective": objective, "metric": {"binary": "binary_logloss", "gamma": "gamma_deviance"}[objective],
        "num_leaves": settings.leaves, "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.rows_per_leaf, "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_share, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63,
        "bin_construct_sample_cnt": BINNED_ROWS,
        "boost_from_average": False, "seed": seed, "deterministic": True, "force_col_wise": True,
        "num_threads": threads, "verbosity": -1,
    }  # fmt: skip
    data = lgb.Dataset(train.matrix, train.target, weight=train.weight, init_score=train.start, params=parameters)
    held = data.create_valid(tune.matrix, tune.target, weight=tune.weight, init_score=tune.start)
    stop = lgb.early_stopping(settings.patience, verbose=False)
    booster = lgb.train(parameters, data, settings.trees, valid_sets=[held], callbacks=[stop])
    forest = Forest(booster.model_to_string(num_iteration=booster.best_iteration))
    return forest if _helps(forest, tune, objective, threads) else Forest()


def chances(  # noqa: PLR0917 - who learns, who stops, and who is asked
    train: Rows, tune: Rows, matrix: Matrix, start: Vector, settings: TreeSettings, seed: int, threads: int
) -> Vector:
    """Chance of each row of `matrix` [n, F] by a forest on top of its `start` [n]; by that alone where there is one class."""
    if not train.has_both_classes:
        return np.asarray(sigmoid(start))
    forest = fit_forest(train, tune, settings, objective="binary", seed=seed, threads=threads)
    return np.asarray(sigmoid(start + forest.answer(matrix, threads)))


def _helps(forest: Forest, tune: Rows, objective: str, threads: int) -> bool:
    before = _losses(tune.start, tune.target, objective)
    after = _losses(tune.start + forest.answer(tune.matrix, threads), tune.target, objective)
    gain = tune.weight * (before - after)
    return bool(gain.mean() > gain.std() / np.sqrt(len(gain)))


def _losses(score: Vector, target: Vector, objective: str) -> Vector:
    if objective == "gamma":  # log link; the part of the deviance that depends on the prediction
        return np.asarray(target * np.exp(-score) + score)
    return np.asarray(np.logaddexp(0, score) - target * score)
