# ruff: noqa: DTZ001 - the warehouse keeps UTC without zone
"""Parquet keeps the same rules as text: a cell is typed by the contract, whatever type the file gave it."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def drop_frame(tmp_path: Path):
    def write(path: str, frame: pd.DataFrame) -> None:
        target = tmp_path / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(target, index=False)

    return write


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_timestamps_of_every_precision_land_in_utc(con, take_in, drop_frame, unit, zone):
    at = (
        pd.Series(pd.to_datetime(["2025-07-01T12:00:00"]))
        .dt.tz_localize(zone)
        .astype(f"datetime64[{unit}{f', {zone}' if zone else ''}]")
    )
    drop_frame("crm_contacts/a.parquet", pd.DataFrame({"contact_id": ["c1"], "created_at": at}))
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined, landed.reason) == (1, 0, None)
    hour = 16 if zone == "America/New_York" else 12
    assert con.execute("SELECT created_at FROM raw.crm_contacts").fetchall() == [(datetime(2025, 7, 1, hour),)]


def test_a_cell_that_breaks_its_type_is_kept_out_and_the_rest_of_the_file_loads(con, take_in, drop_frame, quarantined):
    rows = {"order_id": ["o1", "o2", "o3"], "ordered_at": ["2025-01-01"] * 3, "revenue": ["10", "1,50", "nan"]}
    drop_frame("orders/a.parquet", pd.DataFrame(rows))
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (1, 2)
    assert con.execute("SELECT order_id, revenue FROM raw.orders").fetchall() == [("o1", 10.0)]
    assert [(line, reason) for _, line, reason, _ in quarantined()] == [
        (2, "revenue must be a number such as -12.5, within 1e15, and is required"),
        (3, "revenue must be a number such as -12.5, within 1e15, and is required"),
    ]
    assert '"revenue":"1,50"' in quarantined()[0][3]


def test_a_blank_id_is_no_id(take_in, drop_frame):
    drop_frame("crm_contacts/a.parquet", pd.DataFrame({"contact_id": [" ", "c1"], "created_at": ["2025-01-01"] * 2}))
    (landed,) = take_in().files
    assert (landed.rows, landed.quarantined) == (1, 1)
