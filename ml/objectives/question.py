"""What is asked about a target, and what can be answered."""

from collections.abc import Callable
from dataclasses import dataclass

from ml.allocation.errors import Relaxation
from ml.configuration.objective import Objective
from ml.objectives.rest import Period


@dataclass(frozen=True)
class Question:
    """Can so much be reached?

    Attributes:
        objective: Whose target.
        needed: Units still to be caused in the days left.
        goal: Units that the whole target stands for.
        spent: Money spent already, by objective.
        period_of: The rest of the period if it had so many days.
        days: Days left.
    """

    objective: Objective
    needed: float
    goal: float
    spent: dict[str, float]
    period_of: Callable[[int], Period]
    days: int


@dataclass(frozen=True)
class Answer:
    """What can be reached, and what stands in the way.

    Attributes:
        most: Most units that any plan of the days left causes.
        is_reachable: Whether that's enough.
        has_plan: Whether any plan keeps the limits, whatever the target.
        conflicts: Names of what can't hold together; empty where the target is reachable.
        words: The same in the operator's words.
        relaxations: The smallest move of each that resolves it alone, each verified; or of several together.
    """

    most: float
    is_reachable: bool
    has_plan: bool
    conflicts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()
