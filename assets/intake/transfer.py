# ruff: noqa: S608 - only names and expressions of the contract are put into SQL, values are parameters
"""One landing file into schema ``raw``: rows, quarantine and the file's own row, all or nothing."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from assets.intake.casting import has_latest, is_good, reasons, typed_rows
from assets.intake.contract import SOURCES, Source
from assets.intake.discovery import stat_of
from assets.intake.entities import FileChangedError, FileRejectedError, FileStat, LandedFile
from assets.intake.preflight import Limits
from assets.intake.quarantine import QuarantineFile
from assets.intake.readers import Reading, open_reading
from assets.intake.staging import drop_staged, match_keys, stage
from assets.intake.tables import transaction

_FUTURE: Final = timedelta(days=1)
_FETCH_ROWS: Final = 10_000


@dataclass(frozen=True)
class Transfer:
    """A file on its way in.

    Attributes:
        con: The warehouse, outside a transaction.
        home: Workspace home.
        stat: The file as it was found.
        file_id: Hash of its content.
        load_id: Number of this load.
        at: Received time, UTC.
        limits: Bounds that the file must keep.
    """

    con: duckdb.DuckDBPyConnection
    home: Path
    stat: FileStat
    file_id: str
    load_id: int
    at: datetime
    limits: Limits

    @property
    def source(self) -> Source:
        """The file's contract."""
        return SOURCES[self.stat.source]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.home / "landing" / self.stat.path

    def run(self) -> LandedFile:
        """Load what can be loaded and put the rest into quarantine.

        Raises:
            FileChangedError: If the file changed meanwhile: nothing was loaded.
        """
        try:
            reading = open_reading(self.con, self.source, self.path, self.limits)
            return self._load_parquet(reading) if reading.width == 0 else self._load_text(reading)
        except FileRejectedError as error:
            return self._reject(str(error))

    def _load_parquet(self, reading: Reading) -> LandedFile:
        """Load; where that fails, the file is to blame only if it can't be read by itself either."""
        try:
            return self._commit(reading, self._quarantine())
        except duckdb.Error as error:
            cells = ", ".join(f"bit_xor(hash({text}))" for text in reading.cells.values())
            try:
                self.con.execute(f"SELECT {cells} FROM {reading.read}", reading.parameters).fetchall()
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error:
                raise FileRejectedError("a page of the Parquet file is damaged: write it again") from error
            raise

    def _load_text(self, reading: Reading) -> LandedFile:
        quarantine = self._quarantine()
        try:
            staged = stage(self.con, reading, self.path, self.limits, quarantine.add)
            if staged.values is not None:
                staged = match_keys(self.con, self.source, staged)
            return self._commit(staged, quarantine)
        finally:
            quarantine.discard()
            drop_staged(self.con)

    def _commit(self, reading: Reading, quarantine: QuarantineFile) -> LandedFile:
        try:
            with transaction(self.con):
                row_count = self._insert_good(reading)
                if row_count != reading.row_count:
                    self._collect_bad(reading, quarantine)
                bad_count, unknown = quarantine.row_count, reading.unknown_columns
                landed = LandedFile(self.file_id, self.stat, self.load_id, row_count, bad_count, unknown)
                self._finish(landed, quarantine)
        finally:
            quarantine.discard()
        return landed

    def _reject(self, reason: str) -> LandedFile:
        landed = LandedFile(self.file_id, self.stat, self.load_id, 0, 0, (), reason)
        quarantine = self._quarantine()
        quarantine.add(None, reason, None)
        try:
            with transaction(self.con):
                self._finish(landed, quarantine)
        finally:
            quarantine.discard()
        return landed

    def _finish(self, landed: LandedFile, quarantine: QuarantineFile) -> None:
        """Publish the quarantine before the commit: written again after a crash, never missing after a commit."""
        stat = landed.stat
        if stat_of(stat.path, self.path.lstat()) != stat:
            raise FileChangedError(f"{stat.path} changed while it was read")
        self.con.execute(
            "INSERT INTO raw.landed_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(landed.file_id, landed.source, *stat, self.at, landed.rows, landed.quarantined),
                *(json.dumps(landed.unknown_columns), landed.reason, landed.load_id),
            ],
        )
        quarantine.publish()

    def _insert_good(self, reading: Reading) -> int:
        columns = ", ".join(self.source.column_names)
        inserted = self.con.execute(
            f"INSERT INTO raw.{self.source.name} ({columns}, _file_id, _line, _load_id, _received_at) "
            f"{self._typed(reading)} "
            f"SELECT {columns}, $file_id, line, $load_id, $at FROM typed WHERE {is_good(self.source)}",
            self._parameters(reading) | {"file_id": self.file_id, "load_id": self.load_id, "at": self.at},
        ).fetchall()
        return int(inserted[0][0])

    def _collect_bad(self, reading: Reading, quarantine: QuarantineFile) -> None:
        bad = self.con.execute(
            f"{self._typed(reading)} "
            f"SELECT line, coalesce({reading.unreadable}, {reasons(self.source)}), {reading.raw} "
            f"FROM typed WHERE NOT ({is_good(self.source)}) AND NOT ({reading.blank}) ORDER BY line",
            self._parameters(reading),
        )
        while rows := bad.fetchmany(_FETCH_ROWS):
            for line, reason, raw in rows:
                quarantine.add(line, reason, raw)

    def _typed(self, reading: Reading) -> str:
        return typed_rows(self.source, reading.read, reading.cells, reading.values)

    def _parameters(self, reading: Reading) -> dict[str, Any]:
        return reading.parameters | ({"latest": self.at + _FUTURE} if has_latest(self.source) else {})

    def _quarantine(self) -> QuarantineFile:
        return QuarantineFile(self.home, self.source.name, self.file_id, self.stat.path)
