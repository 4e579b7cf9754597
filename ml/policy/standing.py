"""What a day's drawn decisions hold against a re-optimization: they stand unless what came in calls for a change.

The morning's draw gave up a little against the best choice at its prices, on purpose. A re-optimization that took that
for an error would undo all exploring and spend the difference on churn. So each decision that is still open, a message
or leaving a person alone, is credited with what its draw gave up, and another choice must be better by more than that.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ml.allocation.candidates import Candidates, Columns
from ml.entities import CHANNELS, NONE

_BEST_OTHER = r'"adjusted_value": (-?[0-9.]+(?:[eE][-+]?[0-9]+)?)'
_COLUMNS = ["customer_id", "objective_id", "channel", "offer_id"]
NEEDED = (*_COLUMNS, "cycle_id", "arm", "adjusted_value", "alternatives")
"""Columns of the decisions that `standing` looks at."""


def given_up(decisions: pd.DataFrame) -> pd.Series:
    """What each decision gives up against the best other choice at its cycle's prices, at least 0; money.

    The best other choice is the first of its alternatives, or to leave the person alone.

    Args:
        decisions: Rows with `adjusted_value`, `alternatives` and `channel`.
    """
    other = decisions["alternatives"].str.extract(_BEST_OTHER, expand=False).astype(float).fillna(0.0)
    return (other.clip(lower=0.0) - decisions["adjusted_value"].astype(float)).clip(lower=0.0)


def standing(cycles: Sequence[pd.DataFrame], still_open: pd.DataFrame) -> pd.DataFrame:
    """Decisions of the day that can still be changed, with what they gave up.

    Args:
        cycles: Decisions of the day's cycles, the morning's first; of a person the last one holds.
        still_open: Messages that are open, with customer_id, objective_id, channel and offer_id.

    Returns:
        customer_id, objective_id, channel, offer_id and `given_up` (money): a row an open message, and one with channel
        `none` for each person whom the system arm left alone.
    """
    day = pd.concat(list(cycles), ignore_index=True)
    day = day[day.groupby("customer_id")["cycle_id"].transform("last") == day["cycle_id"]]
    has_open = day["customer_id"].isin(still_open["customer_id"])
    theirs = day[has_open]
    is_open = pd.MultiIndex.from_frame(theirs[_COLUMNS]).isin(pd.MultiIndex.from_frame(still_open[_COLUMNS]))
    is_alone = (day["channel"] == NONE) & (day["arm"] == "system") & ~has_open
    found = pd.concat([theirs[is_open], day[is_alone]]).sort_index()
    rest = still_open[~pd.MultiIndex.from_frame(still_open[_COLUMNS]).isin(pd.MultiIndex.from_frame(found[_COLUMNS]))]
    return pd.concat(
        [found[_COLUMNS].assign(given_up=given_up(found)), rest[_COLUMNS].assign(given_up=0.0)], ignore_index=True
    )


def credit_of(standing: pd.DataFrame, bonus: float) -> np.ndarray:
    """Money by which another choice must beat each decision that stands, float64 [R]."""
    extra = standing["given_up"].to_numpy(dtype=float) if "given_up" in standing else np.zeros(len(standing))
    return np.asarray(bonus + np.nan_to_num(extra), dtype=np.float64)


def favoured(
    candidates: Candidates, columns: Columns, customer_ids: pd.Series, keeps: pd.DataFrame, bonus: float
) -> Candidates:
    """The table with the value of what stands already raised, or that of all else lowered: few changes where little has changed.

    Args:
        candidates: Of N people.
        columns: What a candidate may be.
        customer_ids: Of the same people [N].
        keeps: Decisions that stand, as `standing` gives them.
        bonus: Money by which another choice must be better, beside what a draw gave up.
    """
    if not len(columns):
        return candidates
    credit, count = credit_of(keeps, bonus), len(columns)
    person = pd.Index(customer_ids).get_indexer(keeps["customer_id"])
    owner = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
    is_alone = (keeps["channel"] == NONE).to_numpy() & (person >= 0)
    lowered = np.bincount(person[is_alone], weights=credit[is_alone], minlength=candidates.people_count)
    column = pd.MultiIndex.from_tuples(_names(columns)).get_indexer(
        pd.MultiIndex.from_frame(keeps[["objective_id", "channel", "offer_id"]])
    )
    # A person's candidates are in the order of columns, so all of them are in the order of this key.
    key, wanted = owner * count + candidates.column, person * count + column
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    is_known = (person >= 0) & (column >= 0) & (len(key) > 0)
    is_known[is_known] = key[at[is_known]] == wanted[is_known]
    value = candidates.value - lowered[owner].astype(np.float32)
    np.add.at(value, at[is_known], credit[is_known].astype(np.float32))
    return replace(candidates, value=value)


def _names(columns: Columns) -> list[tuple[str, str, str]]:
    """Objective, channel and offer of each column."""
    return [
        (columns.objectives[objective], CHANNELS[channel], offer)
        for objective, channel, offer in zip(columns.objective, columns.channel, columns.offer_ids, strict=True)
    ]
