"""What every term of the problem is: limits on totals, written in cvxpy, checked when the problem is built."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cvxpy as cp
import numpy as np

from ml.allocation.candidates import Columns
from ml.allocation.errors import TermError
from ml.allocation.kernel import F64
from ml.entities import CHANNELS, Channel

Unit = Literal["money", "contacts", "conversions", "share"]


@dataclass(frozen=True, eq=False)
class Totals:
    r"""What a plan adds up to: the only thing that a term may speak of.

    \(n_c\) = contacts of column c, \(q_{s,c}\) = expected conversions of column c in segment s.
    """

    columns: Columns
    segments: tuple[str, ...]

    @cached_property
    def contacts(self) -> cp.Variable:
        """Variable n [C]."""
        return cp.Variable(len(self.columns), name="contacts")

    @cached_property
    def conversions(self) -> cp.Variable:
        """Variable q [S, C]."""
        return cp.Variable((len(self.segments), len(self.columns)), name="conversions")

    def mask(self, objective: str | None = None, channel: Channel | None = None) -> F64:
        """1 for each column of the objective and the channel, else 0 [C]. None stands for all.

        Raises:
            TermError: the problem has no such objective or channel.
        """
        chosen = np.ones(len(self.columns), dtype=bool)
        if objective is not None:
            if objective not in self.columns.objectives:
                raise TermError(f"No column belongs to objective '{objective}': {self.columns.objectives} exist.")
            chosen &= self.columns.objective == self.columns.objectives.index(objective)
        if channel is not None:
            if channel not in CHANNELS:
                raise TermError(f"'{channel}' is not a channel: use one of {', '.join(CHANNELS)}.")
            chosen &= self.columns.channel == CHANNELS.index(channel)
        return chosen.astype(np.float64)

    def contacts_of(self, objective: str | None = None, channel: Channel | None = None) -> cp.Expression:
        r"""\(\sum_c n_c\) over the columns asked for."""
        return self.mask(objective, channel) @ self.contacts

    def spend_of(self, objective: str | None = None, channel: Channel | None = None) -> cp.Expression:
        r"""\(\sum_c \mathrm{cost}_c\, n_c\) over the columns asked for."""
        return (self.columns.unit_cost * self.mask(objective, channel)) @ self.contacts

    def conversions_of(self, objective: str | None = None, segment: str | None = None) -> cp.Expression:
        r"""\(\sum_{s,c} q_{s,c}\) over the objective's columns, in one segment or all.

        Raises:
            TermError: the problem has no such segment.
        """
        if segment is None:
            return cp.sum(self.conversions @ self.mask(objective))
        if segment not in self.segments:
            raise TermError(f"No segment '{segment}': {self.segments} exist.")
        return self.conversions[self.segments.index(segment)] @ self.mask(objective)


@dataclass(frozen=True, eq=False)
class Limit:
    """One row of the problem: `reached` is kept at or under (over) `number`.

    Attributes:
        name: key of its shadow price.
        noun: what an operator calls it.
        number: the figure that the operator set.
        reached: the same figure of a plan; with `number` at this value the plan keeps the limit.
        constraint: the DCP form, affine in the totals.
        unit: of the number.
        is_minimum: the number is a floor, not a cap.
    """

    name: str
    noun: str
    number: cp.Parameter
    reached: cp.Expression
    constraint: cp.Constraint
    unit: Unit
    is_minimum: bool = False

    def figure(self, number: float) -> str:
        """A number of the limit with its unit."""
        return {
            "money": f"{number:,.2f}",
            "contacts": f"{number:,.0f} contacts",
            "conversions": f"{number:,.2f} expected conversions",
            "share": f"{number:.2%}",
        }[self.unit]

    def spoken(self, number: float | None = None) -> str:
        """The limit with its number (or another) as an operator would say it."""
        figure = self.figure(float(self.number.value) if number is None else number)
        return f"{self.noun} of at {'least' if self.is_minimum else 'most'} {figure}"


class Term(ABC):
    """A constraint of the problem. A new one is a class with `limits` and a line in `terms/__init__.py`."""

    @abstractmethod
    def limits(self, totals: Totals) -> list[Limit]:
        """The rows that the term adds, over the totals of a plan."""


def number(what: str, value: float, *, at_most: float = np.inf) -> cp.Parameter:
    """A figure that may change from day to day without the problem being built anew.

    Raises:
        TermError: not finite, negative, or over `at_most`.
    """
    if not np.isfinite(value) or not 0 <= value <= at_most:
        raise TermError(
            f"The {what} is {value}; it must be a number from 0{f' to {at_most}' if np.isfinite(at_most) else ''}."
        )
    return cp.Parameter(nonneg=True, value=float(value), name=what)


def bounds(
    name: str,
    noun: str,
    reached: cp.Expression,
    unit: Unit,
    *,
    maximum: cp.Parameter | None,
    minimum: cp.Parameter | None,
) -> list[Limit]:
    """The rows `reached <= maximum` and `reached >= minimum`, for those that are given."""
    rows = []
    if maximum is not None:
        rows.append(Limit(name, noun, maximum, reached, reached <= maximum, unit))
    if minimum is not None:
        rows.append(Limit(f"{name}:minimum", noun, minimum, reached, reached >= minimum, unit, is_minimum=True))
    return rows


def optional_number(what: str, value: float | None) -> cp.Parameter | None:
    """A figure, or None where the operator set none."""
    return None if value is None else number(what, value)
