"""The real dbt project on a real DuckDB, from landed rows to marts."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.warehouse_support import (
    CUTOFF,
    DAY,
    Row,
    Warehouse,
    ago,
    contact,
    dbt,
    history,
    later,
    order,
    warehouse,
)

__all__ = ["dbt", "warehouse"]
pytestmark = pytest.mark.slow


def test_absent_sources_build_to_empty_marts(warehouse: Warehouse) -> None:
    assert all(rows == [] for rows in warehouse.build().test().marts().values())


def test_what_happens_or_arrives_later_changes_nothing_in_an_earlier_cycle(warehouse: Warehouse) -> None:
    before = warehouse.land(**history()).build().test().marts()
    assert all(before.values())
    warehouse.land(received_at=CUTOFF + timedelta(hours=20), **later()).build(DAY + timedelta(days=1))
    assert warehouse.marts() != before
    assert warehouse.build().marts() == before


def test_a_second_day_equals_a_full_refresh(warehouse: Warehouse) -> None:
    warehouse.land(**history()).build()
    second = DAY + timedelta(days=1)
    daily = warehouse.land(received_at=CUTOFF + timedelta(hours=20), **later()).build(second).test().marts()
    assert warehouse.build(second, "--full-refresh").marts() == daily


def test_a_second_day_recomputes_only_what_came_in(warehouse: Warehouse) -> None:
    warehouse.land(**history()).build()
    ages = "SELECT count(*) FILTER (WHERE _batch_id <= 10), count(*) FILTER (WHERE _batch_id > 10) FROM"
    warehouse.land(received_at=CUTOFF + timedelta(hours=20), **later()).build(DAY + timedelta(days=1))
    assert warehouse.rows(f"{ages} staging.stg_web_events") == [(40, 1)]
    assert warehouse.rows(f"{ages} intermediate.int_email_hours") == [(12, 1)]
    late = (
        "SELECT DISTINCT r.contact_ids[1] FROM intermediate.int_customer_snapshots AS s "
        "JOIN marts.dim_recipients AS r USING (customer_id) "
    )
    # ann's late order, and dan's first order under an identifier of his; bob's click yesterday touches no past day
    assert sorted(warehouse.rows(late + "WHERE s._built_batch_id > 10")) == [("ann",), ("dan",)]


def test_an_event_counts_once_and_the_first_received_wins(warehouse: Warehouse) -> None:
    first = [order("o1", ago(3), contact_id="ann", revenue=10.0), order("o1", ago(3), contact_id="ann", revenue=11.0)]
    warehouse.land(crm_contacts=[contact("ann")], orders=first)
    warehouse.land(orders=[order("o1", ago(3), contact_id="ann", revenue=99.0)]).build()
    warehouse.land(orders=[order("o1", ago(3), contact_id="ann", revenue=999.0)]).build()
    assert warehouse.rows("SELECT revenue FROM marts.fct_conversions") == [(10.0,)]


@pytest.mark.parametrize(("days", "lifecycle"), [(60, "active"), (61, "lapsing"), (90, "lapsing"), (91, "lapsed")])
def test_lifecycle_turns_the_day_after_its_limit(warehouse: Warehouse, days: int, lifecycle: str) -> None:
    warehouse.land(crm_contacts=[contact("ann")], orders=[order("o1", ago(days), contact_id="ann")]).build()
    assert warehouse.rows("SELECT lifecycle, days_since_last_purchase FROM marts.dim_customers") == [(lifecycle, days)]


def test_withdrawn_wins_in_the_same_instant_and_over_all_contacts_of_a_person(warehouse: Warehouse) -> None:
    def said(contact_id: str, status: str, at: datetime, channel: str = "email") -> Row:
        return {"contact_id": contact_id, "channel": channel, "status": status, "occurred_at": at}

    people = [contact("a", loyalty_id="L1", first_name="Ann"), contact("b", loyalty_id="L1", first_name="Ann")]
    consents = [
        said("a", "withdrawn", ago(5)), said("b", "granted", ago(5)),
        said("a", "withdrawn", ago(5), "sms"), said("b", "granted", ago(4), "sms"),
    ]  # fmt: skip
    warehouse.land(crm_contacts=people, consents=consents).build()
    assert warehouse.rows("SELECT channel, status FROM marts.dim_consents ORDER BY ALL") == [
        ("email", "withdrawn"),
        ("sms", "granted"),
    ]


def test_windows_begin_at_midnight_of_the_workspace(warehouse: Warehouse) -> None:
    edge = CUTOFF - timedelta(days=7)
    orders = [
        order("in", edge, contact_id="ann"),
        order("out", edge - timedelta(seconds=1), contact_id="ann"),
        order("now", CUTOFF, contact_id="ann"),
    ]
    warehouse.land(crm_contacts=[contact("ann")], orders=orders).build()
    assert warehouse.rows(
        "SELECT purchase_7d_count, purchase_30d_count, days_since_last_purchase FROM marts.dim_customers"
    ) == [(1, 2, 7)]


def test_the_preferred_hour_is_the_persons_own(warehouse: Warehouse) -> None:
    opens = [
        {
            "event_id": f"e{i}",
            "email": "ann@x.example",
            "event_type": "open",
            "occurred_at": CUTOFF - timedelta(days=3 - i) + timedelta(hours=9),
        }
        for i in range(2)
    ]
    people = [contact("ann", email="ann@x.example", time_zone="Europe/Berlin")]
    warehouse.land(crm_contacts=people, email_engagement=opens).build()
    assert warehouse.rows("SELECT preferred_hour, open_noon_90d_count, active_hours FROM marts.dim_customers") == [
        (15, 2, "000000000000000200000000")
    ]


def test_events_of_nobody_in_the_crm_are_counted_but_are_no_customers(warehouse: Warehouse) -> None:
    web = [
        {"event_id": f"w{i}", "visitor_id": f"v{i}", "event_type": "page_view", "occurred_at": ago(2)} for i in range(3)
    ]
    warehouse.land(crm_contacts=[contact("ann")], web_events=[web[0] | {"contact_id": "ann"}, *web[1:]]).build()
    assert warehouse.rows("SELECT count(*) FROM marts.dim_customers") == [(1,)]
    unidentified = (
        "SELECT event_count, unidentified_count FROM intermediate.int_unidentified_events WHERE source = 'web_events'"
    )
    assert warehouse.rows(unidentified) == [(3, 2)]


def test_returns_and_absurd_amounts_are_no_conversions(warehouse: Warehouse) -> None:
    orders = [
        order(f"o{i}", ago(3), contact_id="ann", revenue=revenue) for i, revenue in enumerate((-20.0, 1e300, 5.0))
    ]
    warehouse.land(crm_contacts=[contact("ann")], orders=orders).build()
    assert warehouse.rows("SELECT revenue, margin FROM marts.fct_conversions") == [(5.0, 2.0)]


def test_an_outcome_finds_its_person_by_message_else_by_any_identifier(warehouse: Warehouse) -> None:
    def outcome(event_id: str, **more: Any) -> Row:
        return {"event_id": event_id, "event_type": "opened", "occurred_at": ago(-0.2) - timedelta(hours=12)} | more

    warehouse.land(**{name: rows for name, rows in history().items() if name != "outcomes"})
    warehouse.land(messages=later(0)["messages"])
    keys = {
        "k-email": "ANN@x.example ",
        "k-phone": "+1 212 555 0000",
        "k-loyalty": "L0",
        "k-contact": "ann",
        "k-device": "d0",
    }
    outcomes = [outcome(name, customer_key=key, occurred_at=ago(1)) for name, key in keys.items()]
    outcomes += [
        outcome("k-message", message_id="m0", occurred_at=ago(1)),
        outcome("k-nobody", customer_key="nobody", occurred_at=ago(1)),
    ]
    warehouse.land(outcomes=outcomes).build(DAY + timedelta(days=1))
    found = warehouse.rows(
        "SELECT o.event_id, r.contact_ids[1] FROM marts.fct_outcomes AS o "
        "LEFT JOIN marts.dim_recipients AS r USING (customer_id) ORDER BY 1"
    )
    assert dict(found) == dict.fromkeys(keys, "ann") | {"k-message": "bob", "k-nobody": None}


def test_a_conversation_is_told_in_order_over_all_channels(warehouse: Warehouse) -> None:
    warehouse.land(**history()).build()
    kinds = (
        "SELECT list(kind ORDER BY position) FROM marts.fct_conversations "
        "JOIN marts.dim_recipients USING (customer_id) WHERE contact_ids[1] = 'bob'"
    )
    told = warehouse.rows(kinds)[0][0]
    assert told[-1] == "call"
    assert {"touch", "call", "conversion"} == set(told)
    unordered = (
        "SELECT customer_id FROM marts.fct_conversations "
        "QUALIFY occurred_at < lag(occurred_at) OVER (PARTITION BY customer_id ORDER BY position)"
    )
    assert warehouse.rows(unordered) == []


def test_what_a_customer_objects_to_in_a_call_is_known_from_the_next_day_on(warehouse: Warehouse) -> None:
    words = [
        {"speaker": "agent", "text": "Is that too expensive for you?"},
        {"speaker": "customer", "text": "I don't need another one, I have one already."},
    ]
    said = {"event_type": "answered", "channel": "voice", "customer_key": "ann"}
    warehouse.land(
        received_at=CUTOFF - timedelta(days=20),
        crm_contacts=[contact("ann"), contact("bob", phone="+12125550001")],
        outcomes=[
            said | {"event_id": "v1", "occurred_at": ago(9), "payload": json.dumps({"transcript": words})},
            said | {"event_id": "v2", "occurred_at": ago(2), "payload": json.dumps({"transcript": []})},
            said | {"event_id": "v3", "occurred_at": ago(1), "payload": "no JSON"},
        ],
        call_logs=[
            {
                "call_id": "c1",
                "phone": "+12125550001",
                "started_at": ago(4),
                "direction": "inbound",
                "transcript": "agent: hello\ncustomer: it is far too expensive for me, stop calling me",
            }
        ],
    ).build()
    columns = "last_objection, days_since_last_objection, last_intent, last_sentiment < 0"
    view = f"SELECT {columns} FROM marts.dim_customers JOIN marts.dim_recipients USING (customer_id) ORDER BY contact_ids[1]"
    ann, bob = warehouse.rows(view)
    assert ann[:3] == ("no_need", 9, "none")
    assert bob[:3] == ("price", 4, "stop")
    kept = warehouse.rows("SELECT * FROM intermediate.int_call_readings")
    assert len(kept) == 3
    assert "expensive" not in str(kept)
    before = warehouse.build(DAY - timedelta(days=5)).rows(view)
    assert [row[0] for row in before] == ["no_need", None]


@pytest.mark.parametrize(("reader", "objection"), [("words", "none"), ("sentences", "price")])
def test_calls_are_read_as_the_workspace_says(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, reader: str, objection: str
) -> None:
    monkeypatch.setenv("WAYFINDER_CALL_READER", reader)
    said = {"call_id": "c1", "phone": "+12125550001", "started_at": ago(4), "direction": "inbound"}
    warehouse.land(
        crm_contacts=[contact("bob", phone="+12125550001")], call_logs=[said | {"transcript": "I am short of cash"}]
    ).build()
    assert warehouse.rows("SELECT objection FROM intermediate.int_call_readings") == [(objection,)]


def test_snapshots_have_the_columns_of_the_customer_view(warehouse: Warehouse) -> None:
    warehouse.land(**history()).build()
    names = (
        "SELECT list(column_name ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'marts' AND table_name = "
    )
    view, snapshots = (warehouse.rows(f"{names}'{mart}'")[0][0] for mart in ("dim_customers", "fct_customer_snapshots"))
    learned = [
        name for name in view[2:] if name != "active_hours"
    ]  # slots are chosen by it, nothing is learned from it
    assert [name for name in snapshots if name in view] == ["as_of_on", "customer_id", *learned]
    assert warehouse.rows(
        "SELECT as_of_on, channel, count(*) FROM marts.fct_customer_snapshots GROUP BY ALL ORDER BY ALL"
    ) == [
        (day, channel, 2) for day in (DAY - timedelta(days=60), DAY - timedelta(days=30)) for channel in ("email", None)
    ]


def test_a_snapshot_is_what_the_customer_view_was_on_that_day(warehouse: Warehouse) -> None:
    day = DAY - timedelta(days=30)
    warehouse.land(received_at=CUTOFF - timedelta(days=40), **history()).build()
    columns = (
        "purchase_90d_count, revenue_365d, web_visit_90d_count, email_open_30d_count, touch_90d_count, "
        "days_since_last_purchase, lifecycle"
    )
    then = warehouse.rows(
        f"SELECT customer_id, {columns} FROM marts.fct_customer_snapshots WHERE as_of_on = '{day}' ORDER BY ALL"
    )
    assert then
    assert warehouse.build(day).rows(f"SELECT customer_id, {columns} FROM marts.dim_customers ORDER BY ALL") == then


def test_the_unit_tests_inside_dbt_hold(warehouse: Warehouse) -> None:
    warehouse.build().unit_test()
