"""Time zones of people, many at once."""

from functools import cache
from zoneinfo import available_timezones

import numpy as np
import pandas as pd


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def is_known_zone(zones: pd.Series) -> np.ndarray:
    """Bool [N]: whether each is an IANA time zone; a missing or misspelt one isn't."""
    codes, distinct = pd.factorize(zones)
    known = np.array([str(zone) in _known() for zone in distinct] + [False], dtype=bool)
    return np.asarray(known[codes])


def distinct_zones(zones: pd.Series, workspace_zone: str) -> tuple[np.ndarray, list[str]]:
    """Position of each person's zone and the distinct zones; the workspace's where a person's isn't known.

    Returns:
        int [N] and the zones that it points into.
    """
    usable = zones.astype("object").where(is_known_zone(zones), workspace_zone)
    codes, distinct = pd.factorize(usable)
    return codes, [str(zone) for zone in distinct]
