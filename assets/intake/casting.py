# ruff: noqa: S608 - only names and expressions of the contract are put into SQL, values are parameters
"""SQL that turns a row of texts into a typed row of ``raw``, or says which column broke its type.

Every cell arrives as text, whatever the file's format, so csv, jsonl and Parquet keep the same rules. Only names and
expressions of our own are put into SQL; values are parameters.
"""

from collections.abc import Mapping
from typing import Final

from assets.intake.contract import Column, Kind, Source

_TIMESTAMP: Final = r"\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)?)?"
_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_INTEGER: Final = r"[+-]?\d{1,18}(\.0*)?"
_TEXT: Final = "<text>"
_INSTANT: Final = "timezone('UTC', try_cast(<text> AS TIMESTAMPTZ))"  # without zone: the session's, which is UTC
_DOUBLE: Final = "try_cast(<text> AS DOUBLE)"
_WHOLE: Final = "try_cast(<text> AS INTEGER)"
_IS_INSTANT: Final = (
    f"regexp_full_match(<text>, '{_TIMESTAMP}') AND {_INSTANT} >= TIMESTAMP '1970-01-01' AND {_INSTANT}"
)
_IS_NUMBER: Final = f"regexp_full_match(<text>, '{_NUMBER}') AND {_DOUBLE}"
_IS_WHOLE: Final = f"regexp_full_match(<text>, '{_INTEGER}') AND {_WHOLE}"

_RULES: Final[Mapping[Kind, tuple[str, str]]] = {
    "text": (_TEXT, "NOT contains(<text>, chr(0))"),
    "email": (_TEXT, r"regexp_full_match(<text>, '[^@\s\x00]+@[^@\s\x00]+')"),
    "timestamp": (_INSTANT, f"{_IS_INSTANT} < TIMESTAMP '2101-01-01'"),
    "past_timestamp": (_INSTANT, f"{_IS_INSTANT} <= $latest"),
    "amount": (_DOUBLE, f"{_IS_NUMBER} BETWEEN -1e15 AND 1e15"),
    "duration": (_DOUBLE, f"{_IS_NUMBER} BETWEEN 0 AND 1e9"),
    "share": (_DOUBLE, f"{_IS_NUMBER} BETWEEN 0 AND 1"),
    "count": (_WHOLE, f"{_IS_WHOLE} >= 0"),
    "year": (_WHOLE, f"{_IS_WHOLE} BETWEEN 1900 AND 2100"),
    "choice": (_TEXT, "<text> IN (<choices>)"),
    "object": (_TEXT, "CASE WHEN json_valid(<text>) THEN json_type(<text>) = 'OBJECT' END"),
    "json": (_TEXT, "json_valid(<text>)"),
}
"""For each kind the SQL of the value, and of the test without which the value is NULL."""

_MEANS: Final[Mapping[Kind, str]] = {
    "text": "text without NUL bytes",
    "email": "an e-mail address",
    "timestamp": "an ISO 8601 timestamp from 1970 to 2100",
    "past_timestamp": "an ISO 8601 timestamp from 1970 to one day after receipt",
    "amount": "a number such as -12.5, within 1e15",
    "duration": "a number of seconds from 0",
    "share": "a number from 0 to 1",
    "count": "a whole number from 0",
    "year": "a year from 1900 to 2100",
    "object": "a JSON object",
    "json": "valid JSON",
}


def typed_rows(source: Source, relation: str, cells: Mapping[str, str], values: str | None) -> str:
    """Common table expressions that end in ``typed``.

    Each step is materialized: DuckDB would otherwise evaluate every cast once for the filter and again for the result.

    Args:
        source: The contract.
        relation: With ``line``.
        cells: SQL of each column's text over the relation; columns that the file lacks are absent.
        values: SQL that the cells share, or None.

    Returns:
        ``WITH … typed``: the relation's columns, ``t_<column>`` (text) and ``<column>`` (NULL where it's broken).
    """
    texts = ", ".join(f"{_trimmed(cells.get(name, 'NULL::VARCHAR'))} AS t_{name}" for name in source.column_names)
    typed = ", ".join(f"{_typed(column)} AS {column.name}" for column in source.columns)
    base = f"(SELECT *, {values} FROM {relation})" if values else relation
    return (
        f"WITH base AS {'' if values is None else 'MATERIALIZED '}(SELECT * FROM {base}), "
        f"typed AS MATERIALIZED (SELECT *, {typed} FROM (SELECT *, {texts} FROM base))"
    )


def is_good(source: Source) -> str:
    """Predicate over ``typed_rows``: no column breaks its type."""
    return " AND ".join(f"NOT ({_breaks(column)})" for column in source.columns)


def reasons(source: Source) -> str:
    """SQL of a text naming every column that breaks its type, over ``typed_rows``."""
    said = ", ".join(f"CASE WHEN {_breaks(column)} THEN {_quoted(_reason(column))} END" for column in source.columns)
    return f"concat_ws('; ', {said})"


def has_latest(source: Source) -> bool:
    """Whether the typed query needs the parameter ``latest``: the last instant at which a sale may be dated."""
    return any(column.kind == "past_timestamp" for column in source.columns)


def _breaks(column: Column) -> str:
    if column.is_required:
        return f"{column.name} IS NULL"
    return f"t_{column.name} IS NOT NULL AND {column.name} IS NULL"


def _reason(column: Column) -> str:
    means = f"one of {', '.join(column.choices)}" if column.kind == "choice" else _MEANS[column.kind]
    return f"{column.name} must be {means}" + (", and is required" if column.is_required else "")


def _trimmed(text: str) -> str:
    return f"nullif(trim({text}), '')"


def _typed(column: Column) -> str:
    value, test = _RULES[column.kind]
    choices = ", ".join(map(_quoted, column.choices))
    return f"CASE WHEN {test} THEN {value} END".replace("<text>", f"t_{column.name}").replace("<choices>", choices)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
