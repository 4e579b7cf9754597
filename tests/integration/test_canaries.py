"""Personal data stays where it belongs: canaries are planted in landing, and looked for everywhere else after whole cycles."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.loop_support import AFTERNOON, DAY, EVENING, MORNING, Workspace

pytestmark = pytest.mark.slow

CONTACT = "canary-contact-7"
CANARIES = (
    "Zebulonia",
    "Quaxenhorst",
    "zebulonia.quaxenhorst@canary.example",
    "+12125550187",
    "77 Quaxenhorst Way",
    "tok-canary-9f3",
)
KEPT = ("landing", "warehouse", "outbound", "ledger.db", "ledger.db-wal", "quarantine", "market")
"""Where personal data has its place."""


def plant(workspace: Workspace) -> None:
    """A person who can be reached on every channel, with orders, calls and a broken row."""
    first, last, email, phone, address, token = CANARIES
    row = {
        "contact_id": CONTACT, "created_at": "2025-06-01T00:00:00Z", "email": email, "phone": phone, "first_name": first,
        "last_name": last, "address_line": address, "postal_code": "10001", "city": "New York", "region": "NY", "country": "US",
        "time_zone": "America/New_York", "birth_year": 1980, "device_token": token,
    }  # fmt: skip
    workspace.land("crm_contacts", "canary", [row])
    channels = ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
    granted = {
        "contact_id": CONTACT,
        "status": "granted",
        "occurred_at": "2025-06-01T00:00:00Z",
        "basis": "express_written",
    }
    workspace.land("consents", "canary", [granted | {"channel": channel} for channel in channels])
    sale = {
        "order_id": "canary-1",
        "ordered_at": "2025-07-01T12:00:00Z",
        "revenue": 80,
        "contact_id": CONTACT,
        "email": email,
    }
    workspace.land("orders", "canary", [sale, sale | {"order_id": "canary-2", "revenue": f"{email} broke this"}])
    call = {
        "call_id": "canary-1",
        "phone": phone,
        "started_at": "2025-08-01T15:00:00Z",
        "direction": "inbound",
        "transcript": f"I am {first} {last}",
    }
    workspace.land("call_logs", "canary", [call])


def answer(workspace: Workspace) -> None:
    """What comes back, by the address itself."""
    said = {
        "event_id": "canary-o1",
        "event_type": "replied",
        "occurred_at": "2026-01-05T17:00:00Z",
        "customer_key": CANARIES[2],
    }
    workspace.land(
        "outcomes", "canary", [said | {"channel": "email", "payload": {"transcript": f"write to {CANARIES[2]}"}}]
    )


def holding(home: Path, names: tuple[str, ...], *, besides: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Files of a home that hold a name, whatever they are: text, databases, Parquet."""
    wanted = {name: name.lower().encode() for name in names}
    found: dict[str, list[str]] = {}
    for path in files(home, besides):
        content = path.read_bytes().lower()
        hits = [name for name, needle in wanted.items() if needle in content]
        if hits:
            found[path.relative_to(home).as_posix()] = hits
    return found | rows_holding(home, names, besides)


def rows_holding(home: Path, names: tuple[str, ...], besides: tuple[str, ...]) -> dict[str, list[str]]:
    """Parquet and DuckDB compress: their rows are read."""
    import duckdb  # noqa: PLC0415

    found: dict[str, list[str]] = {}
    for path in files(home, besides):
        if path.suffix not in {".parquet", ".duckdb"}:
            continue
        with duckdb.connect() as connection:
            tables = [f"read_parquet('{path}')"]
            if path.suffix == ".duckdb":
                connection.execute(f"attach '{path}' as looked (read_only)")
                rows = connection.execute(
                    "select table_schema, table_name from information_schema.tables where table_catalog = 'looked'"
                )
                tables = [f'looked."{schema}"."{name}"' for schema, name in rows.fetchall()]
            for table in tables:
                hits = [
                    name
                    for name in names
                    if connection.execute(
                        f"select count(*) from {table} as t where contains(lower(t::varchar), lower($1))", [name]
                    ).fetchall()[0][0]
                ]
                if hits:
                    found[f"{path.relative_to(home)}:{table}"] = hits
    return found


def files(home: Path, besides: tuple[str, ...]) -> Iterator[Path]:
    """Files outside of some places."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.relative_to(home).parts[0] not in besides:
            yield path


@pytest.fixture(scope="module")
def told(market: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A day through the real jobs, with the canaries among the people, and a failing run."""
    workspace = market.copy(tmp_path_factory.mktemp("canaries"))
    plant(workspace)
    workspace.cycle(DAY, MORNING)
    answer(workspace)
    assert workspace.wayfinder("ingest", "--at", AFTERNOON).status == 0
    assert workspace.wayfinder("dispatch", "--at", EVENING).status == 0
    return workspace


def test_the_canaries_were_taken_in(told: Workspace) -> None:
    assert CONTACT in {contact for ids in told.view("dim_recipients")["contact_ids"] for contact in ids}
    assert any("quarantine" in place for place in holding(told.home, CANARIES))


def test_nothing_personal_is_in_logs_dagster_mlflow_or_reports(told: Workspace) -> None:
    assert holding(told.home, CANARIES, besides=KEPT) == {}


def test_threat_io_manager_pickles_a_whole_day_leaves_none(told: Workspace) -> None:
    """What Dagster keeps between steps is a pickle, and reading one runs it: rows and models go by files and ids."""
    starts = {path.relative_to(told.home).as_posix(): path.read_bytes()[:2] for path in files(told.home, ())}
    assert [name for name, start in starts.items() if start in {b"\x80\x03", b"\x80\x04", b"\x80\x05"}] == []


def test_an_erased_person_is_nowhere_but_in_landing_and_does_not_come_back(
    told: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    """L5: erased, then landed again under another contact, and through the next day's cycle."""
    workspace = copy_of(told)
    said = workspace.wayfinder("forget", CANARIES[2], "--by", "Ann", "--at", EVENING)
    assert said.facts["erased"]["warehouse"] > 0
    assert CANARIES[2] not in said.out
    assert holding(workspace.home, CANARIES, besides=("landing", "market")) == {}
    assert workspace.wayfinder("audit", "--at", EVENING).status == 0
    assert workspace.wayfinder("forget", CANARIES[2], "--by", "Ann").status == 2

    again = {
        "contact_id": "canary-contact-8",
        "created_at": "2026-01-05T20:00:00Z",
        "email": CANARIES[2].upper(),
        "first_name": CANARIES[0],
    }
    workspace.land("crm_contacts", "again", [again])
    workspace.cycle(DAY + timedelta(days=1), "2026-01-06T10:00:00Z")
    assert holding(workspace.home, CANARIES, besides=("landing", "market")) == {}
