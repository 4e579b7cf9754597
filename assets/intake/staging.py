# ruff: noqa: S608 - only names and expressions of the contract are put into SQL, values are parameters
"""A file's rows as texts in a temporary table, with their physical lines.

DuckDB's own reader is quick but skips and merges lines; what it reads is kept only if every physical line came out as
one row. Otherwise the exact reader (``records``) reads the file again.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb

from assets.intake.contract import Source
from assets.intake.header import match_header
from assets.intake.preflight import Limits, open_text
from assets.intake.readers import Reading, is_csv
from assets.intake.records import Reject, batches, csv_records, physical_lines

STAGED: Final = "intake_staged"
_MOST_KEYS: Final = 10_000


def stage(con: duckdb.DuckDBPyConnection, reading: Reading, path: Path, limits: Limits, reject: Reject) -> Reading:
    """Read a text file into the temporary table.

    Args:
        con: DuckDB.
        reading: What ``open_reading`` said.
        path: The file.
        limits: Bounds of lines and records.
        reject: Told of each line that isn't a record.

    Returns:
        The same reading over the table.
    """
    row_count = _stage_quickly(con, reading) if reading.is_plain else None
    if row_count != reading.row_count:
        row_count = _stage_exactly(con, reading, path, limits, reject)
    return replace(reading, read=STAGED, row_count=row_count, parameters={})


def drop_staged(con: duckdb.DuckDBPyConnection) -> None:
    """Free what ``stage`` holds."""
    con.execute(f"DROP TABLE IF EXISTS {STAGED}")


def match_keys(con: duckdb.DuckDBPyConnection, source: Source, reading: Reading) -> Reading:
    """Check the keys of staged JSON lines as if they were a header.

    Args:
        con: DuckDB.
        source: The contract.
        reading: Of a JSON-lines file, staged.

    Returns:
        The reading with its unknown columns.

    Raises:
        FileRejectedError: If a required key is in no line.
    """
    is_object = "CASE WHEN json_valid(c0) THEN json_type(c0) = 'OBJECT' END"
    keys = f"SELECT DISTINCT json_keys(c0) AS keys FROM {STAGED} WHERE {is_object}"
    rows = con.execute(f"SELECT DISTINCT unnest(keys)[:100] FROM ({keys}) LIMIT {_MOST_KEYS}").fetchall()
    return replace(reading, unknown_columns=match_header(source, [key for (key,) in rows])) if rows else reading


def _stage_quickly(con: duckdb.DuckDBPyConnection, reading: Reading) -> int | None:
    try:
        return _create(con, reading.read, reading.parameters)
    except duckdb.InvalidInputException:  # a record that DuckDB can't parse
        return None


def _stage_exactly(con: duckdb.DuckDBPyConnection, reading: Reading, path: Path, limits: Limits, reject: Reject) -> int:
    with open_text(path) as stream:
        lines = physical_lines(stream, limits.line_bytes, reject)
        if is_csv(path):
            next(lines, None)
            records = csv_records(lines, reading.width, limits.line_bytes, reject)
        else:
            records = ((line.number, [line.text]) for line in lines)
        con.register("intake_records", batches(records, reading.width))
        try:
            return _create(con, "intake_records", {})
        finally:
            con.unregister("intake_records")


def _create(con: duckdb.DuckDBPyConnection, relation: str, parameters: dict[str, str]) -> int:
    created = con.execute(f"CREATE OR REPLACE TEMP TABLE {STAGED} AS SELECT * FROM {relation}", parameters).fetchall()
    return int(created[0][0])
