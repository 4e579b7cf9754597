r"""How much was seen at each look, where the same people are looked at again and new ones join.

An interval that holds at all looks needs the intrinsic time of the estimate (`confidence`). Purchases accumulate for
people who were assigned long ago while others are assigned anew, and covariates take a part of the noise away, so neither
people nor purchases count it. What counts is how alike the errors of two looks are: of standardized errors with the
correlation r_jk the time must have grown to

    t_k >= t_j / r_jk^2    for every earlier look j

then the errors of the looks are at least as alike as a Brownian motion's at those times, and by Slepian's inequality
("The one-sided barrier problem for Gaussian noise", Bell System Technical Journal 1962) they pass the boundary no more
often. The correlation is measured: each person's influence on the estimate is known at both looks. For a mean over
independent people who join it gives their number; for a share of people who have bought, the odds; for steady buyers, who
make the error stand still, less than purchases do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.learning.panel import Vector

LEAST_CORRELATION: Final = 0.05


@dataclass(frozen=True)
class Look:
    """An earlier look at the same comparison.

    Attributes:
        until: Until when purchases counted, microseconds since 1970.
        information: The intrinsic time then.
    """

    until: int
    information: float


def information(now: Vector, earlier: Sequence[Look], influence: Callable[[int], Vector], *, start: float) -> float:
    """The intrinsic time of a look.

    Args:
        now: Influence of each person on the estimate's error [N].
        earlier: Earlier looks that gave a figure, oldest first.
        influence: Influences of the first people at an earlier moment, by its microseconds.
        start: Intrinsic time of a first look; only its size against where the interval is tightest matters.
    """
    least = [start] if not earlier else []
    for look in _anchors(earlier):
        then = influence(look.until)
        norm = np.sqrt(float(then @ then) * float(now @ now))
        correlation = float(now[: len(then)] @ then) / norm if norm > 0 else 1.0
        least.append(look.information / max(min(correlation, 1.0), LEAST_CORRELATION) ** 2)
    return max(least)


def _anchors(earlier: Sequence[Look]) -> Iterator[Look]:
    """The looks 1, 2, 4, 8, … before this one, and the first."""
    back = 1
    while back < len(earlier):
        yield earlier[-back]
        back *= 2
    if earlier:
        yield earlier[0]
