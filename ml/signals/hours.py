"""At which hours a person looks: own opens, clicks and visits, drawn towards everybody's where there are few.

With n(h) the hours of the last year in which a person looked at local hour h, K a kernel over the hours beside it, and
P(h) everybody's share of looks,

    chance(h) = (sum_g K(h - g) n(g) + s P(h)) / (sum_g n(g) + s)

The strength s, in looks, is learned: of a few candidates the one under which each person's looks are likeliest, each
foretold from the person's other looks and everybody's (leave one out). Where nobody ever looked, all hours are alike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

HOURS: Final = 24
COLUMN: Final = "active_hours"
KERNEL: Final = {-2: 1.0, -1: 2.0, 0: 3.0, 1: 2.0, 2: 1.0}
"""Weights of the hours beside: who looked at seven in the evening may look at eight; all together count as one look."""
STRENGTHS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Candidates for how many looks everybody's hours count as."""
_SAMPLE: Final = 20_000
"""People that the strength is learned from: one number needs no more."""


@dataclass(frozen=True, eq=False)
class Hours:
    """When N people look.

    Attributes:
        chance: float64 [N, 24], share of a person's looks by local hour; rows add up to 1.
        looks: float64 [N], own looks known.
        strength: How many looks everybody's hours count as.
    """

    chance: np.ndarray
    looks: np.ndarray
    strength: float


def hours_of(customers: pd.DataFrame) -> Hours:
    """When each person looks.

    Args:
        customers: `dim_customers` with `active_hours`; a view from before it was there has the hour of most looks
            (`preferred_hour`), which counts as one look.
    """
    counts = _counts(customers)
    total = counts.sum(axis=0)
    if not total.sum():
        return Hours(np.full(counts.shape, 1 / HOURS), np.zeros(len(counts)), STRENGTHS[0])
    everybody = _spread(total[None, :])[0] / total.sum()
    step = max(1, len(counts) // _SAMPLE)
    strength = _strength(counts[::step], everybody)
    looks = counts.sum(axis=1)
    chance = (_spread(counts) + strength * everybody) / (looks + strength)[:, None]
    return Hours(chance, looks, strength)


def looks_in(active_hours: str | None) -> np.ndarray:
    """Looks by local hour, float64 [24], of the 24 digits of `active_hours`; zeros where it is missing."""
    if active_hours is None or pd.isna(active_hours):
        return np.zeros(HOURS)
    return np.array([float(digit) for digit in active_hours])


def _counts(customers: pd.DataFrame) -> np.ndarray:
    """Looks of each person by local hour, float64 [N, 24]."""
    counts = np.zeros((len(customers), HOURS))
    if COLUMN not in customers:
        hour = customers["preferred_hour"].to_numpy(dtype=float, na_value=np.nan)
        known = np.flatnonzero(~np.isnan(hour))
        counts[known, hour[known].astype(np.int64) % HOURS] = 1.0
        return counts
    digits = customers[COLUMN].astype("object")
    known = np.flatnonzero(digits.notna().to_numpy())
    text = "".join(digits.iloc[known])
    if len(text) != HOURS * len(known):
        raise ValueError(f"{COLUMN} must have {HOURS} digits, one an hour; build the customer view again")
    counts[known] = (np.frombuffer(text.encode("ascii"), dtype=np.uint8) - ord("0")).reshape(-1, HOURS)
    return counts


def _spread(counts: np.ndarray) -> np.ndarray:
    """Each look spread over the hours beside it, around the clock; sums stay what they are."""
    whole = sum(KERNEL.values())
    return np.asarray(sum(np.roll(counts, shift, axis=1) * (weight / whole) for shift, weight in KERNEL.items()))


def _strength(counts: np.ndarray, everybody: np.ndarray) -> float:
    """The candidate under which each look is likeliest, foretold from the person's other looks."""
    others = np.maximum(_spread(counts) - KERNEL[0] / sum(KERNEL.values()), 0.0)
    left = counts.sum(axis=1, keepdims=True) - 1
    seen = counts > 0

    def likelihood(strength: float) -> float:
        foretold = (others + strength * everybody) / np.maximum(left + strength, 1e-12)
        return float((counts * np.log(np.where(seen, foretold, 1.0))).sum())

    return max(STRENGTHS, key=likelihood)
