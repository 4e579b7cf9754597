"""What exploring made of a day's exact allocation, as much of it as it takes to find its probabilities again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.allocation.kernel import I64
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation

if TYPE_CHECKING:
    from ml.allocation.smooth.plan import SmoothPlan


@dataclass(frozen=True, eq=False)
class Drawn:
    """What exploring made of the exact allocation.

    Attributes:
        value_share: Of the exact plan's value that it might cost.
        seed: Of the draw.
        temperature: Found for the share; 0 where the exact plan was taken as it is.
        column: Column of each contact, -1 for none [N, k].
        spend: Money that contacts took at most in expectation; None where nothing but the terms limited it.
    """

    value_share: float
    seed: int
    temperature: float
    column: I64
    spend: float | None = None

    def plan(self, problem: Problem, exact: Allocation, *, threads: int) -> "SmoothPlan | None":
        """The smooth plan that it was drawn from, found again.

        Args:
            problem: That was decided.
            exact: Its exact allocation.
            threads: Of the passes.
        """
        from ml.allocation.smooth.temperature import explore  # noqa: PLC0415 - compiled code that what-if has no use for

        return explore(problem, exact, self.value_share, spends=(self.spend,), threads=threads)
