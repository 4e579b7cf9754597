"""Writes a table as csv or parquet, by the name's end."""

import os
from pathlib import Path
from typing import Final

import pandas as pd

from ml.tables.errors import TableError

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")
_FORMULA: Final = r"^(?:[=@\t\r]|[+\-](?![\d.]+%?$))"
"""What a spreadsheet would run: text that begins like a formula and is no number."""


def check_output(path: Path) -> None:
    """Whether a table can be written there; asked before the long work.

    Raises:
        TableError: The name's end is none that is written, or its folder isn't there.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise TableError(
            f"{path}: --out ends in {path.suffix or 'nothing'!r}; right would be one of {', '.join(SUFFIXES)}"
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise TableError(f"{path}: {'is a folder' if path.is_dir() else 'its folder is not there'}; --out names a file")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Writes the table whole or not at all; in csv, text that a spreadsheet would run gets an apostrophe before it."""
    check_output(path)
    scratch = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        if path.name.lower().endswith(".parquet"):
            frame.to_parquet(scratch, index=False)
        else:
            texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
            safe = frame.assign(**{name: _safe(frame[name]) for name in texts})
            safe.to_csv(scratch, index=False, compression="gzip" if path.name.lower().endswith(".gz") else None)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _safe(column: pd.Series) -> pd.Series:
    text = column.astype("str")
    return text.where(~text.str.contains(_FORMULA, regex=True), "'" + text)
