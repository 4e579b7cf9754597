"""A state is read from the view's columns, and what of it matters depends on the contact that comes next."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.journeys import Journeys
from ml.entities import CHANNELS
from ml.journeys.signals import LEAST_FACTOR, MOST_FACTOR, SIGNALS, Conversation, Kind, offer_code

TEN, SHIPPING = offer_code("ten_off"), offer_code("free_shipping")
VOICE, EMAIL, MAIL = (CHANNELS.index(name) for name in ("voice", "email", "direct_mail"))


def found(conversation, kind):
    rows = conversation.signals(kind)
    return [{name for k, name in enumerate(SIGNALS) if row[k] > 0} - {"wear"} for row in rows]


def test_a_scan_matters_for_a_call_and_an_offer_for_another_channel_that_repeats_it(customers, terms):
    now = Conversation.of(customers, terms)
    assert found(now, Kind(VOICE, TEN))[1] == {"call_after_scan", "offer_repeated", "price_with_offer"}
    assert found(now, Kind(VOICE, 0))[1] == {"call_after_scan", "price_without_offer"}
    assert found(now, Kind(MAIL, TEN))[1] == {"price_with_offer"}
    assert found(now, Kind(VOICE, SHIPPING))[1] == {
        "call_after_scan",
        "price_with_offer",
    }  # another offer repeats nothing
    assert found(now, Kind(EMAIL, TEN))[2] == set()  # its offer is over


def test_who_had_no_time_is_told_apart_by_when_the_last_contact_was(customers, terms):
    now = Conversation.of(customers, terms)
    assert found(now, Kind(EMAIL, 0))[3] == {"timing_too_soon"}
    assert found(now.after(10, terms), Kind(EMAIL, 0))[3] == {"timing_rested"}
    assert found(now.after(3, terms), Kind(EMAIL, 0))[3] == {"timing_too_soon"}


def test_a_view_without_the_columns_tells_nothing(customers, terms):
    now = Conversation.of(customers[["customer_id"]], terms)
    assert not now.signals(Kind(VOICE, TEN)).any()


def test_a_contact_leaves_its_offer_its_channel_and_its_wear(customers, terms):
    later = Conversation.of(customers, terms).after(3, terms, Kind(EMAIL, TEN))
    assert (later.offer == TEN).all()
    assert (later.last_channel == EMAIL).all()
    assert later.wear[0] == pytest.approx(np.exp(-3 / 7))
    assert not later.is_rested.any()
    assert Conversation.of(customers, terms).after(3, terms, Kind(EMAIL, 0)).offer.tolist() == [0, TEN, 0, 0, 0]


@given(st.lists(st.floats(-20, 20), min_size=len(SIGNALS), max_size=len(SIGNALS)))
def test_no_signals_turn_an_effect_round_or_blow_it_up(deltas):
    now = Conversation.of(
        pd.DataFrame({"days_since_last_scan": [1.0], "wear": [2.0], "last_objection": ["trust"]}), Journeys()
    )
    times = now.factor(Kind(VOICE, TEN), np.array(deltas))
    assert ((times >= np.float32(LEAST_FACTOR)) & (times <= np.float32(MOST_FACTOR))).all()


def test_a_factor_is_one_and_the_deltas_of_the_signals(customers, terms):
    now, rng = Conversation.of(customers, terms), np.random.default_rng(1)
    for kind in (Kind(VOICE, TEN), Kind(MAIL, 0), Kind(EMAIL, TEN)):
        deltas = rng.normal(0, 0.1, len(SIGNALS))
        assert now.factor(kind, deltas) == pytest.approx(1 + now.signals(kind) @ deltas, abs=1e-5)


def test_a_factor_that_is_no_factor_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"assumed\.trust: a factor lies between 0 and 10"):
        Journeys(assumed={"trust": -0.5})
    with pytest.raises(ValueError, match="follow_up_days must rise"):
        Journeys(follow_up_days=[10, 3])
