r"""How far a person's effect departs from the channel's and offer's average, and how much of that is believed.

    uplift_o(x) = average_o e_c(x) + slope (h_o(x) - centre_o),    0 <= slope <= 1

e is how likely the person looks at what comes by the channel (`ml.response.exposure`),
h what a learner says of the person, centre its mean over those whom the option's channel reached, and slope what held-out
people support of it (`ml.response.personal_fit`). Without support everybody has the average. A factor of the
person (`ml.response.person_factor`) needs neither: uplift_o(x) = level_o s(x), with the doubt slope_sd in the logarithm of s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ml.entities import Option
from ml.features import Matrix
from ml.response.person_factor import PersonFactor

CONSTANT: Final = "constant"
"""The learner that says the same of everybody."""


class PooledLearner(Protocol):
    """Says of people what any contact changes: the one effect of `ml.learners`, learned from contacts of all channels."""

    name: str

    def answer(self, matrix: Matrix) -> Any:
        """What it says of `matrix` [n, F]; `effects` [n, 1] is read."""

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""


@dataclass(frozen=True)
class Personal:
    """The person-specific part of effects.

    Attributes:
        name: Of the learner.
        slope: Share of what it says that held-out people support, 0 to 1.
        slope_sd: Standard deviation of that share.
        centres: Mean of what it says, by option; by channel for an offer without one.
        learner: What says it; None for `CONSTANT`. A `PersonFactor` says the whole effect.
    """

    name: str = CONSTANT
    slope: float = 0.0
    slope_sd: float = 0.0
    centres: Mapping[str, float] = field(default_factory=dict)
    learner: PooledLearner | PersonFactor | None = None

    @property
    def is_silent(self) -> bool:
        """Whether neither effects nor their doubt differ by person."""
        return self.slope == 0 and self.slope_sd == 0

    def centre(self, option: Option) -> float:
        """Mean of what the learner says of an option."""
        return self.centres.get(str(option), self.centres.get(option.channel, self.centres.get("", 0.0)))
