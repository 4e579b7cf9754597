"""Opening DuckDB: the one writer's database, and published Parquet."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import pandas as pd

from assets.home import Home

PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.5
CLOSED: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "TimeZone": "UTC"}
"""Nothing is downloaded, and a timestamp without a zone is UTC."""


@contextmanager
def writer(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse's database, for this process alone. Waits up to a minute while another process has it.

    Raises:
        duckdb.IOException: Another process kept it for longer.
    """
    home.warehouse.parent.mkdir(parents=True, exist_ok=True)
    connection = _patiently(str(home.warehouse))
    try:
        for name, value in CLOSED.items():
            connection.execute(f"set {name} = '{value}'")
        yield connection
    finally:
        connection.close()


def query(sql: str, frames: Mapping[str, pd.DataFrame] | None = None, /, **parameters: Any) -> pd.DataFrame:
    """Rows of a query over Parquet files and these frames, in a database of its own that is gone afterwards."""
    with duckdb.connect() as connection:
        for name, value in CLOSED.items():
            connection.execute(f"set {name} = '{value}'")
        for name, given in (frames or {}).items():
            connection.register(name, given)
        frame: pd.DataFrame = connection.execute(sql, parameters).df()
        return frame


def _patiently(path: str) -> duckdb.DuckDBPyConnection:
    # Settings that differ between two connections of one process to one file are refused, so none are given here.
    begun = time.monotonic()
    while True:
        try:
            return duckdb.connect(path)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower() or time.monotonic() - begun > PATIENCE_S:
                raise
            time.sleep(PAUSE_S)
