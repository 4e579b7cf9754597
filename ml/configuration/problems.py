"""What is wrong in the configuration, told so that the operator can put it right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

MAX_SHOWN: Final = 80
MAX_NAMES: Final = 12


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: where it is, what it is, and what would be right.

    Attributes:
        file: Path relative to the configuration folder.
        line: Line in that file, from 1; 0 where the file as a whole is meant.
        key: Dotted path of the key, such as `arms.holdout`; empty for the whole file.
        value: The value as written, shortened.
        remedy: What would be right.
    """

    file: str
    line: int
    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f" {self.key} = {self.value}" if self.key and self.value else f" {self.key}" if self.key else ""
        return f"{place}:{subject}: {self.remedy}"


class ConfigurationError(ValueError):
    """The configuration can't be used. `problems` has every reason at once, in file order."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        head = f"The configuration has {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n  ".join([head + ":", *map(str, self.problems)]))


def shown(value: Any) -> str:
    """The value as an operator would recognise it, shortened to `MAX_SHOWN` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """' Did you mean "x"?' for the nearest known name; otherwise what is known, as far as a line goes."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f' Did you mean "{close[0]}"?'
    listed = ", ".join(list(known)[:MAX_NAMES])
    return f" Known: {listed}{', ...' if len(known) > MAX_NAMES else ''}." if known else ""
