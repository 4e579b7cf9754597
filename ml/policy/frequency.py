"""How often people were contacted lately, against the caps."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.policy import FrequencyCap, Policy
from ml.entities import AUDIENCES, CHANNELS
from ml.policy.lookup import positions, text


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


def contacts_left(
    contacts: pd.DataFrame, rows: np.ndarray, n: int, caps: Sequence[FrequencyCap], earliest_at: datetime
) -> np.ndarray:
    """How many more contacts the caps allow each person by channel, int16 [N, 8].

    A cap of `max` in `days` holds in every window of that length, so for the earliest moment at which something may be
    sent all of the `days` before it count, and whatever is planned ahead.

    Args:
        contacts: Contacts as `all_contacts` gives them.
        rows: Position of each contact's customer, int [len(contacts)]; -1 where it isn't among the N.
        n: Number of customers.
        caps: The caps.
        earliest_at: Earliest moment of sending, UTC.
    """
    left = np.full((n, len(CHANNELS)), np.iinfo(np.int16).max, dtype=np.int16)
    sent_at = pd.to_datetime(contacts["sent_at"], utc=True)
    channel = positions(text(contacts["channel"]), text(CHANNELS))
    for cap in caps:
        covered = np.array([cap.covers(c) for c in CHANNELS])
        counts = (rows >= 0) & (channel >= 0) & (sent_at > earliest_at - timedelta(days=cap.days)).to_numpy()
        counts &= covered[channel]
        used = np.bincount(rows[counts], minlength=n).astype(np.int64)
        remaining = np.clip(cap.max - used, 0, np.iinfo(np.int16).max).astype(np.int16)
        left[:, covered] = np.minimum(left[:, covered], remaining[:, None])
    return left
