"""Numbers whose order is the order of commits."""

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from assets.ledger.tables import counter


def next_number(connection: Connection, name: str) -> int:
    """The next number of a series; its row stays locked until the transaction ends, so ask for it late."""
    step = update(counter).where(counter.c.name == name).values(value=counter.c.value + 1).returning(counter.c.value)
    number = connection.execute(step).scalar()
    if number is None:
        insert = upsert(connection)(counter).values(name=name, value=0).on_conflict_do_nothing()
        connection.execute(insert)
        number = connection.execute(step).scalar_one()
    return int(number)


def current_number(connection: Connection, name: str) -> int:
    """The last number given out, 0 before the first."""
    return int(connection.execute(select(counter.c.value).where(counter.c.name == name)).scalar() or 0)


def upsert(connection: Connection) -> type[sqlite_insert] | type[postgresql_insert]:
    """The engine's own `INSERT` that knows `ON CONFLICT`."""
    return sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
