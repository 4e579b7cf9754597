"""T-learner: an outcome model for each action."""

from typing import Any, Self

import numpy as np

from ml.learners.bases import BASES, regressor_from
from ml.learners.contract import CONTROL, Answer, Learner, Matrix, Trial
from ml.learners.regressors import Base, Constant, Regressor


class TLearner(Learner):
    """Effect = model of the action's rows less model of the control's (Künzel et al. 2019).

    Args:
        base: What predicts the outcomes.
    """

    def __init__(self, base: Base = "trees") -> None:
        """Stores the base."""
        self.base: Base = base
        self.name = f"t_{base}"
        self.models_: list[Regressor] = []

    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:  # noqa: D102 - the contract says it
        fitted: list[Regressor] = []
        for action in range(trial.actions + 1):
            rows = trial.rows(trial.action == action)
            if len(rows):
                model = BASES[self.base]()
                fitted.append(model.fit(rows.matrix, rows.outcome, rows.weight, trial.kind, seed=seed, threads=threads))
            else:  # nothing was seen of it: no effect is known
                unseen = Constant().fit(trial.matrix, trial.outcome, trial.weight, trial.kind)
                fitted.append(fitted[CONTROL] if fitted else unseen)
        self.models_ = fitted
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        baseline = self.models_[CONTROL].predict(matrix)
        outcomes = [model.predict(matrix) for model in self.models_[1:]]
        return Answer(baseline, np.column_stack([each - baseline for each in outcomes]))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"learner": "t", "base": self.base, "models": [model.to_dict() for model in self.models_]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TLearner":  # noqa: D102
        made = cls(values["base"])
        made.models_ = [regressor_from(model) for model in values["models"]]
        return made
