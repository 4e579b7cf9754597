"""When the law lets a person be called or texted: the federal hours of the United States, and stricter states.

47 CFR 64.1200(c)(1): 8:00 to 21:00 at the called party's location; states may be stricter. An engineering reading that needs
a lawyer's review; a rule that changes is a line of `RULES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

SATURDAY, SUNDAY = 5, 6
FEDERAL: Final = "US"


@dataclass(frozen=True)
class LawfulHours:
    """Minutes of the local day in which calls and texts are lawful.

    Attributes:
        start: First minute.
        end: Minute from which on they aren't any more.
        sunday_start: First minute of a Sunday, where it is a later one.
        no_sundays_from: Day from which on Sundays are closed.
        no_weekends: Whether Saturdays and Sundays are closed.
    """

    start: int = 8 * 60
    end: int = 21 * 60
    sunday_start: int | None = None
    no_sundays_from: date | None = None
    no_weekends: bool = False

    def on(self, day: date) -> tuple[int, int] | None:
        """Minutes of a local day from which and up to which it is lawful; None on a closed day."""
        weekday = day.weekday()
        if self.no_weekends and weekday in (SATURDAY, SUNDAY):
            return None
        if weekday != SUNDAY:
            return self.start, self.end
        if self.no_sundays_from is not None and day >= self.no_sundays_from:
            return None
        return self.start if self.sunday_start is None else self.sunday_start, self.end


_UNTIL_EIGHT: Final = LawfulHours(end=20 * 60)
RULES: Final[Mapping[str, LawfulHours]] = MappingProxyType({
    FEDERAL: LawfulHours(),
    **dict.fromkeys(("FL", "OK", "MD", "WA", "WY"), _UNTIL_EIGHT),
    "TX": LawfulHours(sunday_start=12 * 60),
    "KY": LawfulHours(start=10 * 60),
    "PA": LawfulHours(no_sundays_from=date(2026, 10, 18)),
    "ME": LawfulHours(start=9 * 60, end=17 * 60, no_weekends=True),
})  # fmt: skip

STATE_NAMES: Final[Mapping[str, str]] = MappingProxyType({
    "FLORIDA": "FL", "OKLAHOMA": "OK", "MARYLAND": "MD", "WASHINGTON": "WA", "WYOMING": "WY", "TEXAS": "TX",
    "KENTUCKY": "KY", "PENNSYLVANIA": "PA", "MAINE": "ME",
})  # fmt: skip

_AREA_CODES: Final[Mapping[str, str]] = MappingProxyType({
    "FL": "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954",
    "OK": "405 539 572 580 918",
    "MD": "227 240 301 410 443 667",
    "WA": "206 253 360 425 509 564",
    "WY": "307",
    "TX": "210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972 979",
    "KY": "270 364 502 606 859",
    "PA": "215 223 267 272 412 445 484 570 582 610 717 724 814 835 878",
    "ME": "207",
})  # fmt: skip
STATE_OF_AREA: Final[Mapping[str, str]] = MappingProxyType(
    {area: state for state, areas in _AREA_CODES.items() for area in areas.split()}
)
"""State of a telephone area code, for the states that have a rule of their own."""

_ZONES: Final[Mapping[str, str]] = MappingProxyType({
    "New_York": "CT DE DC GA ME MD MA NH NJ NY NC OH PA RI SC VT VA WV",
    "New_York Chicago": "FL IN KY MI TN",
    "Chicago": "AL AR IL IA LA MN MS MO OK WI",
    "Chicago Denver": "KS NE ND SD TX",
    "Denver": "CO MT NM UT WY",
    "Denver Los_Angeles": "ID OR NV",
    "Phoenix Denver": "AZ",
    "Los_Angeles": "CA WA",
    "Anchorage Adak": "AK",
})  # fmt: skip
ZONES_OF_STATE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        state: tuple(f"America/{name}" for name in names.split())
        for names, states in _ZONES.items()
        for state in states.split()
    }
    | {"HI": ("Pacific/Honolulu",)}
)
"""Every zone that a state of the United States lies in."""
