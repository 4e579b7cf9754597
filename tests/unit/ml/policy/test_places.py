"""Where people may be, and that nothing rings there at an unlawful hour."""

import importlib
import pkgutil
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.configuration.actions import Actions
from ml.configuration.policy import Policy
from ml.policy.calling_hours import FEDERAL, RULES, STATE_OF_AREA, ZONES_OF_STATE
from ml.policy.places import Place, called_places, number_zones
from ml.policy.send_windows import send_times

NEW_YORK, CHICAGO, DENVER = "America/New_York", "America/Chicago", "America/Denver"
LOS_ANGELES = "America/Los_Angeles"
ACTIONS = Actions.model_validate({
    "channels": {"voice": {"cost": 1.0, "capacity_per_day": 1, "slots": ["any_hour"]}},
    "offers": {"none": {"cost_when_redeemed": 0}},
    "creatives": {"x": {"channel": "voice", "offer": "none", "template": "x.j2"}},
    "slots": {"any_hour": "00:00-24:00"},
})  # fmt: skip


def _place(*, otherwise=None, phone=None, **facts):
    customers = pd.DataFrame({"customer_id": ["c0"], "time_zone": None, "region": None, "country": "US"}).assign(
        **facts
    )
    phones = pd.DataFrame({"customer_id": ["c0"], "phone": [phone]})
    at, places = called_places(customers, phones, otherwise)
    return places[at[0]]


def window(place: Place, day: date, quiet: str = "21:00-08:00"):
    """First and last moment of a day's window in UTC; None where there is none."""
    policy = Policy.model_validate({"quiet_hours": {"default": quiet}})
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    times = send_times("voice", [place], actions=ACTIONS, policy=policy, cycle_on=day, at=at)
    if not times.is_open[0, 0]:
        return None
    return tuple(each.tolist()[0][0].replace(tzinfo=UTC) for each in (times.send_at, times.expires_at))


@pytest.mark.parametrize(
    ("facts", "zones", "rules"),
    [
        ({"time_zone": NEW_YORK}, (NEW_YORK,), (FEDERAL,)),
        ({"time_zone": NEW_YORK, "region": "FL"}, (NEW_YORK,), ("FL", FEDERAL)),  # the stated zone tells which of two
        ({"region": "Florida"}, (NEW_YORK, CHICAGO), ("FL", FEDERAL)),
        ({"time_zone": LOS_ANGELES, "phone": "+13055550100"}, (LOS_ANGELES, NEW_YORK), ("FL", FEDERAL)),
        ({"time_zone": NEW_YORK, "region": "TX"}, (NEW_YORK, CHICAGO, DENVER), ("TX", FEDERAL)),
        ({"phone": "+12082010000"}, (DENVER,), (FEDERAL,)),  # an exchange can say more than its area
        ({"country": "GB", "region": "FL", "phone": "+442079460000"}, ("Europe/London",), ()),
        ({"time_zone": "Mars/Base"}, (), (FEDERAL,)),
        ({"phone": "+18005550100"}, (), (FEDERAL,)),  # toll-free: no place
    ],
)
def test_every_zone_and_rule_that_address_and_number_point_to_counts(facts, zones, rules):
    assert _place(**facts) == Place(zones, tuple(sorted(rules)))


def test_of_whom_nothing_is_known_the_given_zone_is_taken():
    assert _place(otherwise=CHICAGO).zones == (CHICAGO,)


def test_area_codes_with_a_rule_are_those_of_their_states():
    states = {"FL": "Florida", "OK": "Oklahoma", "MD": "Maryland", "WA": "Washington State", "WY": "Wyoming"}
    states |= {"TX": "Texas", "KY": "Kentucky", "PA": "Pennsylvania", "ME": "Maine"}
    data, known = importlib.import_module("phonenumbers.geodata"), {}
    for part in pkgutil.iter_modules(data.__path__):
        if part.name.startswith("data"):
            found = importlib.import_module(f"phonenumbers.geodata.{part.name}").data
            known |= {
                key[1:]: words["en"]
                for key, words in found.items()
                if len(key) == 4 and key[0] == "1" and "en" in words
            }
    theirs = {
        area: state
        for area, words in known.items()
        for state, name in states.items()
        if words == name or words.endswith(f", {state}")
    }
    assert len(theirs) > 80
    assert theirs == {area: state for area, state in STATE_OF_AREA.items() if area != "713"}, (
        "it has no name for 713, Houston"
    )


def test_every_state_lies_in_real_zones_and_there_are_fifty_and_the_capital():
    assert len(ZONES_OF_STATE) == 51
    assert {zone for zones in ZONES_OF_STATE.values() for zone in zones} <= available_timezones()


@given(
    zones=st.lists(
        st.sampled_from(sorted({z for zones in ZONES_OF_STATE.values() for z in zones})),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    rules=st.sets(st.sampled_from(sorted(RULES)), max_size=3),
    day=st.dates(date(2024, 2, 25), date(2027, 3, 20)),
    quiet=st.sampled_from(["21:00-08:00", "none", "12:00-14:00", "18:00-24:00"]),
)
@settings(max_examples=120, deadline=None)
def test_at_every_moment_of_a_window_every_zone_is_awake_and_every_rule_holds(zones, rules, day, quiet):
    place = Place(tuple(zones), tuple(sorted(rules)))
    found = window(place, day, quiet)
    if found is None:
        return
    first, last = found
    silent = Policy.model_validate({"quiet_hours": {"default": quiet}}).quiet_hours.of("voice")
    for share in (0, 0.3, 0.6, 0.999999):
        for zone in zones:
            local = (first + (last - first) * share).astimezone(ZoneInfo(zone))
            minute = local.hour * 60 + local.minute
            for rule in rules:
                lawful = RULES[rule].on(local.date())
                assert lawful is not None
                assert lawful[0] <= minute < lawful[1]
            if silent:
                begins, ends = (m.hour * 60 + m.minute for m in silent)
                ends = ends or 24 * 60
                assert not (begins <= minute < ends if begins < ends else minute >= begins or minute < ends)


@pytest.mark.parametrize("number", ["+442079460000", "+4930901820", "+61236618300"])
def test_a_number_abroad_has_its_countrys_zone(number):
    assert number_zones(number)


@pytest.mark.slow
def test_two_hundred_thousand_people_are_placed_in_seconds():
    n, rng = 200_000, np.random.default_rng(1)
    ids = np.array([f"c{i}" for i in range(n)])
    area = rng.choice(["+1212", "+1305", "+1713", "+1206"], n)
    phones = pd.DataFrame(
        {"customer_id": ids, "phone": [f"{a}{x:07d}" for a, x in zip(area, rng.integers(2e6, 1e7, n), strict=True)]}
    )
    customers = pd.DataFrame(
        {"customer_id": ids, "time_zone": NEW_YORK, "country": "US", "region": rng.choice(["NY", "FL", "TX"], n)}
    )
    started = time.process_time()
    _, places = called_places(customers, phones)
    assert time.process_time() - started < 5
    assert len(places) <= 12
