r"""What an objective may spend today.

Money left is spread over the days left in proportion to what a unit of it does on each of them:

    \(w_d = \mathrm{weekday}_d \cdot (1 - u + u\, \max(0.1, F(H - d))) \cdot \tau_d\),   \(\ell = \mathrm{left} / \sum_d w_d\),
    today: \(\ell\, w_0\),

F(a) being the share of what a contact causes that comes within a days, u the urgency: 1 less the chance of reaching the
target. What is sent on the last days causes sales after the deadline; the likelier the target is missed, the more of that
money goes to earlier days. \(\tau\), on today only, is by how much more a unit of money bought lately than it will on
average (the square root of the ratio of the marginal values, within 10 %).

Damped: the level \(\ell\) stays as it was while the new one is within 2 %, and else moves by at most 10 % a day (by 1 / days
left near the end, so that all can be spent); urgency moves by at most 0.1 a day. On the last day all that is left may be spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Final

import numpy as np

from ml.configuration.objective import Objective
from ml.objectives.history import Maturation

DEADBAND: Final = 0.02
RATE: Final = 0.10
URGENCY_RATE: Final = 0.1
TILT: Final = 0.10
LATE: Final = 0.1
"""Part of a day that a day counts for whose effects all come after the deadline: they are worth money still."""
WITHIN: Final = 0.02
"""Part of the budget that may stay unspent without a word."""


@dataclass(frozen=True)
class Pace:
    """What may be spent today, and what tomorrow's pace starts from.

    Attributes:
        allowance: Money for the day, what is spent of it already included.
        level: Money for a day that counts as one.
        urgency: How much being in time counts, 0 to 1.
        share: Of the money left that today may have.
        reason: Why so much, in words.
    """

    allowance: float
    level: float
    urgency: float
    share: float
    reason: str


@dataclass(frozen=True)
class MoneyWorth:
    """Marginal value of money: net value of one more unit of it, lately and on average over the days left."""

    lately: float
    rest: float


def daily_budget(objective: Objective, spent: float, cycle_on: date) -> float:
    """The even split: what is left of the budget over the days left, today included; 0 outside the period or when all is spent.

    Args:
        objective: Its budget and period.
        spent: Money spent or bound for it so far, whatever the day.
        cycle_on: The cycle's day.
    """
    if not objective.starts_on <= cycle_on <= objective.ends_on:
        return 0.0
    days_left = (objective.ends_on - cycle_on).days + 1
    return max(0.0, objective.budget - spent) / days_left


def pace(
    left: float,
    days_left: int,
    *,
    weekdays: Sequence[float] | np.ndarray,
    weekday: int,
    maturation: Maturation,
    chance: float | None = None,
    worth: MoneyWorth | None = None,
    previous: Pace | None = None,
) -> Pace:
    """What may be spent on a day.

    Args:
        left: Money left at the beginning of the day.
        days_left: Days left, the day included; 0 when the period is over.
        weekdays: How much of a day each weekday counts for, Monday first [7].
        weekday: The day's, Monday 0.
        maturation: How late effects arrive.
        chance: Of reaching the target as things stand; None where it isn't known.
        worth: Of money, where known.
        previous: The pace of the day before.
    """
    if left <= 0 or days_left <= 0:
        over = "the period is over" if days_left <= 0 else "all of the budget is spent or bound"
        return Pace(0.0, 0.0, previous.urgency if previous else 0.0, 0.0, over)
    urgency = _urgency(chance, previous)
    tilt = _tilt(worth)
    weights = _weights(days_left, weekdays, weekday, maturation, urgency)
    weights[0] *= tilt
    level = _damped(left / float(weights.sum()), days_left, previous)
    allowance = left if days_left == 1 else min(left, level * float(weights[0]))
    counts = float(weights[0])
    reason = _reason(left, days_left, counts, urgency, tilt, is_slowed=level != left / float(weights.sum()))
    return Pace(allowance, level, urgency, allowance / left, reason)


def _urgency(chance: float | None, previous: Pace | None) -> float:
    wanted = 0.0 if chance is None else 1.0 - chance
    if previous is None:
        return wanted
    return previous.urgency + float(np.clip(wanted - previous.urgency, -URGENCY_RATE, URGENCY_RATE))


def _tilt(worth: MoneyWorth | None) -> float:
    if worth is None or worth.lately <= 0:
        return 1.0
    if worth.rest <= 0:
        return 1 + TILT  # later there is more money than use for it
    return float(np.clip(sqrt(worth.lately / worth.rest), 1 - TILT, 1 + TILT))


def _weights(
    days_left: int, weekdays: Sequence[float] | np.ndarray, weekday: int, maturation: Maturation, urgency: float
) -> np.ndarray:
    ahead = np.arange(days_left)
    in_time = np.array([max(LATE, maturation.by(float(days_left - d))) for d in ahead])
    return np.asarray(weekdays, dtype=float)[(weekday + ahead) % 7] * (1 - urgency + urgency * in_time)


def _damped(level: float, days_left: int, previous: Pace | None) -> float:
    if previous is None or previous.level <= 0:
        return level
    change = level / previous.level - 1
    if abs(change) <= DEADBAND:
        return previous.level
    most = max(RATE, 1 / days_left)
    return previous.level * (1 + float(np.clip(change, -most, most)))


def _reason(left: float, days_left: int, counts: float, urgency: float, tilt: float, *, is_slowed: bool) -> str:
    days = "the last day" if days_left == 1 else f"{days_left} days"
    parts = [f"{left:,.2f} left for {days}"]
    if days_left > 1 and abs(counts - 1) >= 0.01:  # noqa: PLR2004 - a percent
        parts.append(f"today counts for {counts:.2f} of a day")
    if urgency >= 0.1 and days_left > 1:  # noqa: PLR2004 - a tenth
        parts.append("money is moved ahead of the last days, whose effects come too late for the target")
    if tilt > 1 + DEADBAND:
        parts.append("money bought more lately than it will later")
    elif tilt < 1 - DEADBAND:
        parts.append("money will buy more later than it did lately")
    if is_slowed and days_left > 1:
        parts.append("the pace changes slowly")
    return "; ".join(parts)
