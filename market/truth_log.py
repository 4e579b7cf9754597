"""What truly happened, row by row, kept where only the market and its judges look."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.effects import Messages
from market.respond import Reactions
from market.tables import ORDER_ORIGIN
from market.texts import pick, times
from market.words import CHANNELS, OBJECTIONS, Floats
from market.world import State, World

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
    kept = pa.table(
        {
            "sale_id": table[key],
            "person_id": table["_person"],
            "sold_at": table[when],
            "origin": pick(_ORIGINS, table[ORDER_ORIGIN].to_numpy()),
            "revenue": table["revenue"],
            "margin": table["margin"],
            "offer_code": table["offer_code"],
        }
    )
    folder = truth / "sales"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(kept, folder / f"{source}-{part}.parquet", compression="snappy", store_schema=False)


def log_messages(
    truth: Path,
    world: World,
    state: State,
    m: Messages,
    r: Reactions,
    *,
    ids: pa.Array,
    cycles: Sequence[str],
    expected: Floats,
    part: str,
) -> None:
    """Keeps what each message truly did: ``truth/messages/<part>.parquet``.

    Args:
        truth: The truth's folder.
        world: The world.
        state: Its catalogue names offers and creatives.
        m: The messages.
        r: What became of them.
        ids: Their message ids.
        cycles: The cycle that each is of.
        expected: Margin that the law expects of each (`worth`).
        part: Names the file.
    """
    table = pa.table(
        {
            "message_id": ids,
            "cycle_id": pa.array(list(cycles), type=pa.string()),
            "person_id": pa.array(m.person.astype(np.int32)),
            "channel": pick(CHANNELS, m.channel),
            "offer_id": pick(state.catalogue.offers, m.offer),
            "creative_id": pick([*state.catalogue.creatives, ""], m.creative),
            "sent_at": times(m.sent),
            "objection": pick(OBJECTIONS, world.people.objection[m.person]),
            "effect_when_reached": pa.array(r.effect),
            "is_reached": pa.array(r.reached),
            "is_caused": pa.array(r.caused),
            "expected_margin": pa.array(expected),
        }
    )
    folder = truth / "messages"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{part}.parquet", compression="snappy", store_schema=False)


def log_contacts(truth: Path, contacts: pa.Table, part: str) -> None:
    """Keeps whose the further contacts are: ``truth/contacts/<part>.parquet``, as the identity truth has it."""
    if not contacts.num_rows:
        return
    kind = pick(["contact_id"], np.zeros(contacts.num_rows, dtype=np.int64))
    table = pa.table({"kind": kind, "value": contacts["contact_id"], "person_id": contacts["person"].cast(pa.int32())})
    folder = truth / "contacts"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{part}.parquet", store_schema=False)
