"""What a contact makes possible: worked by hand, bounded, and nothing where nothing is known."""

import numpy as np
import pandas as pd
import pytest

from ml.configuration.journeys import Journeys
from ml.configuration.policy import FrequencyCap
from ml.entities import NONE, Option
from ml.journeys.follow_up import Chances, Looking
from ml.journeys.path import expected_paths
from ml.journeys.signals import SIGNALS, Conversation

OPTIONS = (Option("email", "ten_off"), Option("direct_mail", NONE), Option("voice", "ten_off"))
EMAIL, MAIL, CALL = range(3)


def deltas(**named: float) -> np.ndarray:
    return np.array([named.get(name, 0.0) for name in SIGNALS])


def looking(terms: Journeys, scan_chance: float = 0.05, caps: tuple[FrequencyCap, ...] = (), **named: float) -> Looking:
    return Looking(OPTIONS, terms, deltas(**named), scan_chance, caps)


def chances(effect: list[float], cost: list[float], people: int = 1) -> Chances:
    return Chances(
        np.tile(np.float32(effect), (people, 1)),
        np.tile(np.float32(cost), (people, 1)),
        np.ones((people, 3), dtype=bool),
    )


def nobody_contacted(terms: Journeys, people: int = 1) -> Conversation:
    return Conversation.of(pd.DataFrame(index=range(people)), terms)


def test_a_mailer_is_worth_what_a_scan_makes_of_the_call_after_it():
    terms = Journeys(discount_per_day=0.0)
    own = chances([0.0, 0.0, 1.0], [9, 9, 1.1])  # a call loses a tenth now, and wins 1.9 after a scan
    ahead = looking(terms, call_after_scan=2.0).ahead(nobody_contacted(terms), own, deltas())
    assert ahead.value[0] == pytest.approx([0, 0.05 * 1.9, 0], abs=1e-6)
    assert expected_paths(ahead, OPTIONS, np.array([0]), np.array([MAIL])).tolist() == [
        "direct_mail:none → scan (5.0%) → voice:ten_off after 10 days; else nothing more"
    ]


def test_an_offer_by_mail_is_worth_what_it_adds_to_the_call_that_repeats_it():
    terms = Journeys(discount_per_day=0.0)
    own = chances([0.0, 0.0, 2.0], [9, 9, 1.0])
    ahead = looking(terms, offer_repeated=0.5).ahead(nobody_contacted(terms), own, deltas())
    assert ahead.value[0] == pytest.approx([1.0, 0, 0], abs=1e-6)  # (2 * 1.5 - 1) - (2 - 1)
    assert expected_paths(ahead, OPTIONS, np.array([0]), np.array([EMAIL])).tolist() == [
        "email:ten_off → voice:ten_off after 3 days"
    ]


def test_wearing_somebody_out_costs_what_the_next_contact_loses():
    terms = Journeys(discount_per_day=0.0)
    own = chances([0.0, 0.0, 2.0], [9, 9, 1.0])
    ahead = looking(terms, wear=-0.2).ahead(nobody_contacted(terms), own, deltas())
    later = 2.0 * (1 - 0.2 * np.exp(-10 / 7)) - 1.0
    assert ahead.value[0] == pytest.approx([later - 1.0] * 3, abs=1e-6)


def test_who_is_never_worth_a_follow_up_has_no_value_to_go_and_no_path():
    terms = Journeys()
    own = chances([0.1, 0.1, 0.1], [9, 9, 9])
    ahead = looking(terms, call_after_scan=2.0, offer_repeated=0.5, wear=-0.2).ahead(
        nobody_contacted(terms), own, deltas()
    )
    assert not ahead.value.any()
    assert expected_paths(ahead, OPTIONS, np.array([0]), np.array([CALL])).tolist() == [""]


def test_a_channel_that_may_be_used_once_does_not_follow_up_itself():
    terms = Journeys(discount_per_day=0.0)
    own = chances([0.0, 0.0, 2.0], [9, 9, 1.0])
    cap = FrequencyCap(channels=["voice"], max=1, days=30)
    ahead = looking(terms, caps=(cap,), offer_repeated=0.5).ahead(nobody_contacted(terms), own, deltas())
    assert ahead.value[0, CALL] == pytest.approx(-1.0)  # the call to come is given up
    assert ahead.value[0, EMAIL] == pytest.approx(1.0)


def test_what_todays_state_adds_to_an_effect_is_taken_out_before_later_ones_are_valued():
    terms = Journeys(discount_per_day=0.0)
    customers = pd.DataFrame({"days_since_last_scan": [1.0], "wear": [0.0]})
    now = Conversation.of(customers, terms)
    own = chances([0.0, 0.0, 3.0], [9, 9, 1.0])  # of which the scan has made two thirds
    known = looking(terms, call_after_scan=2.0).ahead(now, own, deltas(call_after_scan=2.0))
    assert known.value[0] == pytest.approx([0, 0, 0], abs=1e-6)  # scanned already: a mailer adds nothing


def test_an_objection_that_stays_changes_a_later_contact_as_it_changes_this_one():
    terms = Journeys(discount_per_day=0.0)
    customers = pd.DataFrame({"last_objection": ["no_need"], "wear": [0.0]})
    own, no_need = chances([0.0, 0.0, 2.0], [9, 9, 1.0]), {"no_need": -0.5}
    ahead = looking(terms, offer_repeated=0.5, **no_need).ahead(
        Conversation.of(customers, terms), own, deltas(**no_need)
    )
    # At rest the call causes 4: repeated 4 * (1 - 0.5 + 0.5) - 1 against 4 * 0.5 - 1.
    assert ahead.value[0, EMAIL] == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_continuation_is_never_worth_more_than_the_best_follow_up(seed):
    rng, terms = np.random.default_rng(seed), Journeys()
    people = 200
    effect = rng.gamma(1, 1, (people, 3)).astype(np.float32)
    own = Chances(effect, rng.gamma(1, 1, (people, 3)).astype(np.float32), rng.random((people, 3)) < 0.8)
    found = looking(terms, call_after_scan=2.0, offer_repeated=0.5, wear=-0.1).ahead(
        nobody_contacted(terms, people), own, deltas()
    )
    best = np.maximum((effect * 3.5 - own.cost) * own.allowed, 0).max(axis=1)
    assert (found.value <= best[:, None] + 1e-5).all()
    assert (found.value >= -np.maximum((effect - own.cost) * own.allowed, 0).max(axis=1)[:, None] - 1e-5).all()
