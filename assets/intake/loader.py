"""Taking landing files in: each new one in one transaction together with its row in ``raw.landed_files``.

That row is the warehouse's authority on what it holds: after a crash a file is there once or not at all, whatever the
ledger remembers.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import duckdb

from assets.intake.discovery import find_files
from assets.intake.entities import (
    FileChangedError,
    FileStat,
    LandedFile,
    LandingReport,
    Progress,
    Refusal,
    Unfinished,
)
from assets.intake.preflight import Limits, file_id_of
from assets.intake.tables import absent_sources, next_load_id, prepare
from assets.intake.transfer import Transfer


def land(
    home: Path,
    con: duckdb.DuckDBPyConnection,
    *,
    at: datetime,
    known: Collection[str],
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> LandingReport:
    """Take in every new landing file.

    Args:
        home: Workspace home; files are below ``landing``.
        con: The warehouse, outside a transaction. Its schema ``raw`` is made where it's missing.
        at: Received time, UTC without zone.
        known: Ids of files not to be read again, beside those in ``raw.landed_files``; none to rebuild a warehouse.
        progress: Called after each file.
        limits: Bounds against hostile files.

    Returns:
        What became of each file. A file that can't be loaded never stops the others.

    Raises:
        ValueError: If the home's path has glob characters, which DuckDB would expand.
    """
    if any(letter in str(home) for letter in "*?["):
        raise ValueError(f"home {home}: a path with *, ? or [ can't be read; choose another --home")
    prepare(con)
    files, refused = find_files(home)
    landed = {
        FileStat(*row) for row in con.execute("SELECT path, size_bytes, modified_at FROM raw.landed_files").fetchall()
    }
    taken = {str(file_id) for (file_id,) in con.execute("SELECT file_id FROM raw.landed_files").fetchall()} | set(known)
    pending = [stat for stat in files if stat not in landed]
    results: list[LandedFile | FileStat | Refusal | Unfinished] = []
    for done, stat in enumerate(pending, 1):
        results.append(_take(con, home, stat, at=at, taken=taken, limits=limits or Limits()))
        if progress is not None:
            progress(done, len(pending), stat.path)
    return LandingReport(
        files=tuple(result for result in results if isinstance(result, LandedFile)),
        duplicates=tuple(result for result in results if isinstance(result, FileStat)),
        refused=(*refused, *(result for result in results if isinstance(result, Refusal))),
        unfinished=tuple(result.stat for result in results if isinstance(result, Unfinished)),
        absent=absent_sources(con),
    )


def _take(
    con: duckdb.DuckDBPyConnection, home: Path, stat: FileStat, *, at: datetime, taken: set[str], limits: Limits
) -> LandedFile | FileStat | Refusal | Unfinished:
    """Load a file unless its content is known: then its stat comes back."""
    path = home / "landing" / stat.path
    try:
        file_id = file_id_of(stat.source, path)
        if file_id in taken:
            return stat
        landed = Transfer(con, home, stat, file_id, next_load_id(con), at, limits).run()
    except FileChangedError:
        return Unfinished(stat)
    except (PermissionError, FileNotFoundError) as error:
        return Refusal(stat.path, f"can't be opened ({type(error).__name__}): make it readable for the service")
    taken.add(file_id)
    return landed
