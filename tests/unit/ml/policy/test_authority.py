import pytest

from ml.configuration.policy import Guardrails, SpendCaps
from ml.entities import lower
from ml.policy.authority import authorize, authorize_channels
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
    assert {"spend_change_per_day", "channel_spend_share", "data_age_hours"} <= {r.name for r in decision.readings}


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


def test_a_day_as_large_as_the_largest_of_the_last_week_is_usual_and_what_was_before_is_forgotten():
    weekly = {"spend": {"email": 90.0, "sms": 60.0}, "past_spend": [150.0, *[0.1] * 6]}
    assert (
        authorize(_figures(**weekly, people=200, past_people=[200, *[1] * 6]), "supervised", RULES).state == "released"
    )
    assert authorize(_figures(people=200, past_people=[200, *[1] * 7]), "supervised", RULES).state == "waiting"


def test_on_the_bound_is_inside_and_the_distance_says_how_far():
    figures = _figures(spend={"email": 90.0, "sms": 60.0})
    decision = authorize(figures, "supervised", RULES)
    assert decision.state == "released"
    distance = {r.name: r.distance for r in decision.readings}
    assert distance["spend_change_per_day"] == pytest.approx(0, abs=1e-9)
    assert distance["channel_spend_share"] == pytest.approx(0, abs=1e-9)


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
    new = ["push:none"]
    first = authorize(_figures(new_actions=new, is_first_cycle=True), "supervised", RULES)
    assert (first.state, first.reasons) == ("released", ("push:none is used for the first time",))
    later = authorize(_figures(new_actions=new), "supervised", RULES)
    assert later.state == "waiting"
    assert later.reasons[0].startswith("push:none is used for the first time")


def test_a_new_action_holds_its_own_channel_and_lets_the_others_go():
    figures = _figures(new_actions=["push:none"])
    verdicts = authorize_channels(figures, {"push": "supervised", "email": "supervised"}, RULES)
    assert {channel: verdict.state for channel, verdict in verdicts.items()} == {"push": "waiting", "email": "released"}
    assert verdicts["email"].reasons == ()


def test_a_crossing_of_the_whole_holds_every_supervised_channel_and_no_autonomous_one():
    levels = {"email": "autonomous", "sms": "supervised", "voice": "assisted"}
    verdicts = authorize_channels(_figures(data_age_hours=99.0), levels, RULES)
    states = {channel: verdict.state for channel, verdict in verdicts.items()}
    assert states == {"email": "released", "sms": "waiting", "voice": "waiting"}
    assert "99 hours" in verdicts["sms"].reasons[0]
    assert verdicts["voice"].reasons[0] == "voice is assisted: every plan waits for a person"


def test_a_channel_never_goes_beyond_its_objective():
    assert lower("assisted", "autonomous") == lower("autonomous", "assisted") == "assisted"
    assert lower("supervised", "autonomous") == "supervised"
