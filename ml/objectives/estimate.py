"""A figure that isn't sure: its mean and spread."""

from dataclasses import dataclass
from math import erf, sqrt
from typing import Final

Z95: Final = 1.959964
"""Half the width of a 95 % interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Estimate:
    """Mean and standard deviation of a figure that is taken to be normally distributed."""

    mean: float
    sd: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.mean - Z95 * self.sd

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.mean + Z95 * self.sd

    def __add__(self, other: "Estimate") -> "Estimate":
        """The sum of two that have nothing to do with each other."""
        return Estimate(self.mean + other.mean, sqrt(self.sd**2 + other.sd**2))

    def times(self, factor: float) -> "Estimate":
        """A multiple."""
        return Estimate(factor * self.mean, abs(factor) * self.sd)

    def chance_of(self, least: float) -> float:
        """Chance of being at least so much; 0 or 1 where there is no spread."""
        if self.sd <= 0:
            return float(self.mean >= least)
        return 0.5 * (1 + erf((self.mean - least) / (self.sd * sqrt(2))))


def from_interval(mean: float, low: float, high: float) -> Estimate:
    """An estimate with a 95 % interval; an interval that holds at all looks is wider, so the spread errs on the wide side."""
    return Estimate(mean, (high - low) / (2 * Z95))
