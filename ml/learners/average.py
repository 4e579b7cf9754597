"""The average of several learners: what one of them gets wrong by chance, the others mostly don't."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ml.learners.contract import Answer, Learner, Matrix, Trial


class Average(Learner):
    """Plain mean of what its members say.

    Args:
        members: Learners, fitted together or before.
        name: Shown in tables.
    """

    def __init__(self, members: Sequence[Learner], name: str = "average") -> None:
        """Stores the members."""
        self.members, self.name = list(members), name

    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:  # noqa: D102 - the contract says it
        for place, member in enumerate(self.members):
            member.fit(trial, seed=seed + place, threads=threads)
        return self

    def answer(self, matrix: Matrix) -> Answer:  # noqa: D102
        answers = [member.answer(matrix) for member in self.members]
        baseline, effects = ([getattr(each, part) for each in answers] for part in ("baseline", "effects"))
        return Answer(np.mean(baseline, axis=0), np.mean(effects, axis=0))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"learner": "average", "name": self.name, "members": [member.to_dict() for member in self.members]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Average":  # noqa: D102
        from ml.learners.every import learner_from  # noqa: PLC0415 - an average may hold any learner, itself included

        return cls([learner_from(member) for member in values["members"]], values["name"])
