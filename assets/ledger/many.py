"""Many values in one statement: as arrays where the engine has them, since PostgreSQL's driver pays for each parameter."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from assets.ledger.counters import upsert


def among(connection: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of many."""
    if connection.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def insert_unless_there(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose keys aren't there yet.

    Args:
        connection: A write transaction.
        table: Where to.
        rows: All with the same columns.
    """
    if not rows:
        return
    statement = upsert(connection, table)
    if connection.dialect.name == "sqlite":
        connection.execute(statement.on_conflict_do_nothing(), list(rows))
        return
    names = list(rows[0])
    arrays = [
        func.unnest(literal([row[name] for row in rows], ARRAY(table.c[name].type))).label(name) for name in names
    ]
    connection.execute(statement.from_select(names, select(*arrays)).on_conflict_do_nothing())
