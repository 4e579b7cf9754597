# ruff: noqa: E501 - a case is a line
import json

import numpy as np
import pandas as pd
import pytest

from ml.explain.why import why

ROW = {
    "decision_id": "d-1", "customer_id": "c1", "objective_id": "reactivate", "arm": "system", "channel": "email", "offer_id": "ten_off",
    "creative_id": "ten", "slot": "morning", "logging_propensity": 0.25, "baseline": 0.02, "propensity": 0.05, "uplift": 0.03,
    "unit_value": 40.0, "net_value": 0.7, "adjusted_value": 0.5, "contact_cost": 0.002, "reason": "worth most",
    "alternatives": json.dumps([{"option": "email:none", "net_value": 0.4, "adjusted_value": 0.2},
                                {"option": "voice:none", "net_value": 1.4, "adjusted_value": 0.6}]),
}  # fmt: skip
LEFT = ROW | dict.fromkeys(("channel", "offer_id", "creative_id", "slot"), "none") | {
    "net_value": 0.0, "adjusted_value": 0.0, "uplift": 0.0, "alternatives": "[]", "reason": "no allowed option adds more than it costs",
}  # fmt: skip


def test_a_contact_is_value_less_price_against_each_alternative():
    (told,) = why(pd.DataFrame([ROW]), {"budget": 0.1, "capacity:voice": 2.0})
    assert told.chosen.option == "email:ten_off"
    assert told.chosen.price == pytest.approx(0.2)
    assert [(w.option, round(w.price, 6)) for w in told.alternatives] == [("email:none", 0.2), ("voice:none", 0.8)]
    text = " ".join(told.steps)
    for part in ("from 2.00% to 5.00%", "worth 1.2000, and 0.7000 after", "0.2000 at today's prices", "0.3000 less", "0.1000 more, but the arm",
                 "capacity:voice 2.0000, budget 0.1000", "probability 0.25"):  # fmt: skip
        assert part in text
    assert told.headline == "Contacted for reactivate by email with offer ten_off (ten, morning)."
    json.dumps(told.to_dict())


def test_the_slot_is_told_with_the_hours_at_which_the_person_looked():
    slots = {"email": {"morning": np.isin(np.arange(24), [8, 9, 10]), "evening": np.isin(np.arange(24), [17, 18, 19])}}
    contacted, alone = why(pd.DataFrame([ROW, LEFT]), {}, active_hours="000000001500000000010000", slots=slots)
    assert contacted.steps[-1] == "Slot morning: of 7 opens, clicks and visits known, 6 were in its hours (evening 1)."
    assert not any(step.startswith("Slot") for step in alone.steps)


def test_what_a_contact_makes_possible_is_a_term_of_its_own_with_its_path():
    path = "direct_mail:none → scan (5.0%) → voice:ten_off after 10 days; else nothing more"
    (told,) = why(pd.DataFrame([ROW | {"value_to_go": 0.15, "expected_path": path}]), {})
    assert told.chosen.value_to_go == told.facts["value_to_go"] == 0.15
    assert "0.7000 after contact, offer and wear, with +0.1500 for what it makes possible." in told.steps[0]
    assert told.steps[1] == f"Expected path: {path}."


def test_a_person_left_alone_is_told_why():
    (told,) = why(pd.DataFrame([LEFT]), {})
    assert told.chosen.option == "none"
    assert told.headline == "Left alone for reactivate: no allowed option adds more than it costs."
    assert told.steps == ("The policy chose this with probability 0.25 (arm system).",)
