"""The days of each person: which rows' horizons overlap, and which part of a day and of a purchase is a row's own."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.response.day_levels import days_of

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PersonDays:
    """Rows of people on days, n of them.

    Attributes:
        person: Number of each row's person, [n].
        day: Of each row, from 0 on, [n].
        sold: Days from there to its conversion, 0 where there is none, [n].
        horizon: Days of the longest horizon with a conversion on its last day; 1 where it isn't known.
    """

    person: Integers
    day: Integers
    sold: Integers
    horizon: int

    @classmethod
    def of(cls, training: pd.DataFrame, person: Integers) -> "PersonDays | None":
        """Those of a training frame; None where it doesn't say on which days people were looked at and bought."""
        if "converted_day" not in training or "as_of_on" not in training:
            return None
        sold = training["converted_day"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        day = days_of(training)
        known = sold[~np.isnan(sold)]
        return cls(person, day - day.min(), np.nan_to_num(sold).astype(np.int64), int(known.max(initial=0)) + 1)

    @cached_property
    def purchase(self) -> Integers:
        """Number of the purchase of each row that converted, [n]: rows of days whose horizons overlap share one."""
        bought_on = self.day + self.sold
        return np.asarray(pd.factorize(self._along(self.person, bought_on))[0], dtype=np.int64)

    def is_after(self, contacted: Mask) -> Mask:
        """Rows of days on which the horizon of an earlier contact with their person isn't over yet, [n].

        Earlier ones alone: who isn't contacted later may have bought instead, and rows that are chosen by what came after them
        say something else than people do.
        """
        at = self._along(self.person, self.day)
        contacts = np.sort(at[contacted])
        first = np.searchsorted(contacts, at - self.horizon, side="right")
        return np.asarray(first < np.searchsorted(contacts, at))

    def until_contact(self, contacted: Mask) -> Integers:
        """Days from each row until the next contact with its person, at most the horizon, [n]."""
        at = self._along(self.person, self.day)
        contacts = np.append(np.sort(at[contacted]), np.iinfo(np.int64).max)
        following = contacts[np.searchsorted(contacts, at, side="right")]
        return np.asarray(np.minimum(following - at, self.horizon))

    def overlapping(self, rows: Integers, values: Vector) -> Vector:
        """Values of some rows summed over those of the same person, each by the part of the horizon that it shares, [n].

        Args:
            rows: Which, [m].
            values: Of each, [m].
        """
        at = self._along(self.person, self.day)
        order = np.argsort(at[rows], kind="stable")
        places, kept = at[rows][order], values[order]
        sums, moments = (np.concatenate([[0.0], np.cumsum(each)]) for each in (kept, kept * places))
        before, here, after = (
            np.searchsorted(places, each, side="right") for each in (at - self.horizon, at, at + self.horizon - 1)
        )
        earlier = (sums[here] - sums[before]) * (1 - at / self.horizon) + (
            moments[here] - moments[before]
        ) / self.horizon
        later = (sums[after] - sums[here]) * (1 + at / self.horizon) - (moments[after] - moments[here]) / self.horizon
        return np.asarray(earlier + later)

    def own_parts(self, converted: Vector, contacted: Mask, length: Integers) -> tuple[Vector, Vector]:
        """Part of each row's days that is its own, and part of its conversion, [n] each.

        A day that is among those of m rows of the same person, contacted or not as it was, is a m-th each one's. Along each
        person's days the integral of one over the rows that cover a day says how much of it a row has to itself.

        Args:
            converted: 0 or 1, [n].
            contacted: Who was contacted, [n].
            length: Days that each row looks at, from 1 to the horizon, [n].
        """
        begin = self._along(self.person * 2 + contacted, self.day)
        end = begin + length
        steps = np.concatenate([begin, end])
        order = np.argsort(steps, kind="stable")
        at = steps[order]
        covering = np.cumsum(np.where(order < len(begin), 1, -1))
        own = np.divide(1.0, covering, out=np.zeros(len(at)), where=covering > 0)
        whole = np.concatenate([[0.0], np.cumsum(own[:-1] * np.diff(at))])
        first, last = (np.searchsorted(at, each) for each in (begin, end))
        part = own[np.searchsorted(at, begin + self.sold, side="right") - 1]
        return (whole[last] - whole[first]) / length, converted * part

    def _along(self, group: Integers, day: Integers) -> Integers:
        """Groups one after another on one line of days, so far apart that their horizons don't touch, [n]."""
        return np.asarray(group * (int(self.day.max()) + 2 * self.horizon) + day)
