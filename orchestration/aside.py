"""Keeps what libraries print off standard output: a verb's own answer stays alone on it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NOWHERE: Final = Path(os.devnull)


@contextmanager
def aside(log: Path = NOWHERE) -> Iterator[None]:
    """Standard output of libraries, compiled ones too, and of their children into a file; nowhere without one."""
    sys.stdout.flush()
    kept = os.dup(1)
    with log.open("ab") as handle:
        os.dup2(handle.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
