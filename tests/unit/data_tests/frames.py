"""Frames without a fault, small enough to name every row."""

import json

import numpy as np
import pandas as pd

from data_tests.customers import AGES, AMOUNTS, COUNTS, WINDOW_COUNTS
from data_tests.words import CHANNELS

OPTIONS = ("email:none", "sms:ten_off")
ACTIONS = ("email:none:hello:morning", "direct_mail:ten_off:letter:any")
RECIPIENTS = {
    "email": {"email": "jane@canary.example", "first_name": "Jane"},
    "sms": {"phone": "+12025550123", "first_name": "Jane"},
    "direct_mail": {"first_name": "Jane", "last_name": "Doe", "address_line": "1 Main St", "country": "US"},
    "voice": {"phone": "+12025550123"},
    "paid_social": {"email_sha256": "ab", "operation": "add"},
    "display": {"phone_sha256": "cd", "operation": "remove"},
    "web": {"visitor_ids": ["v1"]},
    "push": {"device_token": "t"},
}


def customers(rows: int = 30) -> pd.DataFrame:
    """Every third person is a prospect; the others bought five days ago."""
    is_buyer = np.arange(rows) % 3 > 0
    counts = {
        name: is_buyer * (position + 1) for names in WINDOW_COUNTS.values() for position, name in enumerate(names)
    }
    return pd.DataFrame(
        {
            "customer_id": [f"p{row}" for row in range(rows)],
            "as_of_on": pd.Timestamp("2026-01-05"),
            "lifecycle": np.where(is_buyer, "active", "prospect"),
            **dict.fromkeys(("country", "region", "time_zone", "acquisition_source", "favourite_category"), "x"),
            "age_years": pd.array([None, 40, 50] * (rows // 3), dtype="Int64"),
            "tenure_days": 100,
            "contact_count": 1,
            "preferred_hour": 9,
            **dict.fromkeys(("has_email", "has_phone", "has_address", "has_device_token", "has_visitor"), True),
            **dict.fromkeys(AGES, np.where(is_buyer, 5.0, np.nan)),
            **dict.fromkeys(COUNTS, 0),
            **counts,
            **dict.fromkeys(AMOUNTS, -2.5),
            "discount_share_365d": 0.5,
            "average_order_value_365d": 20.0,
            "attr_plan": "gold",
        }
    )


def training(rows: int = 30) -> pd.DataFrame:
    contacted = np.arange(rows) % 2 == 0
    return customers(rows).assign(
        as_of_on=pd.Timestamp("2025-12-01"),
        channel=np.where(contacted, "email", "none"),
        offer_id=np.where(contacted, "ten_off", "none"),
        creative_id="none",
        slot="none",
        sample_weight=np.where(contacted, 1.0, 10.0),
        propensity=0.5,
        arm=np.where(contacted, "system", "history"),
        source=np.where(contacted, "cycle", "history"),
        is_converted=contacted,
        margin=np.where(contacted, 12.0, np.nan),
        maturity=1.0,
    )


def scores(rows: int = 30) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": [f"p{row}" for row in range(rows)], "baseline": 0.1, "amount": 25.0})
    frame["usual_discount"] = np.float32(2.0)
    for option in OPTIONS:
        frame[f"propensity_{option}"] = np.float32(0.15)
        frame[f"uplift_{option}"] = np.float32(0.05)
        frame[f"exposure_{option}"] = np.float32(1.3)
    return frame


def decisions(rows: int = 30) -> pd.DataFrame:
    """Even rows are contacts by e-mail, odd ones people left alone."""
    contacted = np.arange(rows) % 2 == 0
    sent = pd.Series(np.where(contacted, np.datetime64("2026-01-05T09:00"), np.datetime64("NaT")))
    return pd.DataFrame(
        {
            "decision_id": [f"d{row}" for row in range(rows)],
            "cycle_id": "2026-01-05",
            "customer_id": [f"p{row}" for row in range(rows)],
            "objective_id": "reactivate",
            "arm": np.where(contacted, "system", "holdout"),
            "channel": np.where(contacted, "email", "none"),
            "offer_id": "none",
            "creative_id": np.where(contacted, "hello", "none"),
            "slot": np.where(contacted, "morning", "none"),
            "action_id": np.where(contacted, ACTIONS[0], "none"),
            "logging_propensity": 0.9,
            "baseline": 0.1,
            "propensity": 0.2,
            "uplift": 0.1,
            "unit_value": 30.0,
            "net_value": 2.9,
            "adjusted_value": 2.5,
            "contact_cost": np.where(contacted, 0.002, 0.0),
            "category": "would_act",
            "reason": "best value",
            "send_at": sent,
            "expires_at": sent + pd.Timedelta(hours=3),
            "alternatives": "[]",
            "value_to_go": np.where(contacted, 0.1, 0.0),
            "expected_path": "",
        }
    )


def messages(rows: int = 8) -> pd.DataFrame:
    """The channels in turn."""
    channels = [CHANNELS[row % len(CHANNELS)] for row in range(rows)]
    return pd.DataFrame(
        {
            "message_id": [f"m{row}" for row in range(rows)],
            "decision_id": [f"d{row}" for row in range(rows)],
            "cycle_id": "2026-01-05",
            "customer_id": [f"p{row}" for row in range(rows)],
            "objective_id": "reactivate",
            "channel": channels,
            "offer_id": "none",
            "creative_id": "hello",
            "slot": "morning",
            "send_at": pd.Timestamp("2026-01-05T09:00"),
            "expires_at": pd.Timestamp("2026-01-05T12:00"),
            "cost": 0.5,
            "contact_ids": '["c1"]',
            "recipient": [json.dumps(RECIPIENTS[channel]) for channel in channels],
            "content": '{"subject": "hi"}',
            "plan_id": "plan-1",
        }
    )


def outcomes(rows: int = 20) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": [f"e{row}" for row in range(rows)],
            "event_type": "opened",
            "occurred_at": pd.Timestamp("2026-01-05T10:00"),
            "received_at": pd.Timestamp("2026-01-05T11:00"),
            "message_id": pd.Series([f"m{row}" if row % 2 else None for row in range(rows)], dtype="str"),
            "channel": pd.Series(["email" if row % 2 else None for row in range(rows)], dtype="str"),
            "value": np.nan,
            "is_matched": [row % 2 == 1 for row in range(rows)],
        }
    )
