"""X-learner: effects imputed for each person with the other side's model, then learned."""

from typing import Any, Self

import numpy as np

from ml.learners.bases import BASES, regressor_from
from ml.learners.contract import CONTROL, Answer, Learner, Matrix, Trial
from ml.learners.regressors import Base, Regressor
from ml.learners.t_learner import TLearner


class XLearner(Learner):
    """The effect among the contacted and the one among the others, weighted by their shares (Künzel et al. 2019).

    With outcome models m_0 and m_k, the first is learned from Y - m_0(X) of the rows with action k, the second from
    m_k(X) - Y of the control's. Where action k is rare, its own outcome model counts little, which is the method's strength.

    Args:
        base: What predicts outcomes and effects.
    """

    def __init__(self, base: Base = "trees") -> None:
        """Stores the base."""
        self.base: Base = base
        self.name = f"x_{base}"
        self.outcomes_ = TLearner(base)
        self.effects_: list[tuple[float, Regressor, Regressor]] = []

    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:  # noqa: D102 - the contract says it
        self.outcomes_ = TLearner(self.base).fit(trial, seed=seed, threads=threads)
        others = trial.rows(trial.action == CONTROL)
        self.effects_ = []
        for action in range(1, trial.actions + 1):
            rows, model = trial.rows(trial.action == action), self.outcomes_.models_[action]
            among_rows = rows.outcome - self.outcomes_.models_[CONTROL].predict(rows.matrix)
            among_others = model.predict(others.matrix) - others.outcome
            share = len(rows) / max(len(rows) + len(others), 1)
            first, second = (
                BASES[self.base]().fit(side.matrix, target, side.weight, "continuous", seed=seed, threads=threads)
                for side, target in ((rows, among_rows), (others, among_others))
            )
            self.effects_.append((share, first, second))
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        effects = [
            (1 - share) * among_rows.predict(matrix) + share * among_others.predict(matrix)
            for share, among_rows, among_others in self.effects_
        ]
        return Answer(self.outcomes_.models_[CONTROL].predict(matrix), np.column_stack(effects))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        effects = [[share, first.to_dict(), second.to_dict()] for share, first, second in self.effects_]
        return {"learner": "x", "base": self.base, "outcomes": self.outcomes_.to_dict(), "effects": effects}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "XLearner":  # noqa: D102
        made = cls(values["base"])
        made.outcomes_ = TLearner.from_dict(values["outcomes"])
        made.effects_ = [(share, regressor_from(one), regressor_from(two)) for share, one, two in values["effects"]]
        return made
