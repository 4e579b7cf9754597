"""Finding landing files by their stat alone, and refusing paths that could lead elsewhere."""

import os
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from assets.intake.contract import SOURCES
from assets.intake.entities import FileStat, Refusal

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+@ -]{0,199}")
_BEING_WRITTEN = re.compile(r"[._~].*|.*(~|\.(tmp|temp|part|partial|crdownload|filepart|swp))", re.IGNORECASE)


def stat_of(path: str, found: os.stat_result) -> FileStat:
    """The stat of a landing file, its time in whole microseconds so that it survives any database."""
    modified_at = datetime.fromtimestamp(found.st_mtime_ns // 1_000 / 1_000_000, UTC).replace(tzinfo=None)
    return FileStat(path, found.st_size, modified_at)


def find_files(home: Path) -> tuple[list[FileStat], list[Refusal]]:
    """All landing files that may be opened, and the paths that may not.

    Args:
        home: Workspace home.

    Returns:
        Files by path, and refusals. Names of files being written (``.x``, ``_x``, ``x.tmp``, …) are in neither.
    """
    files: list[FileStat] = []
    refused: list[Refusal] = []
    landing = home / "landing"
    if landing.is_dir():
        for found in _scan(str(landing), "", 0):
            (files if isinstance(found, FileStat) else refused).append(found)  # type: ignore[arg-type]
    return sorted(files), sorted(refused, key=lambda refusal: refusal.path)


def pending_files(home: Path, known_stats: Collection[FileStat]) -> list[FileStat]:
    """Files that may be new, without reading any: a sensor's question.

    Args:
        home: Workspace home.
        known_stats: Stats of files already taken in, duplicates included.

    Returns:
        Files whose path, size or modification time isn't among them.
    """
    known = known_stats if isinstance(known_stats, (set, frozenset)) else set(known_stats)
    return [found for found in find_files(home)[0] if found not in known]


def _scan(folder: str, prefix: str, depth: int) -> Iterator[FileStat | Refusal]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            path = prefix + entry.name
            if _BEING_WRITTEN.fullmatch(entry.name):
                continue
            if reason := _refusal(entry, depth):
                yield Refusal(path.encode("unicode_escape", "backslashreplace").decode("ascii"), reason)
            elif entry.is_dir(follow_symlinks=False):
                yield from _scan(entry.path, path + "/", depth + 1)
            else:
                yield stat_of(path, entry.stat(follow_symlinks=False))


def _refusal(entry: os.DirEntry[str], depth: int) -> str | None:
    if entry.is_symlink():
        return "a symbolic link is never followed: put the file itself here"
    if not _SAFE_NAME.fullmatch(entry.name) or ".." in entry.name:
        return "unsafe name: use letters, digits, space and . _ = + @ - only, no '..'"
    if entry.is_dir(follow_symlinks=False):
        return None if depth or entry.name in SOURCES else f"not a source: use one of {', '.join(SOURCES)}"
    if depth == 0:
        return "not in a source's folder: move it to landing/<source>/"
    if not entry.is_file(follow_symlinks=False):
        return "not a regular file"
    return None if entry.name.endswith(SUFFIXES) else f"unknown kind of file: use one of {', '.join(SUFFIXES)}"
