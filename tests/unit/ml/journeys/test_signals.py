"""A state is read from the view's columns, and what of it matters depends on the contact that comes next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.journeys import Journeys
from ml.entities import CHANNELS, Option
from ml.journeys.signals import LEAST_FACTOR, MOST_FACTOR, SIGNALS, Conversation, Kind, factor, kinds_of

VOICE, EMAIL, MAIL = (CHANNELS.index(name) for name in ("voice", "email", "direct_mail"))


def found(conversation, kind):
    rows = conversation.signals(kind)
    return [{name for k, name in enumerate(SIGNALS) if row[k] > 0} - {"wear"} for row in rows]


def test_a_scan_matters_for_a_call_and_an_offer_for_another_channel_that_repeats_it(customers, terms):
    now = Conversation.of(customers, terms)
    assert found(now, Kind(VOICE, has_offer=True))[1] == {"call_after_scan", "offer_repeated", "price_with_offer"}
    assert found(now, Kind(VOICE, has_offer=False))[1] == {"call_after_scan", "price_without_offer"}
    assert found(now, Kind(MAIL, has_offer=True))[1] == {"price_with_offer"}
    assert found(now, Kind(EMAIL, has_offer=True))[2] == set()  # its offer is over


def test_who_had_no_time_is_told_apart_by_when_the_last_contact_was(customers, terms):
    now = Conversation.of(customers, terms)
    assert found(now, Kind(EMAIL, has_offer=False))[3] == {"timing_too_soon"}
    assert found(now.after(10, terms), Kind(EMAIL, has_offer=False))[3] == {"timing_rested"}
    assert found(now.after(3, terms), Kind(EMAIL, has_offer=False))[3] == {"timing_too_soon"}


def test_a_view_without_the_columns_tells_nothing(customers, terms):
    now = Conversation.of(customers[["customer_id"]], terms)
    assert not now.signals(Kind(VOICE, has_offer=True)).any()


def test_a_contact_leaves_its_offer_its_channel_and_its_wear(customers, terms):
    later = Conversation.of(customers, terms).after(3, terms, Kind(EMAIL, has_offer=True))
    assert later.is_offered.all()
    assert (later.last_channel == EMAIL).all()
    assert later.wear[0] == pytest.approx(np.exp(-3 / 7))
    assert not later.is_rested.any()
    assert not Conversation.of(customers, terms).after(3, terms, Kind(EMAIL, has_offer=False)).is_offered[[0, 2]].any()


def test_options_of_one_channel_with_any_offer_are_one_kind():
    kinds, of = kinds_of([Option("email", "none"), Option("email", "ten_off"), Option("email", "free_shipping")])
    assert kinds == (Kind(EMAIL, has_offer=False), Kind(EMAIL, has_offer=True))
    assert of.tolist() == [0, 1, 1]


@given(st.lists(st.floats(-20, 20), min_size=len(SIGNALS), max_size=len(SIGNALS)))
def test_no_signals_turn_an_effect_round_or_blow_it_up(deltas):
    times = factor(np.ones((3, len(SIGNALS)), np.float32), np.array(deltas))
    assert ((times >= np.float32(LEAST_FACTOR)) & (times <= np.float32(MOST_FACTOR))).all()


def test_a_factor_that_is_no_factor_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"assumed\.trust: a factor lies between 0 and 10"):
        Journeys(assumed={"trust": -0.5})
    with pytest.raises(ValueError, match="follow_up_days must rise"):
        Journeys(follow_up_days=[10, 3])
