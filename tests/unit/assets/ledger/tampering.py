"""What only somebody with full rights over the database can do: go round its guards."""

from assets.ledger.ledger import Ledger


def tamper(ledger: Ledger, statement: str) -> None:
    """Run a statement with triggers, foreign keys and checks out of force."""
    if ledger.engine.dialect.name == "postgresql":
        _on_postgresql(ledger, statement)
        return
    raw = ledger.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("PRAGMA ignore_check_constraints=ON")
        for (name,) in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement)
        raw.commit()
    finally:
        raw.invalidate()


def _on_postgresql(ledger: Ledger, statement: str) -> None:
    with ledger.engine.begin() as connection:
        tables = (
            connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars().all()
        )
        for table in tables:
            connection.exec_driver_sql(f'ALTER TABLE "{table}" DISABLE TRIGGER ALL')
        checks = connection.exec_driver_sql(
            "SELECT conrelid::regclass::text AS of_table, conname FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        ).all()
        for check in checks:
            connection.exec_driver_sql(f'ALTER TABLE {check.of_table} DROP CONSTRAINT "{check.conname}"')
        connection.exec_driver_sql(statement.replace("%", "%%"))
