"""What every learner of effects takes and gives."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Actions = npt.NDArray[np.int64]
Outcome = Literal["binary", "continuous"]

CONTROL = 0
"""Number of the action against which effects are measured: to leave alone, or what was done before."""


@dataclass(frozen=True)
class Trial:
    """Rows of a past trial as plain arrays.

    Attributes:
        matrix: Features, float32 [n, F]; NaN where missing.
        action: What was done, 0 for the control and 1 to K, [n].
        outcome: What came of it, [n]; 0 and 1 where it is binary.
        propensity: Probability with which the action of the row was drawn, in (0, 1], [n].
        weight: How much a row counts, [n].
        actions: K, the number of actions besides the control; some may have no row here.
        kind: Whether the outcome is a yes or no, or an amount.
    """

    matrix: Matrix
    action: Actions
    outcome: Vector
    propensity: Vector
    weight: Vector
    actions: int
    kind: Outcome = "binary"

    @classmethod
    def of(
        cls,
        matrix: npt.NDArray[Any],
        action: npt.NDArray[Any],
        outcome: npt.NDArray[Any],
        *,
        propensity: npt.NDArray[Any] | None = None,
        weight: npt.NDArray[Any] | None = None,
        actions: int | None = None,
    ) -> "Trial":
        """The trial of these arrays.

        Args:
            matrix: Features, [n, F].
            action: Number of each row's action, [n].
            outcome: [n]; taken as binary where it has no other values than 0 and 1.
            propensity: [n]; each action's share of the rows without it.
            weight: [n]; 1 without it.
            actions: K; the largest number without it.
        """
        done, came = np.asarray(action, dtype=np.int64), np.asarray(outcome, dtype=np.float64)
        count = int(done.max(initial=0)) if actions is None else actions
        shares = np.bincount(done, minlength=count + 1) / max(len(done), 1)
        chance = shares[done] if propensity is None else np.asarray(propensity, dtype=np.float64)
        counts = np.ones(len(done)) if weight is None else np.asarray(weight, dtype=np.float64)
        kind: Outcome = "binary" if np.isin(came, (0, 1)).all() else "continuous"
        return cls(np.asarray(matrix, dtype=np.float32), done, came, chance, counts, count, kind)

    def __len__(self) -> int:
        return len(self.action)

    def rows(self, where: npt.NDArray[Any]) -> "Trial":
        """The rows at these places, or where this is true."""
        parts = (self.matrix, self.action, self.outcome, self.propensity, self.weight)
        matrix, action, outcome, propensity, weight = (part[where] for part in parts)
        return Trial(matrix, action, outcome, propensity, weight, self.actions, self.kind)


@dataclass(frozen=True)
class Answer:
    """What a learner says of people.

    Attributes:
        baseline: Expected outcome under the control, [n].
        effects: What each other action adds to it, [n, K].
    """

    baseline: Vector
    effects: Vector

    @property
    def outcomes(self) -> Vector:
        """Expected outcome under each action, the control first, [n, K + 1]."""
        return np.column_stack([self.baseline, self.baseline[:, None] + self.effects])


class Learner(ABC):
    """Learns from a trial what actions change. What is learned is in attributes that end with `_`."""

    name: str

    @abstractmethod
    def fit(self, trial: Trial, *, seed: int, threads: int = 1) -> Self:
        """Learns from the rows of `trial`; the same rows and seed give the same bits with the same threads."""

    @abstractmethod
    def answer(self, matrix: Matrix) -> Answer:
        """What it says of people with these features, [n, F]."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values, trees as LightGBM's own text."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: dict[str, Any]) -> "Learner":
        """The learner that `to_dict` wrote."""
