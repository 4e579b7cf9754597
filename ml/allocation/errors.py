"""What can be wrong with an allocation, in the operator's words, each with its remedy."""

from dataclasses import dataclass


class AllocationError(Exception):
    """An allocation that cannot be made."""


class CandidateError(AllocationError):
    """The value table cannot be used: names the column and how many entries are wrong."""


class TermError(AllocationError):
    """A term of the problem is not convex, not parametrized for re-use, or carries a number that means nothing."""


class SolverStatusError(AllocationError):
    """The solver ended in a status other than optimal. Nothing plausible is made of it."""


@dataclass(frozen=True)
class Relaxation:
    """One limit, moved just far enough that the others can hold.

    Attributes:
        limit: the limit's name.
        words: the change as an operator would say it.
        number: what the limit is now.
        needed: what it would have to be.
        is_verified: the problem was solved with `needed` in place, and every limit held.
    """

    limit: str
    words: str
    number: float
    needed: float
    is_verified: bool


class Infeasible(AllocationError):  # noqa: N818 - the field's word for it
    """No plan satisfies all limits. Says which ones conflict and what would resolve it.

    Attributes:
        conflicts: names of the limits that cannot hold together.
        relaxations: the smallest move of each single limit that resolves the conflict, where one alone can.
    """

    def __init__(self, words: list[str], conflicts: list[str], relaxations: list[Relaxation]):
        self.conflicts = conflicts
        self.relaxations = relaxations
        remedies = "; or ".join(relaxation.words for relaxation in relaxations)
        remedy = f" To resolve it: {remedies}." if remedies else " No single one of them resolves it: move several."
        super().__init__(f"No plan can keep these limits together: {'; '.join(words)}.{remedy}")
