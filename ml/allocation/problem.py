"""A problem: a value table and a list of terms, and the same as rows over the totals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cvxpy as cp
import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import CandidateError, TermError
from ml.allocation.kernel import F64
from ml.allocation.terms import ContactLimit, Limit, Term, Totals


@dataclass(frozen=True, eq=False)
class Rows:
    r"""All limits as \(A n + \langle A^q, q\rangle \le b\).

    Attributes:
        names: of the limits [R].
        contacts: A, use of a contact per column [R, C].
        conversions: A^q, use of an expected conversion per segment and column [R, S, C].
        bound: b [R].
    """

    names: tuple[str, ...]
    contacts: F64
    conversions: F64
    bound: F64

    @property
    def uses_conversions(self) -> bool:
        """Whether any limit speaks of expected conversions."""
        return bool(self.conversions.any())

    def prices(self, named: dict[str, float]) -> F64:
        """Prices by limit name as a vector [R]; limits that are not named cost nothing."""
        return np.array([max(0.0, named.get(name, 0.0)) for name in self.names])


@dataclass(frozen=True, eq=False)
class Problem:
    """Choose contacts to maximize total net value, subject to the terms.

    Building it checks everything that can be checked without solving.

    Raises:
        CandidateError: values that are not finite, indices out of range.
        TermError: a term that is not DCP, not DPP, or not linear in the totals; two terms for one limit.
    """

    candidates: Candidates
    columns: Columns
    terms: Sequence[Term]
    totals: Totals = field(init=False)

    def __post_init__(self) -> None:
        """Checks the table and every term."""
        object.__setattr__(self, "totals", Totals(self.columns, self.candidates.segments))
        self.candidates.check(self.columns)
        names = [limit.name for limit in self.limits]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise TermError(f"More than one term sets {', '.join(twice)}: keep one of each.")
        for limit in self.limits:
            _check_convex(limit)
        if self.candidates.quantity is None and self.rows().uses_conversions:
            raise CandidateError("A quota needs the candidates' expected conversions (`quantity`); none are given.")

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The rows of all terms, in their order."""
        return tuple(limit for term in self.terms for limit in term.limits(self.totals))

    @property
    def contacts_per_person(self) -> int:
        """k: the smallest contact limit among the terms; 1 where there is none."""
        return min((term.contacts for term in self.terms if isinstance(term, ContactLimit)), default=1)

    def rows(self) -> Rows:
        """The limits with the numbers that their parameters hold now."""
        contacts, conversions = self.totals.contacts, self.totals.conversions
        contacts.value, conversions.value = np.zeros(contacts.shape), np.zeros(conversions.shape)
        count = len(self.limits)
        use = np.zeros((count, *contacts.shape))
        use_conversions = np.zeros((count, *conversions.shape))
        bound = np.zeros(count)
        for row, limit in enumerate(self.limits):
            expression = limit.constraint.args[0] - limit.constraint.args[1]
            slope = expression.grad
            bound[row] = -float(expression.value)
            if contacts in slope:
                use[row] = slope[contacts].toarray().reshape(contacts.shape)
            if conversions in slope:
                use_conversions[row] = slope[conversions].toarray().reshape(conversions.shape, order="F")
        return Rows(tuple(limit.name for limit in self.limits), use, use_conversions, bound)


def _check_convex(limit: Limit) -> None:
    constraint = limit.constraint
    if not constraint.is_dcp(dpp=True):
        raise TermError(f"The limit {limit.name} is not DCP with parameters (DPP): {constraint}.")
    if not isinstance(constraint, cp.constraints.Inequality) or not constraint.expr.is_affine():
        raise TermError(f"The limit {limit.name} is not linear in the totals: {constraint}.")
    if constraint.size != 1:
        raise TermError(
            f"The limit {limit.name} has {constraint.size} rows; make it one limit a row, each with a name."
        )
