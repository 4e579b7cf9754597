"""What every term of the problem is: limits on totals, written in cvxpy, checked when the problem is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cvxpy as cp
import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.concave import Curves
from ml.allocation.errors import TermError
from ml.allocation.kernel import F64, Bool
from ml.entities import CHANNELS, Channel

Unit = Literal["money", "contacts", "conversions", "share", "change"]
"""Of a limit's number. A `share` is 0 to 1, a `change` a part of what was before."""


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

    def conversions_by_segment(
        self, segments: Sequence[str], objective: str | None = None, channel: Channel | None = None
    ) -> cp.Expression:
        r"""\(\sum_c q_{s,c}\) over the columns asked for, by segment [len(segments)].

        Raises:
            TermError: the problem has no such segment.
        """
        place = {name: at for at, name in enumerate(self.segments)}
        unknown = [name for name in segments if name not in place]
        if unknown:
            raise TermError(f"No segment '{unknown[0]}': {self.segments} exist.")
        return self.conversions[[place[name] for name in segments]] @ self.mask(objective, channel)

    def conversions_of(self, objective: str | None = None, segment: str | None = None) -> cp.Expression:
        r"""\(\sum_{s,c} q_{s,c}\) over the objective's columns, in one segment or all.

        Raises:
            TermError: the problem has no such segment.
        """
        if segment is None:
            return cp.sum(self.conversions @ self.mask(objective))
        return cp.sum(self.conversions_by_segment([segment], objective))


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
            "change": f"{number:.2%}",
        }[self.unit]

    def spoken(self, number: float | None = None) -> str:
        """The limit with its number (or another) as an operator would say it."""
        figure = self.figure(float(self.number.value) if number is None else number)
        return f"{self.noun} of at {'least' if self.is_minimum else 'most'} {figure}"


class Term:
    """A constraint of the problem, or a part of its objective. A new one is a file and a line in `terms/__init__.py`.

    A term is a frozen dataclass of plain numbers, strings and tuples, so it can be written down and built again. It
    overrides what it has to say:

    * `limits`: rows over the totals of a plan, each with a shadow price;
    * `curves`: totals whose effect diminishes, each a concave part of the objective;
    * `admitted`: which candidates a person may get at all, and what each is worth;
    * `exclusive`: columns of which a person gets at most one.
    """

    def limits(self, totals: Totals) -> list[Limit]:  # noqa: ARG002 - most terms say one thing only
        """The rows that the term adds, over the totals of a plan."""
        return []

    def curves(self, totals: Totals) -> Curves | None:  # noqa: ARG002
        """The totals whose effect diminishes, and how."""
        return None

    def admitted(self, candidates: Candidates, columns: Columns) -> Candidates:  # noqa: ARG002
        """The value table with what the term forbids left out and what it revalues changed, the given one untouched."""
        return candidates

    def exclusive(self, columns: Columns) -> Sequence[Bool]:  # noqa: ARG002
        """Groups of columns [C] of which one person gets at most one."""
        return []


def checked(what: str, value: float | None, *, at_most: float = np.inf) -> None:
    """Refuses a figure that means nothing; None is no figure at all.

    Raises:
        TermError: not finite, negative, or over `at_most`.
    """
    if value is not None and not (np.isfinite(value) and 0 <= value <= at_most):
        raise TermError(
            f"The {what} is {value}; it must be a number from 0{f' to {at_most}' if np.isfinite(at_most) else ''}."
        )


def number(what: str, value: float, *, at_most: float = np.inf) -> cp.Parameter:
    """A figure that may change from day to day without the problem being built anew.

    Raises:
        TermError: not finite, negative, or over `at_most`.
    """
    checked(what, value, at_most=at_most)
    return cp.Parameter(nonneg=True, value=float(value), name=what)


def bounds(
    name: str,
    noun: str,
    reached: cp.Expression,
    unit: Unit,
    *,
    maximum: float | None = None,
    minimum: float | None = None,
) -> list[Limit]:
    """The rows `reached <= maximum` and `reached >= minimum`, for those that are given."""
    rows = []
    if maximum is not None:
        most = number(f"most of {name}", maximum)
        rows.append(Limit(name, noun, most, reached, reached <= most, unit))
    if minimum is not None:
        least = number(f"least of {name}", minimum)
        rows.append(Limit(f"{name}:minimum", noun, least, reached, reached >= least, unit, is_minimum=True))
    return rows
