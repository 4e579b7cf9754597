"""Columns of text made without a loop over rows."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.words import Bools, Hashes, Ints

_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_PAIRS: Final = np.stack([np.repeat(_HEX, 16), np.tile(_HEX, 16)], axis=1)


def fixed_width(characters: Ints) -> pa.StringArray:
    """Strings from a matrix of ASCII codes, uint8 [N, width]."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    data = pa.py_buffer(np.ascontiguousarray(characters, dtype=np.uint8))
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), data)


def hex_ids(prefix: str, hashes: Hashes) -> pa.StringArray:
    """``prefix`` and the 16 hexadecimal digits of each hash."""
    octets = np.ascontiguousarray(hashes, dtype=">u8").view(np.uint8).reshape(-1, 8)
    digits = _PAIRS[octets].reshape(-1, 16)
    head = np.broadcast_to(np.frombuffer(prefix.encode(), dtype=np.uint8), (len(digits), len(prefix)))
    return fixed_width(np.concatenate([head, digits], axis=1))


def digits(values: Ints, width: int) -> pa.StringArray:
    """Whole numbers with leading zeros, cut to ``width`` digits."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return fixed_width((values.astype(np.int64)[:, None] // powers % 10 + 48).astype(np.uint8))


def pick(words: Sequence[str | None], index: Ints) -> pa.StringArray:
    """``words[index]`` for each element; an index below 0 is null."""
    safe = pa.array(np.maximum(index, 0).astype(np.int32), mask=np.asarray(index) < 0)
    return pa.array(words, type=pa.string()).take(safe)


def join(*parts: pa.Array | str, separator: str = "") -> pa.StringArray:
    """Joins columns and constants; a null part makes a null."""
    return pc.binary_join_element_wise(*parts, separator)


def keep(values: pa.Array, mask: Bools) -> pa.Array:
    """The values where the mask holds, null elsewhere."""
    return pc.if_else(pa.array(mask), values, pa.scalar(None, type=values.type))


def times(milliseconds: Ints) -> pa.TimestampArray:
    """UTC timestamps from milliseconds since 1970."""
    stamps = pa.array(np.asarray(milliseconds, dtype=np.int64) * 1000)
    return stamps.cast(pa.timestamp("us", tz="UTC"))
