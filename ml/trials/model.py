"""What was learned from a table, and the scores that it gives to another one."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.learners.calibration import EffectCalibration
from ml.learners.contract import Answer, Learner, Matrix, Vector
from ml.learners.every import learner_from
from ml.learners.forward import ResponseHead
from ml.learners.guard import chosen
from ml.tables.encoding import Encoder
from ml.trials.amounts import ResponseWorth
from ml.trials.roles import Roles

_BLOCK: Final = 50_000
_NEVER: Final = "never"


@dataclass(frozen=True)
class LearnedEffects:
    """Effects of actions, cross-fitted.

    Attributes:
        folds: The learner, fitted once without each fold; people are answered by the mean.
        calibration: What holds out of it.
        constant: The best action for everybody.
        threshold: Expected gain beyond which a person gets another one.
    """

    folds: list[Learner]
    calibration: EffectCalibration
    constant: int
    threshold: float

    def answers(self, matrix: Matrix) -> list[Answer]:
        """What each fold's learner says."""
        return [fold.answer(matrix) for fold in self.folds]

    def of(self, matrix: Matrix) -> Vector:
        """Calibrated effects, [n, K]."""
        return self.calibration(np.mean([answer.effects for answer in self.answers(matrix)], axis=0))

    def sd(self, matrix: Matrix) -> Vector:
        """Standard deviation of the effects by the jackknife over folds, [n, K]: to bound them or to draw from."""
        said = np.stack([answer.effects for answer in self.answers(matrix)])
        count = len(said)
        spread = np.sqrt((count - 1) / count * ((said - said.mean(axis=0)) ** 2).sum(axis=0))
        return np.asarray(self.calibration.slope * spread)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        calibration = self.calibration
        return {
            "folds": [fold.to_dict() for fold in self.folds], "centre": calibration.centre.tolist(),
            "level": calibration.level.tolist(), "slope": calibration.slope, "constant": self.constant,
            "threshold": self.threshold if np.isfinite(self.threshold) else _NEVER,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LearnedEffects":
        """What `to_dict` wrote."""
        threshold = float("inf") if values["threshold"] == _NEVER else float(values["threshold"])
        calibration = EffectCalibration(np.array(values["centre"]), np.array(values["level"]), values["slope"])
        return cls([learner_from(fold) for fold in values["folds"]], calibration, values["constant"], threshold)


@dataclass(frozen=True)
class TableModel:
    """Everything that scoring needs.

    Attributes:
        roles: Which column of the table was what.
        actions: Names of the actions, the control first.
        encoder: From columns to numbers.
        head: Who responds.
        effects: What actions change; None for a past mailing, where response without contact is taken as none.
        worth: Money of a response, 1 without amounts.
        facts: What it was learned from, for the reader.
    """

    roles: Roles
    actions: tuple[str, ...]
    encoder: Encoder
    head: ResponseHead
    effects: LearnedEffects | None
    worth: ResponseWorth
    facts: dict[str, Any]

    def score(self, frame: pd.DataFrame, where: str) -> pd.DataFrame:
        """One row for each row of `frame`, in its order.

        Returns:
            `propensity`, for each action but the control `uplift_<action>` and `net_value_<action>`, then `best_action` and
            `best_net_value`. A net value is never more than what validation bears out: where the guard gives a person the
            constant action, no other is promised to be better.

        Raises:
            TableError: A column that was learned from is absent.
        """
        blocks = [frame.iloc[first : first + _BLOCK] for first in range(0, max(len(frame), 1), _BLOCK)]
        return pd.concat([self._scored(self.encoder.matrix(block, where)) for block in blocks], ignore_index=True)

    def uplift(self, matrix: Matrix, propensity: Vector) -> Vector:
        """What each action adds to the outcome, [n, K]."""
        return propensity[:, None].copy() if self.effects is None else self.effects.of(matrix)

    def net(self, uplift: Vector, worth: Vector) -> Vector:
        """Net value by action, the control (0) first, [n, K + 1]."""
        return np.column_stack([np.zeros(len(uplift)), uplift * worth[:, None] - self.roles.cost])

    def choose(self, net: Vector) -> npt.NDArray[np.int64]:
        """Number of each person's action, [n]."""
        if self.effects is None:
            return np.asarray(net.argmax(axis=1), dtype=np.int64)
        return chosen(net, self.effects.constant, self.effects.threshold)

    def _scored(self, matrix: Matrix) -> pd.DataFrame:
        propensity = self.head.predict(matrix)
        uplift = self.uplift(matrix, propensity)
        net = self.net(uplift, self.worth.predict(matrix))
        choice = self.choose(net)
        net = bounded(net, choice)
        columns: dict[str, Any] = {"propensity": propensity}
        for place, action in enumerate(self.actions[1:]):
            columns |= {f"uplift_{action}": uplift[:, place], f"net_value_{action}": net[:, place + 1]}
        columns["best_action"] = np.array(self.actions, dtype=object)[choice]
        columns["best_net_value"] = net[np.arange(len(net)), choice]
        return pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "roles": self.roles.to_dict(), "actions": list(self.actions), "encoder": self.encoder.to_dict(),
            "head": self.head.to_dict(), "effects": None if self.effects is None else self.effects.to_dict(),
            "worth": self.worth.to_dict(), "facts": self.facts,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TableModel":
        """What `to_dict` wrote."""
        return cls(
            Roles.from_dict(values["roles"]),
            tuple(values["actions"]),
            Encoder.from_dict(values["encoder"]),
            ResponseHead.from_dict(values["head"]),
            None if values["effects"] is None else LearnedEffects.from_dict(values["effects"]),
            ResponseWorth.from_dict(values["worth"]),
            values["facts"],
        )


def bounded(net: Vector, choice: npt.NDArray[np.int64]) -> Vector:
    """Net values of which the chosen action's is the highest, [n, K + 1]: no other is promised more than what holds out."""
    every = np.arange(len(net))
    own = np.where(choice > 0, np.maximum(net[every, choice], np.finfo(np.float64).tiny), 0.0)
    limit = np.where(choice > 0, np.nextafter(own, -np.inf), 0.0)
    kept = np.minimum(net, limit[:, None])
    kept[:, 0] = 0.0
    kept[every, choice] = own
    return np.asarray(kept)
