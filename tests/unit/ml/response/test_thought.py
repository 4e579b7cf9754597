"""What is thought of a contact before results say so: what comes of it within the horizon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.actions import Actions
from ml.entities import AUDIENCES, CHANNELS
from ml.response.thought import LEAST_SHARE, PRIOR_UPLIFT, thought_of_channels


def actions(**terms: dict[str, float]) -> Actions:
    channels = {name: {"cost": 0.1, "capacity_per_day": 1} | more for name, more in terms.items()}
    creatives = {name: {"channel": name, "offer": "none", "template": "x.j2"} for name in terms}
    return Actions.model_validate(
        {"channels": channels, "offers": {"none": {"cost_when_redeemed": 0}}, "creatives": creatives}
    )


def test_an_advertisement_is_thought_to_move_as_much_as_its_membership_has_days_within_the_horizon():
    terms = actions(display={"audience_days": 14}, email={"audience_days": 14})
    thought = thought_of_channels(terms, 3)
    assert thought["display"] == pytest.approx(PRIOR_UPLIFT * 3 / 14)
    assert thought["email"] == PRIOR_UPLIFT
    assert thought_of_channels(terms, 30)["display"] == PRIOR_UPLIFT


def test_what_arrives_late_is_thought_to_move_less_within_the_horizon():
    terms = actions(direct_mail={"lead_time_hours": 72})
    assert thought_of_channels(terms, 14)["direct_mail"] == pytest.approx(PRIOR_UPLIFT * 11 / 14)
    assert thought_of_channels(terms, 3)["direct_mail"] == LEAST_SHARE * PRIOR_UPLIFT


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 2000))
def test_what_is_thought_is_above_nothing_and_at_most_a_whole_contacts(horizon_days, audience_days, lead_time_hours):
    terms = {name: {"audience_days": audience_days, "lead_time_hours": lead_time_hours} for name in AUDIENCES}
    thought = thought_of_channels(actions(**terms), horizon_days)
    assert set(thought) == set(CHANNELS)
    assert all(0 < each <= PRIOR_UPLIFT for each in thought.values())
