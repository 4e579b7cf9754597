"""Two arms of a panel: what their people did, and the adjusted difference between them."""

from dataclasses import dataclass, field

import numpy as np

from ml.entities import ARMS, Arm
from ml.learning.adjustment import Adjustment, Difference
from ml.learning.panel import MEASURES, Measure, Panel, Vector


@dataclass(frozen=True)
class ArmFigures:
    """An arm's people and what they did since assignment, per person.

    Attributes:
        people: People assigned.
        buyers: Those with at least one purchase.
        mean: Of the measure per person.
        variance: Of the measure between persons.
    """

    people: int
    buyers: int
    mean: float
    variance: float

    @classmethod
    def of(cls, outcome: Vector, has_bought: Vector) -> "ArmFigures":
        """Of the people of an arm: their outcome and whether they bought [n]."""
        if not len(outcome):
            return cls(0, 0, 0.0, 0.0)
        variance = float(outcome.var(ddof=1)) if len(outcome) > 1 else 0.0
        return cls(len(outcome), int(has_bought.sum()), float(outcome.mean()), variance)


@dataclass(eq=False)
class Comparison:
    """Two arms of a panel; remembers its differences, so that many looks at the same people are cheap.

    Attributes:
        panel: Of people in the two arms.
        is_adjusted: Whether purchases before the assignment are used.
    """

    panel: Panel
    is_adjusted: bool = True
    _found: dict[tuple[Measure, int], Difference] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.is_system = self.panel.arm == ARMS.index("system")
        covariates = self.panel.covariates if self.is_adjusted else self.panel.covariates[:, :0]
        self._adjustment = Adjustment(self.is_system, covariates, self.panel.fold)

    @classmethod
    def of(cls, panel: Panel, against: Arm, *, is_adjusted: bool = True) -> "Comparison":
        """The system arm of a panel against another arm."""
        return cls(panel.only(np.isin(panel.arm, [ARMS.index("system"), ARMS.index(against)])), is_adjusted)

    def difference(self, measure: Measure, until: int) -> Difference:
        """The adjusted difference as of a moment, microseconds since 1970."""
        if (measure, until) not in self._found:
            self._found[measure, until] = self._adjustment.difference(self.panel.outcome(measure, until))
        return self._found[measure, until]

    def figures(self, measure: Measure, until: int) -> tuple[ArmFigures, ArmFigures]:
        """The system arm and the other one, as of a moment."""
        outcome, has_bought = (self.panel.outcome(each, until) for each in (measure, MEASURES[0]))
        is_system = self.is_system[: len(outcome)]
        system, other = ((outcome[rows], has_bought[rows]) for rows in (is_system, ~is_system))
        return ArmFigures.of(*system), ArmFigures.of(*other)
