"""How far an objective is, counted on purchases, whoever was or wasn't contacted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml.configuration.objective import Objective


@dataclass(frozen=True)
class Reached:
    """What has been reached in total; what contacts caused of it is lift (`ml/learning`).

    Attributes:
        value: A count, a rate from 0 to 1 (`churn_rate`), or money (`incremental_margin`).
        unit: What it counts, in words.
        people: People counted over: members of the audience, or for `churn_rate` those active at the start.
    """

    value: float
    unit: str
    people: int


def reached(
    objective: Objective,
    conversions: pd.DataFrame,
    *,
    starts_at: datetime,
    until_at: datetime,
    lapsed_days: int,
    active_days: int,
    members: Collection[str] | None = None,
) -> Reached:
    """Count an objective's metric from its start until T.

    Args:
        objective: Whose metric.
        conversions: `fct_conversions`: customer_id, converted_at (UTC), margin; history from before the start included.
        starts_at: Instant at which `starts_on` begins in the workspace, UTC.
        until_at: Until when, exclusive, UTC.
        lapsed_days: Days without a purchase after which a customer is lapsed.
        active_days: Days up to which a customer is active.
        members: Customers that were in the audience on the day of a decision; everybody without it.
    """
    known = conversions[conversions["customer_id"].notna()]
    at = pd.to_datetime(known["converted_at"], utc=True)
    known = known.assign(at=at)[at < until_at].sort_values("at")
    if members is not None:
        known = known[known["customer_id"].isin(list(members))]
    inside = known[known["at"] >= starts_at]
    before = known[known["at"] < starts_at].groupby("customer_id")["at"].max()
    if objective.metric == "new_customers":
        new = inside.loc[~inside["customer_id"].isin(before.index), "customer_id"].nunique()
        return Reached(float(new), "new customers", len(members) if members is not None else int(new))
    if objective.metric == "reactivations":
        gap = known.groupby("customer_id")["at"].diff() > timedelta(days=lapsed_days)
        back = known.loc[gap & (known["at"] >= starts_at), "customer_id"].nunique()
        return Reached(float(back), "reactivated customers", len(members) if members is not None else int(back))
    if objective.metric == "churn_rate":
        return _churned(known, before, starts_at, until_at, lapsed_days, active_days)
    return Reached(float(inside["margin"].sum()), "margin", int(inside["customer_id"].nunique()))


def _churned(  # noqa: PLR0917 - one metric, all its facts
    known: pd.DataFrame, before: pd.Series, starts_at: datetime, until_at: datetime, lapsed_days: int, active_days: int
) -> Reached:
    active = before.index[before >= starts_at - timedelta(days=active_days)]
    last = known.groupby("customer_id")["at"].max().reindex(active)
    lapsed = (last < until_at - timedelta(days=lapsed_days)).to_numpy()
    return Reached(float(np.mean(lapsed)) if len(active) else 0.0, "share of active customers lapsed", len(active))
