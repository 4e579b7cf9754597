"""From the inbox to the landing folder: what providers reported enters the warehouse like any other file."""

import os
from datetime import datetime
from pathlib import Path

from assets.ledger.inbox import Inbox

FOLDER = Path("outcomes") / "received"
MOST_EVENTS = 200_000


def flush(inbox: Inbox, landing: Path, *, at: datetime) -> list[Path]:
    """Write what waits in the inbox to `landing/outcomes/received/<first>-<last>.jsonl`.

    Name and content follow from the range alone, and the cursor moves after the file is safe: a crash anywhere leads to
    the same file again, and each event counts once by its id in any case.

    Args:
        inbox: Of the ledger.
        landing: The home's landing folder.
        at: Business time.

    Returns:
        The files that this call finished, most often one or none.
    """
    files: list[Path] = []
    while True:
        first, last = inbox.claim(MOST_EVENTS, at=at)
        if last < first:
            return files
        lines = inbox.lines(first, last)
        if lines:
            files.append(_write(landing / FOLDER / f"{first:012d}-{last:012d}.jsonl", lines))
        inbox.close(first, last, at=at)


def _write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path
