"""Mail that acts a month later: what contacts so far are worth, by maturity weights and with the young counted as failures."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.learning.delay import matured

HORIZON_DAYS: Final = 60
CAMPAIGN_DAYS: Final = 90
MEDIAN_DELAY, DELAY_SPREAD = 30.0, 0.5
ORGANIC, CAUSED, MARGIN = 0.05, 0.02, 26.0
"""Chance of an own purchase within the horizon, of one caused by mail at any time, and the margin of a purchase."""
SIDE: Final = 40_000


@dataclass(frozen=True)
class Valued:
    """Value of a contact, estimated less true, as a share of the true one.

    Attributes:
        ours: By maturity weights.
        naive: With whoever hasn't bought yet counted as a failure.
        waiting: From finished contacts alone.
    """

    ours: float
    naive: float
    waiting: float


def true_effect() -> float:
    """What mail adds to the chance of a purchase within the horizon."""
    rng = np.random.default_rng(11)
    delay = rng.lognormal(np.log(MEDIAN_DELAY), DELAY_SPREAD, 2_000_000)
    # Someone who would have bought anyway isn't won: the chances join as those of independent events.
    return CAUSED * float((delay < HORIZON_DAYS).mean()) * (1 - ORGANIC)


def value(seed: int) -> Valued:
    """One campaign of daily mail to one half of `SIDE` x 2 people, as of its last day."""
    rng = np.random.default_rng(seed)
    parts = [_contacts(rng, channel) for channel in ("direct_mail", "none")]
    rows = pd.concat(parts, ignore_index=True)
    taught = matured(rows, HORIZON_DAYS)
    finished = rows[rows["age_days"] >= HORIZON_DAYS]
    true = true_effect() * MARGIN
    estimates = (_value(frame, rows) / true - 1 for frame in (taught, rows, finished))
    return Valued(*estimates)


def _contacts(rng: np.random.Generator, channel: str) -> pd.DataFrame:
    age = rng.integers(1, CAMPAIGN_DAYS + 1, SIDE)
    own = np.where(rng.random(SIDE) < ORGANIC, rng.random(SIDE) * HORIZON_DAYS, np.inf)
    delay = rng.lognormal(np.log(MEDIAN_DELAY), DELAY_SPREAD, SIDE)
    won = np.where((rng.random(SIDE) < CAUSED) & (channel != "none"), delay, np.inf)
    day = np.floor(np.minimum(own, won))
    is_converted = day < np.minimum(age, HORIZON_DAYS)
    margin = np.where(is_converted, rng.lognormal(np.log(MARGIN) - 0.2, np.sqrt(0.4), SIDE), np.nan)
    return pd.DataFrame(
        {
            "channel": channel,
            "age_days": age,
            "converted_day": np.where(is_converted, day, np.nan),
            "is_converted": is_converted,
            "margin": margin,
            "sample_weight": 1.0,
        }
    )


def _value(frame: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Difference of the weighted rates times the mean margin of a conversion."""
    weight = frame["sample_weight"]
    converted = (weight * frame["is_converted"]).groupby(frame["channel"]).sum()
    rate = converted / weight.groupby(frame["channel"]).sum()
    return float(rate["direct_mail"] - rate["none"]) * float(rows["margin"].mean())
