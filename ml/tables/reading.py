"""Reads a table from csv (any usual delimiter, gzipped or not) or parquet."""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

import pandas as pd

from ml.tables.errors import TableError

_PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"
_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE: Final = 1 << 20
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "?", "#n/a", "missing"})
"""Text that stands for a missing number; only where all else in the column is a number."""


def read_table(path: Path) -> pd.DataFrame:
    """The table in a file, one row a line, columns by their names.

    A column of text whose values are all numbers, but for words that mean missing, becomes numbers.

    Args:
        path: csv with a header (comma, semicolon, tab or bar; UTF-8, UTF-16 or Windows-1252; gzipped or not), or parquet,
            known by its content.

    Raises:
        TableError: It isn't there, is empty or can't be read; says what would be right.
    """
    if not path.is_file():
        raise TableError(f"{path}: there is no such file; right would be the path of a csv, csv.gz or parquet file")
    with path.open("rb") as file:
        start = file.read(4)
    frame = _parquet(path) if start == _PARQUET else _csv(path, is_zipped=start[:2] == _GZIP)
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_once(list(frame.columns), path)
    if not len(frame.columns):
        raise TableError(f"{path}: the table has no column; right would be a header line and a row a person")
    return frame.assign(**{name: _numbers(frame[name]) for name in frame.columns if _is_text(frame[name])})


def _check_once(names: list[str], path: Path) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1 and name)
    if twice:
        raise TableError(f"{path}: column {twice[0]!r} is there more than once; give each column a name of its own")


def _is_text(column: pd.Series) -> bool:
    return bool(pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype))


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise TableError(f"{path}: is no parquet file that can be read ({error}); write it again") from None


def _csv(path: Path, *, is_zipped: bool) -> pd.DataFrame:
    try:
        with gzip.open(path) if is_zipped else path.open("rb") as file:
            sample = file.read(_SAMPLE)
    except (OSError, EOFError) as error:
        raise TableError(f"{path}: can't be unzipped ({error}); zip it again") from None
    if not sample.strip():
        raise TableError(f"{path}: the file is empty; right would be a header line and a row a person")
    encoding = _encoding(sample)
    if "\x00" in sample[:4096].decode(encoding, errors="replace"):
        raise TableError(f"{path}: is neither csv nor parquet; save it as one of these")
    text = sample.decode(encoding, errors="replace")
    delimiter = _delimiter(text)
    _check_once([name.strip() for name in _header(text)], path)
    try:
        return pd.read_csv(
            path, sep=delimiter, encoding=encoding, compression="gzip" if is_zipped else None, keep_default_na=False,
            na_values=[""], low_memory=False, skipinitialspace=True, index_col=False,
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: isn't {encoding} text throughout ({error}); save it as UTF-8") from None
    except (OSError, EOFError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise TableError(
            f"{path}: can't be read as csv ({error}); each line needs as many fields as the header"
        ) from None


def _encoding(sample: bytes) -> str:
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        sample[: len(sample) - len(sample) % 4 - 4].decode("utf-8") if len(sample) == _SAMPLE else sample.decode(
            "utf-8"
        )
    except UnicodeDecodeError as error:
        if error.start < min(len(sample), _SAMPLE) - 8:  # a character that the sample cuts in two is no sign
            return "cp1252"
    return "utf-8-sig"


def _header(text: str) -> list[str]:
    """Names in the header."""
    return _fields(_first_line(text), _delimiter(text))


def _delimiter(text: str) -> str:
    """The delimiter that splits the header into most columns; a comma where none does."""
    line = _first_line(text)
    return max(_DELIMITERS, key=lambda delimiter: len(_fields(line, delimiter)))


def _first_line(text: str) -> str:
    return next((each for each in text.splitlines() if each.strip()), "")


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _numbers(column: pd.Series) -> pd.Series:
    """The column as numbers where all of it that is known is; else as it was."""
    known = column.dropna()
    if known.empty or not all(isinstance(value, str) for value in known.head(50)):
        return column
    text = cast("pd.Series[Any]", column.astype("str")).str.strip()
    is_missing = column.isna() | text.str.lower().isin(_MISSING)
    if is_missing.all():
        return column
    values = text.where(~is_missing)
    number = pd.to_numeric(values, errors="coerce")
    if (number.isna() & ~is_missing).any():
        if not text[~is_missing].str.fullmatch(r"-?\d+(,\d+)?").all():
            return column
        number = pd.to_numeric(values.str.replace(",", ".", regex=False), errors="coerce")
    return number.astype("float64")
