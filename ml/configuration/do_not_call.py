"""The list of numbers that asked not to be called (`policy.do_not_call_file`).

A text file: its first line says the day it was last compared with the national list, `# scrubbed_on: 2026-01-05`; then
one number in E.164 a line. The day stands in the file because a copied file gets a new modification time.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ml.configuration.configuration import Configuration


@dataclass(frozen=True)
class DoNotCall:
    """Numbers that must not be called or texted, and the day they were last compared (None: never)."""

    scrubbed_on: date | None
    phones: frozenset[str]

    def is_current(self, on: date, max_age_days: int = 31) -> bool:
        """Whether it may be relied on: at most 31 days old (47 CFR 64.1200(c)(2)) and not from the future."""
        return self.scrubbed_on is not None and 0 <= (on - self.scrubbed_on).days <= max_age_days


def read_do_not_call(path: Path) -> DoNotCall:
    """Read the list. A missing file, or one without its day, is a list that can't be relied on."""
    if not path.is_file():
        return DoNotCall(None, frozenset())
    head, *rest = path.read_text(encoding="utf-8-sig").splitlines() or [""]
    match = re.fullmatch(r"#\s*scrubbed_on:\s*(\d{4}-\d{2}-\d{2})\s*", head)
    lines = rest if head.startswith("#") else [head, *rest]
    phones = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    try:
        return DoNotCall(date.fromisoformat(match[1]) if match else None, phones)
    except ValueError:
        return DoNotCall(None, phones)


def do_not_call_of(configuration: Configuration) -> DoNotCall | None:
    """The list that the policy names, as the file is now; None where it names none."""
    name = configuration.policy.do_not_call_file
    return None if name is None else read_do_not_call(configuration.folder / name)
