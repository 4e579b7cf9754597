# ruff: noqa: S608 - only table and column names of our own are put into SQL, values are parameters
"""Schema ``raw`` of the warehouse: its tables, and the small ones that the cycle writes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final

import duckdb
import pandas as pd

from assets.intake.contract import SOURCES

_STAMPS: Final = "_file_id VARCHAR, _line BIGINT, _load_id BIGINT, _received_at TIMESTAMP"
_MESSAGE_COLUMNS: Final = (
    *("message_id", "decision_id", "cycle_id", "customer_id", "objective_id", "channel", "offer_id", "creative_id"),
    *("slot", "handed_over_at", "cost", "contact_ids"),
)
_OTHER_TABLES: Final = (
    """landed_files (file_id VARCHAR PRIMARY KEY, source VARCHAR NOT NULL, path VARCHAR NOT NULL, size_bytes BIGINT,
        modified_at TIMESTAMP, received_at TIMESTAMP, row_count BIGINT, quarantined_count BIGINT, unknown_columns JSON,
        reason VARCHAR, load_id BIGINT NOT NULL)""",
    """messages (message_id VARCHAR, decision_id VARCHAR, cycle_id VARCHAR, customer_id VARCHAR, objective_id VARCHAR,
        channel VARCHAR, offer_id VARCHAR, creative_id VARCHAR, slot VARCHAR, handed_over_at TIMESTAMP, cost DOUBLE,
        contact_ids VARCHAR, _load_id BIGINT, _received_at TIMESTAMP)""",
    "identity_overrides (contact_id_a VARCHAR, contact_id_b VARCHAR, decision VARCHAR)",
    """cycle (cycle_on DATE, cutoff_at TIMESTAMP, received_by TIMESTAMP, time_zone VARCHAR, lapsing_days INTEGER,
        lapsed_days INTEGER, margin_share DOUBLE, horizon_days INTEGER)""",
)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Harden a connection and make every table of schema ``raw`` that isn't there yet.

    No extension is downloaded or loaded by name, and the session's zone is UTC: timestamps without zone are UTC.
    """
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"):
        con.execute(f"SET {setting} = false")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for source in SOURCES.values():
        columns = ", ".join(f"{column.name} {column.sql_type}" for column in source.columns)
        con.execute(f"CREATE TABLE IF NOT EXISTS raw.{source.name} ({columns}, {_STAMPS})")
    for table in _OTHER_TABLES:
        con.execute(f"CREATE TABLE IF NOT EXISTS raw.{table}")
    con.execute("ALTER TABLE raw.cycle ADD COLUMN IF NOT EXISTS is_training_due BOOLEAN")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what happens inside, or none of it."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def next_load_id(con: duckdb.DuckDBPyConnection) -> int:
    """A load number greater than every committed one."""
    loads = "SELECT max(load_id) AS load_id FROM raw.landed_files UNION ALL SELECT max(_load_id) FROM raw.messages"
    (latest,) = con.execute(f"SELECT max(load_id) FROM ({loads})").fetchall()[0]
    return int(latest or 0) + 1


def absent_sources(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Sources of which no row has ever landed, in contract order."""
    landed = {
        name for (name,) in con.execute("SELECT DISTINCT source FROM raw.landed_files WHERE row_count > 0").fetchall()
    }
    return tuple(name for name in SOURCES if name not in landed)


def rows_since(con: duckdb.DuckDBPyConnection, source: str, load_id: int) -> pd.DataFrame:
    """Rows of a source from loads after a given one.

    Args:
        con: The warehouse.
        source: A landing source.
        load_id: The last load already taken; 0 for all rows.

    Returns:
        The contract's columns with ``_file_id``, ``_line``, ``_load_id``, ``_received_at``, by load and line.

    Raises:
        KeyError: If there is no such source.
    """
    table = SOURCES[source].name
    query = f"SELECT * FROM raw.{table} WHERE _load_id > ? ORDER BY _load_id, _line"
    frame: pd.DataFrame = con.execute(query, [load_id]).df()
    return frame


def record_messages(con: duckdb.DuckDBPyConnection, frame: pd.DataFrame, at: datetime) -> int:
    """Append messages that were handed over; one already there stays as it is.

    Args:
        con: The warehouse.
        frame: Columns of ``raw.messages`` without ``_load_id`` and ``_received_at``, one row a message.
        at: Received time, UTC.

    Returns:
        How many were new.
    """
    names = ", ".join(_MESSAGE_COLUMNS)
    con.register("exported_messages", frame.loc[:, list(_MESSAGE_COLUMNS)])
    try:
        inserted = con.execute(
            f"INSERT INTO raw.messages SELECT {names}, $load_id, $at FROM exported_messages AS exported "
            "WHERE NOT EXISTS (SELECT 1 FROM raw.messages AS kept WHERE kept.message_id = exported.message_id) "
            "QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY handed_over_at) = 1",
            {"load_id": next_load_id(con), "at": at},
        ).fetchall()
    finally:
        con.unregister("exported_messages")
    return int(inserted[0][0])


def set_cycle(
    con: duckdb.DuckDBPyConnection,
    *,
    cycle_on: date,
    cutoff_at: datetime,
    received_by: datetime,
    time_zone: str,
    lapsing_days: int,
    lapsed_days: int,
    margin_share: float,
    horizon_days: int,
    is_training_due: bool = True,
) -> None:
    """Write the one row from which dbt knows the cycle, so that its manifest never changes.

    Args:
        con: The warehouse.
        cycle_on: The cycle's day in the workspace zone.
        cutoff_at: The instant at which that day begins, UTC.
        received_by: Rows received later don't exist for this cycle, UTC.
        time_zone: Of the workspace, IANA.
        lapsing_days: Days since the last purchase after which an active customer is lapsing.
        lapsed_days: Days after which one is lapsed.
        margin_share: Margin per revenue where a sale has none.
        horizon_days: Days over which a conversion counts.
        is_training_due: Whether training snapshots are brought up to date.
    """
    row = [
        cycle_on,
        cutoff_at,
        received_by,
        time_zone,
        lapsing_days,
        lapsed_days,
        margin_share,
        horizon_days,
        is_training_due,
    ]
    _rewrite(con, "cycle", [row])


def set_identity_overrides(con: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Replace the operator's word on which contacts are one person.

    Args:
        con: The warehouse.
        pairs: Contact, other contact, ``same`` or ``different``.

    Raises:
        ValueError: If a decision is neither.
    """
    rows = list(pairs)
    for contact, other, decision in rows:
        if decision not in {"same", "different"}:
            raise ValueError(
                f"identity override of {contact} and {other}: write 'same' or 'different', not {decision!r}"
            )
    _rewrite(con, "identity_overrides", rows)


def _rewrite(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[object]]) -> None:
    with transaction(con):
        con.execute(f"DELETE FROM raw.{table}")
        for row in rows:
            con.execute(f"INSERT INTO raw.{table} VALUES ({', '.join('?' * len(row))})", list(row))
