"""A whole decision counts what contacts make possible, says so, and leaves it out where nothing supports it."""

from dataclasses import replace

import numpy as np
import pytest

from ml.configuration import Configuration
from ml.decision import decide
from ml.journeys.factors import Factor, Factors
from ml.journeys.model import JourneyModel, Scans
from ml.journeys.signals import SIGNALS
from tests.unit.ml.known_people import MOMENT, configuration_of, known_people, room_for

PEOPLE = 3_000


def model(deviation: float) -> JourneyModel:
    known = {"call_after_scan": 2.0, "offer_repeated": 0.5}
    factors = tuple(Factor(name, known.get(name, 0.0), deviation, 1.0, 1.0, deviation, 0, 0) for name in SIGNALS)
    return JourneyModel(Factors(factors), Factors(factors), Scans(10_000, 500), {})


def counting(configuration: Configuration) -> Configuration:
    journeys = configuration.policy.journeys.model_copy(update={"value_to_go": True})
    policy = configuration.policy.model_copy(update={"journeys": journeys})
    return Configuration(**{**vars(configuration), "policy": policy})


def decided(journeys=None, *, first=False):
    configuration = counting(configuration_of(0.0))
    known = known_people(PEOPLE, configuration)
    plain = decide(MOMENT, known, configuration, room_for(PEOPLE, configuration), threads=1)
    if first and journeys is None:
        return plain
    known = replace(known, journeys=journeys, contact_prices={} if first else plain.contact_prices)
    return decide(MOMENT, known, configuration, room_for(PEOPLE, configuration), threads=1)


@pytest.fixture(scope="module")
def ahead():
    return decided(model(0.01))


def test_a_contact_counts_for_what_it_makes_possible_in_value_and_in_words(ahead):
    rows = ahead.plan.decisions.query("channel != 'none'")
    counted = rows[rows["value_to_go"] > 0.01]
    assert len(counted) > 100
    assert counted["expected_path"].str.contains(" → ").all()
    table = ahead.table
    person = np.array([int(name[1:]) for name in rows["customer_id"]])
    names = {str(option): o for o, option in enumerate(table.options)}
    option = (rows["channel"] + ":" + rows["offer_id"]).map(names).to_numpy()
    spent = (table.offer_cost + table.wear_cost + table.contact_cost)[person, option]
    response = rows["uplift"] * rows["unit_value"] - spent
    assert np.allclose(rows["net_value"], response + rows["value_to_go"], atol=1e-4)
    assert "value_to_go" in rows["alternatives"].iloc[0]


def test_who_is_left_alone_is_led_nowhere(ahead):
    rest = ahead.plan.decisions.query("channel == 'none'")
    assert (rest["value_to_go"] == 0).all()
    assert (rest["expected_path"] == "").all()


@pytest.mark.parametrize("journeys", [None, model(10.0)], ids=["nothing learned", "nothing certain"])
def test_what_nothing_supports_is_the_plan_of_the_next_response_alone(journeys):
    plain, found = decided(first=True), decided(journeys)
    assert found.table.ahead is None
    assert found.plan.plan_hash == plain.plan.plan_hash


def test_before_the_first_plan_nothing_says_what_a_follow_up_would_use_and_none_is_counted():
    assert decided(model(0.01), first=True).table.ahead is None


def test_the_same_knowledge_gives_the_same_plan_to_the_bit(ahead):
    assert decided(model(0.01)).plan.plan_hash == ahead.plan.plan_hash
