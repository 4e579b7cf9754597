"""When a message may be handed over: the slot in the recipient's local time, less quiet hours and lead time, in UTC.

Calls and texts also keep the law's hours (`calling_hours`), and all of it in every zone that the person may be in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from ml.configuration.actions import Actions
from ml.configuration.base import ANY_SLOT, Window
from ml.configuration.policy import Policy
from ml.entities import Channel
from ml.policy.calling_hours import RULES
from ml.policy.places import Place

_DAY = Window(time(0), time(0))
_MINUTES: Final = 24 * 60
_HOUR: Final = np.timedelta64(1, "h")

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class SendTimes:
    """Hand-over windows of Z places and S slots of a channel.

    Attributes:
        slots: Names of the slots.
        hours: Local hours of each slot, bool [S, 24].
        send_at: datetime64[us] [Z, S] UTC, when the message is due; NaT where no window is left.
        ends_at: datetime64[us] [Z, S] UTC, the slot's own end: nothing is made due after it.
        expires_at: datetime64[us] [Z, S] UTC, after which it isn't sent any more: the day's end, or its quiet hours.
        midnight: datetime64[us] [Z, S] UTC, when the slot's local day begins, less the lead time.
    """

    slots: tuple[str, ...]
    hours: np.ndarray
    send_at: np.ndarray
    ends_at: np.ndarray
    expires_at: np.ndarray
    midnight: np.ndarray

    @property
    def is_open(self) -> np.ndarray:
        """Bool [Z, S]: whether a window is left."""
        return np.asarray(~np.isnat(self.send_at))

    def at_hours(self, place: np.ndarray, slot: np.ndarray, from_at: np.ndarray) -> np.ndarray:
        """When a message is due that should come at a local hour of a slot, datetime64[us] [K, 24].

        An hour that has begun is due now; NaT for one that is over, not the slot's, or quiet.

        Args:
            place: int [K], rows of the places.
            slot: int [K].
            from_at: datetime64[us] [K] UTC, when the slot begins for each: `send_at`, or later.
        """
        begins = self.midnight[place, slot][:, None] + np.arange(24) * _HOUR
        due = np.maximum(begins, from_at[:, None])
        is_left = self.hours[slot] & (due < begins + _HOUR) & (due < self.expires_at[place, slot][:, None])
        return np.where(is_left, due, np.datetime64("NaT", "us"))


def send_times(
    channel: Channel, places: Sequence[Place], *, actions: Actions, policy: Policy, cycle_on: date, at: datetime
) -> SendTimes:
    """Windows of a channel's slots on a cycle's day, for each distinct place.

    A channel with slots reaches the person within the slot, so its lead time moves the hand-over ahead; where that
    falls before the day begins, the slot of the first later day that can be reached is meant. A channel without slots
    is handed over at any hour of the day that isn't quiet.

    Args:
        channel: The channel.
        places: Z distinct places; a slot is in the local time of a place's first zone.
        actions: Slots and lead times.
        policy: Quiet hours.
        cycle_on: The cycle's day; each recipient's own day of that date is meant.
        at: The clock T, UTC: nothing is due before it.
    """
    terms, quiet = actions.channels[channel], policy.quiet_hours.of(channel)
    slots = actions.slots_of(channel)
    windows = [_DAY if slot == ANY_SLOT else Window.parse(actions.slots[slot]) for slot in slots]
    leads = [timedelta() if slot == ANY_SLOT else timedelta(hours=terms.lead_time_hours) for slot in slots]
    table = np.full((4, len(places), len(slots)), np.datetime64("NaT", "us"))
    for z, place in enumerate(places):
        for s, (window, lead) in enumerate(zip(windows, leads, strict=True)):
            stretch = _next_stretch(place, window, quiet, lead, cycle_on, at)
            if stretch:
                midnight = datetime.combine(_slot_day(window, lead, cycle_on), time(0), ZoneInfo(place.zones[0]))
                moments = (*stretch, midnight.astimezone(UTC) - lead)
                table[:, z, s] = [np.datetime64(moment.replace(tzinfo=None), "us") for moment in moments]
    return SendTimes(tuple(slots), np.stack([_hours(window) for window in windows]), *table)


def _slot_day(window: Window, lead: timedelta, cycle_on: date) -> date:
    """The first local day on which a slot can be reached: the cycle's, or a later one with a lead time."""
    start = timedelta(minutes=_minutes(window)[0])
    return cycle_on + timedelta(days=max(0, math.ceil((lead - start) / timedelta(days=1))))


def slot_hours(actions: Actions) -> dict[str, dict[str, np.ndarray]]:
    """By channel with slots, the local hours of each, bool [24]."""
    return {
        channel: {slot: _hours(Window.parse(actions.slots[slot])) for slot in terms.slots}
        for channel, terms in actions.channels.items()
        if terms.slots
    }


def _next_stretch(  # noqa: PLR0917 - one local day, all that bounds it
    place: Place, window: Window, quiet: Window | None, lead: timedelta, cycle_on: date, at: datetime
) -> tuple[datetime, datetime, datetime] | None:
    """When the next part of a slot begins, ends, and what is due in it expires; None where none is left."""
    if not place.zones:
        return None
    zone, (start, end) = ZoneInfo(place.zones[0]), _minutes(window)
    day = _slot_day(window, lead, cycle_on)
    for first, last in _loud(start, end, quiet):
        stretch = _in_utc(zone, day, first, last)
        if not stretch:
            continue
        for begins, ends in _everywhere((stretch[0], _until(zone, day, first, quiet, stretch)), place, quiet, day):
            usable = min(ends, stretch[1])
            if begins < usable and usable - lead > at:
                return max(begins - lead, at), usable - lead, ends - lead
    return None


def _everywhere(stretch: Stretch, place: Place, quiet: Window | None, day: date) -> list[Stretch]:
    """The parts of a stretch that are outside quiet hours in every zone of a place, and lawful in each by every rule."""
    parts = [stretch]
    for name in place.zones:
        for rule in (None, *place.rules):
            if rule is not None or name != place.zones[0]:
                parts = [
                    (max(begins, first), min(ends, last))
                    for begins, ends in parts
                    for first, last in _allowed(name, rule, quiet, day)
                    if max(begins, first) < min(ends, last)
                ]
    return parts


@lru_cache(maxsize=4096)
def _allowed(zone: str, rule: str | None, quiet: Window | None, day: date) -> tuple[Stretch, ...]:
    """What a rule, or without one the quiet hours, leave of the days around a day in a zone, in UTC."""
    stretches: list[Stretch] = []
    for each in (day - timedelta(days=1), day, day + timedelta(days=1)):
        lawful = RULES[rule].on(each) if rule is not None else None
        for first, last in _loud(0, _MINUTES, quiet) if rule is None else [lawful] if lawful else []:
            stretch = _in_utc(ZoneInfo(zone), each, first, last)
            if stretch and stretches and stretches[-1][1] >= stretch[0]:
                stretches[-1] = (stretches[-1][0], stretch[1])
            elif stretch:
                stretches.append(stretch)
    return tuple(stretches)


def _until(zone: ZoneInfo, day: date, first: int, quiet: Window | None, stretch: Stretch) -> datetime:
    """The latest moment of the same day: a slot says when a message should reach the person, the law when it may not.

    A hand-over that comes late within the day is worth more than none; in quiet hours or on another day it isn't allowed.
    """
    loud = next(end for begin, end in _loud(first, _MINUTES, quiet) if begin == first)
    longest = _in_utc(zone, day, first, loud)
    return longest[1] if longest else stretch[1]


def _minutes(window: Window) -> tuple[int, int]:
    """Minutes of the day at which the window starts and ends; an end at midnight is the day's last."""
    start, end = (moment.hour * 60 + moment.minute for moment in window)
    return start, end or _MINUTES


def _loud(start: int, end: int, quiet: Window | None) -> list[tuple[int, int]]:
    """The stretches of a window that are outside quiet hours, which may go over midnight."""
    if quiet is None:
        return [(start, end)]
    begins, ends = _minutes(quiet)
    silent = [(begins, ends)] if begins < ends else [(0, ends), (begins, _MINUTES)]
    stretches = [(start, end)]
    for first, last in silent:
        parts = [part for s, e in stretches for part in ((s, min(e, first)), (max(s, last), e))]
        stretches = [(s, e) for s, e in parts if s < e]
    return stretches


def _in_utc(zone: ZoneInfo, day: date, start: int, end: int) -> Stretch | None:
    """The stretch in UTC; where a clock change makes a local time ambiguous or skips it, the narrower reading."""

    def readings(minutes: int) -> list[datetime]:
        local = datetime.combine(day, time(0)) + timedelta(minutes=minutes)
        return [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]

    begins, ends = max(readings(start)), min(readings(end))
    return (begins, ends) if begins < ends else None


def _hours(window: Window) -> np.ndarray:
    start, end = _minutes(window)
    begins = np.arange(24) * 60
    return np.asarray((begins + 60 > start) & (begins < end))
