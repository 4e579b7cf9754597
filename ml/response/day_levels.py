"""How much more is bought by itself on some days than on others: a season moves everybody's chance in proportion.

Taken off in points, it would make regular buyers look put off. A day's own purchases are few, so its level is drawn towards that of
the days around it, and theirs towards that of all days: a year of history, with its Christmas, says little of a week in January.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NEAR_DAYS: Final = 7.0
"""Time in which another day's purchases come to count a third."""
NEAR_CONVERSIONS: Final = 20.0
"""Expected around a day, after which what happened there counts as much as what happened on all days."""
DAY_CONVERSIONS: Final = 50.0
"""Expected on a day, after which it counts as much as the days around it: weekdays and weekends differ by some tenth."""
_NOTHING: Final = 1e-12


def day_levels(day: Integers, came: Vector, awaited: Vector) -> Vector:
    """Conversions on each row's day over those awaited, [n].

    Args:
        day: Of each row, [n].
        came: Conversions of the row that count, 0 for rows that don't, [n].
        awaited: The same, as they are expected whatever the day, [n]; their sum is above 0.
    """
    days, place = np.unique(day, return_inverse=True)
    on_day, expected = (np.bincount(place, each) for each in (came, awaited))
    overall = came.sum() / awaited.sum()
    near = np.exp(-np.abs(days[:, None] - days) / NEAR_DAYS)
    around = (near @ on_day + NEAR_CONVERSIONS * overall) / (near @ expected + NEAR_CONVERSIONS)
    return np.asarray(((on_day + DAY_CONVERSIONS * around) / (expected + DAY_CONVERSIONS))[place])


def latest_level(day: Integers, came: Vector, awaited: Vector, weight: Vector) -> float:
    """Conversions of the last days over those awaited, drawn towards 1.

    Args:
        day: Of each row, [n].
        came: Conversions of the row, [n].
        awaited: The same as they are expected whatever the day, [n].
        weight: How many rows each stands for, [n].
    """
    near = weight * np.exp((day - day.max(initial=0)) / NEAR_DAYS)
    near = near * (near.sum() / max(float((near**2).sum()), _NOTHING))  # as many as they say as much as
    return float((near @ came + NEAR_CONVERSIONS) / (near @ awaited + NEAR_CONVERSIONS))


def days_of(training: pd.DataFrame) -> Integers:
    """Day of each row of a training frame, since 1970, [n]; all the same where it names none."""
    if "as_of_on" not in training:
        return np.zeros(len(training), dtype=np.int64)
    return np.asarray(pd.to_datetime(training["as_of_on"]).to_numpy().astype("datetime64[D]").astype(np.int64))
