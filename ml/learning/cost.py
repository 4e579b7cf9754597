"""What a conversion that was caused costs: money for contacts against the conversions that they added."""

from dataclasses import dataclass
from math import sqrt

from ml.entities import Arm
from ml.learning.adjustment import Adjustment, Difference
from ml.learning.comparison import Comparison
from ml.learning.lift import Lift


@dataclass(frozen=True)
class CostPerConversion:
    """Money spent on contacts for each conversion that they caused.

    Attributes:
        objective_id: The objective.
        against: The arm compared with.
        value: Money; None where it's too early.
        low: Lower end of the interval, which holds at all looks together.
        high: Upper end.
        words: As a person would say it.
    """

    objective_id: str
    against: Arm
    value: float | None
    low: float | None
    high: float | None
    words: str


def cost_per_conversion(comparison: Comparison, lift: Lift) -> CostPerConversion:
    """Incremental cost per incremental conversion, from the look at `conversion` of the same comparison.

    Its interval is Fieller's (Journal of the Royal Statistical Society B 16, 1954): all ratios r for which the
    difference in cost less r times the difference in conversions is within the interval around 0, with the
    multiplier of the lift's interval that holds at all looks.

    Args:
        comparison: The two arms.
        lift: The look.
    """
    about = lift.objective_id, lift.against
    if lift.difference is None or lift.low is None or lift.high is None:
        return CostPerConversion(*about, None, None, None, lift.words)
    if lift.low <= 0:
        words = "too early: the system arm isn't yet known to cause conversions, so what one costs has no upper bound"
        return CostPerConversion(*about, None, None, None, words)
    gained = comparison.difference("conversion", lift.until)
    count = len(gained.influence)
    plain = Adjustment(comparison.is_system, comparison.panel.covariates[:, :0], comparison.panel.fold)
    spent = plain.difference(comparison.panel.cost[:count])
    low, high = fieller(spent, gained, (lift.high - lift.difference) / gained.error)
    value = spent.value / gained.value
    return CostPerConversion(*about, value, low, high, f"{value:,.2f} ({low:,.2f} to {high:,.2f})")


def fieller(above: Difference, below: Difference, multiplier: float) -> tuple[float, float]:
    """Interval of the ratio of two differences over the same people.

    Args:
        above: Numerator.
        below: Denominator, more than `multiplier` standard errors from 0.
        multiplier: Standard errors to either side.

    Raises:
        ValueError: The denominator may be 0, so the ratio has no bounded interval.
    """
    squared = multiplier**2
    a = below.value**2 - squared * below.variance
    if a <= 0:
        raise ValueError("the denominator may be 0: look at its own interval first, there is no ratio yet")
    b = above.value * below.value - squared * float(above.influence @ below.influence)
    c = above.value**2 - squared * above.variance
    root = sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a
