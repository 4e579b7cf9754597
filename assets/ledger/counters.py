"""Numbers whose order is the order of commits."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from assets.ledger.tables import counter

_STEP = (
    update(counter)
    .where(counter.c.name == bindparam("b_name"))
    .values(value=counter.c.value + bindparam("b_count"))
    .returning(counter.c.value)
)
_VALUE = select(counter.c.value).where(counter.c.name == bindparam("b_name"))


def next_number(connection: Connection, name: str, count: int = 1) -> int:
    """The next number of a series, or the last of the next `count`.

    Its row stays locked until the transaction ends, so ask for it late.
    """
    asked = {"b_name": name, "b_count": count}
    number = connection.execute(_STEP, asked).scalar()
    if number is None:
        insert_once(connection, counter, {"name": name, "value": 0})
        number = connection.execute(_STEP, asked).scalar_one()
    return int(number)


def current_number(connection: Connection, name: str) -> int:
    """The last number given out, 0 before the first."""
    return int(connection.execute(_VALUE, {"b_name": name}).scalar() or 0)


def upsert(connection: Connection, table: Table) -> Any:
    """The engine's own `INSERT` that knows `ON CONFLICT`; both engines spell it alike."""
    return _insert(connection.dialect.name, table)


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there. Returns whether it was inserted."""
    return connection.execute(_once(connection.dialect.name, table), dict(row)).first() is not None


@cache
def _once(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key.columns)


def _insert(dialect: str, table: Table) -> Any:
    return sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)
