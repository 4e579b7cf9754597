"""What can't be loaded: one JSON-lines file a landing file, in ``quarantine/<source>/<file_id>.jsonl``.

It holds personal data as it came, so only the owner may read it, and reasons never quote values.
"""

import json
import os
from pathlib import Path
from typing import Final, TextIO

_RAW_CHARACTERS: Final = 4_000


class QuarantineFile:
    """Collects bad rows aside and becomes visible in one step, or not at all.

    Args:
        home: Workspace home.
        source: Landing source.
        file_id: Of the landing file.
        path: Of the landing file, relative to landing.
    """

    def __init__(self, home: Path, source: str, file_id: str, path: str) -> None:
        self.row_count = 0
        self._path = home / "quarantine" / source / f"{file_id}.jsonl"
        self._aside = self._path.with_suffix(".tmp")
        self._landing_path = path
        self._stream: TextIO | None = None

    def add(self, line: int | None, reason: str, raw: str | None) -> None:
        """Keep a row.

        Args:
            line: Physical line (row in Parquet), None for the whole file.
            reason: What is wrong and what would be right.
            raw: The row as text; what exceeds 4,000 characters is cut off.
        """
        record = {"file": self._landing_path, "line": line, "reason": reason, "raw": raw and raw[:_RAW_CHARACTERS]}
        if self._stream is None:
            self._stream = self._open()
        self._stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.row_count += 1

    def publish(self) -> None:
        """Make the file visible, durable and whole."""
        if self._stream is None:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._stream = None
        self._aside.replace(self._path)

    def discard(self) -> None:
        """Forget what was collected."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._aside.unlink(missing_ok=True)
        self.row_count = 0

    def _open(self) -> TextIO:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
