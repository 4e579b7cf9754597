"""Whether an objective's arms have the shares that they were drawn with: where they haven't, no lift is to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.configuration.objective import ArmShares
from ml.entities import ARMS
from ml.policy.arms import sample_ratio_p_value

LEAST: Final = 0.001
"""Below this chance something loses people of one arm, and lifts are withheld until it is found."""


@dataclass(frozen=True)
class SampleRatio:
    """The arms' people beside their shares.

    Attributes:
        objective_id: The objective.
        people: By arm, assigned so far.
        shares: By arm, drawn with.
        p_value: Chance of a split at least this uneven where assignment works (Pearson's chi-square).
        words: As a person would say it.
    """

    objective_id: str
    people: Mapping[str, int]
    shares: Mapping[str, float]
    p_value: float
    words: str

    @property
    def is_uneven(self) -> bool:
        """Whether lifts are withheld."""
        return self.p_value < LEAST


def sample_ratio(objective_id: str, arm: np.ndarray, shares: ArmShares) -> SampleRatio:
    """Check one objective.

    Args:
        objective_id: The objective.
        arm: Positions in `ARMS` of everybody assigned [N].
        shares: That they were drawn with.
    """
    counts = np.bincount(arm, minlength=len(ARMS))
    people: dict[str, int] = {name: int(count) for name, count in zip(ARMS, counts, strict=True)}
    stated: dict[str, float] = {name: float(getattr(shares, name)) for name in ARMS}
    p_value = sample_ratio_p_value(arm, shares)
    split = ", ".join(f"{name} {people[name]:,} of {stated[name] * len(arm):,.0f} expected" for name in ARMS)
    words = f"{split} (p = {p_value:.2g})"
    if p_value < LEAST:
        words = (
            f"withheld: the arms don't have their shares, {words}: something loses or adds people of one arm; look at "
            "which people of the audience are missing before any lift is believed"
        )
    return SampleRatio(objective_id, people, stated, p_value, words)
