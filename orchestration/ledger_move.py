"""`wayfinder ledger move`: the whole ledger to another engine, in one transaction, counted and audited at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from assets.ledger.audit import Audit
from assets.ledger.engine import open_engine, reading, writing
from assets.ledger.halts import ALL, Halts
from assets.ledger.schema import upgrade
from assets.ledger.tables import metadata
from orchestration.errors import BadInput, WorkFailed
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]
BATCH: Final = 5_000


def move(settings: Settings, url: str, at: datetime) -> Facts:
    """Copy every table to an empty ledger at `url`. The source stays as it is, stopped, until somebody switches over.

    Raises:
        BadInput: The target can't be opened or isn't empty, or the source isn't stopped.
        WorkFailed: The copy isn't what the source is; nothing of it was kept.
    """
    with opened(settings) as source:
        if ALL not in Halts(source).active():
            raise BadInput("a ledger in use can't be moved: `wayfinder stop` first, and resume on the new one")
        target = _target(url)
        try:
            with reading(source) as old, writing(target) as new, _unguarded(new):
                counts = {table.name: _copy(old, new, table) for table in metadata.sorted_tables}
                _set_sequences(new)
            broken = Audit(target).check(now=at)
        finally:
            target.dispose()
    if broken:
        raise WorkFailed(
            f"the copy breaks {len(broken)} rules, first: {broken[0].rule} ({broken[0].subject}); don't use it"
        )
    return {"to": make_url(url).render_as_string(hide_password=True), "tables": counts, "rows": sum(counts.values())}


def _target(url: str) -> Engine:
    try:
        engine = open_engine(url)
        upgrade(engine)
    except (ValueError, SQLAlchemyError) as error:
        raise BadInput(f"--to: no ledger can be opened there ({type(error).__name__})") from None
    with reading(engine) as connection:
        filled = [
            table.name
            for table in metadata.sorted_tables
            if connection.execute(select(func.count()).select_from(table)).scalar_one()
        ]
    if filled:
        raise BadInput(f"--to: there is a ledger already ({', '.join(filled)} hold rows); give an empty database")
    return engine


def _copy(old: Connection, new: Connection, table: Any) -> int:
    """A table as it is."""
    rows = old.execution_options(yield_per=BATCH).execute(select(table))
    count = 0
    for batch in rows.mappings().partitions(BATCH):
        new.execute(insert(table), [dict(row) for row in batch])
        count += len(batch)
    found = new.execute(select(func.count()).select_from(table)).scalar_one()
    if found != count:
        raise WorkFailed(f"{table.name}: {count} rows were read and {found} are there; nothing was kept")
    return count


@contextmanager
def _unguarded(new: Connection) -> Iterator[None]:
    """A message enters a ledger as pending, but these come as they stand: guards are out of force inside the transaction."""
    if new.dialect.name == "postgresql":
        for table in metadata.sorted_tables:
            new.exec_driver_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
        yield
        for table in metadata.sorted_tables:
            new.exec_driver_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        return
    triggers = new.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for trigger in triggers:
        new.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
    yield
    for trigger in triggers:
        new.exec_driver_sql(trigger.sql)


def _set_sequences(new: Connection) -> None:
    """PostgreSQL numbers on from what was given out, not from what was copied."""
    if new.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "seq" in table.c and table.c.seq.autoincrement is True:
            new.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'seq'), "  # noqa: S608 - a table of our own
                    f"(SELECT coalesce(max(seq), 0) + 1 FROM {table.name}), false)"
                )
            )


def show(console: Console, facts: Facts) -> None:
    """What was copied and how to switch over."""
    console.print(
        f"{facts['rows']:,} rows of {len(facts['tables'])} tables are at {facts['to']}, and its audit is sound.",
        highlight=False,
    )
    console.print(
        "switch over: set WAYFINDER_LEDGER_URL to it, then wayfinder audit, then wayfinder resume", highlight=False
    )
