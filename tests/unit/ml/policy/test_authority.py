import pytest

from ml.configuration.policy import Guardrails, SpendCaps
from ml.policy.authority import authorize
from ml.policy.guardrails import PlanFigures, guardrails_of

RULES = guardrails_of(
    Guardrails(spend_change_per_day=0.5, channel_spend_share=0.6, audience_change=1.0, data_age_hours=36)
)


def _figures(**changed):
    figures = {
        "spend": {"email": 50.0, "sms": 50.0},
        "people": 100,
        "data_age_hours": 5.0,
        "forecast_spend": 100.0,
        "forecast_people": 100.0,
    }
    return PlanFigures(**(figures | changed))


def test_an_assisted_plan_always_waits():
    assert authorize(_figures(), "assisted", RULES).state == "waiting"


def test_a_supervised_plan_within_all_guardrails_is_released():
    decision = authorize(_figures(), "supervised", RULES)
    assert (decision.state, decision.reasons) == ("released", ())
    assert [r.name for r in decision.readings] == [
        "spend_change_per_day",
        "channel_spend_share",
        "audience_change",
        "data_age_hours",
    ]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"spend": {"email": 90.0, "sms": 61.0}}, "spend 151.00 against 100.00"),
        ({"spend": {"email": 61.0, "sms": 39.0}}, "email takes 61.0%"),
        ({"people": 201}, "201 people against 100"),
        ({"data_age_hours": 37.0}, "37 hours old"),
        ({"past_spend": [10.0] * 7}, "last seven days"),
        ({"past_people": [10] * 9}, "last seven days"),
    ],
)
def test_outside_a_guardrail_a_supervised_plan_waits_and_an_autonomous_one_goes(changed, word):
    decision = authorize(_figures(**changed), "supervised", RULES)
    assert decision.state == "waiting"
    assert word in "; ".join(decision.reasons)
    assert authorize(_figures(**changed), "autonomous", RULES).state == "released"


def test_on_the_bound_is_inside_and_the_distance_says_how_far():
    figures = _figures(spend={"email": 90.0, "sms": 60.0})
    decision = authorize(figures, "supervised", RULES)
    assert decision.state == "released"
    assert [round(r.distance, 9) for r in decision.readings[:2]] == [0.0, 0.0]


def test_before_there_is_anything_to_compare_with_the_change_guardrails_are_silent():
    figures = _figures(forecast_spend=None, forecast_people=None, past_spend=[1.0] * 6, past_people=[1] * 6)
    decision = authorize(figures, "supervised", RULES)
    assert decision.state == "released"
    assert decision.readings[0].distance is None


def test_a_spend_cap_rejects_at_every_level():
    caps = SpendCaps(per_day=99.0, per_channel_per_day={"sms": 49.0})
    for level in ("assisted", "supervised", "autonomous"):
        decision = authorize(_figures(), level, RULES, caps=caps)
        assert (decision.state, len(decision.reasons)) == ("rejected", 2)


def test_a_first_use_is_announced_in_the_first_cycle_and_escalated_later():
    new = ["push:none:push_note:noon"]
    assert authorize(_figures(), "supervised", RULES, first_uses=new, is_first_cycle=True).state == "released"
    later = authorize(_figures(), "supervised", RULES, first_uses=new)
    assert (later.state, later.reasons) == ("waiting", ("push:none:push_note:noon is used for the first time",))
