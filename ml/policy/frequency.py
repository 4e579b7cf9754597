"""How often people were contacted lately, against the caps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.policy import FrequencyCap, Policy
from ml.entities import AUDIENCES, CHANNELS
from ml.policy.lookup import positions, text

NEVER: Final = np.datetime64("9999-12-31", "us")


def all_contacts(*sources: pd.DataFrame) -> pd.DataFrame:
    """Contacts of several sources, each once.

    A message that was handed over is in the ledger at once and in the touches later: `message_id` tells that it's one.

    Args:
        sources: Frames with customer_id, channel, offer_id, sent_at (UTC; planned ones lie ahead), message_id (may be missing).
    """
    columns = ["customer_id", "channel", "offer_id", "sent_at", "message_id"]
    present = [source[columns] for source in sources if len(source)]
    if not present:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in columns})
    together = pd.concat(present, ignore_index=True)
    return together[together["message_id"].isna() | ~together["message_id"].duplicated()]


def memberships(actions: Actions) -> tuple[FrequencyCap, ...]:
    """An ad audience as a cap: who is in it isn't added again, since that buys no advertisement that wouldn't have been shown.

    Who was taken out early waits as long.
    """
    return tuple(
        FrequencyCap(channels=[name], max=1, days=terms.audience_days)
        for name, terms in actions.channels.items()
        if name in AUDIENCES
    )


def most_a_day(contacts: int, caps: Sequence[FrequencyCap]) -> float:
    """Most contacts of a person a day in the long run, over all channels, of whom a cycle contacts so many times."""
    return min([float(contacts), *(cap.max / cap.days for cap in caps if cap.channels == "all")])


def contact_caps(policy: Policy, actions: Actions) -> tuple[FrequencyCap, ...]:
    """All that caps how often a person is contacted: the policy's caps, and memberships of audiences."""
    return (*policy.frequency_caps, *memberships(actions))


def naive(at: datetime) -> np.datetime64:
    """A moment as frames hold it: UTC, to the microsecond."""
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


@dataclass(frozen=True, eq=False)
class Left:
    """What frequency caps still allow N people.

    Attributes:
        count: int16 [N, 8], contacts by channel at the earliest moment of sending.
        from_at: datetime64[us] [N, 8] UTC, from when on at least one is allowed: that moment, or later where a window of a
            cap is full until then; `NEVER` where a cap allows none.
    """

    count: np.ndarray
    from_at: np.ndarray


def contacts_left(
    contacts: pd.DataFrame, rows: np.ndarray, n: int, caps: Sequence[FrequencyCap], earliest_at: datetime
) -> Left:
    """How many more contacts the caps allow each person by channel, and from when on there is one.

    A cap of `max` in `days` holds in every window of that length, so at any moment all of the `days` before it count, and
    whatever is planned ahead. The next contact is allowed once the `max`-th latest is `days` old: who is contacted as often as
    allowed is contacted later each time, by as long as a due message waits for its hand-over.

    Args:
        contacts: Contacts as `all_contacts` gives them.
        rows: Position of each contact's customer, int [len(contacts)]; -1 where it isn't among the N.
        n: Number of customers.
        caps: The caps.
        earliest_at: Earliest moment of sending, UTC.
    """
    shape, begin = (n, len(CHANNELS)), naive(earliest_at)
    count, from_at = np.full(shape, np.iinfo(np.int16).max, dtype=np.int16), np.full(shape, begin)
    sent_at = pd.to_datetime(contacts["sent_at"], utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    channel = positions(text(contacts["channel"]), text(CHANNELS))
    for cap in caps:
        covered, days = np.array([cap.covers(c) for c in CHANNELS]), np.timedelta64(cap.days, "D")
        counts = np.flatnonzero((rows >= 0) & (channel >= 0) & (sent_at > begin - days) & covered[channel])
        used = np.bincount(rows[counts], minlength=n).astype(np.int64)
        remaining = np.clip(cap.max - used, 0, np.iinfo(np.int16).max).astype(np.int16)
        count[:, covered] = np.minimum(count[:, covered], remaining[:, None])
        full = counts[remaining[rows[counts]] == 0]
        free = np.where(remaining > 0, begin, NEVER)
        if cap.max:
            newest = full[np.lexsort((-sent_at[full].astype(np.int64), rows[full]))]
            person, first = np.unique(rows[newest], return_index=True)
            free[person] = sent_at[newest[first + cap.max - 1]] + days
        from_at[:, covered] = np.maximum(from_at[:, covered], free[:, None])
    return Left(count, from_at)
