"""What the hour is worth: the law's factor of the hour at which a message goes out, by how the slot is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.signals.known import Known
from benchmarks.signals.lived import Lived, day_of
from market.effects import closeness
from ml.configuration import Configuration
from ml.entities import CHANNELS, Channel
from ml.policy.delivery import Windows, windows
from ml.policy.send_windows import SendTimes

BEGINS = time(5)


@dataclass(frozen=True)
class Slots:
    """A channel's people, and by rule the mean of what their hour makes of the effect: 1 is a middling hour."""

    channel: Channel
    people: int
    factor: Mapping[str, float]


def worth_of_slots(lived: Lived, known: Known, configuration: Configuration) -> list[Slots]:
    """The mean factor of the hour over the people allowed each channel with slots, for a cycle that begins at five.

    Rules: the first slot open; a slot drawn evenly; the slot of the hour with most looks (`preferred_hour`), drawn where
    that is in none; the learned hours, at the slot's first hour and at the person's own within it; the best hour of
    any slot, which only the market knows.
    """
    on, policy = day_of(lived.day), configuration.policy
    at = datetime.combine(on, BEGINS, ZoneInfo(policy.time_zone)).astimezone(UTC)
    day = windows(known.customers, configuration.actions, policy, on, at)
    found = []
    for channel, times in day.times.items():
        strength = lived.world.law.channels[channel].slot
        if not strength or len(times.slots) == 1:
            continue
        able = lived.state.may_contact[known.person, CHANNELS.index(channel)]
        rows = np.flatnonzero(able & times.is_open[day.row_of(channel)].any(axis=1))
        found.append(Slots(channel, len(rows), _by_rule(lived, known, day, channel, rows, strength)))
    return found


def _by_rule(  # noqa: PLR0917 - one channel, all that its hours need
    lived: Lived, known: Known, day: Windows, channel: Channel, rows: np.ndarray, strength: float
) -> dict[str, float]:
    times, place, person = day.times[channel], day.row_of(channel)[rows], known.person[rows]
    is_open, looks = times.is_open[place], day.looks[rows]
    hours = np.stack(
        [times.at_hours(place, np.full(len(rows), s), times.send_at[place, s]) for s in range(len(times.slots))], axis=1
    )
    share = np.where(np.isnat(hours), -1.0, looks[:, None, :])
    best = share.max(axis=2)
    everyone, slot = np.arange(len(rows)), np.where(is_open, best, -1.0).argmax(axis=1)
    rng = np.random.default_rng(1)
    sent = {
        "first open": times.send_at[place, is_open.argmax(axis=1)],
        "drawn": times.send_at[place, _drawn(is_open, rng)],
        "most looks": times.send_at[place, _most_looks(known, rows, times, is_open, rng)],
        "learned slot": times.send_at[place, slot],
        "learned hour": hours[everyone, slot, share[everyone, slot].argmax(axis=1)],
    }
    factors = {name: _factor(lived, person, when, strength).mean() for name, when in sent.items()}
    any_hour = hours.reshape(len(rows), -1)
    every = [_factor(lived, person, any_hour[:, h], strength) for h in range(any_hour.shape[1])]
    return {name: float(value) for name, value in factors.items()} | {"best": float(np.nanmax(every, axis=0).mean())}


def _factor(lived: Lived, person: np.ndarray, when: np.ndarray, strength: float) -> np.ndarray:
    """The law's factor [n] of a message at a moment; NaN where there is none."""
    known = ~np.isnat(when)
    found = np.full(len(when), np.nan)
    if not known.any():
        return found
    sent = when[known].astype("datetime64[ms]").astype(np.int64)
    found[known] = np.exp(strength * (closeness(lived.world, person[known], sent) - 0.5))
    return found


def _drawn(usable: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rank = (rng.random(len(usable)) * usable.sum(axis=1)).astype(np.int64)
    return np.asarray(np.argmax(np.cumsum(usable, axis=1) == (rank + 1)[:, None], axis=1))


def _most_looks(
    known: Known, rows: np.ndarray, times: SendTimes, is_open: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    hour = known.customers["preferred_hour"].to_numpy(dtype=float, na_value=np.nan)[rows]
    has_hour = times.hours[:, np.nan_to_num(hour).astype(np.int64)].T & ~np.isnan(hour)[:, None] & is_open
    return _drawn(np.where(has_hour.any(axis=1, keepdims=True), has_hour, is_open), rng)
