"""Erasing a person from what was landed, published and handed over, and dropping them when they land again."""

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from assets.duck import writer
from assets.forgetting import drop_forgotten, erase, find, rewrite_warehouse
from assets.home import Home
from assets.intake import land
from assets.ledger.forget import Person, keyed_hash

KEY = b"k" * 32
AT = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - landing's times are UTC without zone
ANN = {
    "contact_id": "c1",
    "created_at": "2025-01-01T00:00:00Z",
    "email": "Ann@Example.com ",
    "phone": "+1 212-555-0187",
    "loyalty_id": "L1",
}
BOB = {"contact_id": "c2", "created_at": "2025-01-01T00:00:00Z", "email": "bob@example.com"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path).make()
    drop(home, "crm_contacts", "a", [ANN, BOB])
    sale = {"purchased_at": "2025-02-01T00:00:00Z", "revenue": 9}
    sales = [
        {"receipt_id": "r1", "phone": "+12125550187"},
        {"receipt_id": "r2", "loyalty_id": "L1"},
        {"receipt_id": "r3"},
    ]
    drop(home, "store_purchases", "a", [sale | each for each in sales])
    take_in(home)
    return home


def drop(home: Home, source: str, name: str, rows: list[dict[str, object]]) -> None:
    path = home.landing / source / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def take_in(home: Home, hashes: tuple[str, ...] = ()) -> dict[str, int]:
    with writer(home) as connection:
        land(home.root, connection, at=AT, known=())
        return drop_forgotten(connection, hashes, KEY)


def contacts(home: Home) -> list[str]:
    with writer(home) as connection:
        return [row[0] for row in connection.execute("select contact_id from raw.crm_contacts order by all").fetchall()]


@pytest.mark.parametrize("name", ["c1", "ann@example.com", "ANN@EXAMPLE.COM", "+12125550187", "L1"])
def test_any_identifier_finds_the_whole_person(home: Home, name: str) -> None:
    person = find(home, name)
    assert person is not None
    assert person.contact_id == {"c1"}
    assert person.email == {"ann@example.com"}
    assert person.phone == {"+12125550187"}
    assert person.loyalty_id == {"L1"}


def test_a_stranger_is_nobody(home: Home) -> None:
    assert find(home, "c9") is None


def test_every_row_of_the_person_goes_and_nobody_elses(home: Home) -> None:
    person = find(home, "c1")
    assert person is not None
    assert erase(home, person)["warehouse"] == 3
    assert contacts(home) == ["c2"]
    with writer(home) as connection:
        assert connection.execute("select receipt_id from raw.store_purchases").fetchall() == [("r3",)]
    assert erase(home, person)["warehouse"] == 0


def test_no_freed_block_of_the_warehouse_holds_the_person(home: Home) -> None:
    person = find(home, "c1")
    assert person is not None
    erase(home, person)
    assert b"example.com" in home.warehouse.read_bytes()
    assert b"Ann@Example" not in home.warehouse.read_bytes()


def test_who_was_erased_is_dropped_with_count_when_landing_again(home: Home) -> None:
    """L5: under another contact, and by any of the identifiers."""
    hashes = (keyed_hash(KEY, "email", "ann@example.com"), keyed_hash(KEY, "phone", "+12125550187"))
    drop(home, "crm_contacts", "b", [{**ANN, "contact_id": "c8"}, {**BOB, "contact_id": "c3"}])
    drop(
        home,
        "store_purchases",
        "b",
        [{"receipt_id": "r4", "purchased_at": "2025-03-01T00:00:00Z", "revenue": 1, "phone": "+1 (212) 555-0187"}],
    )
    assert take_in(home, hashes) == {"crm_contacts": 1, "store_purchases": 1}
    assert contacts(home) == ["c1", "c2", "c3"]


def test_what_was_dropped_is_in_no_freed_block_either(home: Home) -> None:
    drop(home, "crm_contacts", "b", [{**ANN, "contact_id": "c8", "first_name": "Zebulonia"}])
    take_in(home, (keyed_hash(KEY, "email", "ann@example.com"),))
    rewrite_warehouse(home)
    assert b"Zebulonia" not in home.warehouse.read_bytes()
    assert contacts(home) == ["c1", "c2"]


def test_a_warehouse_made_anew_from_landing_drops_everything_of_them(home: Home) -> None:
    home.warehouse.unlink()
    assert take_in(home, (keyed_hash(KEY, "contact_id", "c1"),))["crm_contacts"] == 1
    assert contacts(home) == ["c2"]


def test_hashes_of_another_key_drop_nobody(home: Home) -> None:
    home.warehouse.unlink()
    assert take_in(home, (keyed_hash(b"x" * 32, "contact_id", "c1"),)) == {}


def test_published_rows_and_lines_handed_over_lose_the_person(home: Home) -> None:
    generation = home.published / "2026-01-05-1"
    generation.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select * from (values ('k1', ['c1'], 'ann@example.com'), ('k2', ['c2'], 'bob@example.com')) "
            "t(customer_id, contact_ids, email)) "
            f"to '{generation}/dim_people.parquet' (format parquet)"
        )
    line = {
        "message_id": "m1",
        "contact_ids": ["c1"],
        "recipient": {"email": "ann@example.com"},
        "content": {"text": "Hi Ann"},
    }
    outbound = home.outbound / "email" / "2026-01-05.jsonl"
    outbound.parent.mkdir(parents=True)
    outbound.write_text(json.dumps(line) + "\n" + json.dumps(line | {"message_id": "m2", "contact_ids": ["c2"]}) + "\n")
    counts = erase(home, Person(contact_id=frozenset({"c1"}), email=frozenset({"ann@example.com"})))
    assert (counts["published"], counts["outbound"]) == (1, 1)
    with duckdb.connect() as connection:
        kept = connection.execute(f"select customer_id from '{generation}/dim_people.parquet'").fetchall()
    assert kept == [("k2",)]
    first, second = (json.loads(each) for each in outbound.read_text().splitlines())
    assert (first["message_id"], first["recipient"], first["content"]) == ("m1", {}, {})
    assert second["recipient"] == line["recipient"]
