"""S-learner: one outcome model that knows the action as a feature."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ml.learners.bases import BASES, regressor_from
from ml.learners.contract import Actions, Answer, Learner, Matrix, Trial
from ml.learners.regressors import SCREENED, Base, Regressor, screened
from ml.learners.standardized import Standardized


class SLearner(Learner):
    """Effect = the model's answer with the action less its answer without (Künzel et al. 2019).

    To trees, actions are columns of 0 and 1. A line gets those too, and each feature once more for people with any
    action: its level differs by action, what it depends on is learned from all of them together.

    Args:
        base: What predicts the outcome.
    """

    def __init__(self, base: Base = "trees") -> None:
        """Stores the base."""
        self.base: Base = base
        self.name = f"s_{base}"
        self.model_: Regressor = BASES[base]()
        self.actions_ = 0
        self.columns_: list[int] = []
        self.scale_: Standardized | None = None
        self.contacted_share_ = 0.0

    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:  # noqa: D102 - the contract says it
        self.actions_ = trial.actions
        room = (SCREENED - trial.actions) // (2 if self.base == "line" else 1)
        self.columns_ = [int(at) for at in screened(trial.matrix, trial.outcome, trial.weight, room)]
        if self.base == "line":
            self.scale_ = Standardized.of(trial.matrix[:, self.columns_])
            self.contacted_share_ = float((trial.action > 0).mean()) if len(trial) else 0.0
        design = self._design(self._features(trial.matrix), trial.action)
        self.model_ = BASES[self.base]().fit(
            design, trial.outcome, trial.weight, trial.kind, seed=seed, threads=threads
        )
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        features = self._features(matrix)
        outcomes = [
            self.model_.predict(self._design(features, np.full(len(matrix), action, dtype=np.int64)))
            for action in range(self.actions_ + 1)
        ]
        return Answer(outcomes[0], np.column_stack([each - outcomes[0] for each in outcomes[1:]]))

    def _features(self, matrix: Matrix) -> Matrix:
        used = matrix[:, self.columns_]
        return used if self.scale_ is None else self.scale_(used).astype(np.float32)

    def _design(self, features: Matrix, action: Actions) -> Matrix:
        parts: list[npt.NDArray[Any]] = [features]
        if self.base == "line":
            parts.append(features * ((action > 0) - self.contacted_share_)[:, None].astype(np.float32))
        parts.append((action[:, None] == np.arange(1, self.actions_ + 1)).astype(np.float32))
        return np.hstack(parts)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "learner": "s", "base": self.base, "model": self.model_.to_dict(), "actions": self.actions_,
            "columns": self.columns_, "scale": None if self.scale_ is None else self.scale_.to_dict(),
            "contacted_share": self.contacted_share_,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SLearner":  # noqa: D102
        made = cls(values["base"])
        made.model_, made.actions_ = regressor_from(values["model"]), values["actions"]
        made.columns_, made.contacted_share_ = values["columns"], values["contacted_share"]
        made.scale_ = None if values["scale"] is None else Standardized.from_dict(values["scale"])
        return made
