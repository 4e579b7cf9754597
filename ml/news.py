"""What came in during the day, and whether it changes a decision that is still open.

An event matters when a decision would have been another one had it been known in the morning:

- it ends something: a purchase, an unsubscribe, a complaint, a failed address. The open message to that person is pointless
  or no longer allowed, and its money can go elsewhere;
- it begins something: a reply, an answered call, a click, a visit. Interest is a feature; the person is scored again.

Deliveries, opens and calls that nobody answered confirm what was expected and change no value: they wait for the next cycle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

ENDS: Final = frozenset({"converted", "unsubscribed", "complained", "bounced", "failed"})
BEGINS: Final = frozenset({"replied", "answered", "clicked", "visited"})

_FEATURES: Final = {
    "clicked": (
        "days_since_last_email_click",
        ("email_click_7d_count", "email_click_30d_count", "email_click_90d_count", "email_click_365d_count"),
    ),
    "visited": (
        "days_since_last_web_visit",
        ("web_visit_7d_count", "web_visit_30d_count", "web_visit_90d_count", "web_visit_365d_count"),
    ),
    "answered": ("days_since_last_call", ("call_7d_count", "call_30d_count", "call_90d_count", "call_365d_count")),
}


@dataclass(frozen=True)
class News:
    """What of a batch of events matters.

    Attributes:
        ended: Customers whose open message is pointless or no longer allowed.
        begun: Customers to be scored again, with what they did: customer_id, event_type.
        failing: Channels that failed for most of at least 20 messages: nothing more is planned on them today.
        events: What each of these customers did, by customer; of several events, one that ends something.
    """

    ended: frozenset[str]
    begun: pd.DataFrame
    failing: frozenset[str]
    events: Mapping[str, str] = field(default_factory=dict)

    @property
    def matters(self) -> bool:
        """Whether anything calls for another look."""
        return bool(self.ended or len(self.begun) or self.failing)

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if not self.matters:
            return "nothing that came in changes an open decision"
        parts = [
            f"{len(self.ended):,} people bought or left",
            f"{self.begun['customer_id'].nunique():,} showed interest",
        ]
        return ", ".join(parts) + (f"; {', '.join(sorted(self.failing))} fails" if self.failing else "")


FAILING_SHARE: Final = 0.5
FAILING_MESSAGES: Final = 20


def news_of(events: pd.DataFrame, handed_over: Mapping[str, int]) -> News:
    """Sort a batch of events.

    Args:
        events: customer_id (missing where unmatched), event_type, channel.
        handed_over: Messages that left today, by channel: a slow channel's first failures aren't most of it.
    """
    known = events[events["customer_id"].notna()]
    ended = frozenset(known.loc[known["event_type"].isin(ENDS), "customer_id"])
    begun = known.loc[
        known["event_type"].isin(BEGINS) & ~known["customer_id"].isin(ended), ["customer_id", "event_type"]
    ]
    failures = known.loc[known["event_type"].isin(["failed", "bounced"]), "channel"].value_counts()
    failing = frozenset(
        str(channel)
        for channel, count in failures.items()
        if count >= FAILING_MESSAGES and count > FAILING_SHARE * handed_over.get(str(channel), 0)
    )
    ending = known.loc[known["event_type"].isin(ENDS), ["customer_id", "event_type"]]
    told = pd.concat([begun, ending]).drop_duplicates("customer_id", keep="last")
    done = dict(zip(told["customer_id"].astype(str), told["event_type"].astype(str), strict=True))
    return News(ended, begun.reset_index(drop=True), failing, done)


def refreshed(customers: pd.DataFrame, begun: pd.DataFrame) -> pd.DataFrame:
    """The rows of people who showed interest, with their features as they're now.

    Args:
        customers: `dim_customers` as of the morning.
        begun: customer_id, event_type.

    Returns:
        Their rows only, in the order of `customers`; recency 0 and counts raised by what they did.
    """
    rows = customers[customers["customer_id"].isin(begun["customer_id"])].copy()
    for event_type, (recency, windows) in _FEATURES.items():
        counts = begun.loc[begun["event_type"] == event_type, "customer_id"].value_counts()
        more = counts.reindex(rows["customer_id"], fill_value=0).to_numpy(dtype=np.int64)
        did = more > 0
        rows.loc[did, recency] = 0
        for window in windows:
            rows[window] = rows[window].to_numpy() + more
    return rows
