"""DR-learner: a regression on each person's doubly robust effect."""

from typing import Any, Self

import numpy as np

from ml.learners.bases import BASES, regressor_from
from ml.learners.contract import CONTROL, Answer, Learner, Matrix, Trial
from ml.learners.folds import folds_of
from ml.learners.regressors import Base, Regressor
from ml.learners.robust import robust_outcomes
from ml.learners.s_learner import SLearner

_FOLDS = 2


class DRLearner(Learner):
    """Regresses the doubly robust effect on features (Kennedy 2023).

    Outcome models are learned on the half that doesn't contain the row: what they remember of a row would look like effect.

    Args:
        base: What predicts outcomes and effects.
    """

    def __init__(self, base: Base = "trees") -> None:
        """Stores the base."""
        self.base: Base = base
        self.name = f"dr_{base}"
        self.outcomes_: list[SLearner] = []
        self.effects_: list[Regressor] = []

    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:  # noqa: D102 - the contract says it
        fold = folds_of(trial, _FOLDS, seed)
        self.outcomes_, expected = [], np.zeros((len(trial), trial.actions + 1))
        for each in range(_FOLDS):
            model = SLearner(self.base).fit(trial.rows(fold != each), seed=seed, threads=threads)
            expected[fold == each] = model.answer(trial.matrix[fold == each]).outcomes
            self.outcomes_.append(model)
        robust = robust_outcomes(trial, expected)
        self.effects_ = [
            BASES[self.base]().fit(
                trial.matrix,
                robust[:, action] - robust[:, CONTROL],
                trial.weight,
                "continuous",
                seed=seed,
                threads=threads,
            )
            for action in range(1, trial.actions + 1)
        ]
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        baseline = np.mean([model.answer(matrix).baseline for model in self.outcomes_], axis=0)
        return Answer(baseline, np.column_stack([model.predict(matrix) for model in self.effects_]))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "learner": "dr", "base": self.base, "outcomes": [model.to_dict() for model in self.outcomes_],
            "effects": [model.to_dict() for model in self.effects_],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DRLearner":  # noqa: D102
        made = cls(values["base"])
        made.outcomes_ = [SLearner.from_dict(model) for model in values["outcomes"]]
        made.effects_ = [regressor_from(model) for model in values["effects"]]
        return made
