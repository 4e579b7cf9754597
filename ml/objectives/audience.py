"""The closed grammar of `audience.where`. No SQL passes through: what isn't in the grammar can't be said.

    predicate := and_term { "or" and_term }
    and_term  := not_term { "and" not_term }
    not_term  := "not" not_term | test
    test      := "(" predicate ")" | operand [ comparison ]
    comparison := ("=" | "<>" | "!=" | "<" | "<=" | ">" | ">=") operand
               | ["not"] "in" "(" literal { "," literal } ")"
               | ["not"] "between" operand "and" operand
               | "is" ["not"] "null"
    operand   := column | literal
    literal   := number | 'text' | date 'YYYY-MM-DD' | true | false | null

Columns are those of `dim_customers`, in any case; `"quoted"` where a name has other characters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml.objectives.terms import (
    Between,
    Column,
    Combined,
    Comparison,
    In,
    IsNull,
    Literal,
    Negated,
    Operand,
    Term,
    Truth,
    Value,
)
from ml.objectives.tokens import AudienceError, Token, tokenize

__all__ = ["AudienceError", "Predicate", "parse"]

MAX_DEPTH: Final = 32
MAX_TERMS: Final = 200


@dataclass(frozen=True)
class Predicate:
    """A parsed audience.

    Attributes:
        text: As the operator wrote it.
        columns: Column names it needs, with the position of their first mention.
    """

    text: str
    term: Term
    columns: Mapping[str, int]

    def mask(self, frame: pd.DataFrame) -> np.ndarray:
        """Who is meant: bool [N], False where SQL's three-valued logic says false or unknown.

        Args:
            frame: `dim_customers`, one row a customer; NULL is whatever pandas calls missing.

        Raises:
            AudienceError: A column isn't there, or values of different kinds are compared.
        """
        self.check(frame.columns)
        truth: Truth = self.term.truth(frame)
        return truth.is_true

    def check(self, known: "pd.Index | list[str]") -> None:
        """See that every column exists.

        Raises:
            AudienceError: One doesn't; the message has the nearest that does.
        """
        from ml.configuration.problems import did_you_mean  # noqa: PLC0415 - the configuration itself parses audiences

        names = list(known)
        for column, position in self.columns.items():
            if column not in names:
                raise AudienceError(
                    f'"{column}" isn\'t a column of dim_customers.{did_you_mean(column, names)}', position
                )


def parse(text: str) -> Predicate:
    """Read a predicate.

    Raises:
        AudienceError: What is wrong and at which character.
    """
    parser = _Parser(tokenize(text))
    term = parser.predicate(0)
    parser.expect_end()
    return Predicate(text, term, dict(parser.columns))


class _Parser:
    def __init__(self, tokens: list[Token]):
        self.tokens, self.at, self.terms = tokens, 0, 0
        self.columns: dict[str, int] = {}

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def accept(self, *words: str) -> Token | None:
        if not self.here.is_(*words):
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, word: str, what: str) -> None:
        if not self.accept(word):
            raise AudienceError(f"expected {word!r} {what}, found {_found(self.here)}", self.here.position)

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise AudienceError(f"expected and, or, or the end, found {_found(self.here)}", self.here.position)

    def predicate(self, depth: int) -> Term:
        return self._joined("or", self.conjunction, depth)

    def conjunction(self, depth: int) -> Term:
        return self._joined("and", self.negation, depth)

    def _joined(self, word: str, part: "Callable[[int], Term]", depth: int) -> Term:
        terms = [part(depth)]
        while self.accept(word):
            terms.append(part(depth))
        return terms[0] if len(terms) == 1 else Combined(word, tuple(terms))

    def negation(self, depth: int) -> Term:
        if depth > MAX_DEPTH:
            raise AudienceError(f"nested deeper than {MAX_DEPTH} levels: simplify it", self.here.position)
        if self.accept("not"):
            return Negated(self.negation(depth + 1))
        return self.test(depth)

    def test(self, depth: int) -> Term:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise AudienceError(f"more than {MAX_TERMS} terms: simplify it", self.here.position)
        if self.accept("("):
            inner = self.predicate(depth + 1)
            self.expect(")", "to close the parenthesis")
            return inner
        return self._comparison(self.operand())

    def _comparison(self, left: Operand) -> Term:
        if operator := self.accept("=", "<>", "!=", "<", "<=", ">", ">="):
            return Comparison(operator.text.replace("!=", "<>"), left, self.operand(), operator.position)
        if self.accept("is"):
            negated = bool(self.accept("not"))
            self.expect("null", "after is")
            return IsNull(left, negated)
        return self._set_test(left, negated=bool(self.accept("not")))

    def _set_test(self, left: Operand, *, negated: bool) -> Term:
        at = self.here.position
        if self.accept("in"):
            term: Term = In(left, self._values(), at)
        elif self.accept("between"):
            low = self.operand()
            self.expect("and", "between the two bounds")
            term = Between(left, low, self.operand(), at)
        elif negated:
            raise AudienceError(f"expected in or between after not, found {_found(self.here)}", at)
        else:
            return Value(left)
        return Negated(term) if negated else term

    def _values(self) -> tuple[Literal, ...]:
        self.expect("(", "after in")
        values = [self._literal()]
        while self.accept(","):
            values.append(self._literal())
        self.expect(")", "to close the list")
        return tuple(values)

    def _literal(self) -> Literal:
        operand = self.operand()
        if not isinstance(operand, Literal):
            raise AudienceError(f"a list holds values only; {operand.name} is a column", operand.position)
        return operand

    def operand(self) -> Operand:
        token = self.here
        self.at += token.kind != "end"
        if token.kind == "number":
            return Literal(float(token.text) if "." in token.text else int(token.text), token.position)
        if token.kind == "text":
            return Literal(token.text, token.position)
        if token.kind == "name":
            return self._column(token)
        if token.is_("true", "false"):
            return Literal(token.text == "true", token.position)
        if token.is_("null"):
            return Literal(None, token.position)
        if token.is_("date"):
            return self._date(token)
        raise AudienceError(f"expected a column or a value, found {_found(token)}", token.position)

    def _column(self, token: Token) -> Column:
        if self.here.is_("("):
            raise AudienceError(f"{token.text}(...) looks like a function; an audience has none", token.position)
        self.columns.setdefault(token.text, token.position)
        return Column(token.text, token.position)

    def _date(self, token: Token) -> Operand:
        if self.here.kind != "text":
            raise AudienceError("a date is written date 'YYYY-MM-DD'", token.position)
        text = self.here.text
        self.at += 1
        try:
            return Literal(date.fromisoformat(text), token.position)
        except ValueError as error:
            raise AudienceError(f"'{text}' isn't a day: write date 'YYYY-MM-DD'", token.position) from error


def _found(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)
