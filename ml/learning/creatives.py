"""Which creative of an option earns its place: losing ones are retired by evidence, new ones are tried.

Within an option (channel and offer) the creative of each contact is drawn with known chances, so creatives can be
compared without a model. With n and x the contacts and conversions of a creative in a cycle where its chance was p, its
rate is

    r = sum(x / p) / sum(n / p),    variance = sum(((1 - r)^2 x + r^2 (n - x)) / p^2) / sum(n / p)^2

(self-normalized inverse propensity; Hajek). A rate is drawn towards the option's: rates of creatives differ by about
`SPREAD` of it. The next chances are those of being the best under that posterior (Thompson 1933; Chapelle and Li 2011),
none below `LEAST_SHARE` of an equal one, so that a new creative is tried and nothing goes unseen. One is retired where
the always-valid interval (`confidence`) of its difference to the leading one is below 0, at a chance of error shared
between all of them: it may be looked at every day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

import numpy as np

from ml.learning.confidence import always_valid_radius

SPREAD: Final = 0.15
LEAST_SHARE: Final = 0.2
TIGHTEST_CONVERSIONS: Final = 500.0
MINIMUM_CONVERSIONS: Final = 20
ALPHA: Final = 0.05
_DRAWS: Final = 4000
_FEWEST: Final = 2

State = Literal["alone", "tried", "leading", "retired"]


@dataclass(frozen=True)
class Tried:
    """What came of one creative in one cycle.

    Attributes:
        cycle_id: The cycle.
        creative_id: The creative.
        people: Contacts with it.
        conversions: Of these, followed by a purchase within the horizon.
        probability: With which it was drawn among the option's creatives, in (0, 1].
    """

    cycle_id: str
    creative_id: str
    people: int
    conversions: int
    probability: float


@dataclass(frozen=True)
class CreativeLook:
    """What is known of a creative, and how often it is drawn next.

    Attributes:
        creative_id: The creative.
        option: Its channel and offer.
        state: `alone` in its option, `tried`, `leading` or `retired`.
        people: Contacts whose outcome is complete.
        conversions: Of these.
        rate: Conversions a contact; None without contacts.
        difference: To the leading creative; None for itself, or too early.
        low: Lower end of its always-valid interval.
        high: Upper end.
        share: Chance with which it is drawn from now on.
        last_tried: Last cycle with a complete outcome; None if never.
    """

    creative_id: str
    option: str
    state: State
    people: int
    conversions: int
    rate: float | None
    difference: float | None
    low: float | None
    high: float | None
    share: float
    last_tried: str | None


@dataclass(frozen=True)
class _Figures:
    people: int
    conversions: int
    rate: float
    variance: float
    last: str | None

    @classmethod
    def of(cls, tried: Sequence[Tried]) -> "_Figures":
        people, conversions = sum(one.people for one in tried), sum(one.conversions for one in tried)
        weight = sum(one.people / one.probability for one in tried)
        last = max((one.cycle_id for one in tried if one.people), default=None)
        if not people:
            return cls(0, 0, 0.0, float("inf"), last)
        rate = sum(one.conversions / one.probability for one in tried) / weight
        squares = sum(
            ((1 - rate) ** 2 * one.conversions + rate**2 * (one.people - one.conversions)) / one.probability**2
            for one in tried
        )
        return cls(people, conversions, rate, squares / weight**2, last)


def look_at(option: str, creatives: Sequence[str], tried: Iterable[Tried], *, seed: int) -> list[CreativeLook]:
    """Looks at the creatives of one option.

    Args:
        option: Channel and offer.
        creatives: Ids of its creatives, as configured.
        tried: What came of them; others are passed over.
        seed: Of the posterior's draws.

    Returns:
        A look each; their shares add up to 1. Where all but one would be retired, that one has all.
    """
    by_creative: dict[str, list[Tried]] = {name: [] for name in creatives}
    for one in tried:
        if one.creative_id in by_creative:
            by_creative[one.creative_id].append(one)
    figures = {name: _Figures.of(found) for name, found in by_creative.items()}
    if len(creatives) < _FEWEST:
        return [_look(name, option, "alone", figures[name], share=1.0) for name in creatives]
    mean, variance = _posterior(list(figures.values()))
    leading = creatives[int(mean.argmax())]
    gaps = {name: _gap(figures[name], figures[leading], len(creatives)) for name in creatives if name != leading}
    retired = {name for name, gap in gaps.items() if gap is not None and gap[2] < 0}
    shares = _shares(mean, variance, np.array([name in retired for name in creatives]), seed)
    return [
        _look(
            name,
            option,
            "retired" if name in retired else "leading" if name == leading and figures[name].people else "tried",
            figures[name],
            share=float(share),
            gap=gaps.get(name),
        )
        for name, share in zip(creatives, shares, strict=True)
    ]


def shares_of(looks: Iterable[CreativeLook]) -> dict[str, float]:
    """Chance of each creative within its option, by creative id."""
    return {look.creative_id: look.share for look in looks}


def _posterior(figures: Sequence[_Figures]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each creative's rate, drawn towards the rate of all, each [K]."""
    people, conversions = sum(one.people for one in figures), sum(one.conversions for one in figures)
    pooled = (conversions + 0.5) / (people + 1)
    prior = (SPREAD * pooled) ** 2
    # Few conversions understate their own variance (none at all says 0): at least that of the pooled rate counts.
    noise = np.array(
        [max(one.variance, pooled * (1 - pooled) / one.people) if one.people else np.inf for one in figures]
    )
    trust = prior / (prior + noise)
    rates = np.array([one.rate for one in figures])
    return pooled + trust * (rates - pooled), prior * (1 - trust)


def _gap(one: _Figures, leading: _Figures, count: int) -> tuple[float, float, float] | None:
    """Difference to the leading creative with its interval; None where either has too few conversions."""
    if min(one.conversions, leading.conversions) < MINIMUM_CONVERSIONS:
        return None
    difference = one.rate - leading.rate
    radius = always_valid_radius(
        sqrt(one.variance + leading.variance),
        float(one.conversions + leading.conversions),
        tightest=TIGHTEST_CONVERSIONS,
        alpha=ALPHA / (count * (count - 1)),  # any of them may be the leading one
    )
    return difference, difference - radius, difference + radius


def _shares(mean: np.ndarray, variance: np.ndarray, is_retired: np.ndarray, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(mean, np.sqrt(variance), (_DRAWS, len(mean)))
    drawn[:, is_retired] = -np.inf
    wins = np.bincount(drawn.argmax(axis=1), minlength=len(mean)) / _DRAWS
    active = ~is_retired
    floor = LEAST_SHARE / active.sum()
    return np.where(active, floor + (1 - LEAST_SHARE) * wins, 0.0)


def _look(
    name: str,
    option: str,
    state: State,
    figures: _Figures,
    *,
    share: float,
    gap: tuple[float, float, float] | None = None,
) -> CreativeLook:
    difference, low, high = gap or (None, None, None)
    rate = figures.rate if figures.people else None
    return CreativeLook(
        name, option, state, figures.people, figures.conversions, rate, difference, low, high, share, figures.last
    )
