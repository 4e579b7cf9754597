"""A real dbt on a real DuckDB, and rows to land in it."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from assets.intake import prepare, set_cycle, set_identity_overrides

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DAY = date(2026, 1, 5)
CUTOFF = datetime.fromisoformat("2026-01-05T05:00:00")  # New York's midnight in UTC
MARTS = (
    *("dim_customers", "dim_recipients", "dim_consents", "fct_touches", "fct_outcomes"),
    *("fct_conversions", "fct_conversations", "fct_customer_snapshots"),
)

Row = dict[str, Any]


class Warehouse:
    """A warehouse in a folder, and the dbt that builds it.

    Args:
        folder: Empty folder.
        dbt: Runs dbt with arguments on a warehouse file.
    """

    def __init__(self, folder: Path, dbt: Callable[..., None]) -> None:
        self.path, self._dbt, self._load = folder / "wayfinder.duckdb", dbt, 0
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(self.path)) as con:
            prepare(con)

    def land(self, received_at: datetime = CUTOFF, **sources: list[Row]) -> "Warehouse":
        """Append rows to tables of ``raw`` as one load a source, as the reader of landing files does."""
        with duckdb.connect(str(self.path)) as con:
            for source, rows in sources.items():
                self._load += 1
                for line, row in enumerate(rows, 1):
                    stamps = {"_load_id": self._load, "_received_at": received_at}
                    if source != "messages":
                        stamps |= {"_file_id": f"file{self._load}", "_line": line}
                    full = row | stamps
                    marks = ", ".join(f"${name}" for name in full)
                    con.execute(f"INSERT INTO raw.{source} ({', '.join(full)}) VALUES ({marks})", full)
        return self

    def build(
        self, day: date = DAY, *args: str, received_by: datetime | None = None, overrides: Any = ()
    ) -> "Warehouse":
        """Build everything as of a day."""
        cutoff = CUTOFF + (day - DAY)
        with duckdb.connect(str(self.path)) as con:
            set_identity_overrides(con, overrides)
            set_cycle(
                con, cycle_on=day, cutoff_at=cutoff, received_by=received_by or cutoff + timedelta(hours=8),
                time_zone="America/New_York", lapsing_days=60, lapsed_days=90, margin_share=0.4, horizon_days=14,
            )  # fmt: skip
        self._dbt("run", *args, path=self.path)
        return self

    def test(self) -> "Warehouse":
        """Run all data tests."""
        self._dbt("test", "--exclude-resource-type", "unit_test", path=self.path)
        return self

    def unit_test(self) -> "Warehouse":
        """Run dbt's own unit tests."""
        self._dbt("test", "--select", "test_type:unit", path=self.path)
        return self

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Answer of a query."""
        with duckdb.connect(str(self.path), read_only=True) as con:
            return con.execute(query).fetchall()

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all marts, ordered."""
        return {mart: self.rows(f"SELECT * FROM marts.{mart} ORDER BY ALL") for mart in MARTS}

    def persons(self) -> set[frozenset[str]]:
        """Contacts of each customer."""
        return {frozenset(ids) for (ids,) in self.rows("SELECT contact_ids FROM marts.dim_recipients")}


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """Runs dbt in this process, parsing the project once for all tests that read calls alike."""
    folder, manifests = tmp_path_factory.mktemp("dbt"), dict[str | None, Any]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("DBT_PROFILES_DIR", str(PROJECT))
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))

        def manifest() -> Any:
            reader = os.environ.get("WAYFINDER_CALL_READER")
            if reader not in manifests:
                parsed = dbtRunner().invoke(["parse", "--project-dir", str(PROJECT), "--quiet"])
                assert parsed.success, parsed.exception
                manifests[reader] = parsed.result
            return manifests[reader]

        def run(*args: str, path: Path) -> None:
            patch.setenv("WAYFINDER_WAREHOUSE", str(path))
            result = dbtRunner(manifest=manifest()).invoke([*args, "--project-dir", str(PROJECT), "--quiet"])
            DuckDBConnectionManager.close_all_connections()  # dbt leaves the file open in this process
            failed = [
                f"{item.node.name}: {item.message}"
                for item in getattr(result.result, "results", [])
                if item.status in ("error", "fail")
            ]
            assert result.success, failed or result.exception

        yield run


@pytest.fixture
def warehouse(tmp_path: Path, dbt: Callable[..., None]) -> Warehouse:
    """An empty warehouse."""
    return Warehouse(tmp_path / "build", dbt)


def contact(contact_id: str, **more: Any) -> Row:
    return {"contact_id": contact_id, "created_at": CUTOFF - timedelta(days=735)} | more


def order(order_id: str, ordered_at: datetime, **more: Any) -> Row:
    return {"order_id": order_id, "ordered_at": ordered_at, "revenue": 50.0} | more


def ago(days: float) -> datetime:
    """So many days before the cut-off, at noon of the workspace's day if whole."""
    return CUTOFF - timedelta(days=days) + timedelta(hours=12)


def history() -> dict[str, list[Row]]:
    """A little of every source, with a campaign whose horizon is over."""
    people = ("ann", "bob", "cyd", "dan")
    return {
        "crm_contacts": [_known(name, number) for number, name in enumerate(people)],
        "consents": [_said(name) for name in people],
        "web_events": [_view(i, people[i % 4] if i % 3 else None) for i in range(40)],
        "orders": [
            order(f"o{i}", ago(i * 7 + 1), contact_id=people[i % 3], product_category="hats") for i in range(20)
        ],
        "store_purchases": [_receipt(i) for i in range(8)],
        "ad_engagement": [_ad_click(i) for i in range(8)],
        "email_engagement": [_mail(f"e{i}", people[i % 4], "open", ago(i + 1)) for i in range(12)],
        "call_logs": [
            {"call_id": "k1", "phone": "+12125550001", "started_at": ago(5), "direction": "inbound"}
            | {"duration_s": 60.0, "disposition": "answered"}
        ],
        "campaign_history": [_sent(name, days) for name in people[:2] for days in (60, 30)],
        "outcomes": [
            {"event_id": "x1", "event_type": "opened", "occurred_at": ago(2)}
            | {"customer_key": "ann@x.example", "channel": "email"}
        ],
    }


def later(day: int = 1) -> dict[str, list[Row]]:
    """What another day brings, and an order of long ago that comes late."""
    now = ago(1 - day)
    return {
        "crm_contacts": [contact(f"eve{day}", email=f"eve{day}@x.example", created_at=now)],
        "web_events": [{"event_id": f"late-w{day}", "visitor_id": "v1", "event_type": "page_view", "occurred_at": now}],
        "orders": [
            order(f"new-o{day}", now, contact_id="dan"),
            order(f"late-o{day}", ago(100 + day), contact_id="ann"),
        ],
        "email_engagement": [_mail(f"late-e{day}", "bob", "click", now)],
        "messages": [
            {"message_id": f"m{day}", "decision_id": f"d{day}", "cycle_id": "2026-01-05", "customer_id": "?"}
            | {"objective_id": "o", "channel": "sms", "offer_id": "none", "creative_id": "c", "slot": "noon"}
            | {"handed_over_at": now, "cost": 0.02, "contact_ids": json.dumps(["bob"])}
        ],
    }


def _known(name: str, number: int) -> Row:
    reach = {"phone": f"+1212555000{number}", "loyalty_id": f"L{number}", "device_token": f"d{number}"}
    return contact(name, email=f"{name}@x.example", first_name=name, **reach)


def _said(name: str) -> Row:
    return {"contact_id": name, "channel": "email", "status": "granted", "occurred_at": ago(300)}


def _view(number: int, contact_id: str | None) -> Row:
    seen = {"event_id": f"w{number}", "event_type": "product_view", "occurred_at": ago(number * 3 + 1)}
    return seen | {"visitor_id": f"v{number % 4}", "contact_id": contact_id, "product_category": "shoes"}


def _receipt(number: int) -> Row:
    sold = {"receipt_id": f"s{number}", "purchased_at": ago(number * 9 + 2), "revenue": 20.0}
    return sold | {"loyalty_id": f"L{number % 4}"}


def _ad_click(number: int) -> Row:
    seen = {"event_id": f"a{number}", "platform": "display", "event_type": "click"}
    return seen | {"occurred_at": ago(number + 1), "visitor_id": f"v{number % 4}"}


def _mail(event_id: str, name: str, event_type: str, at: datetime) -> Row:
    return {"event_id": event_id, "email": f"{name}@x.example", "event_type": event_type, "occurred_at": at}


def _sent(name: str, days: int) -> Row:
    sent = {"contact_id": name, "channel": "email", "sent_at": ago(days)}
    return sent | {"offer_id": "ten_off", "assignment_probability": 0.5}
