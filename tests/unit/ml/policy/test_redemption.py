"""What an offer costs: also the purchases that come anyway while it can be redeemed."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.actions import Actions
from ml.configuration.policy import FrequencyCap
from ml.entities import Option
from ml.policy.frequency import all_contacts, most_a_day
from ml.policy.in_hand import InHand, Spans, in_hand
from ml.policy.offers import expected_redemptions, offer_prices, saved_discounts
from ml.response.redemption import Redemption
from ml.response.scores import Scores

OPTIONS = (Option("email", "none"), Option("email", "ten_off"))
TERMS = {
    "channels": {"email": {"cost": 0.1, "capacity_per_day": 10}},
    "creatives": {"plain": {"channel": "email", "offer": "none", "template": "plain.html.j2"}},
    "slots": {},
}


def actions(valid_days: int | None, **more: dict) -> Actions:
    offers = {"none": {"cost_when_redeemed": 0}, "ten_off": {"cost_when_redeemed": 10, "valid_days": valid_days}}
    return Actions.model_validate(TERMS | {"offers": offers | more})


@pytest.fixture
def scores() -> Scores:
    """A regular buyer whom a contact hardly moves, one who would not come, and one whom it puts off."""
    baseline = np.array([0.10, 0.0, 0.02], dtype=np.float32)
    uplift = np.array([[0.0, 0.01], [0.0, 0.01], [0.0, -0.01]], dtype=np.float32)
    propensity, amount = baseline[:, None] + uplift, np.ones(3, dtype=np.float32)
    shares = (Redemption(0.0, 0.0), Redemption(0.2, 0.8))
    return Scores(
        np.arange(3),
        OPTIONS,
        baseline,
        uplift,
        uplift,
        propensity,
        amount,
        shares,
        np.ones_like(uplift),
        np.zeros_like(amount),
        {},
    )


def test_an_offer_that_outlives_the_horizon_is_paid_on_what_people_buy_anyway_until_it_ends(scores):
    cost = expected_redemptions(scores, actions(21), 7) * offer_prices(OPTIONS, actions(21))
    assert cost[:, 0] == pytest.approx([0, 0, 0])
    # a fifth of what comes anyway in 21 days, and four fifths of what is caused in 7; who is put off redeems nothing for it
    assert cost[:, 1] == pytest.approx([10 * (0.2 * 0.3 + 0.8 * 0.01), 10 * 0.8 * 0.01, 10 * 0.2 * 0.06], abs=1e-6)


@pytest.mark.parametrize(("valid_days", "share"), [(None, 1.0), (7, 1.0), (2, 2 / 7)])
def test_what_comes_anyway_redeems_an_offer_only_while_it_is_valid(scores, valid_days, share):
    found = expected_redemptions(scores, actions(valid_days), 7)
    assert found[:, 1] == pytest.approx([0.02 * share + 0.8 * 0.01, 0.8 * 0.01, 0.2 * 0.02 * share], abs=1e-7)


def sent(*rows: tuple[str, str, str]) -> pd.DataFrame:
    columns = ["customer_id", "offer_id", "sent_at"]
    return all_contacts(
        pd.DataFrame(rows, columns=columns).assign(
            channel="email", message_id=None, sent_at=lambda all_: pd.to_datetime(all_["sent_at"])
        )
    )


def spans(begun: int | list[int], left: int = 300, most_a_day: float = 3.0) -> Spans:
    return Spans(np.broadcast_to(np.array(begun), 4), np.full(4, left), most_a_day)


PEOPLE = pd.Series(["a", "b", "c", "d"])


def test_an_offer_is_held_from_its_last_contact_until_it_ends():
    contacts = sent(
        ("a", "ten_off", "2026-01-01 09:00"), ("a", "ten_off", "2026-01-08 23:00"), ("b", "none", "2026-01-09 09:00"),
        ("c", "ten_off", "2025-12-01 09:00"), ("stranger", "ten_off", "2026-01-09 09:00"),
        ("d", "ten_off", "2026-01-12 09:00"), ("d", "an old offer", "2026-01-09 09:00"),
    )  # fmt: skip

    def held(contacts: pd.DataFrame, valid_days: int | None, zone: str) -> InHand:
        on = date(2026, 1, 10)
        return in_hand(PEOPLE, contacts, actions(valid_days), 7, spans=spans(300), on=on, time_zone=zone)

    # a's last one left on the 9th there; what is planned ahead can't be held for longer than it lasts
    assert held(contacts, 21, "Europe/Berlin").days.tolist() == [[0, 20], [0, 0], [0, 0], [0, 21]]
    of_the_horizon = held(contacts, None, "Europe/Berlin").days
    assert of_the_horizon.tolist() == [[0, 6], [0, 0], [0, 0], [0, 7]]
    assert not held(sent(), 21, "UTC").days.any()
    assert not held(sent(), 21, "UTC").rate.any()


def rates(*rows: tuple[str, str, str], begun: int | list[int], most_a_day: float = 3.0) -> list[float]:
    asked = spans(begun, most_a_day=most_a_day)
    found = in_hand(PEOPLE, sent(*rows), actions(21), 7, spans=asked, on=date(2026, 1, 31), time_zone="UTC")
    return found.rate.tolist()


def test_a_persons_rate_is_drawn_towards_that_of_all_by_a_week_of_contacts():
    each_day = [("a", "ten_off", f"2026-01-{day} 09:00") for day in range(17, 31)]
    mean = 14 / (4 * 14)
    found = rates(*each_day, begun=14)
    assert found == pytest.approx([(14 + 7 * mean) / 21, *[7 * mean / 21] * 3])
    assert rates(*each_day, begun=14, most_a_day=0.4) == pytest.approx([0.4, *[7 * mean / 21] * 3])


def test_contacts_count_since_the_persons_objectives_began_and_until_yesterday():
    rows = [("a", "none", "2026-01-10 09:00"), ("b", "none", "2026-01-09 09:00"), ("a", "none", "2026-01-31 09:00")]
    mean = 1 / (21 + 21 + 2 + 0)
    found = rates(*rows, begun=[40, 21, 2, 0])  # nobody's contacts count for longer than an offer lasts: b's is too old
    assert found == pytest.approx([(1 + 7 * mean) / 28, 7 * mean / 28, 7 * mean / 9, 0.0])


def test_an_offer_is_made_as_often_again_as_it_was_to_who_held_one():
    before = [("a", "none", f"2026-01-{day} 09:00") for day in (16, 18)]
    held = [
        ("a", "ten_off", "2026-01-20 09:00"),
        ("a", "none", "2026-01-22 09:00"),
        ("a", "ten_off", "2026-01-24 09:00"),
    ]
    ahead = [("a", "ten_off", "2026-01-31 20:00")]
    plain = [("b", "none", f"2026-01-{day} 09:00") for day in (20, 22, 24)]
    # of two contacts with who held one, one made it again; what is planned for today isn't known to happen
    assert sum(rates(*before, *held, *plain, *ahead, begun=21)) == pytest.approx(0.5 * 8 / 21)
    assert sum(rates(*plain, begun=21)) == pytest.approx(3 / 21)  # nobody held one: as often as there are contacts


def test_contacts_of_others_alone_say_nothing_as_in_a_re_optimization_of_who_still_waits():
    assert rates(("stranger", "ten_off", "2026-01-30 09:00"), begun=21) == [0.0] * 4


def test_people_are_contacted_while_an_objective_is_pursued_whose_audience_they_are_in():
    objectives = [
        SimpleNamespace(starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 31)),
        SimpleNamespace(starts_on=date(2026, 1, 21), ends_on=date(2026, 3, 2)),
    ]
    arm = np.array([[0, -1], [-1, 2], [3, 0], [-1, -1]])
    found = Spans.of(arm, objectives, date(2026, 1, 31), 1.0)
    assert found.begun.tolist() == [30, 10, 30, 0]
    assert found.left.tolist() == [0, 30, 30, 0]


@pytest.mark.parametrize(("contacts", "most"), [(1, 3 / 7), (2, 3 / 7)])
def test_caps_of_all_channels_bound_how_often_a_person_is_contacted(contacts, most):
    caps = [FrequencyCap(channels="all", max=3, days=7), FrequencyCap(channels=["sms"], max=1, days=30)]
    assert most_a_day(contacts, caps) == pytest.approx(most)
    assert most_a_day(contacts, caps[1:]) == contacts


def always_buying(options: tuple[Option, ...]) -> Scores:
    """One person who buys once a horizon and redeems whatever there is; contacts move nothing."""
    one, each = np.ones(1, dtype=np.float32), np.zeros((1, len(options)), dtype=np.float32)
    shares = (Redemption(0.0, 0.0), *(Redemption(1.0, 1.0) for _ in options[1:]))
    return Scores(np.arange(1), options, one, each, each, each + 1, one, shares, each + 1, one * 0, {})


def holding(days: list[list[float]], rate: float = 0.0, to_come: float = 365.0) -> InHand:
    held = np.array(days, dtype=np.float32)
    return InHand(held, *(np.full(len(held), each, dtype=np.float32) for each in (rate, to_come)))


def test_who_holds_an_offer_redeems_it_anyway_so_only_the_days_added_cost(scores):
    found = expected_redemptions(scores, actions(21), 7, holding([[0, 14], [0, 14], [0, 0]]))[:, 1]
    assert found == pytest.approx([0.2 * 0.1 + 0.8 * 0.01, 0.8 * 0.01, 0.2 * 0.06], abs=1e-6)


@given(st.floats(0.04, 1.0), st.integers(1, 40), st.integers(0, 60))
def test_the_first_offer_is_held_against_the_mean_of_those_that_follow_and_these_against_what_they_add(
    rate, valid_days, to_come
):
    """The first one finds nobody holding it; each later one comes as many days after as the contacts lie apart."""
    count, apart = 1 + rate * min(valid_days, to_come), min(1 / rate, valid_days)
    first, later = (
        7 * float(expected_redemptions(always_buying(OPTIONS), actions(valid_days), 7, hand)[0, 1])
        for hand in (holding([[0, held]], rate, to_come) for held in (0.0, valid_days - apart))
    )
    assert later == pytest.approx(apart, rel=1e-4)
    # days of them all: those between the contacts, and those that the last one adds
    assert count * first == pytest.approx((count - 1) * apart + valid_days, rel=1e-4)


def test_of_two_offers_in_hand_a_purchase_redeems_the_dearer_one():
    known = actions(21, shipping={"cost_when_redeemed": 6, "valid_days": 21})
    options = (*OPTIONS, Option("email", "shipping"))
    likely = always_buying(options)
    dearer, cheaper = (expected_redemptions(likely, known, 7, holding([held]))[0] for held in ([0, 14, 0], [0, 0, 14]))
    assert dearer[1:] == pytest.approx([1.0, 1.0])  # a week more of it, and a week in which the other one is over
    assert cheaper[1:] == pytest.approx([(21 - 14 * 0.6) / 7, 1.0])  # on what is held already it costs the difference
    both = expected_redemptions(likely, known, 7, holding([[0, 10, 20]]))[0, 1:]
    assert both == pytest.approx([(21 - 10 - 10 * 0.6) / 7, 1 / 7])  # each covers the days on which it's the dearest


def test_who_is_contacted_often_is_charged_with_less_of_an_offer_unless_no_contact_is_to_come(scores):
    rare, often, last = (
        expected_redemptions(scores, actions(21), 7, holding([[0, 0]] * 3, rate, to_come))[0, 1]
        for rate, to_come in ((0.0, 365), (1 / 3, 365), (1 / 3, 0))
    )
    assert rare == pytest.approx(0.2 * 0.3 + 0.8 * 0.01, abs=1e-6)
    assert often == pytest.approx(0.2 * 0.1 * (3 + 18 / 8) / 7 + 0.8 * 0.01, abs=1e-6)
    assert last == pytest.approx(rare)


def test_an_offer_that_is_seldom_looked_at_is_seldom_redeemed_on_what_comes_anyway(scores):
    seldom = replace(scores, exposure=np.full_like(scores.exposure, 0.25))
    often, rare = (expected_redemptions(each, actions(21), 7)[:, 1] for each in (scores, seldom))
    caused = 0.8 * np.maximum(scores.uplift[:, 1], 0)
    assert rare - caused == pytest.approx(0.25 * (often - caused), abs=1e-8)


def test_who_redeems_an_offer_is_saved_the_share_of_their_usual_discount_that_it_replaces(scores):
    known = replace(
        scores,
        redemption=(Redemption(0.0, 0.0), Redemption(0.2, 0.8, replaces=0.5)),
        usual_discount=np.array([0.0, 4.0, 30.0], dtype=np.float32),
    )
    assert saved_discounts(known).tolist() == [[0, 0], [0, 2], [0, 15]]


def test_what_comes_anyway_redeems_an_offer_at_most_once_a_sale(scores):
    always = replace(scores, exposure=np.full_like(scores.exposure, 100.0))
    assert (expected_redemptions(always, actions(7), 7)[:, 1] <= scores.baseline + 0.8 * 0.01 + 1e-6).all()
