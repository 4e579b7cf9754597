"""Drift: how far features, scores and outcomes have moved since the model in use began.

Of each column the population stability index over deciles of its first sample, missing values as a bin of their own, and the
Kolmogorov-Smirnov statistic of the known values; of text the index over its levels. Customary readings of the index: below
0.1 none, above 0.25 large (Siddiqi, Credit Risk Scorecards, 2006). The p-value says whether a shift is more than chance, the
index whether it matters: with many people every shift is more than chance. Features and scores are compared among people who
were left alone in between: what contacts change isn't drift.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Kind = Literal["feature", "score", "outcome"]

SOME: Final = 0.1
LARGE: Final = 0.25
_BINS: Final = 10
_FLOOR: Final = 1e-4
"""Least share of a bin: an empty one would make the index infinite."""


@dataclass(frozen=True)
class Shift:
    """How far one column has moved.

    Attributes:
        kind: What the column is.
        name: The column.
        psi: Population stability index, at least 0.
        ks: Largest difference of the distribution functions, 0 to 1; None for text.
        p_value: Of `ks` where nothing had moved; None for text.
        before: Known values in the first sample.
        now: Known values today.
    """

    kind: Kind
    name: str
    psi: float
    ks: float | None
    p_value: float | None
    before: int
    now: int

    @property
    def verdict(self) -> Literal["none", "some", "large"]:
        """The customary reading of the index."""
        return "large" if self.psi > LARGE else "some" if self.psi > SOME else "none"


def shift_of(kind: Kind, name: str, before: pd.Series, now: pd.Series) -> Shift | None:
    """The shift of one column; None where one of the samples has no row.

    Args:
        kind: What the column is.
        name: The column.
        before: The first sample.
        now: Today's.
    """
    if not len(before) or not len(now):
        return None
    if not pd.api.types.is_numeric_dtype(before.dtype):
        return Shift(kind, name, _index_of_levels(before, now), None, None, int(before.count()), int(now.count()))
    first, second = (one.to_numpy(dtype=np.float64, na_value=np.nan) for one in (before, now))
    known = [one[np.isfinite(one)] for one in (first, second)]
    test = stats.ks_2samp(*known, method="asymp") if all(len(one) for one in known) else None
    return Shift(
        kind,
        name,
        _index_of_numbers(first, second),
        None if test is None else float(test.statistic),
        None if test is None else float(test.pvalue),
        len(known[0]),
        len(known[1]),
    )


def shifts_of(kind: Kind, before: pd.DataFrame, now: pd.DataFrame, names: Iterable[str]) -> list[Shift]:
    """Shifts of the columns that both frames have, the largest first."""
    both = [name for name in names if name in before and name in now]
    found = [shift_of(kind, name, before[name], now[name]) for name in both]
    return sorted((one for one in found if one is not None), key=lambda one: (-one.psi, one.name))


def _index_of_numbers(before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    known = before[np.isfinite(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    count = len(edges) + 2
    shares: list[npt.NDArray[np.float64]] = []
    for sample in (before, now):
        place = np.searchsorted(edges, sample, "right")
        place[~np.isfinite(sample)] = count - 1
        shares.append((np.bincount(place, minlength=count) / len(sample)).astype(np.float64))
    return _index(shares[0], shares[1])


def _index_of_levels(before: pd.Series, now: pd.Series) -> float:
    first, second = (
        one.astype(object).where(one.notna(), "").astype(str).value_counts(normalize=True) for one in (before, now)
    )
    levels = first.index.union(second.index)
    shares = [one.reindex(levels, fill_value=0.0).to_numpy(dtype=np.float64) for one in (first, second)]
    return _index(shares[0], shares[1])


def _index(before: npt.NDArray[np.floating[Any]], now: npt.NDArray[np.floating[Any]]) -> float:
    """Sum of (a - e) ln(a / e), over bins that either sample has."""
    used = (before > 0) | (now > 0)
    expected, actual = np.maximum(before[used], _FLOOR), np.maximum(now[used], _FLOOR)
    return float(((actual - expected) * np.log(actual / expected)).sum())
