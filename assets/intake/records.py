"""The exact text reader: physical line numbers, and one broken record never takes its neighbours along.

Slower than DuckDB's reader, so it reads only files that aren't plain: quoted line breaks, blank lines, ragged rows, too
long lines, NUL bytes, unclosed quotes.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

import pyarrow as pa

Reject = Callable[[int, str, str], None]
"""Called with line, reason and the raw text of what can't be read."""

_BATCH_ROWS: Final = 20_000
_SHOWN_BYTES: Final = 200


class Line(NamedTuple):
    """A physical line (from 1) without its line break."""

    number: int
    text: str


def physical_lines(stream: BinaryIO, limit: int, reject: Reject) -> Iterator[Line]:
    """Lines up to ``limit`` bytes without NUL bytes; others are rejected, and never held whole.

    Args:
        stream: UTF-8, checked before.
        limit: Longest line, bytes.
        reject: Told of each line left out.
    """
    number = 0
    while data := stream.readline(limit + 1):
        number += 1
        if len(data) > limit and not data.endswith(b"\n"):
            _skip_line(stream, limit)
            reject(number, f"longer than {limit:,} bytes: split or shorten it", _shown(data))
        elif b"\0" in data:
            reject(number, "contains a NUL byte: remove it", _shown(data))
        else:
            yield Line(number, data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))


def _skip_line(stream: BinaryIO, limit: int) -> None:
    while rest := stream.readline(limit):
        if rest.endswith(b"\n"):
            return


def _shown(data: bytes) -> str:
    return data[:_SHOWN_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd").rstrip("\r\n")


def csv_records(lines: Iterator[Line], width: int, limit: int, reject: Reject) -> Iterator[tuple[int, list[str]]]:
    """Records of a CSV file (RFC 4180) with the line on which each begins.

    A record that doesn't parse costs its first line only: reading goes on with the next line. Blank lines are left out.

    Args:
        lines: Physical lines.
        width: Fields that a record must have.
        limit: Longest record, characters.
        reject: Told of each line left out.
    """
    csv.field_size_limit(max(csv.field_size_limit(), limit + 1))
    returned: deque[Line] = deque()
    while (first := returned.popleft() if returned else next(lines, None)) is not None:
        if not first.text.strip():
            continue
        record = _complete(first, lines, returned, limit)
        fields = _parse(record)
        if fields is not None and len(fields) == width:
            yield first.number, fields
            continue
        reject(first.number, _what_broke(fields, width), first.text)
        returned.extendleft(reversed(record[1:]))


def _complete(first: Line, lines: Iterator[Line], returned: deque[Line], limit: int) -> list[Line]:
    """The lines of a record: on to where its quotes balance, or to the limit."""
    record, size, quotes = [first], len(first.text), first.text.count('"')
    while quotes % 2 and size <= limit:
        following = returned.popleft() if returned else next(lines, None)
        if following is None:
            break
        record.append(following)
        size += len(following.text) + 1
        quotes += following.text.count('"')
    return record


def _parse(record: Sequence[Line]) -> list[str] | None:
    try:
        return next(csv.reader(["\n".join(line.text for line in record)], strict=True))
    except (csv.Error, StopIteration):
        return None


def _what_broke(fields: list[str] | None, width: int) -> str:
    if fields is None:
        return "a quote is unclosed or misplaced: double quotes inside a quoted field"
    return f"has {len(fields)} fields instead of {width}: quote fields that contain commas"


def batches(records: Iterator[tuple[int, Sequence[str]]], width: int) -> pa.RecordBatchReader:
    """Records as Arrow batches of ``line`` and ``c0`` … ``c<width-1>`` (text).

    Args:
        records: Line and fields.
        width: Fields in each.
    """
    schema = pa.schema([("line", pa.int64()), *((f"c{index}", pa.string()) for index in range(width))])
    return pa.RecordBatchReader.from_batches(schema, _batches(records, schema))


def _batches(records: Iterator[tuple[int, Sequence[str]]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(records, _BATCH_ROWS)):
        lines, rows = zip(*chunk, strict=True)
        columns = [pa.array(lines, pa.int64()), *(pa.array(column, pa.string()) for column in zip(*rows, strict=True))]
        yield pa.record_batch(columns, schema=schema)
