from concurrent.futures import ThreadPoolExecutor, wait

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from assets.ledger.engine import open_engine, writing
from assets.ledger.ledger import Ledger
from assets.ledger.records import Receipt
from assets.ledger.schema import HEAD
from assets.ledger.tables import APPEND_ONLY, metadata
from tests.unit.assets.ledger.support import AT, execute, release, states
from tests.unit.assets.ledger.test_outcomes import events


def test_migrations_build_exactly_the_tables_that_the_code_names(ledger):
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {each["name"] for each in found.get_check_constraints(table.name)} == {
                each.name for column in table.columns for each in column.constraints
            }


def test_many_processes_may_upgrade_at_once(tmp_path):
    def upgrade(name):
        Ledger(f"sqlite:///{tmp_path}/{name}/ledger.db").upgrade().close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, 4 * ["new"] + 4 * ["newer"] + 4 * ["newest"]))
    with Ledger(f"sqlite:///{tmp_path}/new/ledger.db").engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_a_sqlite_ledger_is_opened_to_survive_power_loss(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger(url).upgrade().close()
    with open_engine(url).connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_ledger_that_misses_nothing_needs_no_lock(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger(url).upgrade().close()
    (tmp_path / "ledger.db.lock").unlink()
    (tmp_path / "ledger.db.lock").mkdir()  # nobody can write to it, not even who may do anything
    Ledger(url).upgrade().close()


def test_a_copied_ledger_becomes_one_that_survives_power_loss_once_who_writes_to_it_is_done(tmp_path):
    made = Ledger(f"sqlite:///{tmp_path}/ledger.db").upgrade()
    execute(made, f"VACUUM INTO '{tmp_path}/copy.db'")
    copy = open_engine(f"sqlite:///{tmp_path}/copy.db")
    with ThreadPoolExecutor(1) as pool:
        with writing(copy):
            upgraded = pool.submit(Ledger(f"sqlite:///{tmp_path}/copy.db").upgrade)
            wait([upgraded], timeout=0.3)
        upgraded.result().close()
    with open_engine(copy.url).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db"])
def test_an_engine_that_cannot_keep_a_ledger_is_refused(url):
    with pytest.raises((ValueError, ImportError), match="ledger URL"):
        open_engine(url)


def test_errors_do_not_show_personal_data(ledger):
    release(ledger)
    with (
        pytest.raises(Exception, match=r"NOT NULL|null value|constraint") as caught,
        ledger.engine.begin() as connection,
    ):
        connection.execute(
            text("INSERT INTO payload (message_id, recipient, content) VALUES (:m, :r, :c)"),
            {"m": "m0", "r": "secret@example.com", "c": "x"},
        )
    assert "secret@example.com" not in str(caught.value).replace(str(caught.value.__cause__), "")


def test_history_can_only_be_added_to(ledger):
    _fill(ledger)
    for table in APPEND_ONLY:
        column = table.columns.keys()[-1]
        statements = [f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}"]
        if ledger.engine.dialect.name == "postgresql":
            statements.append(f"TRUNCATE {table.name} CASCADE")
        for statement in statements:
            with pytest.raises(Exception, match=f"{table.name} is append-only|never deleted"):
                execute(ledger, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox SET cost_micros = 0",
        "UPDATE outbox SET customer_id = 'other'",
        "UPDATE outbox SET contact_ids = '[]'",
        "UPDATE outbox SET send_at = expires_at",
        "DELETE FROM outbox",
    ],
)
def test_a_released_message_can_not_be_edited_or_removed(ledger, statement):
    release(ledger)
    with pytest.raises(Exception, match=r"never edited|never deleted"):
        execute(ledger, statement)


@pytest.mark.parametrize(
    ("before", "after"), [("pending", "sent"), ("pending", "sending"), ("leased", "sent"), ("cancelled", "pending")]
)
def test_a_message_moves_only_along_its_states(ledger, before, after):
    release(ledger)
    if before != "pending":
        execute(ledger, f"UPDATE outbox SET state = '{before}'")
    with pytest.raises(Exception, match="no such move"):
        execute(ledger, f"UPDATE outbox SET state = '{after}'")
    assert set(states(ledger).values()) == {before}


def _fill(ledger):
    """At least one row in every append-only table."""
    release(ledger)
    lease = ledger.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt("m0", "sent", AT)], at=AT)
    ledger.outcomes.take_in(events("unsubscribed", message_id="m0"), received_at=AT)
    ledger.landing.record(file_id="f", source="orders", path="o.csv", row_count=1, quarantined_count=0, received_at=AT)
    ledger.objectives.see("reactivate", "supervised", owner="ann", at=AT)
    ledger.halts.stop(by="ann", at=AT)
    ledger.live.allow("email", "smtp", by="ann", at=AT)
    consents = pd.DataFrame([{"contact_id": "c9", "channel": "email", "status": "withdrawn", "occurred_at": AT}])
    ledger.suppressions.take_in_consents(consents, received_at=AT)
