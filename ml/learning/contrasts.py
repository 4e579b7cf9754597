"""What a channel's contact causes, from decisions that were drawn: no model, only their probabilities.

Among people who could have had the channel's contact and could have been left alone, each side's rate of conversion is
self-normalized by the probability of what was done,

    r = sum(y / p) / sum(1 / p),    influence of a person = sum over their decisions of ((y - r) / p) / sum(1 / p)

and the effect is the difference of the two rates, its variance the sum over people of the squared difference of their
influences on both. It is by person, since who is left alone on every day of two weeks has been seen once, not fourteen
times, and who is contacted on some of them is on both sides. The sums add up from parts, so each part is counted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import sqrt
from typing import Final

from ml.learning.confidence import always_valid_radius

LEAST_CHANCE: Final = 0.02
"""Of a contact and of being left alone: a smaller one makes a single person weigh as much as fifty."""
MINIMUM_PEOPLE: Final = 100
MINIMUM_BUYERS: Final = 20
TIGHTEST_BUYERS: Final = 500.0
Z95: Final = 1.959964


@dataclass(frozen=True)
class Side:
    """Sums over the people of one side, who have 1 / p as `weight` and y / p as `bought`, each summed by person.

    Attributes:
        people: People.
        buyers: Of these, with a conversion.
        weight: Sum of weight.
        bought: Sum of bought.
        weight_squared: Sum of weight^2.
        product: Sum of weight x bought.
        bought_squared: Sum of bought^2.
    """

    people: int = 0
    buyers: int = 0
    weight: float = 0.0
    bought: float = 0.0
    weight_squared: float = 0.0
    product: float = 0.0
    bought_squared: float = 0.0

    def __add__(self, other: "Side") -> "Side":
        return Side(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    @property
    def rate(self) -> float:
        """Conversions per decision."""
        return self.bought / self.weight

    @property
    def variance(self) -> float:
        """Of the rate."""
        residual = self.bought_squared - 2 * self.rate * self.product + self.rate**2 * self.weight_squared
        return max(residual, 0.0) / self.weight**2


@dataclass(frozen=True)
class Sums:
    """A channel's two sides, and the sums over people of products of one side's sum with the other's.

    Attributes:
        contacted: People contacted.
        alone: People left alone who could have been contacted.
        bought_bought: Sum of bought when contacted x bought when alone.
        bought_weight: Sum of bought when contacted x weight when alone.
        weight_bought: Sum of weight when contacted x bought when alone.
        weight_weight: Sum of weight when contacted x weight when alone.
    """

    contacted: Side = Side()
    alone: Side = Side()
    bought_bought: float = 0.0
    bought_weight: float = 0.0
    weight_bought: float = 0.0
    weight_weight: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    @property
    def effect(self) -> float:
        """Difference of the rates."""
        return self.contacted.rate - self.alone.rate

    @property
    def variance(self) -> float:
        """Of the effect."""
        one, other = self.contacted.rate, self.alone.rate
        shared = self.bought_bought - other * self.bought_weight - one * self.weight_bought
        shared += one * other * self.weight_weight
        both = 2 * shared / (self.contacted.weight * self.alone.weight)
        return max(self.contacted.variance + self.alone.variance - both, 0.0)


@dataclass(frozen=True)
class ChannelEffect:
    """What a contact through a channel added to the chance of a conversion within the horizon.

    Attributes:
        channel: The channel.
        effect: Difference of the rates; None where it's too early.
        sd: Its standard deviation; None where it's too early.
        contacted: The side contacted.
        alone: The side left alone.
    """

    channel: str
    effect: float | None
    sd: float | None
    contacted: Side
    alone: Side

    @property
    def always_valid(self) -> tuple[float, float] | None:
        """95 % interval that holds at all looks together; None where it's too early.

        Blocks of days add to the sums like independent observations, so intrinsic time is the inverse of the variance:
        counted in buyers, as many as would make a rate as precise.
        """
        if self.effect is None or not self.sd:
            return None
        buyers = ((self.contacted.rate + self.alone.rate) / 2 / self.sd) ** 2
        radius = always_valid_radius(self.sd, buyers, tightest=TIGHTEST_BUYERS)
        return self.effect - radius, self.effect + radius

    @property
    def words(self) -> str:
        """The effect as a person would say it, or what is missing for one."""
        interval = self.always_valid
        if self.effect is None or interval is None:
            sides = (("contacted", self.contacted), ("left alone at random", self.alone))
            lacking = [
                f"{max(MINIMUM_PEOPLE - side.people, 0):,} more people and {max(MINIMUM_BUYERS - side.buyers, 0):,} more "
                f"buyers {name}"
                for name, side in sides
                if side.people < MINIMUM_PEOPLE or side.buyers < MINIMUM_BUYERS
            ]
            return f"too early: it takes {' and '.join(lacking) or 'people who differ'}"
        sure = "" if interval[0] > 0 or interval[1] < 0 else "; it may be nothing"
        return f"{self.effect:+.2%} ({interval[0]:+.2%} to {interval[1]:+.2%}){sure}"

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval for one look; None where it's too early."""
        if self.effect is None or self.sd is None:
            return None
        return self.effect - Z95 * self.sd, self.effect + Z95 * self.sd


def effects_of(sums: Mapping[str, Sums]) -> list[ChannelEffect]:
    """Effect of each channel.

    Args:
        sums: By channel.
    """
    return [_effect(channel, one) for channel, one in sums.items()]


def _effect(channel: str, sums: Sums) -> ChannelEffect:
    contacted, alone = sums.contacted, sums.alone
    early = min(contacted.people, alone.people) < MINIMUM_PEOPLE or min(contacted.buyers, alone.buyers) < MINIMUM_BUYERS
    if early:
        return ChannelEffect(channel, None, None, contacted, alone)
    return ChannelEffect(channel, sums.effect, sqrt(sums.variance), contacted, alone)
