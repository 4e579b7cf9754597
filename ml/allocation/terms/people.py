"""What one person may get: settled person by person in the lookup, without a price and without a row in the master."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import CandidateError, TermError
from ml.allocation.kernel import Bool
from ml.allocation.terms.base import Term, checked
from ml.entities import CHANNELS


@dataclass(frozen=True)
class ContactLimit(Term):
    r"""At most k contacts of a person in the cycle, over all objectives, and at most one in each channel.

    \(\sum_j x_{ij} \le k\) and \(\sum_{j \in h} x_{ij} \le 1\) for every person i and channel h.
    """

    contacts: int = 1

    def __post_init__(self) -> None:
        """Checks the figure."""
        if not 1 <= self.contacts <= len(CHANNELS):
            raise TermError(
                f"Contacts of a person per cycle are {self.contacts}; they must be 1 to 8, the number of channels."
            )


@dataclass(frozen=True)
class ContactFrequencyCap(Term):
    r"""At most m contacts of a person in a rolling window of days, over all objectives and channels.

    \(\sum_j x_{ij} \le \max(0, m - h_i)\), with \(h_i\) the contacts that person i has had in the last
    `days` - 1 days (`Candidates.recent_contacts`, counted by the caller for these days). It lowers `contacts_left`.
    """

    contacts: int
    days: int = 7

    def __post_init__(self) -> None:
        """Checks the figures."""
        if self.contacts < 0 or self.days < 1:
            raise TermError(f"At most {self.contacts} contacts in {self.days} days: both must be counts.")

    def admitted(self, candidates: Candidates, columns: Columns) -> Candidates:  # noqa: ARG002 - of all columns
        """The table with fewer contacts left.

        Raises:
            CandidateError: nobody counted the recent contacts.
        """
        recent = candidates.recent_contacts
        if recent is None:
            raise CandidateError(
                f"A cap of {self.contacts} contacts in {self.days} days needs the candidates' `recent_contacts`."
            )
        left = np.clip(self.contacts - recent.astype(np.int64), 0, len(CHANNELS)).astype(np.uint8)
        before = candidates.contacts_left
        return replace(candidates, contacts_left=left if before is None else np.minimum(before, left))


@dataclass(frozen=True)
class MinimumEffect(Term):
    r"""A contact expected to cause fewer conversions than \(q_{\min}\) is none: \(x_{ij} = 0\) where \(q_{ij} < q_{\min}\).

    For one objective, or for all.
    """

    conversions: float
    objective: str | None = None

    def __post_init__(self) -> None:
        """Checks the figure."""
        checked("minimum expected effect", self.conversions)

    def admitted(self, candidates: Candidates, columns: Columns) -> Candidates:
        """The table without candidates under the minimum.

        Raises:
            CandidateError: the expected conversions are not given.
            TermError: the problem has no such objective.
        """
        if candidates.quantity is None:
            raise CandidateError("A minimum expected effect needs the candidates' expected conversions (`quantity`).")
        is_kept = candidates.quantity >= np.float32(self.conversions)
        if self.objective is not None:
            if self.objective not in columns.objectives:
                raise TermError(f"No column belongs to objective '{self.objective}': {columns.objectives} exist.")
            is_kept |= columns.objective[candidates.column] != columns.objectives.index(self.objective)
        return candidates if is_kept.all() else candidates.where(is_kept)


@dataclass(frozen=True)
class ExclusiveOffers(Term):
    r"""Offers of which one person gets at most one: \(\sum_{j \in G} x_{ij} \le 1\) for every person i."""

    offer_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        """Checks that there is something to exclude."""
        if len(set(self.offer_ids)) != len(self.offer_ids) or not self.offer_ids:
            raise TermError(f"Offers that exclude each other must be named once each; got {self.offer_ids}.")

    def exclusive(self, columns: Columns) -> Sequence[Bool]:
        """One group of columns.

        Raises:
            TermError: no column has one of the offers.
        """
        unknown = sorted(set(self.offer_ids) - set(columns.offer_ids))
        if unknown:
            raise TermError(f"No column has the offer '{unknown[0]}': {tuple(dict.fromkeys(columns.offer_ids))} exist.")
        return [np.array([offer in self.offer_ids for offer in columns.offer_ids], dtype=np.bool_)]
