"""What one unit of an objective is worth, in money."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration.objective import Objective

HORIZON_DAYS: Final = 365
MINIMUM_UNITS: Final = 30
"""Fewer such customers than this say too little about their mean."""


@dataclass(frozen=True)
class UnitValue:
    """Value of a unit.

    Attributes:
        amount: Money; None for `incremental_margin`, where a conversion is worth its own margin.
        units: Customers that it was measured on; 0 where the operator stated it.
        basis: How it was found, in words.
    """

    amount: float | None
    units: int
    basis: str

    def of_people(self, amount: np.ndarray) -> np.ndarray:
        """Value of one conversion caused, float32 [N].

        Args:
            amount: float [N], expected margin of each person's conversion.
        """
        if self.amount is None:
            return np.asarray(amount, dtype=np.float32)
        return np.full(len(amount), self.amount, dtype=np.float32)


class UnknownValueError(ValueError):
    """The data say too little about what a unit is worth; the operator has to state it."""


def unit_value(
    objective: Objective, conversions: pd.DataFrame, *, as_of: datetime, lapsed_days: int, active_days: int
) -> UnitValue:
    """The stated value, or the mean margin of such a customer over the next 365 days in the data.

    Such a customer is one who, at some time before `as_of`, bought for the first time (`new_customers`), bought again
    after more than `lapsed_days` (`reactivations`), or was active (`churn_rate`; looked at once, 365 days before
    `as_of` or at half of a shorter history). Counted is the margin from that moment on, that purchase included. Where
    fewer than 30 of them were seen for the whole 365 days, margin per day seen stands for it, which overstates what
    comes later by as much as the first days are richer; `basis` says so.

    Args:
        objective: Whose unit.
        conversions: `fct_conversions`: customer_id, converted_at (UTC), margin (missing counts as 0).
        as_of: What happened later isn't known.
        lapsed_days: Days without a purchase after which a customer is lapsed.
        active_days: Days up to which a customer is active.

    Raises:
        UnknownValueError: Fewer than 30 such customers; the message says which key to state.
    """
    if objective.value_per_unit != "from_data":
        return UnitValue(float(objective.value_per_unit), 0, "stated")
    if objective.metric == "incremental_margin":
        return UnitValue(None, 0, "a conversion is worth its own margin")
    known = conversions[conversions["customer_id"].notna()]
    at = pd.to_datetime(known["converted_at"], utc=True)
    known = known.assign(at=at, margin=known["margin"].fillna(0.0))[at < as_of].sort_values("at")
    starts = _starts(objective, known, as_of, lapsed_days, active_days)
    if len(starts) < MINIMUM_UNITS:
        raise UnknownValueError(
            f"objective {objective.id}: value_per_unit is from_data, but only {len(starts)} such customers are known "
            f"({MINIMUM_UNITS} are needed): state value_per_unit as an amount"
        )
    return _mean_margin(known, starts, as_of)


def _starts(
    objective: Objective, known: pd.DataFrame, as_of: datetime, lapsed_days: int, active_days: int
) -> pd.Series:
    """When each such customer became one, by customer_id."""
    if objective.metric == "new_customers":
        return known.groupby("customer_id")["at"].min()
    if objective.metric == "reactivations":
        gap = known.groupby("customer_id")["at"].diff() > timedelta(days=lapsed_days)
        return known[gap].groupby("customer_id")["at"].min()
    if known.empty:
        return known["at"]
    seen = pd.Timestamp(as_of) - known["at"].min()
    moment = pd.Timestamp(as_of) - min(timedelta(days=HORIZON_DAYS), seen / 2)
    recent = known[(known["at"] < moment) & (known["at"] >= moment - timedelta(days=active_days))]
    return pd.Series(moment, index=pd.Index(recent["customer_id"].unique(), name="customer_id"), name="at")


def _mean_margin(known: pd.DataFrame, starts: pd.Series, as_of: datetime) -> UnitValue:
    horizon = pd.Timedelta(days=HORIZON_DAYS)
    seen = pd.Timestamp(as_of) - starts
    seen = seen.where(seen < horizon, horizon)
    complete = seen[seen >= horizon].index
    counted = complete if len(complete) >= MINIMUM_UNITS else starts.index
    start = known["customer_id"].map(starts)
    after = (known["at"] >= start) & (known["at"] < start + horizon) & known["customer_id"].isin(counted)
    total = float(known.loc[after, "margin"].sum())
    if len(complete) >= MINIMUM_UNITS:
        return UnitValue(total / len(counted), len(counted), "mean margin over the next 365 days")
    days = float(seen.dt.total_seconds().sum() / 86_400)
    seen_days = f"{days / len(counted):.0f} days seen on average"
    basis = f"margin per day over {seen_days}, times 365: the history is shorter than that"
    return UnitValue(total / days * HORIZON_DAYS, len(counted), basis)
