"""Identities and draws that any process, on any day, gets again from the same names.

Identity is BLAKE2b (RFC 7693) over business keys, so that ids and arms outlive library versions. Draws are SplitMix64
(Steele, Lea and Flood, 2014) over that digest, the seed and the name of what is drawn: they don't depend on the order
or the partition in which people are treated.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import numpy as np

_SEPARATOR: Final = "\x1f"
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def digests(namespace: str, *columns: Iterable[str]) -> np.ndarray:
    """128-bit digests of rows of text, as uint64 [N, 2].

    Args:
        namespace: What is identified, so that equal keys of different things differ.
        columns: Columns of one length; together the key of a row.
    """
    key = hashlib.blake2b(namespace.encode(), digest_size=32).digest()
    blake = hashlib.blake2b
    rows = map(_SEPARATOR.join, zip(*columns, strict=True)) if len(columns) > 1 else columns[0]
    raw = b"".join([blake(row.encode(), digest_size=16, key=key).digest() for row in rows])
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 2)


def hex_ids(digest: np.ndarray, prefix: str) -> np.ndarray:
    """Ids such as `d-0f3a...` (prefix and 32 hex digits) of `digests`, as object [N]."""
    text = np.ascontiguousarray(digest, dtype="<u8").tobytes().hex()
    return np.array([prefix + text[i : i + 32] for i in range(0, len(text), 32)], dtype=object)


def uniforms(digest: np.ndarray, seed: int, stream: str) -> np.ndarray:
    """One uniform draw in [0, 1) for each row of `digests`, float64 [N]; independent over seeds and streams.

    Args:
        digest: uint64 [N, 2].
        seed: The seed of the run.
        stream: Name of what is drawn, such as `creative`.
    """
    salt = hashlib.blake2b(f"{seed}{_SEPARATOR}{stream}".encode(), digest_size=16).digest()
    first, second = np.frombuffer(salt, dtype="<u8")
    mixed = _splitmix(_splitmix(digest[:, 0] ^ first) + (digest[:, 1] ^ second))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _splitmix(x: np.ndarray) -> np.ndarray:
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
