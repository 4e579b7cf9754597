"""Writing files so that nobody reads a half-written one: under a name that no reader looks for, then renamed."""

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

_PARTIAL: Final = ".partial"


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Calls ``write`` on a temporary name in the same folder, syncs it to disk, and renames it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + _PARTIAL)
    write(partial)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a table in the format that the file's name tells: parquet, csv.gz or jsonl.gz, always the same bytes."""
    writers = {".parquet": _parquet, ".csv.gz": _csv_gz, ".jsonl.gz": _jsonl_gz}
    suffix = next(s for s in writers if path.name.endswith(s))
    write_whole(path, lambda partial: writers[suffix](partial, table))


def _parquet(path: Path, table: pa.Table) -> None:
    words = ["event_type", "platform", "channel", "url_path", "product_category", "campaign", "offer_id", "offer_code"]
    few = [name for name in words if name in table.column_names]
    pq.write_table(table, path, compression="snappy", use_dictionary=few, store_schema=False, row_group_size=262_144)


def _as_text(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = pc.strftime(table.column(i).cast(pa.timestamp("ms", tz="UTC")), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(i, field.name, text)
    return table


def _gzip(path: Path, content: bytes) -> None:
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0) as packed:
        packed.write(content)


def _csv_gz(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pacsv.write_csv(_as_text(table), buffer)
    _gzip(path, buffer.getvalue())


def json_lines(table: pa.Table) -> list[str]:
    """One JSON object a row, without the nulls; timestamps as ISO 8601."""
    rows = _as_text(table).to_pylist()
    return [json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows]


def _jsonl_gz(path: Path, table: pa.Table) -> None:
    _gzip(path, ("\n".join(json_lines(table)) + "\n").encode())
