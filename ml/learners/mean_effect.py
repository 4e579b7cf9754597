"""The baseline that everything else has to beat: an action does the same for everybody."""

from typing import Any, Self

import numpy as np

from ml.learners.contract import CONTROL, Answer, Learner, Matrix, Trial
from ml.learners.regressors import Constant


class MeanEffect(Learner):
    """Difference of means between the rows of each action and the control's, weighted by inverse propensities."""

    name = "mean_effect"

    def __init__(self) -> None:
        """Has nothing to choose."""
        self.baseline_ = 0.0
        self.effects_: list[float] = []

    def fit(self, trial: Trial, *, seed: int = 0, threads: int = 1) -> Self:  # noqa: ARG002, D102 - the contract says it
        means = []
        for action in range(trial.actions + 1):
            rows = trial.rows(trial.action == action)
            weight = rows.weight / rows.propensity
            scaled = weight * (len(rows) / weight.sum()) if len(rows) else weight
            means.append(Constant().fit(rows.matrix, rows.outcome, scaled, trial.kind).mean_ if len(rows) else None)
        self.baseline_ = means[CONTROL] or 0.0
        self.effects_ = [0.0 if mean is None else mean - self.baseline_ for mean in means[1:]]
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        effects = np.broadcast_to(np.array(self.effects_, dtype=np.float64), (len(matrix), len(self.effects_)))
        return Answer(np.full(len(matrix), self.baseline_), effects.copy())

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"learner": "mean", "baseline": self.baseline_, "effects": self.effects_}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "MeanEffect":  # noqa: D102
        made = cls()
        made.baseline_, made.effects_ = values["baseline"], values["effects"]
        return made
