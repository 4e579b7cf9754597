"""What the past says of the days to come: how much happens untouched, on which weekdays, and how late effects arrive."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from ml.allocation.kernel import F64
from ml.objectives.estimate import Estimate

WEEKS: Final = 8
"""Weeks of the past that stand for the days to come."""
FEWEST_WEEKS: Final = 3
WEEKDAY_RANGE: Final = (0.5, 1.5)
"""A weekday counts for no less and no more of a day: within the guardrail's usual bound on the change of spend."""
CLEAR: Final = 3.0
"""Standard deviations by which purchases after contacts must exceed those before for their delays to say something."""


@dataclass(frozen=True)
class Untouched:
    """What happens without contacts, by day.

    Attributes:
        daily: Mean of a day.
        daily_sd: Its standard error.
        weekly_sd: Standard deviation of a week's total around it.
        dispersion: Variance of a week's total over its mean, at least 1: how much wilder than a Poisson count.
        weeks: Weeks seen.
    """

    daily: float
    daily_sd: float
    weekly_sd: float
    dispersion: float
    weeks: int

    def over(self, days: float) -> Estimate:
        """What so many days bring: the level's own error, and the weeks' chance around it."""
        weeks = days / 7
        return Estimate(self.daily * days, sqrt((self.daily_sd * days) ** 2 + weeks * self.weekly_sd**2))

    @property
    def words(self) -> str:
        """The method in words."""
        return f"what {self.weeks} weeks before it brought, {self.daily:,.2f} a day, going on"


def untouched(daily: F64) -> Untouched | None:
    """The level of the last eight weeks, carried forward.

    It knows no trend and no season longer than a week; contacts made in those weeks are in it.

    Args:
        daily: Figure of each day of the past, oldest first [D].

    Returns:
        None where fewer than three weeks are known.
    """
    weeks = min(WEEKS, len(daily) // 7)
    if weeks < FEWEST_WEEKS:
        return None
    totals = np.asarray(daily[len(daily) - 7 * weeks :], dtype=float).reshape(weeks, 7).sum(axis=1)
    mean, sd = float(totals.mean()), float(totals.std(ddof=1))
    dispersion = max(1.0, sd**2 / mean) if mean > 0 else 1.0
    return Untouched(mean / 7, sd / sqrt(weeks) / 7, max(sd, sqrt(max(mean, 0.0))), dispersion, weeks)


def weekday_pattern(daily: F64, last_weekday: int) -> F64:
    r"""How much of a day each weekday counts for, Monday first [7], mean 1; all 1 where history shows no pattern.

    The weekdays' means over the mean of all, shrunk by \(1 - s_w^2 / s_b^2\): the part of the variance between
    weekdays that the weeks' own noise explains (James and Stein).

    Args:
        daily: Figure of each day of the past, oldest first [D].
        last_weekday: Weekday of the last of them, Monday 0.
    """
    weeks = min(WEEKS, len(daily) // 7)
    if weeks < FEWEST_WEEKS:
        return np.ones(7)
    table = np.asarray(daily[len(daily) - 7 * weeks :], dtype=float).reshape(weeks, 7)
    level = table.mean()
    if level <= 0:
        return np.ones(7)
    means = table.mean(axis=0) / level
    between = float(means.var(ddof=1))
    within = float((table.var(axis=0, ddof=1) / weeks).mean()) / level**2
    kept = max(0.0, 1 - within / between) if between > 0 else 0.0
    pattern = np.clip(1 + kept * (means - 1), *WEEKDAY_RANGE)
    pattern = np.roll(pattern, last_weekday + 1)  # the last column is the last weekday seen
    return np.asarray(pattern / pattern.mean())


@dataclass(frozen=True, eq=False)
class Maturation:
    """How late what a contact causes arrives.

    Attributes:
        arrived: Share that has come so many days after the contact, from 0 days on, the last one 1 [W + 1].
        is_measured: Whether history shows it; else it comes evenly over the conversion window.
    """

    arrived: F64
    is_measured: bool

    def by(self, days: float) -> float:
        """Share that has come after so many days."""
        return float(np.interp(days, np.arange(len(self.arrived)), self.arrived))

    def over(self, days: int) -> float:
        """Mean share that comes by the end, over contacts made evenly in so many days up to it."""
        return float(np.mean([self.by(left) for left in range(1, days + 1)])) if days > 0 else 0.0

    def weekdays(self, pattern: F64) -> F64:
        """How much a contact on each weekday counts for: what it causes falls on the days after it [7]."""
        comes = np.diff(self.arrived)
        return np.array([sum(share * pattern[(day + a) % 7] for a, share in enumerate(comes)) for day in range(7)])


def maturation(after: F64, before: F64) -> Maturation:
    """From purchases by days since a contact, less what the same people bought on the days before it.

    Args:
        after: Purchases on each day after contacts, the contact's own first [W].
        before: Purchases on each of the same number of days before them [W].
    """
    excess = np.asarray(after, dtype=float) - float(np.mean(before)) if len(after) else np.zeros(1)
    noise = sqrt(float(np.sum(after)) + float(np.sum(before))) if len(after) else 0.0
    if excess.sum() <= CLEAR * noise or noise == 0.0:
        return Maturation(np.linspace(0.0, 1.0, max(2, len(after) + 1)), is_measured=False)
    risen = np.maximum.accumulate(np.cumsum(excess).clip(min=0.0))
    return Maturation(np.concatenate([[0.0], np.minimum(1.0, risen / risen[-1])]), is_measured=True)


def lapse_rate(rates: F64, people: F64) -> Estimate | None:
    """Share of active customers who lapse untouched over a period, from earlier periods of the same length.

    The mean of the periods; its spread is that between them, as a period to come has one of its own, and chance.

    Args:
        rates: Share lapsed in each period [K].
        people: Customers in each [K].

    Returns:
        None where no period is known. With one only, a tenth of the rate stands for the spread between periods.
    """
    if not len(rates):
        return None
    mean = float(np.mean(rates))
    between = float(np.std(rates, ddof=1)) * sqrt(1 + 1 / len(rates)) if len(rates) > 1 else 0.1 * mean
    return Estimate(mean, sqrt(between**2 + mean * (1 - mean) / float(np.mean(people))))
