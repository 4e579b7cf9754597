"""What kind of column one is, and the numbers that each kind becomes."""

import warnings
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Kind = Literal["number", "date", "levels", "text"]
Matrix = npt.NDArray[np.float32]

MOST_LEVELS: Final = 30
"""Text with more levels is known by its most frequent ones and by how frequent a level is."""
TOP_LEVELS: Final = 15
LEAST_ROWS_PER_LEVEL: Final = 10
_DATES: Final = 0.95
_DATE_SAMPLE: Final = 500
_IDENTIFIER_SHARE: Final = 0.5
_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Column:
    """How a column becomes numbers.

    Attributes:
        name: Its name in the table.
        kind: `number` as it is; `date` as day, month, weekday and hour; `levels` as a column a level; `text` as its most frequent
            levels and how frequent the level is.
        levels: Of text, most frequent first; the ones that get a column.
        shares: Of `text`, the share of rows by level.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def outputs(self) -> list[str]:
        """Names of the columns of numbers."""
        if self.kind == "number":
            return [self.name]
        if self.kind == "date":
            return [f"{self.name} ({part})" for part in ("day", "month", "weekday", "hour")]
        shown = self.levels[:TOP_LEVELS] if self.kind == "text" else self.levels
        return [f"{self.name} = {level}" for level in shown] + ([f"{self.name} (share)"] if self.kind == "text" else [])

    def numbers(self, values: pd.Series) -> Matrix:
        """float32 [n, len(outputs)]; NaN where missing, all levels 0 where the level is unknown."""
        if self.kind == "number":
            return number_of(values)[:, None]
        if self.kind == "date":
            return _date_parts(date_of(values))
        codes = pd.Index(self.levels).get_indexer(pd.Index(text_of(values)))
        shown = len(self.levels) if self.kind == "levels" else min(TOP_LEVELS, len(self.levels))
        hot = (codes[:, None] == np.arange(shown)).astype(np.float32)
        if self.kind == "levels":
            return np.asarray(hot, dtype=np.float32)
        share = np.where(codes >= 0, np.append(np.array(self.shares), 0)[codes], 0)
        return np.asarray(np.column_stack([hot, np.log10(share + 1e-6)]), dtype=np.float32)


def examine(name: str, values: pd.Series) -> Column | str:
    """How the column becomes numbers, or the reason why it doesn't."""
    if values.isna().all():
        return "no known value"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _examine_date(name, values)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _examine_number(name, values)
    known = values.dropna()
    if known.map(lambda value: isinstance(value, (list, dict, tuple, set, np.ndarray, bytes))).any():
        return "lists, objects or bytes, not values"
    if is_date(known):
        return _examine_date(name, values)
    return _examine_text(name, values)


def _examine_date(name: str, values: pd.Series) -> Column | str:
    instants = date_of(values).dropna()
    return Column(name, "date") if len(instants) and instants.min() < instants.max() else "the same value everywhere"


def _examine_number(name: str, values: pd.Series) -> Column | str:
    number = number_of(values).astype(np.float64)
    known = number[np.isfinite(number)]
    if not known.size:
        return "no known value"
    if known.size == number.size and known.min() == known.max():
        return "the same value everywhere"
    steps = np.diff(known)
    counts_up = known.size == number.size and steps.size > 1 and bool((steps == 1).all())
    return "counts the rows" if counts_up else Column(name, "number")


def _examine_text(name: str, values: pd.Series) -> Column | str:
    text = text_of(values)
    counts = pd.Series(text).value_counts()
    order = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    known = int(values.notna().sum())
    if len(counts) > max(_IDENTIFIER_SHARE * known, MOST_LEVELS):
        return f"text with {len(counts)} distinct values in {known} rows: it names rows"
    if len(order) == 1:
        return "the same value everywhere"
    if len(order) <= MOST_LEVELS:
        kept = [str(level) for level, count in order if int(count) >= min(LEAST_ROWS_PER_LEVEL, 0.02 * len(text))]
        two = len(order) == 2  # noqa: PLR2004 - the second of two levels says nothing that the first doesn't
        return Column(name, "levels", tuple(kept[:1] if two else kept))
    levels, shares = zip(*((str(level), int(count) / len(text)) for level, count in order), strict=True)
    return Column(name, "text", levels, shares)


def number_of(values: pd.Series) -> npt.NDArray[np.float32]:
    """Numbers of a column, NaN for what is none or too large to be one."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values, errors="coerce")
    if pd.api.types.is_complex_dtype(values.dtype):
        return np.full(len(values), np.nan, dtype=np.float32)
    with np.errstate(over="ignore"):
        number = values.to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
    number[~np.isfinite(number)] = np.nan
    return number


def text_of(values: pd.Series) -> npt.NDArray[Any]:
    """Text of a column, object [n]; numbers without a needless `.0`, `(missing)` where missing."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("str").to_numpy(dtype=object)
    if pd.api.types.is_numeric_dtype(values.dtype):
        number = values.to_numpy(dtype=np.float64, na_value=np.nan)
        whole = np.isfinite(number) & (number == np.floor(number))
        said = [str(int(each)) if w else str(each) for each, w in zip(number, whole, strict=True)]
        text = np.array(said, dtype=object)
    else:
        text = (
            values.astype(object)
            .map(lambda value: str(value).strip(), na_action="ignore")
            .to_numpy(dtype=object, copy=True)
        )
    text[values.isna().to_numpy()] = "(missing)"
    return text


def is_date(known: pd.Series) -> bool:
    """Whether text (or dates as objects) are dates: nearly all of a sample is, and it has the digits of one."""
    sample = known.iloc[:: max(1, len(known) // _DATE_SAMPLE)].astype("str")
    if not sample.str.contains(r"\d{4}", regex=True).mean() >= _DATES:
        return False
    if not sample.str.contains(r"\d[-/.T ]\d", regex=True).mean() >= _DATES:
        return False
    return bool(date_of(sample).notna().mean() >= _DATES)


def date_of(values: pd.Series) -> pd.Series:
    """Instants of a column in UTC, missing where there is none."""
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.astype("str").where(values.notna())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mixed formats are tried value by value; pandas says so at length
        return pd.to_datetime(values, errors="coerce", utc=True, format=None if _is_instant(values) else "mixed")


def _is_instant(values: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(values.dtype))


def _date_parts(instants: pd.Series) -> Matrix:
    seconds = (instants - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    parts = [seconds / _DAY, instants.dt.month, instants.dt.day_of_week, instants.dt.hour]
    return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts]).astype(np.float32)
