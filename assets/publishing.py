"""Publishes a generation: marts become a folder of Parquet files that appears whole or not at all.

Readers of the folder need no lock, and a build that is killed leaves only a folder that the next one removes.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from assets.home import Home

MARTS: Final = (
    "dim_customers",
    "dim_recipients",
    "dim_consents",
    "fct_touches",
    "fct_conversions",
    "fct_clicks",
    "fct_exposures",
    "fct_customer_snapshots",
)
WITH_ATTRIBUTES: Final = frozenset({"dim_customers", "fct_customer_snapshots"})
ORDERS: Final = {"dim_customers": " order by customer_id"}
"""Draws go to people in the order of their rows: a warehouse built anew must publish them as the first one did."""
ATTRIBUTE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")  # becomes part of a statement: nothing else gets through
MAX_ATTRIBUTES: Final = 200
KEPT_GENERATIONS: Final = 3


@dataclass(frozen=True)
class Published:
    """A generation that readers can see.

    Attributes:
        rows: Rows by mart.
        attributes: CRM facts that became `attr_` columns.
        ignored_attributes: Facts whose names can't be a column's, or that came after the first 200.
    """

    generation_id: str
    rows: dict[str, int]
    attributes: tuple[str, ...]
    ignored_attributes: tuple[str, ...]


def publish(
    home: Home, connection: duckdb.DuckDBPyConnection, generation_id: str, marts: Sequence[str] = MARTS
) -> Published:
    """Write every mart to a folder aside, then rename it to `generation_id`.

    Args:
        home: The workspace.
        connection: The warehouse.
        generation_id: The generation's name.
        marts: Those to write; fewer where it is known that nobody reads the others.

    Raises:
        FileExistsError: That generation is published already; generations never change.
    """
    target = home.generation(generation_id)
    if target.exists():
        raise FileExistsError(f"generation {generation_id} is published already")
    building = home.published / f".{generation_id}.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    kinds, ignored = _attributes(connection)
    rows = {}
    for mart in marts:
        columns = _with_attributes(kinds) if mart in WITH_ATTRIBUTES else "*"
        path = building / f"{mart}.parquet"
        order = ORDERS.get(mart, "")
        copied = connection.execute(
            f"copy (select {columns} from marts.{mart}{order}) to '{_quoted(path)}' (format parquet, compression zstd)"  # noqa: S608 - names of our own
        )
        rows[mart] = int(copied.fetchall()[0][0])
        _sync(path)
    os.replace(building, target)  # noqa: PTH105 - the rename that makes it visible
    _sync(home.published)
    return Published(generation_id, rows, tuple(kinds), ignored)


def prune(home: Home, in_use: set[str]) -> list[str]:
    """Remove generations that nothing needs any more: all but the newest few and those `in_use`; returns their names."""
    found = sorted((path for path in home.published.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    removable = [path for path in found[:-KEPT_GENERATIONS] if path.name not in in_use]
    for path in removable:
        shutil.rmtree(path)
    return [path.name for path in removable]


def _attributes(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, str], tuple[str, ...]]:
    """SQL type of each CRM fact: DOUBLE where every value is a number, BOOLEAN where every one is a truth value, else VARCHAR."""
    found = connection.execute("""
        with facts as (
            select unnest(json_keys(attributes)) as name, attributes from marts.dim_customers where attributes is not null
        ),
        typed as (select name, json_type(attributes, '$."' || replace(name, '"', '') || '"') as type from facts)
        select name,
            case when bool_and(type in ('BIGINT', 'UBIGINT', 'DOUBLE', 'NULL')) then 'DOUBLE'
                 when bool_and(type in ('BOOLEAN', 'NULL')) then 'BOOLEAN' else 'VARCHAR' end
        from typed group by name order by count(*) desc, name
    """).fetchall()
    usable = [(name, kind) for name, kind in found if ATTRIBUTE_NAME.fullmatch(name)][:MAX_ATTRIBUTES]
    kept = dict(usable)
    return kept, tuple(sorted(name for name, _ in found if name not in kept))


def _with_attributes(kinds: dict[str, str]) -> str:
    facts = [
        f"try_cast(json_extract_string(attributes, '$.{name}') as {kind}) as attr_{name}"
        for name, kind in kinds.items()
    ]
    return ", ".join(["* exclude (attributes)", *facts])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
