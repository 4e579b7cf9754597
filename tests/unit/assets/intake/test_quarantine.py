# ruff: noqa: DTZ001 - the warehouse keeps UTC without zone
"""A row that breaks its type is kept out with file, line and reason; the rest of its file loads."""

from datetime import datetime

import pytest

from tests.unit.assets.intake.conftest import AT, CONTACTS

GOOD = {
    "crm_contacts": {"contact_id": "c1", "created_at": "2025-01-01T00:00:00Z"},
    "consents": {"contact_id": "c1", "channel": "email", "status": "granted", "occurred_at": "2025-01-01"},
    "orders": {"order_id": "o1", "ordered_at": "2025-01-01", "revenue": 10},
    "store_purchases": {"receipt_id": "r1", "purchased_at": "2025-01-01", "revenue": "10.5"},
    "ad_engagement": {"event_id": "a1", "platform": "display", "event_type": "click", "occurred_at": "2025-01-01"},
    "email_engagement": {"event_id": "m1", "email": "a@b", "event_type": "open", "occurred_at": "2025-01-01"},
    "call_logs": {"call_id": "k1", "phone": "+12025550123", "started_at": "2025-01-01", "direction": "inbound"},
    "campaign_history": {"contact_id": "c1", "channel": "sms", "sent_at": "2025-01-01"},
    "outcomes": {"event_id": "x1", "event_type": "opened", "occurred_at": "2025-01-01"},
}
BREAKS = [
    ("crm_contacts", "contact_id", "  "),
    ("crm_contacts", "contact_id", None),
    ("crm_contacts", "created_at", "yesterday"),
    ("crm_contacts", "created_at", "1902-01-01T00:00:00Z"),
    ("crm_contacts", "created_at", "9999-01-01T00:00:00Z"),
    ("crm_contacts", "created_at", "2025-02-30T00:00:00Z"),
    ("crm_contacts", "created_at", "2025-01-01 10:00 America/New_York"),
    ("crm_contacts", "created_at", "infinity"),
    ("crm_contacts", "email", "not an address"),
    ("crm_contacts", "birth_year", "80.5"),
    ("crm_contacts", "birth_year", 80),
    ("crm_contacts", "attributes", "{broken"),
    ("crm_contacts", "attributes", "[1, 2]"),
    ("crm_contacts", "first_name", "a\0b"),
    ("consents", "channel", "fax"),
    ("consents", "status", "Granted"),
    ("consents", "basis", "verbal"),
    ("orders", "revenue", "1,50"),
    ("orders", "revenue", "nan"),
    ("orders", "revenue", "inf"),
    ("orders", "revenue", "1_000"),
    ("orders", "revenue", True),
    ("orders", "item_count", -1),
    ("orders", "ordered_at", "2026-01-07T00:00:00Z"),
    ("store_purchases", "purchased_at", "2027-01-01T00:00:00Z"),
    ("ad_engagement", "platform", "radio"),
    ("ad_engagement", "event_type", "view"),
    ("email_engagement", "email", "nobody"),
    ("email_engagement", "event_type", "opened"),
    ("call_logs", "direction", "sideways"),
    ("call_logs", "duration_s", -3),
    ("campaign_history", "assignment_probability", 1.2),
    ("outcomes", "event_type", "teleported"),
    ("outcomes", "channel", "fax"),
    ("outcomes", "payload", "{'single': 1}"),
    ("outcomes", "value", "a lot"),
]


@pytest.mark.parametrize("broken", BREAKS, ids=[f"{s}.{c}={v!r}" for s, c, v in BREAKS])
def test_row_that_breaks_its_type_is_quarantined_and_its_neighbours_load(broken, take_in, drop, quarantined):
    source, column, value = broken
    drop(f"{source}/a.jsonl", [GOOD[source], GOOD[source] | {column: value}, GOOD[source]])
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined, landed.reason) == (2, 1, None)
    ((file, line, reason, raw),) = quarantined()
    assert (file, line) == (f"{source}/a.jsonl", 2)
    assert reason.startswith(f"{column} must be ")
    assert raw.startswith("{")


def test_reasons_never_quote_values(take_in, drop, quarantined):
    drop("email_engagement/a.jsonl", [GOOD["email_engagement"] | {"email": "jane.canary", "event_type": "canary"}])
    take_in()
    ((_, _, reason, _),) = quarantined()
    assert "canary" not in reason


def test_negative_revenue_is_a_return_and_loads(con, take_in, drop):
    drop("orders/a.jsonl", [GOOD["orders"] | {"revenue": -12.5}])
    take_in()
    assert con.execute("SELECT revenue FROM raw.orders").fetchall() == [(-12.5,)]


def test_order_up_to_a_day_ahead_loads_because_clocks_differ(con, take_in, drop):
    drop("orders/a.jsonl", [GOOD["orders"] | {"ordered_at": "2026-01-06T05:59:59Z"}])
    assert take_in(at=AT).files[0].rows == 1


@pytest.mark.parametrize(
    "written", ["2025-01-01T10:00:00Z", "2025-01-01T12:00:00+02:00", "2025-01-01 05:00:00-0500", "2025-01-01T10:00"]
)
def test_timestamps_of_any_zone_become_utc(written, con, take_in, drop):
    drop("crm_contacts/a.jsonl", [GOOD["crm_contacts"] | {"created_at": written}])
    take_in()
    assert con.execute("SELECT created_at FROM raw.crm_contacts").fetchall() == [(datetime(2025, 1, 1, 10),)]


def test_all_broken_columns_of_a_row_are_named(take_in, drop, quarantined):
    drop("crm_contacts/a.csv", CONTACTS + "c1,never,nobody,old\n")
    take_in()
    ((_, line, reason, _),) = quarantined()
    assert line == 2
    assert [part.split()[0] for part in reason.split("; ")] == ["created_at", "email", "birth_year"]


def test_ragged_rows_cost_only_themselves(con, take_in, drop, quarantined):
    drop("crm_contacts/a.csv", CONTACTS + "c1,2025-01-01,,\nc2,2025-01-01\nc3,2025-01-01,,,,\nc4,2025-01-01,,\n")
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (2, 2)
    assert [(line, reason[:12]) for _, line, reason, _ in quarantined()] == [(3, "has 2 fields"), (4, "has 6 fields")]
    assert con.execute("SELECT contact_id, _line FROM raw.crm_contacts ORDER BY 2").fetchall() == [("c1", 2), ("c4", 5)]


def test_line_numbers_stay_physical_after_quoted_line_breaks_and_blank_lines(con, take_in, drop, quarantined):
    text = 'contact_id,created_at,address_line\nc1,2025-01-01,"1 Main St\nFlat 2"\n\nc2,2025-01-01,x\nc3,bad,x\n'
    drop("crm_contacts/a.csv", text)
    take_in()
    assert con.execute("SELECT contact_id, _line FROM raw.crm_contacts ORDER BY 2").fetchall() == [("c1", 2), ("c2", 5)]
    assert [line for _, line, _, _ in quarantined()] == [6]


def test_unclosed_quote_costs_one_line_and_not_the_rest_of_the_file(con, take_in, drop, quarantined):
    drop("crm_contacts/a.csv", CONTACTS + 'c1,2025-01-01,,\nc2,2025-01-01,"a@b,1980\nc3,2025-01-01,,\n')
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (2, 1)
    assert [(line, "quote" in reason) for _, line, reason, _ in quarantined()] == [(3, True)]


def test_jsonl_lines_that_are_no_objects_are_named_and_blank_ones_ignored(con, take_in, drop, quarantined):
    good = '{"contact_id": "c1", "created_at": "2025-01-01"}'
    drop("crm_contacts/a.jsonl", f'{good}\n\n[1]\n{{"contact_id": \n  \n"text"\n{good}')
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (2, 3)
    assert [(line, reason) for _, line, reason, _ in quarantined()] == [
        (line, "not a JSON object on one line") for line in (3, 4, 6)
    ]
    assert con.execute("SELECT _line FROM raw.crm_contacts ORDER BY 1").fetchall() == [(1,), (7,)]


def test_unknown_columns_are_kept_out_and_reported(con, take_in, drop):
    drop("crm_contacts/a.csv", "shoe_size,contact_id,created_at,mood\n42,c1,2025-01-01,fine\n")
    drop("crm_contacts/b.jsonl", [GOOD["crm_contacts"] | {"mood": "fine"}, GOOD["crm_contacts"] | {"x; DROP TABLE": 1}])
    first, second = take_in().files
    assert first.unknown_columns == ("mood", "shoe_size")
    assert second.unknown_columns == ("mood", "x; DROP TABLE")
    assert (first.rows, second.rows) == (1, 2)


def test_quarantine_is_for_the_owner_only_because_it_holds_personal_data(take_in, drop, tmp_path):
    drop("crm_contacts/a.csv", CONTACTS + "c1,never,,\n")
    take_in()
    (file,) = (tmp_path / "quarantine").rglob("*.jsonl")
    assert file.stat().st_mode & 0o077 == 0


def test_a_thousand_bad_rows_among_many_are_all_found_and_nothing_else(con, take_in, drop, quarantined):
    lines = [f"c{row},{'never' if row % 100 == 7 else '2025-01-01'},," for row in range(100_000)]
    drop("crm_contacts/a.csv", CONTACTS + "\n".join(lines))
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (99_000, 1_000)
    assert [line for _, line, _, _ in quarantined()] == [row + 2 for row in range(100_000) if row % 100 == 7]
