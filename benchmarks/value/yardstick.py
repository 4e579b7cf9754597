"""What the yardsticks know: the truth's means, learned on development seeds, which never judge.

`rules` has a mean of the true worth for each of eight segments and each option; `same` has, for each option, the mean of the
true worth given the features of `dim_customers`, by trees. The rows are people of the development seeds on several days of
runs under the random policy, whose contacts spread over everybody, so that touches, fatigue and offers in hand are seen too.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import lightgbm as lgb
import numpy as np
import pandas as pd

from ml.entities import Option
from ml.features import FeatureSpec

DEVELOPMENT_SEEDS: Final = (901, 902, 903)
RECENT_VISIT_DAYS: Final = 14
_STAGES: Final = ("prospect", "active", "lapsing", "lapsed")
_TREES: Final = {
    "objective": "regression",
    "num_leaves": 31,
    "learning_rate": 0.08,
    "min_child_samples": 100,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}
_ROUNDS: Final = 150
_TIE: Final = 1e-6


def segments(customers: pd.DataFrame) -> np.ndarray:
    """Which of the eight segments each person is in, int [N]: stage of life, and a visit in the last two weeks."""
    stage = customers["lifecycle"].map({name: i for i, name in enumerate(_STAGES)}).to_numpy(dtype=np.int64)
    visited = customers["days_since_last_web_visit"].to_numpy(dtype=float, na_value=np.inf) <= RECENT_VISIT_DAYS
    return np.asarray(stage * 2 + visited)


@dataclass(frozen=True)
class Yardsticks:
    """The yardsticks of a folder.

    Attributes:
        folder: Where `learn` wrote them.
        threads: Cores.
    """

    folder: Path
    threads: int = 1

    @classmethod
    def learn(cls, folder: Path, rows: pd.DataFrame, worth: np.ndarray, options: list[Option]) -> "Yardsticks":
        """Fit and write them.

        Args:
            folder: Where.
            rows: Days of people of the development seeds, as `dim_customers`, n rows.
            worth: True worth, [n, O].
            options: O options.
        """
        folder.mkdir(parents=True, exist_ok=True)
        segment = segments(rows)
        means = {str(o): [float(worth[segment == s, i].mean()) for s in range(8)] for i, o in enumerate(options)}
        spec = FeatureSpec.fit(rows)
        matrix = spec.matrix(rows)
        for i, option in enumerate(options):
            data = lgb.Dataset(matrix, label=worth[:, i])
            lgb.train(_TREES, data, _ROUNDS).save_model(folder / f"{_file(option)}.txt")
        (folder / "features.json").write_text(json.dumps(spec.to_dict()), encoding="utf-8")
        (folder / "means.json").write_text(json.dumps({"means": means, "rows": len(rows)}), encoding="utf-8")
        return cls(folder)

    def by_segment(self, segment: np.ndarray, options: list[Option], *, seed: int) -> np.ndarray:
        """Mean true worth of each option in the person's segment, ties by lot, float64 [N, O]."""
        table = np.array([self._means[str(option)] for option in options]).T
        lot = np.random.default_rng(seed).random((len(segment), 1))
        return np.asarray(table[segment] + _TIE * lot)

    def expected(self, customers: pd.DataFrame, options: list[Option]) -> np.ndarray:
        """Mean true worth of each option given the person's features, float64 [N, O]."""
        matrix = self._spec.matrix(customers)
        return np.stack([self._trees[str(o)].predict(matrix, num_threads=self.threads) for o in options], axis=1)

    @cached_property
    def fixed_offer(self) -> str:
        """The offer that did best for the fixed split on the development seeds."""
        return (self.folder / "fixed.txt").read_text(encoding="utf-8").strip()

    @cached_property
    def _means(self) -> dict[str, list[float]]:
        return dict(json.loads((self.folder / "means.json").read_text(encoding="utf-8"))["means"])

    @cached_property
    def _spec(self) -> FeatureSpec:
        return FeatureSpec.from_dict(json.loads((self.folder / "features.json").read_text(encoding="utf-8")))

    @cached_property
    def _trees(self) -> dict[str, lgb.Booster]:
        names = list(self._means)
        return {name: lgb.Booster(model_file=self.folder / f"{name.replace(':', '-')}.txt") for name in names}


def _file(option: Option) -> str:
    return str(option).replace(":", "-")
