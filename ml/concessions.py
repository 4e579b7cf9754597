"""What a day can't bring: minimums that contradict the limits give way, as little as they must, and it is said.

A cap is never crossed. What has to be brought (a quota, a fall of spend that is too steep) can be out of reach on a day:
then the day does as much of it as there is a plan for, and the plan names what stood in the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeVar

from ml.allocation.errors import Infeasible, SolverStatusError
from ml.allocation.terms import Limit, ObjectiveQuota, SpendChange, Term, Totals

Solved = TypeVar("Solved")
_MOST: Final = 12
"""Concessions in a row, after which all minimums left are given up."""


@dataclass(frozen=True)
class Concession:
    """A minimum that the day can't keep.

    Attributes:
        limit: Its name.
        asked: What was asked for.
        kept: What the plan keeps instead; 0 conversions, or a fall of 100 %, keeps nothing of it.
        words: Both, and what stands in the way, as an operator would say it.
    """

    limit: str
    asked: float
    kept: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def conceding(
    terms: Sequence[Term], totals: Totals, solve: Callable[[Sequence[Term]], Solved]
) -> tuple[Solved, tuple[Concession, ...]]:
    """Solve with the minimums that can be kept.

    Args:
        terms: That ask for something to be brought: quotas and changes of spend.
        totals: That they speak of.
        solve: Solves the problem with these terms beside all others.

    Returns:
        What was solved, and what had to give way.

    Raises:
        Infeasible: The limits contradict each other without any of these terms.
        SolverStatusError: The solver failed without any of them.
    """
    standing = list(terms)
    conceded: list[Concession] = []
    while True:
        try:
            return solve(standing), tuple(conceded)
        except (Infeasible, SolverStatusError) as reason:
            minimums = _minimums(standing, totals)
            if not minimums:
                raise
            named = reason.conflicts if isinstance(reason, Infeasible) else []
            conflicting = [each for each in minimums if each.name in named] or minimums
            standing, given = _given_way(standing, totals, conflicting, reason, is_last=len(conceded) >= _MOST)
            conceded += given


def _minimums(terms: Sequence[Term], totals: Totals) -> list[Limit]:
    return [limit for term in terms for limit in term.limits(totals) if limit.name.startswith(("quota:", "spend_fall"))]


def _given_way(
    terms: Sequence[Term],
    totals: Totals,
    conflicting: Sequence[Limit],
    reason: Infeasible | SolverStatusError,
    *,
    is_last: bool,
) -> tuple[list[Term], list[Concession]]:
    """The terms with the smallest verified move of one minimum; with half of each where none alone makes room."""
    moves = {} if isinstance(reason, SolverStatusError) else {each.limit: each.needed for each in reason.relaxations}
    alone = [limit for limit in conflicting if limit.name in moves]
    if alone and not is_last:
        smallest = min(alone, key=lambda limit: abs(_left(limit, moves[limit.name]) - 1))
        wanted = {smallest.name: moves[smallest.name]}
    else:
        wanted = {limit.name: _lowered(limit, 0.0 if is_last else 0.5) for limit in conflicting}
    concessions = [_concession(limit, wanted[limit.name], reason) for limit in conflicting if limit.name in wanted]
    lowered = [_with(term, totals, wanted) for term in terms]
    return [term for term in lowered if term is not None], concessions


def _left(limit: Limit, number: float) -> float:
    """Part of what a minimum asks for that is left with another number."""
    before = float(limit.number.value)
    if limit.is_minimum:
        return number / before if before > 0 else 0.0
    return (1 - number) / (1 - before) if before < 1 else 0.0


def _lowered(limit: Limit, part: float) -> float:
    """The number that asks for a part of what the limit does; so little is nothing."""
    number = float(limit.number.value)
    if limit.is_minimum:
        return part * number if part * number > 1e-3 else 0.0  # noqa: PLR2004 - a thousandth of a conversion
    return 1 - part * (1 - number) if part * (1 - number) > 1e-3 else 1.0  # noqa: PLR2004 - a thousandth of yesterday


def _with(term: Term, totals: Totals, wanted: dict[str, float]) -> Term | None:
    """The term with another number; None where it asks for nothing any more."""
    for limit in term.limits(totals):
        if limit.name not in wanted:
            continue
        number = wanted[limit.name]
        if isinstance(term, ObjectiveQuota):
            return replace(term, minimum=number) if number > 0 else None
        if isinstance(term, SpendChange):
            if number < 1:
                return replace(term, fall=number)
            return None if term.rise is None else replace(term, fall=None)
    return term


def _concession(limit: Limit, kept: float, reason: Exception) -> Concession:
    asked = float(limit.number.value)
    words = f"{limit.spoken()} can't be kept today, {limit.figure(kept)} takes its place. {reason}"
    return Concession(limit.name, asked, kept, words)
