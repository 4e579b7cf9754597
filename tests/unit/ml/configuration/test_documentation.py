"""What can be stated is what the documentation lists."""

import re
from pathlib import Path

import pytest

from ml.configuration.actions import Actions, ChannelTerms, Creative, Offer, Response
from ml.configuration.journeys import Journeys
from ml.configuration.objective import ManualRule, Objective, Target
from ml.configuration.policy import (
    Approvals,
    ChangeBounds,
    Exploration,
    FrequencyCap,
    Guardrails,
    Lifecycle,
    Policy,
    QuietHours,
    Risk,
    Sender,
    SpendCaps,
    SpendChange,
    Training,
    Wear,
)

DOCUMENTED = set(
    re.findall(r"[a-z_]+", (Path(__file__).resolve().parents[4] / "docs" / "configuration.md").read_text("utf-8"))
)
MODELS = [
    *(Objective, Target, ManualRule, ChannelTerms, Offer, Creative, Policy, Lifecycle, Training, QuietHours),
    *(FrequencyCap, SpendCaps, Exploration, Guardrails, Approvals, Wear, Sender, SpendChange, ChangeBounds, Risk),
    *(Actions, Response, Journeys),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_documented(model):
    assert set(model.model_fields) <= DOCUMENTED
