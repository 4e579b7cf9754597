"""Connections to SQLite and PostgreSQL that behave alike: a write transaction holds what it read."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    String,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL, make_url

BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (
    "synchronous=FULL",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "foreign_keys=ON",
    "cache_size=-65536",
)


def open_engine(url: str | URL) -> Engine:
    """An engine for a ledger URL.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://…`; a bare `postgresql://` means psycopg.

    Raises:
        ValueError: For any other engine, or for SQLite in memory (it would not survive the process).
    """
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        return create_engine(address.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True)
    if address.get_backend_name() != "sqlite" or not address.database or address.database == ":memory:":
        raise ValueError(
            f"ledger URL of kind '{address.drivername}' can't be used: give sqlite:///<file> or postgresql://<host>/<database>"
        )
    Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is deferred: it would fail half-way instead of waiting
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()


# BEGIN is said here and not by an event of the engine: with one, each statement of it pays for all its events.
@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: all of it or nothing."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


def among(connection: Connection, column: Column[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether a text column is one of many values, as one parameter: thousands cost what one costs to parse."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(String)))
    each = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(each.c.value))


def is_among(dialect: str, column: Column[str], name: str) -> ColumnElement[bool]:
    """`among` for a statement that is made once: the values are the parameter of that name, as `in_one` gives them."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(String)))
    return column.in_(select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value))


def in_one(connection: Connection, values: Sequence[str]) -> str | list[str]:
    """Many values as one parameter of a statement with `is_among`."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))
