"""Who was left alone since a day: what has moved among them is the world's doing, not the system's own.

Contacts change what is known of the people contacted (touches, wear, offers in hand) and with it their scores, in the first
days of a campaign by more than any drift of the world. People left alone, whole holdout arms among them, tell the two apart.
"""

from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd

from assets.ledger.ledger import Ledger

LEAST: Final = 200
"""Fewer people left alone tell no drift from chance: ten bins of twenty."""


def left_alone(ledger: Ledger, then: pd.Series, now: pd.Series, days: tuple[date, date], time_zone: str) -> pd.Index:
    """Ids of people of both days to whom nothing was sent between; nobody where these are fewer than `LEAST`.

    Args:
        ledger: Knows what left, or may have.
        then: `customer_id` of people of the earlier day.
        now: Those of people of the later one.
        days: Both days; what is sent on the later one doesn't count.
        time_zone: Of the workspace: where a day begins.
    """
    begin, end = (datetime.combine(day, time(), ZoneInfo(time_zone)) for day in days)
    contacted = pd.Index(ledger.figures.contacted(begin, end))
    found: pd.Index = pd.Index(then).intersection(pd.Index(now)).difference(contacted)
    return found if len(found) >= LEAST else found[:0]
