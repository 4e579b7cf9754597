"""What a model promised of the contacts that it chose, and what came of them.

Only decisions count whose probability is known and whose horizon is over: people who could have been contacted and could
have been left alone, each side weighted by the inverse of the probability of what was done (`ml.learning.contrasts`). The promise is
the mean uplift that was predicted for those contacted, under the same weights; what was realized is that plus

    difference = mean over contacts of (y - promised) - mean over people left alone of y

The model has broken its promise when the difference lies below 0 for certain, at any look: the whole of the always-valid
interval of `ml.learning.confidence`, so that looking every day condemns a model that keeps its word in at most one life in
twenty. One-sided that is 2.5 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from ml.learning.confidence import always_valid_radius
from ml.learning.contrasts import MINIMUM_BUYERS, MINIMUM_PEOPLE, Sums

ALPHA: Final = 0.05
TIGHTEST: Final = 5000.0
"""Contacted people at whom the interval is tightest."""
ALL: Final = "all"


@dataclass(frozen=True)
class Promise:
    """A model's promise and what came of it, for one objective and channel or all of them together.

    Attributes:
        objective_id: The objective, or `ALL`.
        channel: The channel, or `ALL`.
        promised: Mean predicted uplift of those contacted.
        realized: What contacts added to the chance of a conversion; None where it's too early.
        low: Lower end of `realized` that holds at all looks together; None where it's too early.
        high: Upper end.
        contacted: People contacted.
        alone: People left alone who could have been contacted.
    """

    objective_id: str
    channel: str
    promised: float
    realized: float | None
    low: float | None
    high: float | None
    contacted: int
    alone: int

    @property
    def is_broken(self) -> bool:
        """Whether what was realized lies below the promise for certain."""
        return self.high is not None and self.high < self.promised

    @property
    def words(self) -> str:
        """The promise beside what came, in a sentence."""
        promised = f"promised {100 * self.promised:+.3f} points"
        if self.realized is None or self.low is None or self.high is None:
            return f"{promised}; too early to tell ({self.contacted} contacted, {self.alone} left alone)"
        came = f"{100 * self.realized:+.3f} came (95 %, at all looks: {100 * self.low:+.3f} to {100 * self.high:+.3f})"
        return f"{promised}, {came}"


def promises_of(sums: Mapping[tuple[str, str], Sums], predicted: Mapping[tuple[str, str], float]) -> list[Promise]:
    """Promise of each objective and channel.

    Args:
        sums: By (objective, channel), where `bought` of those contacted has their predicted uplift taken off.
        predicted: Sum of weight x predicted uplift of those contacted.
    """
    return [
        _promise(objective, channel, sums[objective, channel], predicted[objective, channel])
        for objective, channel in sums
    ]


def _promise(objective_id: str, channel: str, sums: Sums, predicted: float) -> Promise:
    contacted, alone = sums.contacted, sums.alone
    promised = predicted / contacted.weight if contacted.weight > 0 else 0.0
    people = min(contacted.people, alone.people)
    if people < MINIMUM_PEOPLE or min(contacted.buyers, alone.buyers) < MINIMUM_BUYERS:
        return Promise(objective_id, channel, promised, None, None, None, contacted.people, alone.people)
    realized = promised + sums.effect
    radius = always_valid_radius(sqrt(sums.variance), contacted.people, tightest=TIGHTEST, alpha=ALPHA)
    return Promise(
        objective_id, channel, promised, realized, realized - radius, realized + radius, contacted.people, alone.people
    )
