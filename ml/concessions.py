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
_HALVINGS: Final = 4
"""Of a minimum for which no verified move was found in time, before it is given up."""


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

    Together they may contradict each other as well: then they are asked for one after the other, and each gives way to
    the limits and to those before it.

    Returns:
        What was solved, and what had to give way.

    Raises:
        Infeasible: The limits contradict each other without any of these terms.
        SolverStatusError: The solver failed without any of them.
    """
    if not _minimums(terms, totals):
        return solve(terms), ()
    try:
        return solve(terms), ()
    except (Infeasible, SolverStatusError):
        return _one_by_one(terms, totals, solve)


def _one_by_one(
    terms: Sequence[Term], totals: Totals, solve: Callable[[Sequence[Term]], Solved]
) -> tuple[Solved, tuple[Concession, ...]]:
    asking = [term for term in terms if _minimums([term], totals)]
    standing = [term for term in terms if not _minimums([term], totals)]
    standing += [replace(term, fall=None) for term in asking if isinstance(term, SpendChange) and term.rise is not None]
    conceded: list[Concession] = []
    solved = solve(standing)
    for term in asking:
        rest = [each for each in standing if not _is_part(each, term)]
        now: Term | None = term
        for attempt in range(_HALVINGS + 1):
            if now is None:
                break
            try:
                solved, standing = solve([*rest, now]), [*rest, now]
                break
            except (Infeasible, SolverStatusError) as reason:
                (limit,) = _minimums([now], totals)
                number = _moved(limit, reason) if attempt < _HALVINGS else _lowered(limit, 0.0)
                asked = conceded.pop().asked if attempt else float(limit.number.value)
                conceded.append(_concession(limit, asked, number, reason))
                now = _with(now, limit, number)
    return solved, tuple(conceded)


def _is_part(standing: Term, asking: Term) -> bool:
    """Whether the one is the rise of the other, asked for without its fall."""
    return isinstance(asking, SpendChange) and isinstance(standing, SpendChange) and standing.channel == asking.channel


def _minimums(terms: Sequence[Term], totals: Totals) -> list[Limit]:
    return [limit for term in terms for limit in term.limits(totals) if limit.name.startswith(("quota:", "spend_fall"))]


def _moved(limit: Limit, reason: Infeasible | SolverStatusError) -> float:
    """The smallest verified number that leaves a plan; what asks for half as much where none was found."""
    moves = {} if isinstance(reason, SolverStatusError) else {each.limit: each.needed for each in reason.relaxations}
    return moves.get(limit.name, _lowered(limit, 0.5))


def _lowered(limit: Limit, part: float) -> float:
    """The number that asks for a part of what the limit does; so little is nothing."""
    number = float(limit.number.value)
    if limit.is_minimum:
        return part * number if part * number > 1e-3 else 0.0  # noqa: PLR2004 - a thousandth of a conversion
    return 1 - part * (1 - number) if part * (1 - number) > 1e-3 else 1.0  # noqa: PLR2004 - a thousandth of yesterday


def _with(term: Term, limit: Limit, number: float) -> Term | None:
    """The term with another number; None where it asks for nothing any more."""
    if isinstance(term, ObjectiveQuota):
        return replace(term, minimum=number) if number > 0 else None
    if isinstance(term, SpendChange):
        return replace(term, fall=number) if number < 1 else None
    raise TypeError(f"{limit.name} is a minimum of a term that has no number to lower: {term}")


def _concession(limit: Limit, asked: float, kept: float, reason: Exception) -> Concession:
    words = f"{limit.spoken(asked)} can't be kept today, {limit.figure(kept)} takes its place. {reason}"
    return Concession(limit.name, asked, kept, words)
