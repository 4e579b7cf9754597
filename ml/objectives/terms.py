"""Terms of an audience, evaluated over a whole frame with SQL's three-valued logic.

A truth is two bool arrays [N]: `is_true` and `is_null`; false is neither. `and` is null where no part is false
and one is null, `or` where no part is true and one is null, `not` keeps null (ISO/IEC 9075, boolean value expressions).
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pandas as pd

from ml.objectives.tokens import AudienceError

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Truth(NamedTuple):
    """Three-valued truth of N rows."""

    is_true: np.ndarray
    is_null: np.ndarray

    @property
    def is_false(self) -> np.ndarray:
        """Rows that are known to be false."""
        return np.asarray(~(self.is_true | self.is_null))


class Values(NamedTuple):
    """N values of one kind (number, text, bool, date; null where nothing is known), and where they are missing."""

    kind: str
    values: Any
    is_null: np.ndarray


class Term(Protocol):
    """Something that is true, false or unknown of each row."""

    def truth(self, frame: pd.DataFrame) -> Truth:
        """Evaluate over the frame."""
        ...


@dataclass(frozen=True)
class Column:
    """A column by name."""

    name: str
    position: int

    def values(self, frame: pd.DataFrame) -> Values:
        """The column as numpy values of its kind."""
        series = frame[self.name]
        missing = series.isna().to_numpy(dtype=bool)
        kind = _kind(series)
        return Values(kind, _plain(series, kind, missing), missing)


@dataclass(frozen=True)
class Literal:
    """A value that the operator wrote."""

    value: "str | float | bool | date | None"
    position: int

    def values(self, frame: pd.DataFrame) -> Values:
        """The value, once; numpy spreads it over the rows."""
        missing = np.full(len(frame), self.value is None)
        value = np.datetime64(self.value, "us") if isinstance(self.value, date) else self.value
        return Values(_literal_kind(self.value), value, missing)


Operand = Column | Literal


@dataclass(frozen=True)
class Value:
    """A boolean column, or true, false, null, standing alone."""

    operand: Operand

    def truth(self, frame: pd.DataFrame) -> Truth:
        """True where the value is."""
        kind, values, missing = self.operand.values(frame)
        if kind not in {"bool", "null"}:
            raise AudienceError(
                f"expected a comparison: {_shown(self.operand)} isn't true or false by itself", self.operand.position
            )
        return Truth(~missing & (np.False_ if kind == "null" else values), missing)


@dataclass(frozen=True)
class Comparison:
    """`left operator right`; unknown where a side is missing."""

    operator: str
    left: Operand
    right: Operand
    position: int

    def truth(self, frame: pd.DataFrame) -> Truth:
        """Compare row by row."""
        return _compare(_COMPARE[self.operator], self.left, self.right, self.position, frame)


@dataclass(frozen=True)
class In:
    """`operand in (values)`: true where it equals one, unknown where it equals none and a side is missing."""

    operand: Operand
    candidates: tuple[Literal, ...]
    position: int

    def truth(self, frame: pd.DataFrame) -> Truth:
        """The `or` of the equalities."""
        return _or([_compare(operator.eq, self.operand, value, self.position, frame) for value in self.candidates])


@dataclass(frozen=True)
class Between:
    """`operand between low and high`: `operand >= low and operand <= high`."""

    operand: Operand
    low: Operand
    high: Operand
    position: int

    def truth(self, frame: pd.DataFrame) -> Truth:
        """The `and` of the two bounds, both included."""
        return _and(
            [
                _compare(operator.ge, self.operand, self.low, self.position, frame),
                _compare(operator.le, self.operand, self.high, self.position, frame),
            ]
        )


@dataclass(frozen=True)
class IsNull:
    """`operand is [not] null`: never unknown."""

    operand: Operand
    negated: bool

    def truth(self, frame: pd.DataFrame) -> Truth:
        """True where the value is missing, or where it isn't."""
        missing = self.operand.values(frame).is_null
        return Truth(~missing if self.negated else missing, np.zeros(len(frame), dtype=bool))


@dataclass(frozen=True)
class Negated:
    """`not term`."""

    term: Term

    def truth(self, frame: pd.DataFrame) -> Truth:
        """True where the term is false; unknown stays unknown."""
        inner = self.term.truth(frame)
        return Truth(inner.is_false, inner.is_null)


@dataclass(frozen=True)
class Combined:
    """Terms joined by `and` or by `or`."""

    word: str
    terms: tuple[Term, ...]

    def truth(self, frame: pd.DataFrame) -> Truth:
        """The three-valued and, or the three-valued or."""
        truths = [term.truth(frame) for term in self.terms]
        return _and(truths) if self.word == "and" else _or(truths)


def _and(truths: list[Truth]) -> Truth:
    is_true = np.logical_and.reduce([t.is_true for t in truths])
    is_false = np.logical_or.reduce([t.is_false for t in truths])
    return Truth(is_true, ~(is_true | is_false))


def _or(truths: list[Truth]) -> Truth:
    is_true = np.logical_or.reduce([t.is_true for t in truths])
    is_null = np.logical_or.reduce([t.is_null for t in truths])
    return Truth(is_true, is_null & ~is_true)


def _compare(
    compare: Callable[[Any, Any], Any], left: Operand, right: Operand, position: int, frame: pd.DataFrame
) -> Truth:
    a, b = left.values(frame), right.values(frame)
    a, b = _as_date(a, b.kind, left), _as_date(b, a.kind, right)
    missing = a.is_null | b.is_null
    if "null" in {a.kind, b.kind}:
        return Truth(np.zeros(len(frame), dtype=bool), np.ones(len(frame), dtype=bool))
    if a.kind != b.kind:
        raise AudienceError(
            f"{_shown(left)} is a {a.kind}, {_shown(right)} is a {b.kind}: compare values of one kind", position
        )
    return Truth(
        ~missing & np.broadcast_to(np.asarray(compare(a.values, b.values), dtype=bool), missing.shape), missing
    )


def _as_date(values: Values, other: str, operand: Operand) -> Values:
    """A text such as '2026-01-05' beside a date is that day, as in SQL."""
    if other != "date" or values.kind != "text" or not isinstance(operand, Literal):
        return values
    try:
        day = date.fromisoformat(str(operand.value))
    except ValueError as error:
        raise AudienceError(f"'{operand.value}' isn't a day: write 'YYYY-MM-DD'", operand.position) from error
    return Values("date", np.datetime64(day, "us"), values.is_null)


def _kind(series: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(series.dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    return {
        "boolean": "bool",
        "date": "date",
        "datetime": "date",
        "integer": "number",
        "floating": "number",
        "empty": "null",
    }.get(pd.api.types.infer_dtype(series, skipna=True), "text")


def _plain(series: pd.Series, kind: str, missing: np.ndarray) -> Any:
    """Values that numpy compares; what is missing is replaced by a value of the kind, never looked at."""
    if kind == "null":
        return None
    if kind == "number":
        return (
            series.to_numpy(dtype="float64", na_value=np.nan)
            if not _is_integer(series, missing)
            else series.to_numpy(dtype="int64")
        )
    if kind == "bool":
        return series.to_numpy(dtype="bool", na_value=False)
    if kind == "date":
        return pd.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return series.astype("str").to_numpy(dtype=object, na_value="")


def _is_integer(series: pd.Series, missing: np.ndarray) -> bool:
    return pd.api.types.is_integer_dtype(series.dtype) and not missing.any()


def _literal_kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "date" if isinstance(value, date) else "text"


def _shown(operand: Operand) -> str:
    return (
        operand.name
        if isinstance(operand, Column)
        else repr(operand.value)
        if isinstance(operand.value, str)
        else str(operand.value)
    )
