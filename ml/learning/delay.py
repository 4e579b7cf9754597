r"""Outcomes that are still to come: how late conversions arrive, and what a young contact may teach.

A contact of a days ago whose horizon of H days isn't over either has been followed by a conversion, or may still be. Taking
it as a failure undervalues whatever acts slowly; waiting until the horizon is over wastes the newest weeks. The chance F(d) of
a first conversion within d days is estimated by channel, the unfinished being censored at their age (product-limit
estimate, Kaplan and Meier, Journal of the American Statistical Association 1958). A row of age a has the maturity

    G = F(a) / F(H)

the share of its conversions that has come. With p = F(H), a row without a conversion so far is a failure for good with the
chance (1 - p) / (1 - G p) (Chapelle, "Modeling delayed feedback in display advertising", KDD 2014), and counts that much;
all rows of an age count G times, as much as they know. So converted rows keep their weight and the others have

    w = G (1 - p) / (1 - G p)

times theirs: the weighted share of conversions of any age has the expectation p.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE
from ml.learning.panel import Vector, Whole

LEAST_MATURITY: Final = 0.1
"""A younger row knows next to nothing, and its maturity is estimated worst."""
FEWEST_AT_RISK: Final = 30
"""Rows that must be as old as a day for a channel to say itself what happens on it; else all contacts say it."""
BORROWED_EVENTS: Final = 50.0
"""Conversions at which a channel's own delays count as much as those of all contacts: a few tell little of their shape."""
MOST_UNFINISHED: Final = 0.999
"""Maturity 1 is for rows whose horizon is over."""


@dataclass(frozen=True, eq=False)
class DelayCurve:
    """How late first conversions come.

    Attributes:
        chance: Of a conversion within 0 to H days, ascending [H + 1].
    """

    chance: Vector

    @property
    def horizon_days(self) -> int:
        """H."""
        return len(self.chance) - 1

    @property
    def within(self) -> float:
        """Chance of a conversion within the horizon."""
        return float(self.chance[-1])

    @property
    def median_days(self) -> float:
        """Days by which half of the horizon's conversions have come; NaN where none come."""
        share = self.chance / self.within if self.within > 0 else np.full(len(self.chance), np.nan)
        return float(np.interp(0.5, share, np.arange(len(share)))) if self.within > 0 else float("nan")

    def maturity(self, age_days: Whole) -> Vector:
        """Share of the horizon's conversions that has come at an age; by the calendar where no conversion is known."""
        age = np.clip(age_days, 0, self.horizon_days)
        return self.chance[age] / self.within if self.within > 0 else age / self.horizon_days

    def weight(self, age_days: Whole, is_converted: npt.NDArray[np.bool_]) -> Vector:
        """What a row counts beside one whose horizon is over."""
        share = self.maturity(age_days)
        return np.where(is_converted, 1.0, share * (1 - self.within) / np.maximum(1 - share * self.within, 1e-12))


def fit_delay(age_days: Whole, converted_day: Vector, weight: Vector, horizon_days: int) -> DelayCurve:
    """Estimate the curve of one kind of rows.

    Args:
        age_days: Whole days since each row's begin [n].
        converted_day: Day of the first conversion, from 0; NaN where there is none [n].
        weight: How many persons each row stands for [n].
        horizon_days: H.
    """
    return _curve(_hazard(age_days, converted_day, weight, horizon_days)[0])


def _hazard(age_days: Whole, converted_day: Vector, weight: Vector, horizon_days: int) -> tuple[Vector, Whole]:
    """Chance of a conversion on each day of those not converted before, and rows that are old enough to tell [H]."""
    seen = np.minimum(age_days, horizon_days)
    is_converted = converted_day < seen  # NaN compares as false
    ends = np.where(is_converted, np.nan_to_num(converted_day) + 1, seen).astype(np.int64)
    events = np.bincount(ends[is_converted] - 1, weight[is_converted], minlength=horizon_days)[:horizon_days]
    left = np.bincount(ends, weight, minlength=horizon_days + 1)
    at_risk = weight.sum() - np.cumsum(left)[:horizon_days]
    old = len(seen) - np.cumsum(np.bincount(seen, minlength=horizon_days + 1))[:horizon_days]
    return np.divide(events, at_risk, out=np.zeros(horizon_days), where=at_risk > 0), old


def _curve(hazard: Vector) -> DelayCurve:
    return DelayCurve(np.concatenate([[0.0], 1 - np.cumprod(1 - np.clip(hazard, 0.0, 1.0))]))


def fit_delays(rows: pd.DataFrame, horizon_days: int) -> dict[str, DelayCurve]:
    """The curve of each channel, and of being left alone.

    A channel's level is its own. The shape of its delays is drawn towards that of all contacts, and days that its contacts
    aren't old enough for have it from them.

    Args:
        rows: channel, age_days, converted_day, sample_weight.
        horizon_days: H.
    """
    channel = rows["channel"].to_numpy(dtype=object)
    age = rows["age_days"].to_numpy(dtype=np.int64)
    day = rows["converted_day"].to_numpy(dtype=np.float64, na_value=np.nan)
    day = np.minimum(day, np.minimum(age, horizon_days) - 1)  # a day of 25 hours would count one more
    weight = rows["sample_weight"].to_numpy(dtype=np.float64)

    def of(kept: npt.NDArray[np.bool_]) -> tuple[Vector, Whole]:
        return _hazard(age[kept], day[kept], weight[kept], horizon_days)

    together, _ = of(channel != NONE)
    curves = {}
    for name in dict.fromkeys(channel):
        hazard, old = of(channel == name)
        known = old >= FEWEST_AT_RISK
        usual = together if name != NONE else of(channel == NONE)[0]
        ratio = hazard[known].sum() / usual[known].sum() if usual[known].sum() > 0 else 1.0
        events = float(np.isfinite(day[channel == name]).sum())
        own = events / (events + BORROWED_EVENTS)
        curves[str(name)] = _curve(np.where(known, own * hazard + (1 - own) * ratio * usual, ratio * usual))
    return curves


def come_by(curves: Mapping[str, DelayCurve], channel: npt.NDArray[Any], age_days: Whole) -> Vector:
    """Share of the horizon's conversions that has come at each row's age, by its channel's curve, [n]."""
    come = np.ones(len(channel))
    for name, curve in curves.items():
        of_channel = channel == name
        come[of_channel] = curve.maturity(age_days[of_channel])
    return come


def matured(rows: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    """Rows with what they may teach: `maturity` in (0, 1], and `sample_weight` times the weight for it.

    Rows below `LEAST_MATURITY` are left out, by age and channel alone. Money is known of finished rows only.

    Args:
        rows: channel, age_days, converted_day (NaN where none so far), is_converted, margin, sample_weight.
        horizon_days: H.
    """
    if rows.empty:
        return rows.assign(maturity=pd.Series(dtype=float))
    curves = fit_delays(rows, horizon_days)
    age, is_converted = rows["age_days"].to_numpy(dtype=np.int64), rows["is_converted"].to_numpy(dtype=bool)
    channel = rows["channel"].to_numpy(dtype=object)
    maturity, weight = come_by(curves, channel, age), np.ones(len(rows))
    for name, curve in curves.items():
        of_channel = channel == name
        weight[of_channel] = curve.weight(age[of_channel], is_converted[of_channel])
    is_over = age >= horizon_days
    maturity, weight = np.where(is_over, 1.0, np.minimum(maturity, MOST_UNFINISHED)), np.where(is_over, 1.0, weight)
    taught = rows.assign(
        maturity=maturity, sample_weight=rows["sample_weight"] * weight, margin=rows["margin"].where(is_over)
    )
    return taught[is_over | ((maturity >= LEAST_MATURITY) & (weight > 0))].reset_index(drop=True)
