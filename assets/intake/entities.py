"""The nouns of landing: a file's stat, what became of a file, and the report of one intake."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class FileRejectedError(Exception):
    """A whole file can't be read; the message is the reason with its remedy and holds no value of the file."""


class FileChangedError(Exception):
    """A file changed while it was read: whoever writes it hasn't finished."""


class FileStat(NamedTuple):
    """What tells a file from another without reading it.

    Attributes:
        path: Relative to ``landing``, with ``/``.
        size_bytes: Size on disk.
        modified_at: UTC, without zone, microseconds.
    """

    path: str
    size_bytes: int
    modified_at: datetime

    @property
    def source(self) -> str:
        """The landing source: the first folder of the path."""
        return self.path.split("/", 1)[0]


@dataclass(frozen=True)
class Unfinished:
    """A file that changed while it was read: left for the next intake."""

    stat: FileStat


@dataclass(frozen=True)
class Refusal:
    """A path under landing that isn't opened, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class LandedFile:
    """What became of a new file.

    Attributes:
        file_id: SHA-256 of the source's name and the content.
        stat: Path, size and modification time when it was read.
        load_id: Number of the load; later loads have greater ones.
        rows: Rows in ``raw``.
        quarantined: Rows kept out; 0 where the whole file is.
        unknown_columns: Columns that the contract doesn't know, kept out.
        reason: Why the whole file is in quarantine, else None.
    """

    file_id: str
    stat: FileStat
    load_id: int
    rows: int
    quarantined: int
    unknown_columns: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def source(self) -> str:
        """The landing source."""
        return self.stat.source

    @property
    def path(self) -> str:
        """Path relative to ``landing``."""
        return self.stat.path


@dataclass(frozen=True)
class LandingReport:
    """One intake.

    Attributes:
        files: New files, in the order in which they were loaded.
        duplicates: Files whose content was known already: nothing changed.
        refused: Paths that aren't opened.
        unfinished: Files that changed while they were read: left for the next intake.
        absent: Sources of which no row has ever landed.
    """

    files: tuple[LandedFile, ...]
    duplicates: tuple[FileStat, ...]
    refused: tuple[Refusal, ...]
    unfinished: tuple[FileStat, ...]
    absent: tuple[str, ...]


Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the path just finished."""
