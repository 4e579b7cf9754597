# ruff: noqa: DTZ001 - the warehouse keeps UTC without zone
"""What lands, once, with which types and stamps."""

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from assets.intake import loader, pending_files, rows_since
from assets.intake.contract import SOURCES
from tests.unit.assets.intake.conftest import AT, CONTACTS

ROWS = CONTACTS + "c1,2025-01-01T00:00:00Z,a@example.com,1980\nc2,2025-01-02T01:30:00+02:00,,\n"


def test_every_source_has_its_table_though_nothing_landed(con, take_in):
    report = take_in()
    assert report.absent == tuple(SOURCES)
    for source in SOURCES.values():
        described = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE raw.{source.name}").fetchall()}
        assert {column.name: column.sql_type for column in source.columns}.items() <= described.items()
        assert {"_file_id", "_line", "_load_id", "_received_at"} <= set(described)


def test_csv_rows_land_typed_in_utc_with_physical_lines(con, take_in, drop):
    drop("crm_contacts/day/contacts.csv", ROWS)
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined, landed.reason) == (2, 0, None)
    rows = con.execute(
        "SELECT contact_id, created_at, email, birth_year, _line, _received_at FROM raw.crm_contacts ORDER BY 1"
    )
    assert rows.fetchall() == [
        ("c1", datetime(2025, 1, 1), "a@example.com", 1980, 2, AT),
        ("c2", datetime(2025, 1, 1, 23, 30), None, None, 3, AT),
    ]


def test_every_format_lands_the_same_rows(con, take_in, drop, tmp_path):
    objects = [
        {
            "event_id": "e1",
            "event_type": "clicked",
            "occurred_at": "2025-01-01T00:00:00Z",
            "payload": '{"a": 1}',
            "value": 2.5,
        },
        {"event_id": "e2", "event_type": "opened", "occurred_at": "2025-01-02", "payload": None, "value": None},
    ]
    text = "event_id,event_type,occurred_at,payload,value\n"
    text += 'e1,clicked,2025-01-01T00:00:00Z,"{""a"": 1}",2.5\ne2,opened,2025-01-02,,\n'
    drop("outcomes/a.csv", text)
    drop("outcomes/b.csv.gz", text)
    drop("outcomes/c.jsonl", objects)
    drop("outcomes/d.jsonl.gz", objects)
    con.execute("SET TimeZone = 'UTC'")
    con.execute(
        "COPY (SELECT event_id, event_type, try_cast(occurred_at AS TIMESTAMPTZ) AS occurred_at, payload, value "
        f"FROM read_csv('{tmp_path}/landing/outcomes/a.csv', all_varchar=true)) "
        f"TO '{tmp_path}/landing/outcomes/e.parquet'"
    )
    report = take_in()
    assert [file.rows for file in report.files] == [2] * 5
    frame = con.execute("SELECT event_id, event_type, occurred_at, payload, value FROM raw.outcomes").fetchall()
    assert len(set(frame)) == 2


def test_nested_json_is_kept_as_valid_json(con, take_in, drop):
    drop(
        "crm_contacts/a.jsonl",
        [{"contact_id": 7, "created_at": "2025-01-01", "attributes": {"plan": "gold", "tags": ["a", "ü"]}}],
    )
    take_in()
    query = "SELECT contact_id, attributes::JSON ->> '$.tags[1]' FROM raw.crm_contacts"
    assert con.execute(query).fetchall() == [("7", "ü")]


def test_same_content_lands_once_whatever_its_name(con, take_in, drop, tmp_path):
    drop("crm_contacts/a.csv", ROWS)
    take_in()
    drop("crm_contacts/b.csv", ROWS)
    again = take_in()
    assert again.files == ()
    assert [stat.path for stat in again.duplicates] == ["crm_contacts/b.csv"]
    assert con.execute("SELECT count(*) FROM raw.crm_contacts").fetchall() == [(2,)]


def test_known_ids_are_not_read_again(take_in, drop):
    drop("crm_contacts/a.csv", ROWS)
    (landed,) = take_in().files
    drop("crm_contacts/b.csv", ROWS + "c3,2025-01-01,,\n")
    (second,) = take_in(known=(landed.file_id,)).files
    assert second.path == "crm_contacts/b.csv"


def test_file_in_the_wrong_folder_can_be_moved_to_the_right_one(con, take_in, drop):
    drop("consents/a.csv", ROWS)
    assert "required column" in (take_in().files[0].reason or "")
    drop("crm_contacts/a.csv", ROWS)
    assert [file.rows for file in take_in().files] == [2]


def test_crash_before_the_commit_leaves_nothing_and_the_next_intake_loads_once(con, take_in, drop, monkeypatch):
    drop("crm_contacts/a.csv", ROWS)
    with monkeypatch.context() as broken:
        broken.setattr("assets.intake.transfer.json.dumps", lambda _value: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take_in()
    assert con.execute(
        "SELECT (SELECT count(*) FROM raw.crm_contacts), (SELECT count(*) FROM raw.landed_files)"
    ).fetchall() == [(0, 0)]
    take_in()
    take_in()
    assert con.execute("SELECT count(*) FROM raw.crm_contacts").fetchall() == [(2,)]


def test_file_that_changes_while_it_is_read_waits_for_the_next_intake(con, take_in, drop, monkeypatch):
    path = drop("crm_contacts/a.csv", ROWS)
    original = loader.file_id_of

    def hash_while_someone_writes(source: str, file: Path) -> str:
        found = original(source, file)
        path.write_text(ROWS + "c3,2025-01-01,,\n")
        return found

    with monkeypatch.context() as writing:
        writing.setattr(loader, "file_id_of", hash_while_someone_writes)
        report = take_in()
    assert [stat.path for stat in report.unfinished] == ["crm_contacts/a.csv"]
    assert con.execute("SELECT count(*) FROM raw.crm_contacts").fetchall() == [(0,)]
    assert take_in().files[0].rows == 3


def test_pending_files_are_the_ones_whose_stat_is_new(take_in, drop, tmp_path):
    drop("crm_contacts/a.csv", ROWS)
    report = take_in()
    drop("crm_contacts/b.csv", ROWS)
    known = [file.stat for file in report.files]
    assert [stat.path for stat in pending_files(tmp_path, known)] == ["crm_contacts/b.csv"]
    known += take_in().duplicates
    assert pending_files(tmp_path, known) == []


def test_later_loads_have_greater_load_ids_and_rows_since_returns_only_them(con, take_in, drop):
    drop("crm_contacts/a.csv", ROWS)
    (first,) = take_in().files
    drop("crm_contacts/b.csv", CONTACTS + "c9,2025-01-01,,\n")
    (second,) = take_in().files
    assert second.load_id > first.load_id
    assert list(rows_since(con, "crm_contacts", first.load_id)["contact_id"]) == ["c9"]
    assert len(rows_since(con, "crm_contacts", 0)) == 3


def test_settings_allow_no_extension_from_outside(con: duckdb.DuckDBPyConnection, take_in):
    take_in()
    with pytest.raises(duckdb.Error):
        con.execute("SELECT * FROM sqlite_scan('x.db', 't')")
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"):
        assert con.execute("SELECT current_setting(?)", [setting]).fetchall() == [(False,)]
