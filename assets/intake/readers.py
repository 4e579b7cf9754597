# ruff: noqa: S608 - only names and expressions of the contract are put into SQL, values are parameters
"""Each file format as one relation of lines and text cells. Types are sniffed nowhere: the contract says them."""

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from assets.intake.contract import Source
from assets.intake.entities import FileRejectedError
from assets.intake.header import match_header
from assets.intake.preflight import Limits, check_text, open_text
from assets.intake.records import physical_lines


@dataclass(frozen=True)
class Reading:
    """A file as a relation.

    Attributes:
        read: SQL relation by DuckDB's own reader, with ``line`` (from 1; in Parquet the row) and cells.
        row_count: Rows that the file has, known without reading it; another count means that it was misread.
        cells: SQL of the text of each contract column over the relation.
        raw: SQL of the whole row as text, for quarantine.
        width: Cells of a text file's record; 0 for Parquet.
        unreadable: SQL of a reason for which the row isn't a record at all, or NULL.
        blank: SQL predicate of rows that are nothing at all.
        values: SQL over the relation that the cells share, or None: computed once a row.
        parameters: Values of the relation's parameters.
        unknown_columns: Columns that the contract doesn't know.
        is_plain: Whether DuckDB's own reader may be trusted with it.
    """

    read: str
    row_count: int
    cells: dict[str, str]
    raw: str
    width: int = 0
    unreadable: str = "NULL"
    blank: str = "false"
    values: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()
    is_plain: bool = True


def open_reading(con: duckdb.DuckDBPyConnection, source: Source, path: Path, limits: Limits) -> Reading:
    """Check a file as a whole and describe how to read it.

    Args:
        con: DuckDB, hardened.
        source: The contract.
        path: The file.
        limits: Bounds that it must keep.

    Raises:
        FileRejectedError: If nothing of it can be loaded.
    """
    if path.suffix == ".parquet":
        return _open_parquet(con, source, path, limits)
    facts = check_text(path, limits)
    opened = _open_csv if is_csv(path) else _open_jsonl
    return replace(opened(source, path, facts.line_count, limits), is_plain=facts.is_plain)


def _open_csv(source: Source, path: Path, line_count: int, limits: Limits) -> Reading:
    if line_count == 0:
        raise FileRejectedError("file is empty: a CSV file begins with a header")
    header = _read_header(path, limits)
    columns = ", ".join(f"c{index}: 'VARCHAR'" for index in range(len(header)))
    read = (
        "read_csv($path, auto_detect=false, header=false, skip=1, strict_mode=true, "
        f"delim=',', quote='\"', escape='\"', "
        f"columns={{{columns}}}, max_line_size={limits.line_bytes}, compression='{_compression(path)}')"
    )
    cells = {name: f"c{header.index(name)}" for name in source.column_names if name in header}
    return Reading(
        read=f"(SELECT row_number() OVER () + 1 AS line, * FROM {read})",
        row_count=line_count - 1,
        cells=cells,
        raw=_as_object(cells),
        width=len(header),
        parameters={"path": str(path)},
        unknown_columns=match_header(source, header),
    )


def _read_header(path: Path, limits: Limits) -> list[str]:
    def refuse(_line: int, reason: str, _raw: str) -> None:
        raise FileRejectedError(f"the header {reason}")

    with open_text(path) as stream:
        first = next(physical_lines(stream, limits.line_bytes, refuse))
    try:
        return [name.strip() for name in next(csv.reader([first.text], strict=True), [])]
    except csv.Error:
        raise FileRejectedError("the header has an unclosed quote: write the column names on one line") from None


def _open_jsonl(source: Source, path: Path, line_count: int, limits: Limits) -> Reading:
    read = (  # a control character can't occur in JSON, so the whole line is one cell
        "read_csv($path, auto_detect=false, header=false, delim='\x01', quote='', escape='', strict_mode=false, "
        f"columns={{c0: 'VARCHAR'}}, max_line_size={limits.line_bytes}, compression='{_compression(path)}')"
    )
    keys = ", ".join(f"'$.{name}'" for name in source.column_names)
    is_object = "CASE WHEN json_valid(c0) THEN json_type(c0) = 'OBJECT' END"
    return Reading(
        read=f"(SELECT row_number() OVER () AS line, c0 FROM {read})",
        row_count=line_count,
        cells={name: f"v[{index}]" for index, name in enumerate(source.column_names, 1)},
        raw="c0",
        width=1,
        unreadable="CASE WHEN v IS NULL THEN 'not a JSON object on one line' END",
        blank="c0 IS NULL OR trim(c0, E' \\t\\r') = ''",
        values=f"CASE WHEN {is_object} THEN json_extract_string(c0, [{keys}]) END AS v",
        parameters={"path": str(path)},
    )


def _open_parquet(con: duckdb.DuckDBPyConnection, source: Source, path: Path, limits: Limits) -> Reading:
    parameters = {"path": str(path)}
    try:
        described = con.execute("DESCRIBE SELECT * FROM read_parquet($path)", parameters).fetchall()
        (row_count,) = con.execute("SELECT num_rows FROM parquet_file_metadata($path)", parameters).fetchall()[0]
        (size,) = con.execute(
            "SELECT sum(total_uncompressed_size) FROM parquet_metadata($path)", parameters
        ).fetchall()[0]
    except duckdb.Error as error:
        raise FileRejectedError(
            "not a readable Parquet file: it is damaged, encrypted or truncated; write it again"
        ) from error
    if row_count > limits.parquet_rows or (size or 0) > limits.file_bytes:
        raise FileRejectedError(
            f"more than {limits.parquet_rows:,} rows or {limits.file_bytes:,} bytes uncompressed: split it"
        )
    types = {str(name): str(sql_type) for name, sql_type, *_ in described}
    unknown = match_header(source, list(types))
    # Under names of their own: beside the typed column of the same name, SQL would take the file's.
    own = {name: f"p_{name}" for name in source.column_names if name in types}
    cells = {name: _parquet_text(alias, types[name]) for name, alias in own.items()}
    columns = ", ".join(f"{name} AS {alias}" for name, alias in own.items())
    return Reading(
        read=f"(SELECT file_row_number + 1 AS line, {columns} FROM read_parquet($path, file_row_number=true))",
        row_count=row_count,
        cells=cells,
        raw=_as_object(own),
        parameters=parameters,
        unknown_columns=unknown,
    )


def _parquet_text(name: str, sql_type: str) -> str:
    """A cell as text: a missing float is no value, and an id that became a float is whole again."""
    if sql_type in {"FLOAT", "DOUBLE"}:
        whole = f"isfinite({name}) AND {name} = trunc({name}) AND abs({name}) < 1e15"
        bigint, text = f"CAST({name}::BIGINT AS VARCHAR)", f"CAST({name} AS VARCHAR)"
        return f"CASE WHEN {whole} THEN {bigint} WHEN NOT isnan({name}) THEN {text} END"
    if sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP")):
        return f"CAST(to_json({name}) AS VARCHAR)"
    return f"CAST({name} AS VARCHAR)"


def _as_object(cells: dict[str, str]) -> str:
    return "CAST(to_json({" + ", ".join(f"'{name}': {text}" for name, text in cells.items()) + "}) AS VARCHAR)"


def is_csv(path: Path) -> bool:
    """Whether the file is comma-separated."""
    return path.name.endswith((".csv", ".csv.gz"))


def _compression(path: Path) -> str:
    return "gzip" if path.suffix == ".gz" else "none"
