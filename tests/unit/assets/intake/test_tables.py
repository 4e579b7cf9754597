# ruff: noqa: DTZ001 - the warehouse keeps UTC without zone
"""The tables that the cycle writes beside the landed ones."""

from datetime import date, datetime

import pandas as pd
import pytest

from assets.intake import prepare, record_messages, set_cycle, set_identity_overrides
from tests.unit.assets.intake.conftest import AT

CYCLE = {
    "cutoff_at": datetime(2026, 1, 5, 5),
    "received_by": AT,
    "time_zone": "America/New_York",
    "lapsing_days": 60,
    "lapsed_days": 90,
    "margin_share": 0.4,
    "horizon_days": 14,
}


def messages(*ids: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "message_id": list(ids),
            **dict.fromkeys(("decision_id", "cycle_id", "customer_id", "objective_id", "channel", "offer_id"), "x"),
            **dict.fromkeys(("creative_id", "slot"), "y"),
            "handed_over_at": pd.Timestamp("2026-01-05"),
            "cost": 0.5,
            "contact_ids": '["c1"]',
        }
    )


def test_a_message_is_recorded_once(con):
    prepare(con)
    assert record_messages(con, messages("m1", "m2", "m2"), AT) == 2
    assert record_messages(con, messages("m2", "m3"), AT) == 1
    rows = con.execute("SELECT message_id, _load_id, _received_at, cost FROM raw.messages ORDER BY 1").fetchall()
    assert rows == [("m1", 1, AT, 0.5), ("m2", 1, AT, 0.5), ("m3", 2, AT, 0.5)]


def test_there_is_exactly_one_cycle(con):
    prepare(con)
    for day in (4, 5):
        set_cycle(con, cycle_on=date(2026, 1, day), **CYCLE)
    assert con.execute("SELECT cycle_on, cutoff_at, horizon_days FROM raw.cycle").fetchall() == [
        (date(2026, 1, 5), CYCLE["cutoff_at"], 14)
    ]


def test_identity_overrides_are_replaced_whole_and_a_wrong_word_changes_nothing(con):
    prepare(con)
    set_identity_overrides(con, [("a", "b", "same"), ("a", "c", "different")])
    with pytest.raises(ValueError, match="write 'same' or 'different'"):
        set_identity_overrides(con, [("a", "b", "maybe")])
    assert con.execute("SELECT count(*) FROM raw.identity_overrides").fetchall() == [(2,)]
    set_identity_overrides(con, [])
    assert con.execute("SELECT count(*) FROM raw.identity_overrides").fetchall() == [(0,)]
