"""One streaming pass over a text file before DuckDB sees it: encoding, lines, limits, damage.

Memory stays at one block whatever the file holds, so a 2 GB line or a compressed bomb costs time only.
"""

import codecs
import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from assets.intake.entities import FileRejectedError

_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds against files made to exhaust the machine.

    Attributes:
        line_bytes: Longest line (and longest CSV record) that is read; a longer one goes to quarantine.
        file_bytes: Most uncompressed bytes of a file.
        ratio: Most uncompressed bytes for each compressed byte, checked beyond 64 MiB.
        parquet_rows: Most rows of a Parquet file.
    """

    line_bytes: int = 1 << 20
    file_bytes: int = 16 << 30
    ratio: int = 400
    parquet_rows: int = 200_000_000


@dataclass
class TextFacts:
    """What the pass found.

    Attributes:
        line_count: Physical lines, the last one with or without its newline.
        is_plain: Whether no line is too long or holds a NUL byte or a carriage return of its own: DuckDB may read it.
        byte_count: Uncompressed size.
    """

    line_count: int = 0
    is_plain: bool = True
    byte_count: int = 0


def file_id_of(source: str, path: Path) -> str:
    """SHA-256 of source and content, in hex.

    The source is part of it so that a file dropped into the wrong folder can be moved to the right one.
    """
    digest = hashlib.sha256(source.encode() + b"\0")
    with open_unlinked(path) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def open_unlinked(path: Path) -> BinaryIO:
    """Open a file for reading, refusing a symbolic link in its last part."""
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")


def open_text(path: Path) -> BinaryIO:
    """Open a plain or gzip file as uncompressed bytes."""
    stream = open_unlinked(path)
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if path.suffix == ".gz" else stream


def check_text(path: Path, limits: Limits) -> TextFacts:
    """Read a text file through once.

    Args:
        path: Plain or gzip file.
        limits: Bounds that it must keep.

    Returns:
        What it holds, in lines.

    Raises:
        FileRejectedError: If it isn't UTF-8, its gzip is damaged or it exceeds the limits.
    """
    try:
        with open_text(path) as stream:
            return _scan(stream, path.stat().st_size, limits)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRejectedError("gzip is truncated or damaged: copy the file again, whole") from None


def _scan(stream: BinaryIO, size_on_disk: int, limits: Limits) -> TextFacts:
    facts, decoder, open_line_bytes, last = TextFacts(), codecs.getincrementaldecoder("utf-8")(), 0, b""
    while block := stream.read(_BLOCK_BYTES):
        facts.byte_count += len(block)
        _check_size(facts.byte_count, size_on_disk, limits)
        _check_encoding(block, decoder, facts)
        open_line_bytes, has_long = _line_lengths(block, open_line_bytes, limits.line_bytes)
        facts.line_count += block.count(b"\n")
        if has_long or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            facts.is_plain = False
        last = block[-1:]
    _check_encoding(b"", decoder, facts)
    facts.line_count += last not in (b"\n", b"")
    return facts


def _line_lengths(block: bytes, open_line_bytes: int, limit: int) -> tuple[int, bool]:
    """Bytes of the line left open at the block's end, and whether any line exceeds the limit."""
    first = block.find(b"\n")
    if first < 0:
        return open_line_bytes + len(block), open_line_bytes + len(block) > limit
    still_open = len(block) - block.rfind(b"\n") - 1
    has_long = open_line_bytes + first > limit
    if limit < len(block):  # only then can a line inside the block be too long
        has_long = has_long or max(map(len, block.split(b"\n"))) > limit
    return still_open, has_long


def _check_size(byte_count: int, size_on_disk: int, limits: Limits) -> None:
    if byte_count > limits.file_bytes:
        raise FileRejectedError(f"larger than {limits.file_bytes:,} bytes uncompressed: split it")
    if byte_count > 64 << 20 and byte_count > limits.ratio * max(size_on_disk, 1):
        raise FileRejectedError(
            f"unpacks to more than {limits.ratio} times its size: deliver it uncompressed, in parts"
        )


def _check_encoding(block: bytes, decoder: codecs.IncrementalDecoder, facts: TextFacts) -> None:
    if block and block.isascii() and not decoder.getstate()[0]:
        return
    if facts.byte_count == len(block) and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRejectedError("not UTF-8 but UTF-16: save it as UTF-8")
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        line = facts.line_count + block[: max(error.start, 0)].count(b"\n") + 1
        raise FileRejectedError(
            f"not UTF-8 from line {line}; it looks like Latin-1 or Windows-1252: save it as UTF-8"
        ) from None
