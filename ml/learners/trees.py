"""Boosted trees as a regressor: few leaves, many rows a leaf, slow learning."""

from functools import cached_property
from typing import Any, Final, Self

import lightgbm as lgb
import numpy as np

from ml.learners.contract import Matrix, Outcome, Vector
from ml.learners.regressors import Constant, Regressor, screened

TREES: Final = 150
RATE: Final = 0.05
LEAVES: Final = 7
LEAST_ROWS_PER_LEAF: Final = 10
MOST_ROWS_PER_LEAF: Final = 200
_ROWS_PER_THREAD: Final = 50_000
"""With fewer rows, threads wait for each other longer than they work."""
LEAST_ROWS: Final = 60
"""With fewer rows the mean is used."""


def rows_per_leaf(rows: int) -> int:
    """200 from 10,000 rows on, a fiftieth of them below that, never fewer than 10."""
    return int(np.clip(rows // 50, LEAST_ROWS_PER_LEAF, MOST_ROWS_PER_LEAF))


class Trees(Regressor):
    """LightGBM, regularized by its size; the mean where rows are too few or all alike.

    Args:
        trees: Number of trees.
        rate: Share of each tree's answer that is believed.
        leaves: Leaves of a tree.
    """

    kind = "trees"

    def __init__(self, trees: int = TREES, rate: float = RATE, leaves: int = LEAVES) -> None:
        """Stores the size."""
        self.trees, self.rate, self.leaves = trees, rate, leaves
        self.text_: str | None = None
        self.columns_: list[int] = []
        self.constant_ = Constant()

    def fit(self, matrix: Matrix, target: Vector, weight: Vector, outcome: Outcome, *, seed: int, threads: int) -> Self:  # noqa: D102
        self.constant_ = Constant().fit(matrix, target, weight, outcome)
        self.text_ = None
        self.__dict__.pop("_booster", None)
        if len(target) < LEAST_ROWS or matrix.shape[1] == 0 or target.min() == target.max():
            return self
        self.columns_ = [int(place) for place in screened(matrix, target, weight)]
        parameters = {
            "objective": "binary" if outcome == "binary" else "regression", "num_leaves": self.leaves,
            "learning_rate": self.rate, "min_data_in_leaf": rows_per_leaf(len(target)), "feature_fraction": 0.7,
            "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63, "seed": seed, "deterministic": True,
            "force_col_wise": True, "num_threads": threads if len(target) >= _ROWS_PER_THREAD else 1, "verbosity": -1,
        }  # fmt: skip
        rows = lgb.Dataset(self._used(matrix), target, weight=weight, params=parameters)
        self.text_ = lgb.train(parameters, rows, self.trees).model_to_string()
        return self

    def predict(self, matrix: Matrix) -> Vector:  # noqa: D102
        if self.text_ is None or len(matrix) == 0:
            return self.constant_.predict(matrix)
        return np.asarray(self._booster.predict(self._used(matrix), num_threads=1), dtype=np.float64)

    @cached_property
    def _booster(self) -> lgb.Booster:
        return lgb.Booster(model_str=self.text_)

    def _used(self, matrix: Matrix) -> Matrix:
        return matrix if len(self.columns_) == matrix.shape[1] else matrix[:, self.columns_]

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "kind": self.kind, "size": [self.trees, self.rate, self.leaves], "text": self.text_,
            "columns": self.columns_, "mean": self.constant_.mean_,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trees":  # noqa: D102
        made = cls(*values["size"])
        made.text_, made.columns_ = values["text"], values["columns"]
        made.constant_ = Constant(values["mean"])
        return made
