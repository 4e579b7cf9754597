"""Which rows teach, which tune, and which only judge."""

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

TRAIN: Final = 0
TUNE: Final = 1
TEST: Final = 2

_SALT: Final = "wayfinder-response-split"
_TRAIN_BELOW, _TUNE_BELOW = 70, 85  # per cent of people
_NEWEST_SHARE: Final = 0.5


def split(training: pd.DataFrame) -> npt.NDArray[np.int8]:
    """Assigns each row to TRAIN, TUNE or TEST.

    People are split by a salted hash, not by the seed of a training: all rows of a person are on one side, and the
    people who judge are the same for every model ever trained, so that two models can be compared on rows that neither
    has seen.
    Judging happens on the newer days whose outcomes are complete; the judges' older rows tune.

    Args:
        training: Has `customer_id`, and `as_of_on` where rows are dated.

    Returns:
        int8 [len(training)].
    """
    bucket = person_bucket(training["customer_id"])
    part = np.where(bucket < _TRAIN_BELOW, TRAIN, np.where(bucket < _TUNE_BELOW, TUNE, TEST)).astype(np.int8)
    if "as_of_on" in training and len(training):
        days = pd.to_datetime(training["as_of_on"])
        finished = days[is_finished(training)].sort_values()
        finished = finished if len(finished) else days.sort_values()
        newest = days >= finished.iloc[int(len(finished) * (1 - _NEWEST_SHARE))]
        part[(part == TEST) & ~newest.to_numpy()] = TUNE
    return part


def is_finished(training: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row's horizon is over, [len(training)]: only such a row can judge."""
    if "maturity" not in training:
        return np.ones(len(training), dtype=bool)
    return (training["maturity"] == 1).to_numpy(dtype=bool)


def person_bucket(customer_ids: pd.Series) -> npt.NDArray[np.int64]:
    """A number from 0 to 99 for each person, the same on every machine and in every run."""
    codes, people = pd.factorize(customer_ids)
    digests = (hashlib.blake2b(f"{_SALT}:{person}".encode(), digest_size=8).digest() for person in people)
    buckets = np.array([int.from_bytes(digest, "big") % 100 for digest in digests], dtype=np.int64)
    return buckets[codes] if len(buckets) else np.zeros(0, dtype=np.int64)
