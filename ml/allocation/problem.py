"""A problem: a value table and a list of terms, and the same as rows over the totals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.concave import Curves
from ml.allocation.errors import CandidateError, TermError
from ml.allocation.exclusion import MOST_GROUPS
from ml.allocation.kernel import F64, Bool
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

    def followed_by(self, other: "Rows") -> "Rows":
        """These rows and then the others."""
        return Rows(
            self.names + other.names,
            np.concatenate([self.contacts, other.contacts]),
            np.concatenate([self.conversions, other.conversions]),
            np.concatenate([self.bound, other.bound]),
        )


_Row = tuple[F64 | None, F64 | None, float]
"""Use of a contact [C] and of an expected conversion [S, C], None where a limit doesn't speak of them; its number."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Choose contacts to maximize total net value, subject to the terms.

    Building it applies the terms that filter or revalue candidates, and checks all that can be checked without solving.

    Attributes:
        candidates: the table that is decided on: as given, with what the terms forbid left out and what they revalue
            changed. `Allocation.chosen` indexes it.
        columns: what a candidate may be.
        terms: in the order in which they apply.
        given: the table as it was given: build a problem with other terms from this one.
        totals: what the terms speak of.

    Raises:
        CandidateError: values that are not finite, indices out of range, a figure that a term needs is missing.
        TermError: a term that is not DCP, not DPP, or not linear in the totals; two terms for one limit.
    """

    candidates: Candidates
    columns: Columns
    terms: Sequence[Term]
    given: Candidates = field(init=False)
    totals: Totals = field(init=False)

    def __post_init__(self) -> None:
        """Checks the table and every term."""
        object.__setattr__(self, "totals", Totals(self.columns, self.candidates.segments))
        object.__setattr__(self, "given", self.candidates)
        self.given.check(self.columns)
        object.__setattr__(self, "candidates", self._admitted())
        names = [limit.name for limit in self.limits] + list(self.curve_names)
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise TermError(f"More than one term sets {', '.join(twice)}: keep one of each.")
        for limit in self.limits:
            _check_convex(limit)
        for one in self.curves:
            _check_affine(one)
        _ = self.exclusive
        if self.candidates.quantity is None and self._uses_conversions:
            raise CandidateError(
                "A quota or a response needs the candidates' expected conversions (`quantity`); none are given."
            )

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The rows of all terms, in their order."""
        return tuple(limit for term in self.terms for limit in term.limits(self.totals))

    @cached_property
    def curves(self) -> tuple[Curves, ...]:
        """The totals whose effect diminishes, of all terms, in their order."""
        found = (term.curves(self.totals) for term in self.terms)
        return tuple(one for one in found if one is not None)

    @cached_property
    def _known_rows(self) -> dict[str, tuple[tuple[bytes, ...], _Row]]:
        return {}

    @property
    def curve_names(self) -> tuple[str, ...]:
        """Of all curves, in their order [G]."""
        return tuple(name for one in self.curves for name in one.names)

    @cached_property
    def exclusive(self) -> Bool:
        """Groups of columns of which one person gets at most one, beside the channels [X, C]."""
        groups = [group for term in self.terms for group in term.exclusive(self.columns)]
        if len(groups) > MOST_GROUPS:
            raise TermError(
                f"There are {len(groups)} groups of offers that exclude each other; at most {MOST_GROUPS} fit."
            )
        return np.array(groups, dtype=np.bool_).reshape(len(groups), len(self.columns))

    @property
    def contacts_per_person(self) -> int:
        """k: the smallest contact limit among the terms; 1 where there is none."""
        return min((term.contacts for term in self.terms if isinstance(term, ContactLimit)), default=1)

    def limit(self, name: str) -> Limit:
        """The limit of a name, to read or set its number.

        Raises:
            TermError: no term sets it.
        """
        for limit in self.limits:
            if limit.name == name:
                return limit
        raise TermError(f"No term sets '{name}': {', '.join(limit.name for limit in self.limits) or 'none'} exist.")

    @property
    def _uses_conversions(self) -> bool:
        speaking = [limit.constraint for limit in self.limits] + [one.effect for one in self.curves]
        return any(variable is self.totals.conversions for one in speaking for variable in one.variables())

    def _admitted(self) -> Candidates:
        admitted = self.given
        for term in self.terms:
            admitted = term.admitted(admitted, self.columns)
        if admitted is not self.given:
            admitted.check(self.columns)
        return admitted

    def rows(self) -> Rows:
        """The limits with the numbers that their parameters hold now."""
        contacts, conversions = self.totals.contacts, self.totals.conversions
        contacts.value, conversions.value = np.zeros(contacts.shape), np.zeros(conversions.shape)
        count = len(self.limits)
        use = np.zeros((count, *contacts.shape))
        use_conversions = np.zeros((count, *conversions.shape))
        bound = np.zeros(count)
        for row, limit in enumerate(self.limits):
            of_contacts, of_conversions, bound[row] = self._row(limit)
            if of_contacts is not None:
                use[row] = of_contacts
            if of_conversions is not None:
                use_conversions[row] = of_conversions
        return Rows(tuple(limit.name for limit in self.limits), use, use_conversions, bound)

    def _row(self, limit: Limit) -> _Row:
        """A limit at totals of 0, taken anew only where its numbers have changed."""
        numbers = tuple(np.asarray(number.value).tobytes() for number in limit.constraint.parameters())
        known = self._known_rows.get(limit.name)
        if known is None or known[0] != numbers:
            contacts, conversions = self.totals.contacts, self.totals.conversions
            expression = limit.constraint.args[0] - limit.constraint.args[1]
            slope, bound = expression.grad, -float(expression.value)
            of_contacts = slope[contacts].toarray().reshape(contacts.shape) if contacts in slope else None
            of_conversions = None
            if conversions in slope:
                of_conversions = slope[conversions].toarray().reshape(conversions.shape, order="F")
            known = self._known_rows[limit.name] = numbers, (of_contacts, of_conversions, bound)
        return known[1]

    def effects(self) -> tuple[sp.csr_array, sp.csr_array]:
        """What a contact [G, C] and an expected conversion [G, S C] add to the effect of each curve."""
        contacts, conversions = self.totals.contacts, self.totals.conversions
        contacts.value, conversions.value = np.zeros(contacts.shape), np.zeros(conversions.shape)
        per_contact, per_conversion = [], []
        for one in self.curves:
            slope, count = one.effect.grad, len(one.names)
            per_contact.append(_rows_of(slope.get(contacts), count, contacts.size))
            # cvxpy counts the entries of q column by column; here they go row by row.
            by_column = _rows_of(slope.get(conversions), count, conversions.size)
            order = np.arange(conversions.size).reshape(conversions.shape, order="F").reshape(-1)
            per_conversion.append(by_column[:, order])
        return sp.csr_array(sp.vstack(per_contact)), sp.csr_array(sp.vstack(per_conversion))

    def curve_rows(self) -> Rows:
        """The effects of all curves as rows, each with a bound of 0."""
        if not self.curves:
            shape = self.totals.conversions.shape
            return Rows((), np.zeros((0, shape[1])), np.zeros((0, *shape)), np.zeros(0))
        per_contact, per_conversion = self.effects()
        dense = per_conversion.toarray().reshape(-1, *self.totals.conversions.shape)
        return Rows(self.curve_names, per_contact.toarray(), dense, np.zeros(len(self.curve_names)))


def _rows_of(slope: sp.spmatrix | None, count: int, size: int) -> sp.csr_array:
    """A gradient of cvxpy, its columns as rows [count, size]."""
    return sp.csr_array((count, size)) if slope is None else sp.csr_array(sp.csr_array(slope).T)


def _check_affine(curves: Curves) -> None:
    effect = curves.effect
    if not (effect.is_affine() and effect.is_dpp()):
        raise TermError(f"The response {curves.names[0]} is not on a DPP affine total: {effect}.")
    if effect.shape != (len(curves.names),):
        raise TermError(f"The response {curves.names[0]} has {effect.shape} totals for {len(curves.names)} names.")


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
