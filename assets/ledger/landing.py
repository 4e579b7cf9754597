"""Landing files that were taken in, known by the hash of their content."""

from collections.abc import Collection, Iterable
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine, select

from assets.ledger.counters import insert_once, upsert
from assets.ledger.engine import reading, writing
from assets.ledger.tables import landed_file, seen_file


class Landing:
    """Which files are known. A file counts as landed only after its rows are committed in the warehouse."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, file_ids: Collection[str] | None = None) -> set[str]:
        """The content hashes that were taken in already; of all files where none are given."""
        with reading(self._engine) as connection:
            landed: set[str] = set(connection.execute(select(landed_file.c.file_id)).scalars())
        return landed if file_ids is None else landed & set(file_ids)

    def record(
        self, *, file_id: str, source: str, path: str, row_count: int, quarantined_count: int, received_at: datetime
    ) -> bool:
        """Note a file. Returns whether it was new; the first record of a content stays.

        Args:
            file_id: Sha256 of the content.
            source: The landing source.
            path: Relative to the landing folder.
            row_count: Rows loaded.
            quarantined_count: Rows put into quarantine.
            received_at: Business time at which it was taken in.
        """
        row = {
            "file_id": file_id,
            "source": source,
            "path": path,
            "row_count": row_count,
            "quarantined_count": quarantined_count,
            "received_at": received_at,
        }
        with writing(self._engine) as connection:
            return insert_once(connection, landed_file, row)

    def see(self, stats: Iterable[tuple[str, int, datetime]]) -> None:
        """Remember files by path, size and modification time (naive UTC): what a sensor can ask without reading them."""
        rows = [{"path": path, "size_bytes": size, "modified_at": modified_at} for path, size, modified_at in stats]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(upsert(connection, seen_file).on_conflict_do_nothing(), rows)

    def seen(self) -> set[tuple[str, int, datetime]]:
        """Files that were dealt with, duplicates included: path, size, modification time (naive UTC)."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(seen_file.c.path, seen_file.c.size_bytes, seen_file.c.modified_at))
            return {(row.path, row.size_bytes, row.modified_at.replace(tzinfo=None)) for row in rows}

    def newest(self) -> datetime | None:
        """When a file with rows was last taken in; None before the first."""
        query = select(landed_file.c.received_at).where(landed_file.c.row_count > 0)
        with reading(self._engine) as connection:
            return connection.execute(query.order_by(landed_file.c.received_at.desc()).limit(1)).scalar()

    def frame(self) -> pd.DataFrame:
        """All files, in the order in which they came."""
        with reading(self._engine) as connection:
            return pd.read_sql(select(landed_file).order_by(landed_file.c.received_at, landed_file.c.path), connection)
