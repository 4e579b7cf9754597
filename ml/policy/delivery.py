"""Which creative and which slot, within the option that was chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.base import ANY_SLOT
from ml.configuration.policy import Policy
from ml.entities import CALLED, CHANNELS, Channel, Option
from ml.policy.places import Place, called_places
from ml.policy.send_windows import SendTimes, send_times
from ml.policy.zones import distinct_zones
from ml.signals.hours import hours_of

Draw = Callable[[str], np.ndarray]

TRIED_SHARE: Final = 0.1
"""Of the contacts whose slot is drawn evenly among those open: looks follow what was sent, so that slots that are never
used would seem never to be looked at."""


@dataclass(frozen=True, eq=False)
class Windows:
    """What is left of the day to send in, for N people.

    Attributes:
        zone: int [N], position of each person's zone.
        called_at: int [N], position of each person's place for calls and texts.
        times: Hand-over windows by channel in use, of the zones or, for calls and texts, of the places.
        looks: float [N, 24], share of the person's looks by local hour (`signals.hours`).
        from_at: datetime64[us] [N, 8] UTC, from when on caps allow each person and channel (`Eligibility.from_at`); from the
            start of the windows on without it.
    """

    zone: np.ndarray
    called_at: np.ndarray
    times: dict[Channel, SendTimes]
    looks: np.ndarray
    from_at: np.ndarray | None = None

    def row_of(self, channel: Channel) -> np.ndarray:
        """Row of each person in the channel's times, int [N]."""
        return self.called_at if channel in CALLED else self.zone

    def closes_at(self) -> np.ndarray:
        """Datetime64[us] [N, 8] UTC: the end of the last slot in which the channel reaches the person; NaT where none is left."""
        never = np.full(len(self.zone), np.datetime64("NaT", "us"))
        columns = [
            np.fmax.reduce(self.times[c].ends_at, axis=1)[self.row_of(c)] if c in self.times else never
            for c in CHANNELS
        ]
        return np.stack(columns, axis=1)

    def begins_at(self, channel: Channel, person: np.ndarray) -> np.ndarray:
        """Datetime64[us] [K, S] UTC: when a message may first go out in each slot; NaT where it can't any more.

        Args:
            channel: A channel in use.
            person: int [K].
        """
        times, place = self.times[channel], self.row_of(channel)[person]
        begins = times.send_at[place]
        if self.from_at is not None:
            begins = np.maximum(begins, self.from_at[person, CHANNELS.index(channel)][:, None])
        return np.where(begins < times.ends_at[place], begins, np.datetime64("NaT", "us"))


def windows(
    customers: pd.DataFrame,
    actions: Actions,
    policy: Policy,
    cycle_on: date,
    at: datetime,
    *,
    phones: pd.DataFrame | None = None,
) -> Windows:
    """The day's windows.

    Args:
        customers: `dim_customers` with time_zone, active_hours, region and country.
        actions: Slots and lead times.
        policy: Quiet hours and the workspace's zone, used where a person's isn't known.
        cycle_on: The cycle's day.
        at: The clock T, UTC.
        phones: `dim_recipients`: customer_id, phone; where a number belongs counts for calls and texts.
    """
    zone, zones = distinct_zones(customers["time_zone"], policy.time_zone)
    called_at, called = called_places(customers, phones, policy.time_zone)
    elsewhere = [Place((name,)) for name in zones]
    times = {
        channel: send_times(
            channel,
            called if channel in CALLED else elsewhere,
            actions=actions,
            policy=policy,
            cycle_on=cycle_on,
            at=at,
        )
        for channel in actions.channels
    }
    return Windows(zone, called_at, times, hours_of(customers).chance)


@dataclass(frozen=True, eq=False)
class Delivery:
    """Creative, slot and times of K contacts, with the probability of just these.

    Attributes:
        creative_id: object [K].
        slot: object [K].
        probability: float64 [K], of creative and slot given the option.
        send_at: datetime64[us] [K], UTC.
        expires_at: datetime64[us] [K], UTC.
    """

    creative_id: np.ndarray
    slot: np.ndarray
    probability: np.ndarray
    send_at: np.ndarray
    expires_at: np.ndarray


def deliver(  # noqa: PLR0917 - one contact, all that it needs
    person: np.ndarray,
    option: np.ndarray,
    options: Sequence[Option],
    actions: Actions,
    day: Windows,
    draw: Draw,
    shares: Mapping[str, float] | None = None,
) -> Delivery:
    """Choose creative and slot of each contact.

    A creative is drawn among the option's by its share, uniformly where none of them has one. The slot is the open one
    with the hour at which the person looks most, the first of equal ones; `TRIED_SHARE` of the contacts try one drawn
    evenly instead. A message goes out at the person's best hour within the slot.

    Args:
        person: int [K].
        option: int [K], positions in `options`.
        options: O options.
        actions: Creatives.
        day: The day's windows.
        draw: Uniform draws [K] by name of what is drawn.
        shares: Chances of creatives within their option, by creative id (`learning.creatives`).

    Raises:
        ValueError: A contact's channel has no window left: eligibility must have said so.
    """
    k = len(person)
    made = Delivery(
        np.empty(k, dtype=object),
        np.empty(k, dtype=object),
        np.ones(k),
        np.empty(k, dtype="datetime64[us]"),
        np.empty(k, dtype="datetime64[us]"),
    )
    for_creative, for_slot = draw("creative"), draw("slot")
    for o in np.unique(option):
        rows = np.flatnonzero(option == o)
        names = np.array(actions.creatives_of(options[o]), dtype=object)
        chance = _chances(names, shares or {})
        which = np.searchsorted(np.cumsum(chance)[:-1], for_creative[rows], side="right")
        made.creative_id[rows] = names[which]
        made.probability[rows] *= chance[which]
        _choose_slot(made, rows, person[rows], options[o].channel, day, for_slot[rows])
    return made


def _chances(names: np.ndarray, shares: Mapping[str, float]) -> np.ndarray:
    given = np.array([shares.get(name, 0.0) for name in names])
    return given / given.sum() if given.sum() > 0 else np.full(len(names), 1 / len(names))


def _choose_slot(  # noqa: PLR0917 - fills rows in place
    made: Delivery, rows: np.ndarray, person: np.ndarray, channel: Channel, day: Windows, draw: np.ndarray
) -> None:
    times, place = day.times[channel], day.row_of(channel)[person]
    begins = day.begins_at(channel, person)
    is_open = ~np.isnat(begins)
    if not is_open.any(axis=1).all():
        raise ValueError(
            f"{(~is_open.any(axis=1)).sum()} contacts have no send window left: leave them out before choosing"
        )
    best, due = _best_hours(times, place, day.looks[person], begins)
    favourite = np.where(is_open, best, -1.0).argmax(axis=1)
    count = is_open.sum(axis=1)
    rank = np.minimum((draw / TRIED_SHARE * count).astype(np.int64), count - 1)
    tried = np.argmax(np.cumsum(is_open, axis=1) == (rank + 1)[:, None], axis=1)
    slot = np.where(draw < TRIED_SHARE, tried, favourite)
    made.slot[rows] = np.array(times.slots, dtype=object)[slot]
    made.probability[rows] *= TRIED_SHARE / count + (1 - TRIED_SHARE) * (slot == favourite)
    made.send_at[rows] = due[np.arange(len(slot)), slot]
    made.expires_at[rows] = times.expires_at[place, slot]


def _best_hours(
    times: SendTimes, place: np.ndarray, looks: np.ndarray, begins: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of looks at the best hour left in each slot [K, S], and when a message for it is due, datetime64[us] [K, S].

    A channel without slots is handed over as soon as it may be: its hour was said not to matter.
    """
    best = np.zeros((len(place), len(times.slots)))
    due = begins.copy()
    if times.slots == (ANY_SLOT,):
        return best, due
    for slot in range(len(times.slots)):
        at = times.at_hours(place, np.full(len(place), slot), begins[:, slot])
        share = np.where(np.isnat(at), -1.0, looks)
        hour = share.argmax(axis=1)
        found = np.flatnonzero(share.max(axis=1) >= 0)  # a slot may be open for less than any of its hours
        best[found, slot] = share[found, hour[found]]
        due[found, slot] = at[found, hour[found]]
    return best, due
