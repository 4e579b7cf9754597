"""Where the persons live: cities with their zone, telephone area and postal pattern, and the share there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from market.words import DAY_MS, Floats


@dataclass(frozen=True)
class Place:
    """A city. ``dial`` is country code and area; a number is ``dial`` and seven digits more."""

    city: str
    region: str
    country: str
    time_zone: str
    dial: str
    postal: str
    share: float


PLACES: Final = (
    Place("New York", "NY", "US", "America/New_York", "+1212", "100", 10),
    Place("Buffalo", "NY", "US", "America/New_York", "+1716", "142", 3),
    Place("Boston", "MA", "US", "America/New_York", "+1617", "021", 5),
    Place("Philadelphia", "PA", "US", "America/New_York", "+1215", "191", 5),
    Place("Atlanta", "GA", "US", "America/New_York", "+1404", "303", 5),
    Place("Miami", "FL", "US", "America/New_York", "+1305", "331", 5),
    Place("Charlotte", "NC", "US", "America/New_York", "+1704", "282", 4),
    Place("Columbus", "OH", "US", "America/New_York", "+1614", "432", 4),
    Place("Chicago", "IL", "US", "America/Chicago", "+1312", "606", 7),
    Place("Houston", "TX", "US", "America/Chicago", "+1713", "770", 6),
    Place("Dallas", "TX", "US", "America/Chicago", "+1214", "752", 5),
    Place("Minneapolis", "MN", "US", "America/Chicago", "+1612", "554", 4),
    Place("Denver", "CO", "US", "America/Denver", "+1303", "802", 4),
    Place("Phoenix", "AZ", "US", "America/Phoenix", "+1602", "850", 4),
    Place("Los Angeles", "CA", "US", "America/Los_Angeles", "+1213", "900", 7),
    Place("San Diego", "CA", "US", "America/Los_Angeles", "+1619", "921", 4),
    Place("Seattle", "WA", "US", "America/Los_Angeles", "+1206", "981", 4),
    Place("Toronto", "ON", "CA", "America/Toronto", "+1416", "M5", 4),
    Place("Vancouver", "BC", "CA", "America/Vancouver", "+1604", "V6", 2),
    Place("London", "LND", "GB", "Europe/London", "+4420", "SW", 4),
    Place("Manchester", "MAN", "GB", "Europe/London", "+44161", "M1", 1),
    Place("Berlin", "BE", "DE", "Europe/Berlin", "+4930", "10", 3),
)

SHARES: Final[Floats] = np.array([place.share for place in PLACES]) / sum(place.share for place in PLACES)


@lru_cache(maxsize=2048)
def _offsets(day: int) -> tuple[float, ...]:
    noon = datetime.fromtimestamp(day * DAY_MS / 1000 + 43_200, tz=UTC)
    hours = []
    for place in PLACES:
        offset = noon.astimezone(ZoneInfo(place.time_zone)).utcoffset()
        hours.append(offset.total_seconds() / 3600 if offset is not None else 0.0)
    return tuple(hours)


def utc_offsets(day: int) -> Floats:
    """Hours to add to UTC for local time in each place on a day: float64 [places]."""
    return np.array(_offsets(day))
