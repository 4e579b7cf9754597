"""What was drawn stands against a re-optimization by what it gave up."""

import pandas as pd
import pytest

from ml.policy.standing import credit_of, given_up, standing

OTHERS = (
    '[{"option": "email:none", "net_value": 1.0, "adjusted_value": 0.4}, {"option": "sms:none", "adjusted_value": 0.1}]'
)


def decision(customer: str, channel: str, adjusted: float, alternatives: str = OTHERS, **more) -> dict:
    row = {
        "customer_id": customer, "cycle_id": "2026-01-05", "objective_id": "win", "channel": channel, "arm": "system",
        "offer_id": "none", "adjusted_value": adjusted, "alternatives": alternatives,
    }  # fmt: skip
    return row | more


def test_a_decision_gave_up_what_the_best_other_choice_was_worth_more():
    rows = [
        decision("a", "voice", 0.1),
        decision("b", "voice", 0.9),
        decision("c", "none", 0.0),
        decision("d", "voice", -0.2, "[]"),
        decision("e", "voice", -0.5, '[{"option": "sms:none", "net_value": 0.1, "adjusted_value": -1e-05}]'),
    ]
    assert given_up(pd.DataFrame(rows)).tolist() == pytest.approx([0.3, 0.0, 0.4, 0.2, 0.5])


def test_open_messages_and_people_left_alone_by_the_system_stand():
    morning = pd.DataFrame(
        [
            decision("open", "voice", 0.1),
            decision("sent", "voice", 0.1),
            decision("alone", "none", 0.0),
            decision("held", "none", 0.0, arm="holdout"),
            decision("moved", "none", 0.0),
        ]
    )
    later = pd.DataFrame([decision("moved", "voice", 0.3, cycle_id="2026-01-05.2")])
    still_open = pd.DataFrame(
        [
            ("open", "win", "voice", "none", "m1"),
            ("moved", "win", "voice", "none", "m2"),
            ("old", "win", "sms", "none", "m3"),
        ],
        columns=["customer_id", "objective_id", "channel", "offer_id", "message_id"],
    )
    found = standing([morning, later], still_open).set_index("customer_id")
    assert sorted(found.index) == ["alone", "moved", "old", "open"]
    assert found["given_up"].to_dict() == pytest.approx({"open": 0.3, "moved": 0.1, "alone": 0.4, "old": 0.0})
    assert found.loc["alone", "channel"] == "none"
    assert credit_of(found, 0.01) == pytest.approx(found["given_up"].to_numpy() + 0.01)
    assert credit_of(still_open, 0.01).tolist() == [0.01] * 3
