import pytest

from assets.ledger.tables import APPEND_ONLY
from tests.unit.assets.ledger.support import execute, release


def _disarm(ledger, *tables):
    """What only somebody with full rights over the database can do."""
    for table in tables:
        if ledger.engine.dialect.name == "postgresql":
            execute(ledger, f"ALTER TABLE {table} DISABLE TRIGGER USER")
            continue
        with ledger.engine.connect() as connection:
            names = [
                row.name
                for row in connection.exec_driver_sql(
                    f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
                )
            ]
        for name in names:
            execute(ledger, f"DROP TRIGGER {name}")


@pytest.mark.parametrize(
    ("table", "statement", "rule"),
    [
        (
            "budget",
            "UPDATE budget SET held_micros = held_micros + 1 WHERE scope = 'total'",
            "spend adds up to the messages",
        ),
        ("budget", "UPDATE budget SET cap_micros = 1 WHERE scope = 'total'", "nothing beyond a cap"),
        ("payload", "DELETE FROM payload WHERE message_id = 'm0'", "an open message has its content"),
        (
            "outbox",
            "UPDATE outbox SET state = 'sent' WHERE message_id = 'm0'",
            "every sent message has a receipt or an event that says so",
        ),
        (
            "outbox",
            "UPDATE outbox SET cost_micros = 0 WHERE message_id = 'm0'",
            "a release holds exactly the messages that it was for",
        ),
        ("gate", "UPDATE gate SET is_passed = (1 = 0)", "a released plan's data passed its gates"),
        ("audit", "UPDATE audit SET detail = '{}' WHERE seq = 1", "the audit trail is unbroken"),
        ("audit", "DELETE FROM audit WHERE seq = 1", "the audit trail is unbroken"),
    ],
)
def test_tampering_is_found(ledger, table, statement, rule):
    release(ledger)
    assert ledger.audit.check() == []
    _disarm(ledger, table)
    execute(ledger, statement)
    assert rule in {found.rule for found in ledger.audit.check()}


def test_every_append_only_table_is_guarded_by_the_test_of_tampering_or_of_history():
    assert len(APPEND_ONLY) == 14


def test_the_trail_names_every_act_of_authority(ledger):
    release(ledger)
    assert list(ledger.audit.trail()["kind"]) == ["plan.proposed", "plan.released"]
