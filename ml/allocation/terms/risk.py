"""What a contact is worth where its value is uncertain: both change the value table before anything is decided."""

from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import CandidateError
from ml.allocation.kernel import F32
from ml.allocation.terms.base import Term, checked


@dataclass(frozen=True)
class RiskAversion(Term):
    r"""Value as its mean less k standard deviations: \(v_{ij} = \mu_{ij} - k \sigma_{ij}\)."""

    deviations: float

    def __post_init__(self) -> None:
        """Checks the figure."""
        checked("number of standard deviations", self.deviations)

    def admitted(self, candidates: Candidates, columns: Columns) -> Candidates:  # noqa: ARG002 - of all columns
        """The table with lower values.

        Raises:
            CandidateError: the values' standard deviations are not given, or another term has used them.
        """
        sd = _deviations(candidates, "A value less its risk")
        return replace(candidates, value=candidates.value - np.float32(self.deviations) * sd, value_sd=None)


@dataclass(frozen=True)
class PosteriorDraw(Term):
    r"""Value as one draw from its posterior (Thompson sampling): \(v_{ij} = \mu_{ij} + \sigma_{ij} z_{ij}\), z standard normal.

    The same seed gives the same draw: one number for each candidate, in the order of the table.
    """

    seed: int

    def admitted(self, candidates: Candidates, columns: Columns) -> Candidates:  # noqa: ARG002 - of all columns
        """The table with drawn values.

        Raises:
            CandidateError: the values' standard deviations are not given, or another term has used them.
        """
        sd = _deviations(candidates, "A posterior draw")
        draw = np.random.default_rng(self.seed).standard_normal(len(candidates), dtype=np.float32)
        return replace(candidates, value=candidates.value + sd * draw, value_sd=None)


def _deviations(candidates: Candidates, what: str) -> F32:
    if candidates.value_sd is None:
        raise CandidateError(
            f"{what} needs the values' standard deviations (`value_sd`), which only one term may use. "
            "To build a problem anew, start from `Problem.given`."
        )
    if (candidates.value_sd < 0).any():
        raise CandidateError(f"{what} needs standard deviations of at least 0.")
    return candidates.value_sd
