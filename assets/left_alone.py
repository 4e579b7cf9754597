"""Who was left alone around a day: what has moved among them is the world's doing, not that of contacts.

Contacts change what is known of the people contacted (touches, wear, offers in hand) and with it their scores, in the first
days of a campaign by more than any drift of the world, and as they fade once more. People left alone, whole holdout arms among
them, tell the two apart.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd

from assets.duck import query
from assets.ledger.ledger import Ledger

LEAST: Final = 200
"""Fewer people left alone tell no drift from chance: ten bins of twenty."""
FADES: Final = timedelta(days=90)
"""Touches from so long before the first day have faded: features count them over 90 days at most, but for counts of a year."""


def left_alone(
    ledger: Ledger, generation: Path, then: pd.Series, now: pd.Series, days: tuple[date, date], time_zone: str
) -> pd.Index:
    """Ids of people of both days to whom nothing was sent between, nor for `FADES` before; nobody where they are fewer than `LEAST`.

    Args:
        ledger: Knows what left, or may have.
        generation: Folder of the later day's generation, whose touches are also those of other tools.
        then: `customer_id` of people of the earlier day.
        now: Those of people of the later one.
        days: Both days; what is sent on the later one doesn't count.
        time_zone: Of the workspace: where a day begins.
    """
    first, end = (datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC) for day in days)
    touched = query(
        "select distinct customer_id from read_parquet($path) where sent_at >= $begin and sent_at < $end",
        path=str(generation / "fct_touches.parquet"),
        begin=(first - FADES).replace(tzinfo=None),
        end=end.replace(tzinfo=None),
    )
    contacted = pd.Index(ledger.figures.contacted(first - FADES, end)).union(pd.Index(touched["customer_id"]))
    found: pd.Index = pd.Index(then).intersection(pd.Index(now)).difference(contacted)
    return found if len(found) >= LEAST else found[:0]
