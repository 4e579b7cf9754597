"""Where people may be when a call or text reaches them: every zone and rule that their address and number point to."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from phonenumbers.tzdata import TIMEZONE_DATA

from ml.policy.calling_hours import FEDERAL, RULES, STATE_NAMES, STATE_OF_AREA, ZONES_OF_STATE
from ml.policy.lookup import positions, text
from ml.policy.zones import is_known_zone

_LONGEST: Final = 10
"""Digits of a number that can tell its zone; in North America area code and exchange do."""
_NORTH_AMERICA: Final = 8
_SAYS_NOTHING: Final = 6
"""A number with more zones than this has a country but no place, such as a toll-free one."""


class Place(NamedTuple):
    """Zones that all must be inside, the one of the person's local time first, and rules that all must hold."""

    zones: tuple[str, ...]
    rules: tuple[str, ...] = ()


def called_places(
    customers: pd.DataFrame, phones: pd.DataFrame | None, otherwise: str | None = None
) -> tuple[np.ndarray, list[Place]]:
    """Place of each person for calls and texts.

    The stated time zone, the address and the number are candidates side by side: a number keeps its area when its owner
    moves. A stated zone tells which of a state's zones is meant.

    Args:
        customers: `dim_customers`, N rows with customer_id, time_zone, and region and country where the view has them.
        phones: customer_id, phone (E.164); None where numbers aren't known.
        otherwise: Zone of people of whom nothing is known; without it their place has no zone.

    Returns:
        int [N] and the distinct places that it points into.
    """
    n = len(customers)
    stated = customers["time_zone"].astype("object").where(is_known_zone(customers["time_zone"]), None)
    columns = [stated, _column(customers, "region"), _column(customers, "country"), _prefixes(customers, phones)]
    key, distinct = np.zeros(n, dtype=np.int64), []
    for column in columns:
        codes, values = pd.factorize(column)
        key = key * (len(values) + 1) + codes + 1
        distinct.append([None, *values])
    _, first, row = np.unique(key, return_index=True, return_inverse=True)
    facts = zip(*(column.iloc[first].tolist() for column in columns), strict=True)
    made = [_place(*(None if pd.isna(fact) else str(fact) for fact in each), otherwise=otherwise) for each in facts]
    places = list(dict.fromkeys(made))
    position = {place: i for i, place in enumerate(places)}
    return np.array([position[place] for place in made], dtype=np.int64)[row.reshape(-1)], places


def _column(customers: pd.DataFrame, name: str) -> pd.Series:
    if name in customers:
        return customers[name].astype("object")
    return pd.Series([None] * len(customers), index=customers.index, dtype="object")


def _prefixes(customers: pd.DataFrame, phones: pd.DataFrame | None) -> pd.Series:
    """The digits of each person's number that tell where it belongs."""
    found = np.full(len(customers), None, dtype=object)
    if phones is not None and len(phones) and len(customers):
        row = positions(text(phones["customer_id"]), text(customers["customer_id"]))
        number = phones["phone"].astype("object")
        own = number.str.slice(0, _LONGEST).where(
            ~number.str.startswith("+1", na=False), number.str.slice(0, _NORTH_AMERICA)
        )
        found[row[row >= 0]] = own.to_numpy(dtype=object)[row >= 0]
    return pd.Series(found, index=customers.index, dtype="object")


@cache
def _place(
    stated: str | None, region: str | None, country: str | None, prefix: str | None, *, otherwise: str | None
) -> Place:
    is_american = country in (FEDERAL, None)
    state = _state(region) if is_american else None
    of_number = number_zones(prefix)
    of_address = ZONES_OF_STATE.get(state or "", ())
    if stated in of_address:
        of_address = ()
    zones = dict.fromkeys([*([stated] if stated else []), *of_address, *of_number])
    if not zones and otherwise is not None:
        zones = {otherwise: None}
    rules = {FEDERAL} if is_american else set()
    rules |= {rule for rule in (state, number_state(prefix)) if rule is not None and rule in RULES}
    return Place(tuple(zones), tuple(sorted(rules)))


def _state(region: str | None) -> str | None:
    name = (region or "").strip().upper()
    return STATE_NAMES.get(name, name or None)


def number_zones(number: str | None) -> tuple[str, ...]:
    """Zones that an E.164 number, or its first digits, belongs to; none where it names no place."""
    digits = (number or "").removeprefix("+")
    for length in range(min(len(digits), _LONGEST), 0, -1):
        zones: Sequence[str] | None = TIMEZONE_DATA.get(digits[:length])
        if zones:
            usable = [zone for zone in zones if not zone.startswith("Etc/")]
            return tuple(usable) if len(usable) <= _SAYS_NOTHING else ()
    return ()


def number_state(number: str | None) -> str | None:
    """State of a number of the United States, where that state has a rule of its own."""
    return STATE_OF_AREA.get(number[2:5]) if number and number.startswith("+1") else None
