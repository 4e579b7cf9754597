"""What truly happened, row by row, kept where only the market and its judges look."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from market.tables import ORDER_ORIGIN
from market.texts import pick

_ORIGINS: Final = ("organic", "caused", "repeated")
_SALES: Final = {"orders": ("order_id", "ordered_at"), "store_purchases": ("receipt_id", "purchased_at")}


def log_sales(truth: Path, source: str, table: pa.Table, part: str) -> None:
    """Keeps who made each purchase and why: ``truth/sales/<source>-<part>.parquet``. Other sources are passed over.

    Args:
        truth: The truth's folder.
        source: Contract source of the table.
        table: Its rows with the market's own columns.
        part: Names the file.
    """
    if source not in _SALES or not table.num_rows:
        return
    key, when = _SALES[source]
    kept = pa.table({
        "sale_id": table[key],
        "person_id": table["_person"],
        "sold_at": table[when],
        "origin": pick(_ORIGINS, table[ORDER_ORIGIN].to_numpy()),
        "revenue": table["revenue"],
        "margin": table["margin"],
        "offer_code": table["offer_code"],
    })  # fmt: skip
    folder = truth / "sales"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(kept, folder / f"{source}-{part}.parquet", compression="snappy", store_schema=False)
