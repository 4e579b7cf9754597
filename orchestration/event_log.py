"""Dagster's event log in SQLite, with connections that stay open.

The one that Dagster brings makes an engine and opens the file anew for each of a cycle's some 1,500 statements, and each
close writes the whole log back: three of a cycle's seconds, which this saves. Files and tables are the same.
"""

import fcntl
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dagster import StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listens_for
from sqlalchemy.pool import QueuePool

_MOST_FILES: Final = 4
"""The index and the runs of late: the daemon sees a new file with every run and must not keep all of them open."""


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log; each of the files used last keeps its connection.

    Args:
        base_dir: Folder of the files.
        inst_data: What Dagster configured it with.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """The instance's home; the files are where Dagster's default has them."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "OpenEventLog":
        """The event log of the instance in `home`."""
        return cls(str(Path(config_value["home"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Make a file's tables, one process at a time: two that make the index at once may stamp it twice, for good."""
        with (Path(self._base_dir) / "making.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            super()._initdb(engine, for_index_shard)

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,  # the lock lets one thread in at a time, whichever it is
                pool_size=1,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            # A power cut may cost the last events of a log, never its integrity; what must survive is in the ledger.
            listens_for(self._engines[shard], "connect")(_without_waiting_for_the_disk)
        self._engines.move_to_end(shard)
        while len(self._engines) > _MOST_FILES:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return self._engines[shard]

    def dispose(self) -> None:
        """Close the files."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _without_waiting_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("pragma journal_mode = wal")  # Dagster sets it as well, once each table was written to the disk
    connection.execute("pragma synchronous = normal")
