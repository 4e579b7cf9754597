"""Limits on money."""

from dataclasses import dataclass

import numpy as np

from ml.allocation.candidates import Columns
from ml.allocation.errors import TermError
from ml.allocation.terms.base import Limit, Term, Totals, bounds, checked, number
from ml.entities import Channel


@dataclass(frozen=True)
class TotalBudget(Term):
    r"""Spend over all objectives and channels: \(b \le \sum_c \mathrm{cost}_c\, n_c \le B\), money."""

    amount: float | None = None
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked("total budget", self.amount)
        checked("least total spend", self.minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        spend = totals.spend_of()
        return bounds("budget", "a total budget", spend, "money", maximum=self.amount, minimum=self.minimum)


@dataclass(frozen=True)
class ObjectiveBudget(Term):
    r"""Spend of one objective: \(b_o \le \sum_{c \in o} \mathrm{cost}_c\, n_c \le B_o\), money."""

    objective: str
    amount: float | None = None
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked(f"budget of objective {self.objective}", self.amount)
        checked(f"least spend of objective {self.objective}", self.minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        name, noun = f"budget:{self.objective}", f"a budget for objective {self.objective}"
        return bounds(name, noun, totals.spend_of(self.objective), "money", maximum=self.amount, minimum=self.minimum)


@dataclass(frozen=True)
class ChannelBudget(Term):
    r"""Spend of one channel: \(b_h \le \sum_{c \in h} \mathrm{cost}_c\, n_c \le B_h\), money. Equal bounds hold it fixed."""

    channel: Channel
    maximum: float | None = None
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked(f"budget of {self.channel}", self.maximum)
        checked(f"least spend of {self.channel}", self.minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        name, noun = f"channel_budget:{self.channel}", f"a spend on {self.channel}"
        spend = totals.spend_of(channel=self.channel)
        return bounds(name, noun, spend, "money", maximum=self.maximum, minimum=self.minimum)


@dataclass(frozen=True)
class ChannelSpendShare(Term):
    r"""One channel's share \(s\) of all spend, linear in the totals.

    \(\sum_{c \in h} \mathrm{cost}_c\, n_c - s \sum_c \mathrm{cost}_c\, n_c \le a\), with the allowance a that spend
    outside of the problem leaves: s times all of it, less the channel's own.
    """

    channel: Channel
    share: float
    allowance: float = 0.0

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked(f"share of {self.channel} of all spend", self.share, at_most=1.0)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        own, whole = totals.spend_of(channel=self.channel), totals.spend_of()
        share = number(f"share of {self.channel}", self.share, at_most=1.0)
        noun = f"a share of {self.channel} in all spend"
        kept = own - share * whole <= self.allowance
        return [Limit(f"share:{self.channel}", noun, share, own / whole, kept, "share")]


@dataclass(frozen=True)
class SpendChange(Term):
    r"""Spend X against yesterday's Y, over all channels or in one: \((1 - d) Y \le X \le (1 + u) Y\).

    Stated as \(X - Y \le u Y\) and \(Y - X \le d Y\), linear in the figures u (most rise) and d (most fall). X is the
    problem's spend and what is spent today outside of it.
    """

    yesterday: float
    rise: float | None = None
    fall: float | None = None
    channel: Channel | None = None
    outside: float = 0.0

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked("spend outside of the problem", self.outside)
        if not (np.isfinite(self.yesterday) and self.yesterday > 0):
            raise TermError(
                f"Yesterday's spend is {self.yesterday}; a change against it needs an amount over 0. "
                "Leave the term out where there was no spend."
            )
        checked("most rise of spend", self.rise)
        checked("most fall of spend", self.fall, at_most=1.0)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        spend, rows = totals.spend_of(channel=self.channel) + self.outside, []
        whose = "" if self.channel is None else f":{self.channel}"
        words = "spend against yesterday" if self.channel is None else f"spend on {self.channel} against yesterday"
        if self.rise is not None:
            rise, reached = number("most rise of spend", self.rise), spend / self.yesterday - 1
            kept = spend - self.yesterday <= rise * self.yesterday
            rows.append(Limit(f"spend_rise{whose}", f"a rise of {words}", rise, reached, kept, "change"))
        if self.fall is not None:
            fall, reached = number("most fall of spend", self.fall, at_most=1.0), 1 - spend / self.yesterday
            kept = self.yesterday - spend <= fall * self.yesterday
            rows.append(Limit(f"spend_fall{whose}", f"a fall of {words}", fall, reached, kept, "share"))
        return rows


@dataclass(frozen=True)
class ExplorationBudget(Term):
    r"""Spend on contacts made to learn: \(\sum_{c\ \text{exploring}} \mathrm{cost}_c\, n_c \le B_e\), money.

    Candidates are flagged by `Candidates.exploring`, which puts them into columns of their own.
    """

    amount: float

    def __post_init__(self) -> None:
        """Checks the figure."""
        checked("exploration budget", self.amount)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row.

        Raises:
            TermError: no column is for exploring.
        """
        spend = (totals.columns.unit_cost * _exploring(totals.columns)) @ totals.contacts
        return bounds("exploration", "an exploration budget", spend, "money", maximum=self.amount)


def _exploring(columns: Columns) -> np.ndarray:
    if columns.is_exploring is None:
        raise TermError("No column is for exploring: build the columns by `Columns.with_exploring`.")
    return columns.is_exploring.astype(np.float64)
