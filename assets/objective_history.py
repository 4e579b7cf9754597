"""What the published view and earlier plans say of an objective's past: sales by day, delays, lapses, contacts made."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from assets.cycles import read_json
from assets.duck import query
from assets.home import Home
from ml.configuration.objective import Objective

TOUCHES: Final = 50_000
"""Contacts whose delays are looked at: as many as a curve of two weeks needs."""
REFERENCES: Final = 6
REFERENCE_DAYS: Final = 30

_SALES = """
    with sales as (
        select customer_id, coalesce(margin, 0) as margin, converted_at,
            (converted_at at time zone 'UTC' at time zone $time_zone)::date as sold_on,
            lag(converted_at) over (partition by customer_id order by converted_at) as earlier_at
        from read_parquet($conversions)
        where customer_id is not null and converted_at < $until_at
    )
    select sold_on,
        count(*) filter (where earlier_at is null)::double as new_customers,
        count(*) filter (where converted_at - earlier_at > to_days($lapsed_days))::double as reactivations,
        sum(margin::decimal(18, 4))::double as incremental_margin  -- of doubles, it would depend on the rows' order
    from sales group by sold_on order by sold_on
"""

_DELAYS = """
    with touches as (
        select customer_id, sent_at from read_parquet($touches)
        where sent_at >= $since and sent_at < $until_at
        order by hash(touch_id) limit $most
    ),
    gaps as (
        select floor(epoch(sales.converted_at - touches.sent_at) / 86400)::int as days
        from touches join read_parquet($conversions) as sales using (customer_id)
        where sales.converted_at >= touches.sent_at - to_days($window) and sales.converted_at < touches.sent_at + to_days($window)
    )
    select days, count(*) as sales from gaps group by days
"""

_LAPSED = """
    with reference as (select unnest($references::timestamp[]) as seen_at),
    last as (
        select reference.seen_at, sales.customer_id,
            max(sales.converted_at) filter (where sales.converted_at < reference.seen_at) as before_at,
            max(sales.converted_at) as last_at
        from reference join read_parquet($conversions) as sales
          on sales.converted_at < reference.seen_at + to_days($days) and sales.converted_at >= reference.seen_at - to_days($active_days)
        where sales.customer_id is not null
          and reference.seen_at - to_days($active_days) >= (select min(converted_at) from read_parquet($conversions))
        group by all
    )
    select seen_at, count(*) as people, avg((last_at < seen_at + to_days($days) - to_days($lapsed_days))::int)::double as lapsed
    from last where before_at is not null group by seen_at order by seen_at
"""


def sales_by_day(
    home: Home, generation_id: str, *, until_at: datetime, time_zone: str, lapsed_days: int
) -> pd.DataFrame:
    """First purchases, purchases after having lapsed, and margin of each day, every day from the first: index date."""
    found = query(
        _SALES,
        conversions=_mart(home, generation_id, "fct_conversions"),
        until_at=until_at.replace(tzinfo=None),
        time_zone=time_zone,
        lapsed_days=lapsed_days,
    )
    if found.empty:
        names = ["new_customers", "reactivations", "incremental_margin"]
        return pd.DataFrame(columns=names, index=pd.DatetimeIndex([]), dtype=float)
    found.index = pd.DatetimeIndex(found.pop("sold_on"))
    return found.asfreq("D", fill_value=0.0)


def delays(
    home: Home, generation_id: str, *, until_at: datetime, window_days: int, look_back_days: int = 120
) -> tuple[np.ndarray, np.ndarray]:
    """Purchases by whole days after contacts, and on the same days before them, each [window].

    Contacts whose window isn't over by then are left out.
    """
    last = until_at.replace(tzinfo=None) - timedelta(days=window_days)
    found = query(
        _DELAYS,
        touches=_mart(home, generation_id, "fct_touches"),
        conversions=_mart(home, generation_id, "fct_conversions"),
        since=last - timedelta(days=look_back_days),
        until_at=last,
        window=window_days,
        most=TOUCHES,
    )
    counts = (
        found.set_index("days")["sales"].reindex(range(-window_days, window_days), fill_value=0).to_numpy(dtype=float)
    )
    return counts[window_days:], counts[:window_days][::-1]


def lapse_rates(
    home: Home, generation_id: str, *, starts_at: datetime, days: int, active_days: int, lapsed_days: int
) -> pd.DataFrame:
    """Of those active on days before the start, the share lapsed `days` later: seen_at, people, lapsed; one row a day looked at.

    Days a month apart, the last one `days` before the start; only those for which all of it lies within history, the
    time in which customers became active included.
    """
    start = starts_at.replace(tzinfo=None)
    references = [start - timedelta(days=days + k * REFERENCE_DAYS) for k in range(REFERENCES)]
    found = query(
        _LAPSED,
        conversions=_mart(home, generation_id, "fct_conversions"),
        references=references,
        days=days,
        active_days=active_days,
        lapsed_days=lapsed_days,
    )
    return found[found["people"] > 0].reset_index(drop=True)


def active_on(home: Home, generation_id: str, *, at: datetime, active_days: int) -> int:
    """Customers with a purchase in the `active_days` before an instant."""
    sql = """
        select count(distinct customer_id) as people from read_parquet($conversions)
        where converted_at < $at and converted_at >= $at - to_days($active_days)
    """
    path = _mart(home, generation_id, "fct_conversions")
    return int(query(sql, conversions=path, at=at.replace(tzinfo=None), active_days=active_days)["people"].iloc[0])


def past_plans(home: Home, first: date, day: date) -> dict[date, list[Mapping[str, Any]]]:
    """The plans of the days from the first up to a day, exclusive: a morning's and its re-optimizations'."""
    plans: dict[date, list[Mapping[str, Any]]] = {}
    for path in sorted(home.root.glob("cycles/*/plan.json")):
        on = date.fromisoformat(path.parent.name.partition(".")[0])
        if first <= on < day:
            plans.setdefault(on, []).append(read_json(path))
    return plans


def expected_by_day(
    plans: Mapping[date, Sequence[Mapping[str, Any]]], objective: Objective, released: pd.DataFrame
) -> dict[date, float]:
    """Units that the model expects of each day's contacts that were let out.

    Args:
        plans: As `past_plans` gives them.
        objective: Whose.
        released: `ledger.figures.since`: messages by day and objective that are released or left.
    """
    own = released[released["objective_id"] == objective.id].groupby("cycle_on")["messages"].sum()
    expected = {}
    for on, revisions in plans.items():
        facts = [plan["objectives"][objective.id] for plan in revisions if objective.id in plan.get("objectives", {})]
        decided = sum(each["contacts_today"] for each in facts)
        share = min(1.0, float(own.get(on.isoformat(), 0)) / decided) if decided else 0.0
        expected[on] = share * sum(each["expected_today"] for each in facts)
    return expected


def _mart(home: Home, generation_id: str, mart: str) -> str:
    return str(home.generation(generation_id) / f"{mart}.parquet")
