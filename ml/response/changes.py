r"""Channels whose contacts move people more or less than they used to: of each, one change on an unknown day, or none.

    y_i ~ Poisson(a_i + b_i exp(before)),   from the day of the change on   y_i ~ Poisson(a_i + b_i exp(after))
    before ~ N(0, LEVEL_SD^2),   after ~ N(before, CHANGE_SD^2)

y_i are conversions that followed a click on contact i, a_i those of them that come anyway and b_i those that it causes, by what all
contacts together say (`ml.response.person_factor`). A year of contacts outweighs a week of them, however much that week differs:
levels alone go on promising for months what a channel did before. Which day it was is averaged over, by how well each explains the
counts (Chib, Journal of Econometrics 1998, for one change), so little evidence moves promises little.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CHANGES_A_DAY: Final = 1 / 730
"""Beforehand each channel changes about once in two years: a provider's filter, a new kind of telephone, a season of elections."""
MOST_CHANGES: Final = 0.2
"""Chance beforehand that a channel changed at all in the days that are looked at, however many: what nothing is known of is known a
little less well than the channel itself, and none is held for changed before its conversions make that four times as likely."""
LEVEL_SD: Final = 1.0
CHANGE_SD: Final = 1.0
"""In logs: most changes lie between a third and three times."""
GRID: Final = np.arange(-4.0, 4.0, 0.04)
"""Logs that are looked at: from a fiftieth of what all contacts together say to fifty times as much."""
_EPOCH: Final = date(1970, 1, 1)
_LEAST: Final = 1e-9
_LIKELIHOODS_AT_ONCE: Final = 2000


@dataclass(frozen=True)
class Change:
    """What a channel's contacts move now.

    Attributes:
        times: Over what all contacts that were learned from say, weighed by how likely it changed.
        sd: Standard deviation of what is known of `times`.
        probability: That it changed.
        since: The likeliest day, if it did.
    """

    times: float
    sd: float
    probability: float
    since: str

    @property
    def is_likely(self) -> bool:
        """Whether it's likelier than not."""
        return self.probability > 0.5  # noqa: PLR2004

    @property
    def words(self) -> str:
        """The change in a sentence, after the channel's name."""
        return (
            f"moves {self.times:.2f} ± {self.sd:.2f} times what all of its contacts together say, likeliest since {self.since} "
            f"(a change is {self.probability:.0%} likely)"
        )


UNCHANGED: Final = Change(1.0, 0.0, 0.0, "")


def fit_changes(
    channel: npt.NDArray[Any], day: Integers, count: Vector, anyway: Vector, caused: Vector
) -> dict[str, Change]:
    """The change of each channel that has contacts on two days.

    Conversions that haven't come yet must be missing in both parts of what is expected.

    Args:
        channel: Of n counts, [n].
        day: Of the contact, since 1970, [n].
        count: Conversions, [n].
        anyway: Those that come anyway, expected, [n].
        caused: Those that the contact causes, as all contacts together say, [n].
    """
    found = {}
    for name in np.unique(channel.astype(str)):
        at = np.flatnonzero((channel == name) & (caused > 0))
        days = np.unique(day[at])
        if len(days) > 1:
            likelihood = _likelihood(days, day[at], count[at], anyway[at], caused[at])
            found[str(name)] = _change(days, likelihood)
    return found


def _likelihood(days: Integers, day: Integers, count: Vector, anyway: Vector, caused: Vector) -> Vector:
    """Log likelihood of each day's counts under each level of `GRID`, over that under no change of it, [D, G]."""
    place, times = np.searchsorted(days, day), np.exp(GRID)
    total = -np.outer(np.bincount(place, caused, minlength=len(days)), times - 1)
    came = np.flatnonzero(count > 0)
    for some in np.split(came, np.arange(_LIKELIHOODS_AT_ONCE, len(came), _LIKELIHOODS_AT_ONCE)):
        usual, moved = np.maximum(anyway[some], _LEAST), caused[some]
        told = np.log((usual[:, None] + np.outer(moved, times)) / (usual + moved)[:, None])
        np.add.at(total, place[some], count[some, None] * told)
    return total


def _change(days: Integers, likelihood: Vector) -> Change:
    """The change of a channel with contacts on D days, by the likelihood of each day and level, [D, G]."""
    level = -(GRID**2) / (2 * LEVEL_SD**2)
    alone = likelihood.sum(axis=0) + level - logsumexp(level)
    usual = _moments(alone[None, :])
    before = np.cumsum(likelihood, axis=0)[:-1] + level - logsumexp(level)
    after = np.cumsum(likelihood[::-1], axis=0)[::-1][1:]
    step = -(np.subtract.outer(GRID, GRID) ** 2) / (2 * CHANGE_SD**2)
    step = np.exp(step - logsumexp(step, axis=1, keepdims=True))
    height = before.max(axis=1, keepdims=True)
    reached = (
        np.log(np.exp(before - height) @ step) + height + after
    )  # of each day of a change and level after it, [D - 1, G]
    changed = _moments(reached)
    chance = np.minimum(CHANGES_A_DAY * np.diff(days), 1.0)
    chance *= min(1.0, MOST_CHANGES / chance.sum())
    weight = np.append(np.log1p(-chance.sum()) + usual.evidence, np.log(chance) + changed.evidence)
    weight = np.exp(weight - logsumexp(weight))
    times = np.append(1.0, changed.mean / usual.mean)
    spread = np.append(0.0, changed.variance / usual.mean**2)
    mean = float(weight @ times)
    sd = float(np.sqrt(weight @ (spread + (times - mean) ** 2)))
    since = _EPOCH + timedelta(days=int(days[1 + weight[1:].argmax()]))
    return Change(mean, sd, float(weight[1:].sum()), since.isoformat())


@dataclass(frozen=True, eq=False)
class _Moments:
    """Log evidence of each of several hypotheses, and mean and variance of what contacts move now under it."""

    evidence: Vector
    mean: Vector
    variance: Vector


def _moments(reached: Vector) -> _Moments:
    """Of the log posterior of each hypothesis and level, [H, G]."""
    evidence = logsumexp(reached, axis=1)
    share = np.exp(reached - evidence[:, None])
    mean = share @ np.exp(GRID)
    return _Moments(evidence, mean, np.maximum(share @ np.exp(2 * GRID) - mean**2, 0.0))
