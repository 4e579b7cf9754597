"""Which creative and which slot, within the option that was chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.policy import Policy
from ml.entities import CALLED, CHANNELS, Channel, Option
from ml.policy.places import Place, called_places
from ml.policy.send_windows import SendTimes, send_times
from ml.policy.zones import distinct_zones

Draw = Callable[[str], np.ndarray]


@dataclass(frozen=True, eq=False)
class Windows:
    """What is left of the day to send in, for N people.

    Attributes:
        zone: int [N], position of each person's zone.
        called_at: int [N], position of each person's place for calls and texts.
        times: Hand-over windows by channel in use, of the zones or, for calls and texts, of the places.
        preferred_hour: float [N], local hour at which the person looks; NaN where unknown.
    """

    zone: np.ndarray
    called_at: np.ndarray
    times: dict[Channel, SendTimes]
    preferred_hour: np.ndarray

    def row_of(self, channel: Channel) -> np.ndarray:
        """Row of each person in the channel's times, int [N]."""
        return self.called_at if channel in CALLED else self.zone

    def is_open(self) -> np.ndarray:
        """Bool [N, 8]: whether any slot of the channel is left for the person."""
        closed = np.zeros(len(self.zone), dtype=bool)
        columns = [
            np.any(self.times[c].is_open, axis=1, keepdims=True)[self.row_of(c), 0] if c in self.times else closed
            for c in CHANNELS
        ]
        return np.stack(columns, axis=1)


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
        customers: `dim_customers` with time_zone, preferred_hour, region and country.
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
    return Windows(zone, called_at, times, customers["preferred_hour"].to_numpy(dtype=float, na_value=np.nan))


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
    with the person's preferred hour, else drawn uniformly among those open.

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
    times, zone = day.times[channel], day.row_of(channel)[person]
    is_open = times.is_open[zone]
    if not is_open.any(axis=1).all():
        raise ValueError(
            f"{(~is_open.any(axis=1)).sum()} contacts have no send window left: leave them out before choosing"
        )
    hour = day.preferred_hour[person]
    at_hour = times.hours[:, np.nan_to_num(hour, nan=0).astype(np.int64) % 24].T & ~np.isnan(hour)[:, None] & is_open
    usable = np.where(at_hour.any(axis=1, keepdims=True), at_hour, is_open)
    count = usable.sum(axis=1)
    rank = np.minimum((draw * count).astype(np.int64), count - 1)
    slot = np.argmax(np.cumsum(usable, axis=1) == (rank + 1)[:, None], axis=1)
    made.slot[rows] = np.array(times.slots, dtype=object)[slot]
    made.probability[rows] /= count
    made.send_at[rows] = times.send_at[zone, slot]
    made.expires_at[rows] = times.expires_at[zone, slot]
