from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.configuration.actions import Actions
from ml.configuration.policy import Policy
from ml.policy.places import Place
from ml.policy.send_windows import send_times
from ml.policy.zones import distinct_zones, is_known_zone

NEW_YORK, HONOLULU, KOLKATA, LORD_HOWE = "America/New_York", "Pacific/Honolulu", "Asia/Kolkata", "Australia/Lord_Howe"
MIDNIGHT = datetime(2026, 1, 5, 5, tzinfo=UTC)


def _actions(channel="sms", window="08:00-11:00", lead=0.0, slots=("a",)):
    return Actions.model_validate(
        {
            "channels": {channel: {"cost": 0.0, "capacity_per_day": 1, "lead_time_hours": lead, "slots": list(slots)}},
            "offers": {"none": {"cost_when_redeemed": 0}},
            "creatives": {"x": {"channel": channel, "offer": "none", "template": "x.j2"}},
            "slots": {"a": window},
        }
    )


def _times(zones, *, quiet="21:00-08:00", day=date(2026, 1, 5), at=MIDNIGHT, channel="sms", **actions):
    policy = Policy.model_validate({"quiet_hours": {"default": quiet}})
    places = [Place((zone,)) for zone in zones]
    return send_times(channel, places, actions=_actions(channel, **actions), policy=policy, cycle_on=day, at=at)


def _utc(text):
    return np.datetime64(text, "us")


def test_a_slot_is_in_the_recipients_local_time():
    times = _times([NEW_YORK, HONOLULU, KOLKATA])
    due = ["2026-01-05T13:00", "2026-01-05T18:00", "2026-01-05T05:00"]
    assert times.send_at[:, 0].tolist() == [_utc(moment).tolist() for moment in due]
    assert times.expires_at[2, 0] == _utc("2026-01-05T15:30"), "quiet hours end the day"


def test_a_slot_that_has_begun_is_due_now_and_one_that_is_over_is_dropped():
    begun = _times([NEW_YORK], at=datetime(2026, 1, 5, 14, tzinfo=UTC))
    assert begun.send_at[0, 0] == _utc("2026-01-05T14:00")
    assert begun.expires_at[0, 0] == _utc("2026-01-06T02:00")
    over = _times([NEW_YORK], at=datetime(2026, 1, 5, 16, tzinfo=UTC))
    assert not over.is_open.any()


def test_quiet_hours_are_cut_out_of_a_slot():
    times = _times([NEW_YORK], window="07:00-22:00")
    assert (times.send_at[0, 0], times.expires_at[0, 0]) == (_utc("2026-01-05T13:00"), _utc("2026-01-06T02:00"))
    midday = _times([NEW_YORK], window="11:00-15:00", quiet="12:00-14:00", at=datetime(2026, 1, 5, 17, 30, tzinfo=UTC))
    assert (midday.send_at[0, 0], midday.expires_at[0, 0]) == (_utc("2026-01-05T19:00"), _utc("2026-01-06T05:00"))
    assert not _times([NEW_YORK], window="06:00-07:00").is_open.any()


def test_a_channel_without_slots_goes_at_any_hour_that_is_not_quiet():
    mail = _times([NEW_YORK], channel="direct_mail", slots=(), lead=72.0)
    assert (mail.send_at[0, 0], mail.expires_at[0, 0]) == (_utc("2026-01-05T13:00"), _utc("2026-01-06T02:00"))
    web = _times([NEW_YORK], channel="web", slots=(), quiet="none")
    assert (web.send_at[0, 0], web.expires_at[0, 0]) == (_utc("2026-01-05T05:00"), _utc("2026-01-06T05:00"))


@pytest.mark.parametrize(
    ("lead", "due"), [(2.0, "2026-01-05T11:00"), (8.0, "2026-01-05T05:00"), (9.0, "2026-01-06T04:00")]
)
def test_lead_time_moves_the_hand_over_ahead_within_the_day(lead, due):
    assert _times([NEW_YORK], lead=lead).send_at[0, 0] == _utc(due)


def test_hours_that_a_clock_change_skips_or_repeats_are_read_narrowly():
    spring, autumn = date(2026, 3, 8), date(2026, 11, 1)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    skipped = _times([NEW_YORK], quiet="none", day=spring, at=at, window="02:30-05:00")
    assert skipped.send_at[0, 0] == _utc("2026-03-08T07:30")
    repeated = _times([NEW_YORK], quiet="none", day=autumn, at=at, window="01:30-05:00")
    assert repeated.send_at[0, 0] == _utc("2026-11-01T06:30")
    until = _times([NEW_YORK], quiet="01:30-03:00", day=autumn, at=at, window="00:15-01:30")
    assert until.expires_at[0, 0] == _utc("2026-11-01T05:30")


@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
    day=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    quiet=st.sampled_from(["21:00-08:00", "20:30-09:15", "12:00-14:00", "00:00-10:00", "18:00-24:00"]),
    window=st.sampled_from(["08:00-11:00", "00:00-24:00", "17:00-20:00", "01:30-03:30"]),
    shift=st.integers(-30, 40),
)
@settings(max_examples=150, deadline=None)
def test_no_moment_of_a_window_is_in_quiet_hours_or_outside_the_slot(zone, day, quiet, window, shift):
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=shift)
    times = _times([zone], quiet=quiet, window=window, day=day, at=at)
    if not times.is_open.any():
        return
    policy = Policy.model_validate({"quiet_hours": {"default": quiet}})
    silent = policy.quiet_hours.of("sms")
    first, last = (t.tolist()[0][0].replace(tzinfo=UTC) for t in (times.send_at, times.expires_at))
    assert at <= first < last
    for share in (0, 0.25, 0.5, 0.75, 0.999999):
        local = (first + (last - first) * share).astimezone(ZoneInfo(zone))
        clock = local.time().replace(microsecond=0)
        is_silent = (
            silent.start <= clock < silent.end
            if silent.start < silent.end
            else clock >= silent.start or clock < silent.end
        )
        assert not is_silent, local
        assert local.date() == day


@given(
    st.sampled_from([NEW_YORK, HONOLULU, KOLKATA, LORD_HOWE]),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.floats(0, 24),
)
@settings(max_examples=60, deadline=None)
def test_the_hours_of_a_slot_are_within_it_from_now_on(zone, day, shift):
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=shift)
    times = _times([zone], window="17:30-22:00", day=day, at=at)
    due = times.at_hours(np.zeros(1, dtype=int), np.zeros(1, dtype=int), times.send_at[0, :1])[0]
    assert (~np.isnat(due)).any() <= times.is_open[0, 0]
    for hour in np.flatnonzero(~np.isnat(due)):
        moment = due[hour].tolist().replace(tzinfo=UTC)
        assert at <= moment
        assert times.send_at[0, 0] <= due[hour] < times.expires_at[0, 0]
        local = moment.astimezone(ZoneInfo(zone))
        assert abs(local.hour - hour) <= (local.utcoffset() != (local - timedelta(days=1)).utcoffset())


def test_an_hour_that_has_begun_is_due_now_and_one_before_it_not_at_all():
    times = _times([NEW_YORK], at=datetime(2026, 1, 5, 14, 20, tzinfo=UTC))  # 9:20 in a slot from eight to eleven
    due = times.at_hours(np.zeros(1, dtype=int), np.zeros(1, dtype=int), times.send_at[0, :1])[0]
    assert np.flatnonzero(~np.isnat(due)).tolist() == [9, 10]
    assert (due[9], due[10]) == (_utc("2026-01-05T14:20"), _utc("2026-01-05T15:00"))


def test_an_unknown_zone_takes_the_workspaces():
    zones = pd.Series(["Asia/Kolkata", None, "Mars/Base", "UTC"], dtype="str")
    assert is_known_zone(zones).tolist() == [True, False, False, True]
    codes, distinct = distinct_zones(zones, NEW_YORK)
    assert [distinct[c] for c in codes] == ["Asia/Kolkata", NEW_YORK, NEW_YORK, "UTC"]


def test_hours_of_a_slot_are_those_it_touches():
    assert np.flatnonzero(_times([NEW_YORK], window="08:30-11:00").hours[0]).tolist() == [8, 9, 10]
    assert _times([LORD_HOWE], channel="web", slots=()).hours.all()
