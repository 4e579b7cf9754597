"""YAML without its traps: a file is read as it says, or refused with the line.

Plain YAML 1.1 turns `12:30` into 750, `0123` into 83, `no` into False, and lets a repeated key win in silence. Here
such scalars must be quoted, keys are unique, and anchors, aliases and tags don't exist.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from ml.configuration.problems import Problem, shown

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20
LONGEST_NUMBER: Final = 100

Key = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Only its events are used; libyaml's come ten times as fast, and a daily cycle reads its configuration some twenty times."""

_WORDS: Final = {"": None, "null": None, "~": None, "true": True, "false": False}
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TRAPS: Final = (
    (re.compile(r"[-+]?\d+(:\d+)+(\.\d*)?"), "a time or ratio must be quoted: plain YAML reads it as a base-60 number"),
    (re.compile(r"[-+]?0\d+"), "a leading zero makes it an octal number in plain YAML: quote it, or drop the zero"),
    (re.compile(r"[-+]?0[xob][0-9a-fA-F_]+"), "write the number in decimal, or quote the text"),
    (re.compile(r"[-+]?[\d_]*\d_[\d_]*(\.\d*)?"), "write the number without underscores, or quote the text"),
    (re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"), "write the number out in decimal (1000000, not 1e6)"),
    (re.compile(r"[-+]?(\.\d+|\d+\.)"), "write a digit on both sides of the point (0.5, 5.0)"),
    (re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE), "not a number that a plan can use"),
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}[Tt ].*"), "a date is written YYYY-MM-DD, without a time of day"),
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}"), "not a day of the calendar: a date is written YYYY-MM-DD"),
    (re.compile(r"y|n|yes|no|on|off", re.IGNORECASE), "plain YAML may read it as true or false: quote the text"),
    (re.compile(r"<<|="), "merging and default keys aren't used here: write the keys out, or quote the text"),
)  # fmt: skip


@dataclass
class Document:
    """A file's content and where each key stands.

    Attributes:
        data: Mappings, lists, str, int, float, bool, date and None.
        lines: Line (from 1) by the path of keys and list positions.
        problems: Everything that made the file unreadable; `data` isn't to be used when there is any.
    """

    file: str
    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, key: Key) -> int:
        """Line of the key, or of the nearest key above it."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 0)


def read_yaml(path: Path, file: str) -> Document:
    """Read one YAML file strictly.

    Args:
        path: The file.
        file: Its name in messages, relative to the configuration folder.
    """
    document = Document(file)
    try:
        text = _text(path)
        try:
            _Builder(document).build(text, _LOADER)
        except yaml.YAMLError:
            # libyaml's words name neither the character nor what was expected there; the pure parser's do.
            document = Document(file)
            _Builder(document).build(text, yaml.SafeLoader)
    except _Refusal as refusal:
        document.problems.append(Problem(file, refusal.line, "", "", str(refusal)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        document.problems.append(Problem(file, line, "", "", f"not YAML: {error.problem or error}"))
    except (yaml.YAMLError, ValueError) as error:  # an escape beyond Unicode is a ValueError of the pure parser
        document.problems.append(Problem(file, 0, "", "", f"not YAML: {error}"))
    return document


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, message: str, line: int = 0):
        super().__init__(message)
        self.line = line


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _Refusal(f"can't be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise _Refusal(f"larger than {MAX_BYTES:,} bytes: split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refusal("not UTF-8: save it as UTF-8", raw[: error.start].count(b"\n") + 1) from error


class _Builder:
    """Builds values from the parser's events, so that what YAML would resolve by itself is never resolved."""

    def __init__(self, document: Document):
        self.document = document

    def build(self, text: str, loader: Any) -> None:
        events = (e for e in yaml.parse(text, Loader=loader) if not isinstance(e, yaml.StreamStartEvent))
        first = next(events)
        if isinstance(first, yaml.StreamEndEvent):
            return
        self.document.data = self._node(next(events), events, ())
        next(events)
        if not isinstance(after := next(events), yaml.StreamEndEvent):
            raise _Refusal("one document a file: remove what follows ---", _line(after))

    def _problem(self, key: Key, line: int, value: str, remedy: str) -> None:
        self.document.problems.append(Problem(self.document.file, line, dotted(key), shown(value), remedy))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], key: Key) -> Any:
        line = _line(event)
        self.document.lines.setdefault(key, line)
        if isinstance(event, yaml.AliasEvent):
            raise _Refusal("aliases aren't used here: write the value out", line)
        if not isinstance(event, yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent):
            raise _Refusal("expected a value", line)
        if event.anchor is not None:
            raise _Refusal("anchors aren't used here: write the value out", line)
        if event.tag is not None:
            raise _Refusal(f"tags ({event.tag}) aren't used here: write a plain or quoted value", line)
        if len(key) > MAX_DEPTH:
            raise _Refusal(f"nested deeper than {MAX_DEPTH} levels", line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, key, line)
        return self._mapping(events, key) if isinstance(event, yaml.MappingStartEvent) else self._sequence(events, key)

    def _mapping(self, events: Iterator[yaml.Event], key: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = _line(event)
            name = self._node(event, events, (*key, "?"))
            if not isinstance(name, str):
                raise _Refusal(f"a key must be text: quote {name}", line)
            if name in mapping:
                self._problem((*key, name), line, "", "this key is there twice: keep one")
            self.document.lines[(*key, name)] = line
            mapping[name] = self._node(next(events), events, (*key, name))
        self.document.lines.pop((*key, "?"), None)
        return mapping

    def _sequence(self, events: Iterator[yaml.Event], key: Key) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*key, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, key: Key, line: int) -> Any:
        text = event.value
        if event.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if len(text) > LONGEST_NUMBER:
            return self._long(text, key, line)
        if _DECIMAL.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return self._day(text) or self._plain(text, key, line)

    def _long(self, text: str, key: Key, line: int) -> str:
        """Text that is too long for a number; it isn't held against the traps, whose time may grow with its square."""
        if _DECIMAL.fullmatch(text) or _FLOAT.fullmatch(text):
            self._problem(
                _named(key), line, text, f"no number has more than {LONGEST_NUMBER} characters: quote the text"
            )
        return text

    @staticmethod
    def _day(text: str) -> date | None:
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            return None

    def _plain(self, text: str, key: Key, line: int) -> str:
        for trap, remedy in _TRAPS:
            if trap.fullmatch(text):
                self._problem(_named(key), line, text, remedy)
                break
        return text


def _named(key: Key) -> Key:
    """The path without what stands for a key that is being read."""
    return tuple(part for part in key if part != "?")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def dotted(key: Key) -> str:
    """`("creatives", "a", 0)` as `creatives.a.0`."""
    return ".".join(map(str, key))
