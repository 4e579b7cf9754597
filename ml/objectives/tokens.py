"""Words of the audience grammar: text in, tokens with their position out."""

import re
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 4000

KEYWORDS: Final = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false", "date"})

_PATTERN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.\d+|\d+)(?![\w.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"[^"]+")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<operator><=|>=|<>|!=|=|<|>)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)


class AudienceError(ValueError):
    """An audience that can't be understood.

    Attributes:
        position: Character in the predicate, from 1.
    """

    def __init__(self, message: str, position: int):
        super().__init__(f"{message} (at character {position})")
        self.position = position


@dataclass(frozen=True)
class Token:
    """One word: `kind` is number, text, name, keyword, operator, mark or end; `text` is without its quotes."""

    kind: str
    text: str
    position: int

    def is_(self, *words: str) -> bool:
        """Whether it is one of these keywords, operators or marks."""
        return self.kind in {"keyword", "operator", "mark"} and self.text in words


def tokenize(predicate: str) -> list[Token]:
    """Split a predicate into tokens, ending with one of kind `end`.

    Raises:
        AudienceError: A character that has no place in the grammar, an open quote, or too long a text.
    """
    if len(predicate) > MAX_LENGTH:
        raise AudienceError(f"longer than {MAX_LENGTH} characters: simplify it", MAX_LENGTH)
    tokens, at, end = [], 0, len(predicate.rstrip())
    while at < end:
        match = _PATTERN.match(predicate, at)
        if not match:
            raise _unreadable(predicate, at)
        kind = match.lastgroup or ""
        tokens.append(_token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    return [*tokens, Token("end", "", end + 1)]


def _token(kind: str, text: str, position: int) -> Token:
    if kind == "text":
        return Token("text", text[1:-1].replace("''", "'"), position)
    if kind == "quoted":
        return Token("name", text[1:-1], position)
    if kind == "word":
        lower = text.lower()
        return Token("keyword", lower, position) if lower in KEYWORDS else Token("name", lower, position)
    return Token(kind, text, position)


def _unreadable(predicate: str, at: int) -> AudienceError:
    rest = predicate[at:]
    position = at + len(rest) - len(rest.lstrip()) + 1
    character = rest.lstrip()[0]
    if character in "'\"":
        return AudienceError("this quote is never closed", position)
    if character == ";" or predicate[position - 1 : position + 1] in {"--", "/*"}:
        return AudienceError(
            "an audience is one predicate, not SQL: statements and comments have no place in it", position
        )
    return AudienceError(
        f"{character!r} has no place in an audience (columns, values, comparisons, in, between, is null, and, or, not)",
        position,
    )
