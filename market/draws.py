"""Common random numbers: every draw is a function of the seed and of what it is drawn for, never of what came before.

Two ways: a vector over all persons for a (stream, day), and a hash for single things (a message, a session, an id).
"""

from enum import IntEnum
from hashlib import blake2b
from typing import Final

import numpy as np

from market.words import Floats, Hashes, Ints

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B: Final = np.uint64(0x94D049BB133111EB)
_FNV_PRIME: Final = np.uint64(0x100000001B3)


class Stream(IntEnum):
    """What a random number is for. A number is never reused for another purpose."""

    PEOPLE = 1
    IDENTITY = 2
    CONSENT = 3
    PAST = 4
    PURCHASE = 10
    VISIT = 11
    IMPRESSION = 12
    CALL = 13
    NEWSLETTER = 14
    DORMANT = 15
    SPELL = 16
    AD_CAUSED = 17
    AD_SEEN = 18
    NEW_CONTACT = 19
    WITHDRAW = 20
    CAMPAIGN = 30
    TRIAL = 31
    TIME = 40
    DETAIL = 41
    RESPONSE = 50
    DELAY = 51
    ENGAGE = 52
    DISTURB = 53
    WORDS = 54
    EVENT_ID = 60
    CATALOGUE = 61


def generator(seed: int, stream: Stream, *more: int) -> np.random.Generator:
    """A generator that belongs to the purpose alone."""
    return np.random.default_rng([seed, int(stream), *more])


def person_day(seed: int, stream: Stream, day: int, count: int) -> Floats:
    """One uniform number for each person on a day.

    Args:
        seed: The market's seed.
        stream: What the number is for.
        day: Days since 1970-01-01.
        count: Persons.

    Returns:
        float32 [count] in [0, 1).
    """
    numbers: Floats = generator(seed, stream, day).random(count, dtype=np.float32)
    return numbers


def _mix(value: Hashes) -> Hashes:
    value = (value ^ (value >> np.uint64(30))) * _MIX_A
    value = (value ^ (value >> np.uint64(27))) * _MIX_B
    return value ^ (value >> np.uint64(31))


def hashed(seed: int, stream: Stream, *keys: Ints | Hashes | int) -> Hashes:
    """A 64-bit hash (splitmix64) of integer keys, element by element.

    Args:
        seed: The market's seed.
        stream: What the number is for.
        *keys: Integer arrays that broadcast, or integers.

    Returns:
        uint64 of the broadcast shape (at least one-dimensional).
    """
    with np.errstate(over="ignore"):
        value = _mix(np.atleast_1d(np.uint64(seed) * _GOLDEN + np.uint64(int(stream))))
        for key in keys:
            value = _mix(value * _FNV_PRIME + np.asarray(key).astype(np.uint64) + _GOLDEN)
    return value


def uniform(seed: int, stream: Stream, *keys: Ints | Hashes | int) -> Floats:
    """A number in [0, 1) that depends on the keys alone: float64 of their broadcast shape."""
    return (hashed(seed, stream, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gaussian(seed: int, stream: Stream, *keys: Ints | Hashes | int) -> Floats:
    """A standard normal number that depends on the keys alone (Box and Muller)."""
    first = uniform(seed, stream, *keys, 1)
    second = uniform(seed, stream, *keys, 2)
    return np.asarray(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second))


def text_hash(text: str) -> int:
    """A stable 63-bit hash of a word (BLAKE2b); unlike ``hash`` it is the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
