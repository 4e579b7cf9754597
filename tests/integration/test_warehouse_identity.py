"""Who is who: what the identity models make of households, recycled phones, typing errors and decisions of a person."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.identity import measure
from tests.integration.warehouse_support import CUTOFF, Row, Warehouse, ago, contact, dbt, order, warehouse

__all__ = ["dbt", "warehouse"]
pytestmark = pytest.mark.slow

HOME = {"address_line": "1 Oak Street", "postal_code": "10011"}


def persons(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


TRAPS: dict[str, tuple[list[Row], set[frozenset[str]]]] = {
    "one e-mail in any case and one name with a slip are one person": (
        [contact("a", email="Ann@X.example", first_name="Stephen", last_name="Brown"),
         contact("b", email="ann@x.example ", first_name="Stehpen", last_name="Brown")],
        persons("a b"),
    ),
    "a household that shares phone, e-mail and address stays apart": (
        [contact("a", email="fam@x.example", phone="+12125550000", first_name="Ann", last_name="Lee", **HOME),
         contact("b", email="fam@x.example", phone="+12125550000", first_name="Bob", last_name="Lee", **HOME)],
        persons("a", "b"),
    ),
    "parent and child of one name stay apart by their years": (
        [contact("a", email="fam@x.example", first_name="John", last_name="Lee", birth_year=1955, **HOME),
         contact("b", email="fam@x.example", first_name="John", last_name="Lee", birth_year=1990, **HOME)],
        persons("a", "b"),
    ),
    "a recycled phone doesn't make its old and new owner one": (
        [contact("a", phone="+12125550000", first_name="Ann", last_name="Lee"),
         contact("b", phone="+12125550000", first_name="Rob", last_name="King")],
        persons("a", "b"),
    ),
    "a phone alone isn't enough where a name is missing": (
        [contact("a", phone="+12125550000", first_name="Ann", last_name="Lee"), contact("b", phone="+12125550000")],
        persons("a", "b"),
    ),
    "a nameless contact on a shared e-mail joins neither": (
        [contact("a", email="fam@x.example", first_name="Ann"), contact("b", email="fam@x.example", first_name="Bob"),
         contact("c", email="fam@x.example")],
        persons("a", "b", "c"),
    ),
    "a changed e-mail is found by phone and name": (
        [contact("a", email="old@x.example", phone="+12125550000", first_name="Ann", last_name="Lee"),
         contact("b", email="new@x.example", phone="+12125550000", first_name="Ann", last_name="Lee")],
        persons("a b"),
    ),
    "an e-mail that an older version of a contact had still links": (
        [contact("a", email="old@x.example", first_name="Ann", updated_at=CUTOFF - timedelta(days=700)),
         contact("a", email="new@x.example", first_name="Ann", updated_at=CUTOFF - timedelta(days=300)),
         contact("b", email="old@x.example", first_name="Ann")],
        persons("a b"),
    ),
    "relatives of one name at one address with each their own card stay apart": (
        [contact("a", first_name="Ann", last_name="Lee", loyalty_id="L1", **HOME),
         contact("b", first_name="Ann", last_name="Lee", loyalty_id="L2", **HOME)],
        persons("a", "b"),
    ),
    "an identifier on many contacts is a placeholder": (
        [contact(f"c{i}", email="none@x.example") for i in range(13)],
        persons(*(f"c{i}" for i in range(13))),
    ),
    "a contact between two persons joins the better one and doesn't bind them": (
        [contact("a", email="a@x.example", loyalty_id="L1", first_name="Ann"),
         contact("b", email="b@x.example", first_name="Bob"),
         contact("c", email="b@x.example", loyalty_id="L1")],
        persons("a c", "b"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory, dbt) -> dict[str, set[frozenset[str]]]:
    """Persons found in each trap; all traps are built at once, each with ids of its own."""
    everyone: list[Row] = []
    for number, (rows, _) in enumerate(TRAPS.values()):
        own = {"contact_id": "", "email": "", "loyalty_id": "", "last_name": ""}
        for row in rows:
            kept = {
                key: f"{number}#{value}" if key in {"contact_id", "email", "loyalty_id"} else value
                for key, value in row.items()
            }
            kept |= {"phone": f"{row['phone']}{number:02}"} if "phone" in row else {}
            kept |= {"address_line": f"{number} {row['address_line']}"} if "address_line" in row else {}
            everyone.append(kept | {key: row.get(key) for key in own if key not in kept})
    built = Warehouse(tmp_path_factory.mktemp("traps"), dbt).land(crm_contacts=everyone).build()
    found: dict[str, set[frozenset[str]]] = {name: set() for name in TRAPS}
    for person in built.persons():
        numbers = {int(member.split("#")[0]) for member in person}
        assert len(numbers) == 1
        found[list(TRAPS)[numbers.pop()]].add(frozenset(member.split("#")[1] for member in person))
    return found


@pytest.mark.parametrize("trap", TRAPS)
def test_identity_holds_its_guards(resolved: dict[str, set[frozenset[str]]], trap: str) -> None:
    assert resolved[trap] == TRAPS[trap][1]


CHAIN = [
    contact("a", email="x@x.example", first_name="Ann"),
    contact("b", email="x@x.example", loyalty_id="L1", first_name="Ann"),
    contact("c", loyalty_id="L1", first_name="Ann"),
]


def test_a_wrong_merge_can_be_undone_over_any_chain_and_its_sales_part_too(warehouse: Warehouse) -> None:
    orders = [order(f"o-{name}", ago(3), contact_id=name) for name in "abc"]
    warehouse.land(crm_contacts=CHAIN, orders=orders).build()
    assert warehouse.persons() == persons("a b c")
    (before,) = warehouse.rows("SELECT DISTINCT customer_id FROM marts.dim_customers")
    warehouse.build(overrides=[("a", "c", "different")]).test()
    assert warehouse.persons() == persons("a", "b c")
    sales = (
        "SELECT contact_ids[1], purchase_365d_count FROM marts.dim_customers "
        "JOIN marts.dim_recipients USING (customer_id) ORDER BY ALL"
    )
    assert warehouse.rows(sales) == [("a", 1), ("b", 2)]
    assert warehouse.rows("SELECT customer_id FROM marts.dim_recipients WHERE contact_ids[1] = 'a'") == [before]
    assert warehouse.build().persons() == persons("a b c")


def test_a_person_may_say_that_two_contacts_are_one(warehouse: Warehouse) -> None:
    warehouse.land(crm_contacts=[contact("a", first_name="Ann"), contact("b", first_name="Rob")])
    assert warehouse.build(overrides=[("b", "a", "same")]).persons() == persons("a b")


def test_the_customer_keeps_its_name_when_others_join(warehouse: Warehouse) -> None:
    warehouse.land(crm_contacts=[CHAIN[1]]).build()
    before = warehouse.rows("SELECT customer_id FROM marts.dim_customers")
    warehouse.land(received_at=CUTOFF + timedelta(hours=1), crm_contacts=[CHAIN[0], CHAIN[2]]).build()
    assert warehouse.rows("SELECT customer_id FROM marts.dim_customers") == before
    assert warehouse.persons() == persons("a b c")


def test_events_find_their_person_over_identifiers_that_the_crm_never_saw(warehouse: Warehouse) -> None:
    warehouse.land(
        crm_contacts=[contact("a", loyalty_id="L1")],
        store_purchases=[
            {"receipt_id": "s1", "purchased_at": ago(9), "revenue": 5.0, "loyalty_id": "L1", "email": "till@x.example"},
            {"receipt_id": "s2", "purchased_at": ago(8), "revenue": 7.0, "email": "till@x.example"},
        ],
        email_engagement=[{"event_id": "e1", "email": "till@x.example", "event_type": "open", "occurred_at": ago(3)}],
    ).build()
    assert warehouse.rows("SELECT revenue_30d, email_open_7d_count FROM marts.dim_customers") == [(12.0, 1)]


def test_pairs_of_the_sample_market_are_found_as_the_product_promises(tmp_path: Path) -> None:
    facts = measure(tmp_path, customers=3_000, seed=11)
    assert facts["pairs"]["wayfinder"]["precision"] >= 0.99
    assert facts["pairs"]["wayfinder"]["recall"] >= 0.90
    assert all(owner["precision"] >= 0.99 for owner in facts["owners"].values())
