"""A guardrail, and what it says of a plan."""

from dataclasses import dataclass
from typing import Final, Protocol

from ml.policy.guardrails.figures import PlanFigures

TOLERANCE: Final = 1e-9
"""Share of the bound by which a sum of floats may miss it: a plan at its bound is inside."""


@dataclass(frozen=True)
class Reading:
    """A guardrail asked of a plan.

    Attributes:
        name: The guardrail's key in `policy.yaml`.
        value: The plan's figure; None where there is nothing yet to compare with.
        bound: What the figure must not exceed.
        words: The figure against the bound, and what lifts it.
        channels: The only channels that the crossing is about; None where it is about the whole part of the plan.
    """

    name: str
    value: float | None
    bound: float
    words: str
    channels: frozenset[str] | None = None

    @property
    def scale(self) -> float:
        """What a distance is measured in: the bound, or 1 where the bound is 0."""
        return abs(self.bound) or 1.0

    @property
    def distance(self) -> float | None:
        """How far inside the bound, as a share of it; negative outside."""
        return None if self.value is None else (self.bound - self.value) / self.scale

    @property
    def is_crossed(self) -> bool:
        """Whether the plan is outside."""
        return self.value is not None and self.value > self.bound + TOLERANCE * self.scale


class Guardrail(Protocol):
    """A bound on a plan.

    `name` is its key in `policy.yaml`, `formula` what must hold, `remedy` what lifts it in the operator's words.
    """

    @property
    def name(self) -> str:
        """The key in `policy.yaml`."""

    @property
    def formula(self) -> str:
        """What must hold."""

    @property
    def remedy(self) -> str:
        """What lifts it, beside a person's approval."""

    @property
    def bound(self) -> float:
        """What the figure must not exceed."""

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's figure against the bound."""


def reading(
    guardrail: Guardrail, value: float | None, figures: str, *, limit: str, channels: frozenset[str] | None = None
) -> Reading:
    """A reading whose words are the figures, the limit, and what lifts it.

    Args:
        guardrail: Whose.
        value: The plan's figure; None where nobody knows it.
        figures: The figure in words.
        limit: The bound in words.
        channels: As `Reading.channels`.
    """
    if value is None:
        figures = f"{guardrail.name}: nothing to compare with yet"
    words = f"{figures}: at most {limit} without a person's word ({guardrail.remedy})"
    return Reading(guardrail.name, value, guardrail.bound, words, channels)
