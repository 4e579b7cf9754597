"""Diminishing returns of a channel, by segment."""

from dataclasses import dataclass
from typing import Literal

import cvxpy as cp
import numpy as np

from ml.allocation.concave import Curves
from ml.allocation.errors import TermError
from ml.allocation.kernel import F64
from ml.allocation.saturation import Shape, carried_over
from ml.allocation.terms.base import Term, Totals
from ml.entities import Channel


@dataclass(frozen=True)
class ConcaveResponse(Term):
    r"""Diminishing returns of a channel in each segment, after what earlier cycles did.

    What the contacts of channel h would cause in segment s if effects added up, in money, is
    \(e_s = u \sum_{c \in h} q_{s,c}\) (or \(u \sum_{c \in h} n_c\), per contact, over everybody). They cause

    \(S_s(c_s + e_s) - S_s(c_s)\), with \(c_s = \sum_{l \ge 1} \theta^l e_{s,-l}\) carried over (geometric adstock)

    and S concave with slope 1 at 0 (see `ml.allocation.saturation`), so the total value falls by
    \(L_s(e_s) = e_s - S_s(c_s + e_s) + S_s(c_s) \ge 0\), a convex cost on an affine total. The candidates' own values
    stay what they are without saturation.

    Attributes:
        channel: h.
        unit_value: u, money for an expected conversion (or for a contact).
        ceiling: \(b_s\), money: what the channel can cause at most in a segment; one a segment.
        segments: names, a curve for each; empty for one curve over everybody.
        shape: of S.
        past: e of earlier cycles, the latest first, each one figure a segment, money.
        retention: \(\theta\), share of an effect that still acts a cycle later, 0 to under 1.
        objective: its contacts only.
        basis: whether e counts expected conversions or contacts.
    """

    channel: Channel
    unit_value: float
    ceiling: tuple[float, ...]
    segments: tuple[str, ...] = ()
    shape: Shape = "ratio"
    past: tuple[tuple[float, ...], ...] = ()
    retention: float = 0.0
    objective: str | None = None
    basis: Literal["conversions", "contacts"] = "conversions"

    def __post_init__(self) -> None:
        """Checks the figures.

        Raises:
            TermError: one of them means nothing, or there isn't one a segment.
        """
        count, figures = max(1, len(self.segments)), np.array([self.unit_value, *self.ceiling], dtype=np.float64)
        if len(self.ceiling) != count or any(len(done) != count for done in self.past):
            raise TermError(
                f"The response of {self.channel} needs {count} ceiling(s) and as many figures a past cycle."
            )
        if not (np.isfinite(figures).all() and (figures > 0).all()):
            raise TermError(f"The response of {self.channel} needs a unit value and ceilings over 0.")
        if not (0 <= self.retention < 1 and all(np.isfinite(e) and e >= 0 for done in self.past for e in done)):
            raise TermError(f"The response of {self.channel}: retention is 0 to under 1, past effects are at least 0.")
        if self.basis == "contacts" and self.segments:
            raise TermError(f"The response of {self.channel} per contact is over everybody: name no segments.")

    @property
    def carried(self) -> F64:
        """c, money [G]."""
        return carried_over(self.past, self.retention, len(self.ceiling))

    def curves(self, totals: Totals) -> Curves:
        """A curve for each segment."""
        whose = self.channel if self.objective is None else f"{self.objective}:{self.channel}"
        names = tuple(f"response:{whose}:{segment}" for segment in self.segments) or (f"response:{whose}",)
        effect = cp.Parameter(nonneg=True, value=self.unit_value, name=f"unit value of {whose}") * self._total(totals)
        ceiling = np.array(self.ceiling, dtype=np.float64)
        return Curves(names, effect, self.shape, ceiling, self.carried)

    def _total(self, totals: Totals) -> cp.Expression:
        if self.basis == "contacts":
            return cp.reshape(totals.contacts_of(self.objective, self.channel), (1,), order="F")
        if self.segments:
            return totals.conversions_by_segment(self.segments, self.objective, self.channel)
        everybody = totals.conversions_by_segment(totals.segments, self.objective, self.channel)
        return cp.reshape(cp.sum(everybody), (1,), order="F")
