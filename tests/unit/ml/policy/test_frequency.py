"""From when on a full cap allows the next contact, in every window of its length."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.policy import FrequencyCap
from ml.entities import CHANNELS
from ml.policy.frequency import NEVER, contacts_left

AT = datetime(2026, 1, 5, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHANNEL = st.sampled_from(["email", "sms", "voice"])
SENT = st.tuples(CHANNEL, st.integers(-24 * 20, 12))
"""A contact: its channel, and hours from the earliest moment of sending on."""
CAP = st.builds(
    FrequencyCap,
    channels=st.one_of(st.just("all"), st.lists(CHANNEL, min_size=1, max_size=2, unique=True)),
    max=st.integers(1, 3),
    days=st.integers(1, 14),
)


def _left(sent, caps, people=1):
    frame = pd.DataFrame({"channel": [c for c, _ in sent], "sent_at": [AT + h * HOUR for _, h in sent]})
    return contacts_left(frame, np.zeros(len(sent), dtype=np.int64), people, caps, AT)


def _allows(sent, caps, channel, at):
    return all(
        sum(cap.covers(c) and AT + h * HOUR > at - timedelta(days=cap.days) for c, h in sent) < cap.max
        for cap in caps
        if cap.covers(channel)
    )


@given(st.lists(SENT, max_size=12), st.lists(CAP, min_size=1, max_size=3), CHANNEL)
def test_the_next_contact_is_allowed_from_that_moment_on_and_an_hour_before_it_is_not(sent, caps, channel):
    found = _left(sent, caps).from_at[0, CHANNELS.index(channel)].astype(datetime).replace(tzinfo=UTC)
    assert found >= AT
    assert _allows(sent, caps, channel, found)
    assert found == AT or not _allows(sent, caps, channel, found - HOUR)


@given(st.lists(SENT, max_size=12), st.lists(CAP, min_size=1, max_size=3))
def test_one_is_left_now_exactly_where_none_has_to_wait(sent, caps):
    left = _left(sent, caps)
    assert ((left.count > 0) == (left.from_at == np.datetime64(AT.replace(tzinfo=None)))).all()


def test_people_without_contacts_wait_for_nothing():
    left = _left([("email", -1)], [FrequencyCap(channels="all", max=1, days=7)], people=2)
    assert left.from_at[0, 0] == np.datetime64("2026-01-12T04:00")
    assert left.count.tolist()[1] == [1] * len(CHANNELS)
    assert (left.from_at[1] == np.datetime64("2026-01-05T05:00")).all()


def test_a_cap_of_none_is_never_over():
    left = _left([("email", -1)], [FrequencyCap(channels=["email"], max=0, days=7)])
    assert left.from_at[0, CHANNELS.index("email")] == NEVER
