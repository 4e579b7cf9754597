"""An ad audience caps how often its channel contacts a person: planning and hand-over see it as any other cap."""

import pytest

from ml.configuration.actions import Actions
from ml.configuration.policy import FrequencyCap, Policy
from ml.objectives.rest import DayLimits
from ml.policy.frequency import contact_caps


@pytest.fixture
def actions() -> Actions:
    return Actions.model_validate(
        {
            "channels": {
                "display": {"cost": 0.1, "capacity_per_day": 1, "audience_days": 14},
                "email": {"cost": 0.1, "capacity_per_day": 1, "audience_days": 14},
            },
            "offers": {"none": {"cost_when_redeemed": 0}},
            "creatives": {c: {"channel": c, "offer": "none", "template": "x.j2"} for c in ("display", "email")},
        }
    )


def test_only_channels_with_an_audience_are_capped_by_its_days(actions):
    written = FrequencyCap(channels="all", max=3, days=7)
    caps = contact_caps(Policy(frequency_caps=[written]), actions)
    assert caps == (written, FrequencyCap(channels=["display"], max=1, days=14))


def test_the_long_run_plans_no_more_additions_than_memberships_allow(actions):
    limits = DayLimits(None, {}, {}, 1.0, contact_caps(Policy(), actions), 1)
    assert limits.contacts_a_day_by("display") == pytest.approx(1 / 14)
    assert limits.contacts_a_day_by("email") == 1
