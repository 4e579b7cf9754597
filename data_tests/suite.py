"""What a suite is made of: columns with their types, and a few kinds of expectation. No Great Expectations here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = Union["pd.Series[bool]", npt.NDArray[np.bool_]]
Type = Literal["text", "number", "flag", "timestamp", "date"]


@dataclass(frozen=True)
class Present:
    """No value of the columns is missing."""

    columns: Sequence[str]


@dataclass(frozen=True)
class OneOf:
    """Every value that is there is one of these."""

    column: str
    values: Collection[str]


@dataclass(frozen=True)
class Within:
    """Every number that is there is within the bounds, in each of the columns; bounds are inclusive, None is open."""

    columns: Sequence[str]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class UniqueRows:
    """No two rows have the same values in the columns."""

    columns: Sequence[str]


@dataclass(frozen=True)
class Rule:
    """A fact about each row that no single column tells.

    Attributes:
        name: What holds, in snake case.
        columns: What it reads; it's left out where one of them is missing or of another type.
        holds: From the frame to a boolean for each row; where that is missing the rule says nothing.
    """

    name: str
    columns: Sequence[str]
    holds: Callable[[pd.DataFrame], Flags]


Expectation = Present | OneOf | Within | UniqueRows | Rule


@dataclass(frozen=True)
class Suite:
    """A hand-over's suite.

    Attributes:
        name: Of the hand-over.
        key: Column by which a row is named.
        columns: Columns that must be there, and their types; further ones are allowed.
        expectations: What must hold of the rows.
        expected_keys: Keys of exactly the rows that must be there; None where that is known otherwise.
    """

    name: str
    key: str
    columns: Mapping[str, Type]
    expectations: Sequence[Expectation]
    expected_keys: "pd.Series[Any] | None" = None


def numbers(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A numeric column as float64, NaN where a value is missing, whatever its dtype."""
    return frame[column].to_numpy(np.float64, na_value=np.nan)


def columns_of(expectation: Expectation) -> tuple[str, ...]:
    """The frame's columns that an expectation reads."""
    return (expectation.column,) if isinstance(expectation, OneOf) else tuple(expectation.columns)
