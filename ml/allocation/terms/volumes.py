"""Limits on how many contacts there are and what they are expected to cause."""

from dataclasses import dataclass, replace

from ml.allocation.terms.base import Limit, Term, Totals, bounds, checked
from ml.entities import Channel


@dataclass(frozen=True)
class ChannelCapacity(Term):
    r"""Contacts that a channel can carry in the cycle: \(\sum_{c \in h} n_c \le K_h\)."""

    channel: Channel
    contacts: float

    def __post_init__(self) -> None:
        """Checks the figure."""
        checked(f"capacity of {self.channel}", self.contacts)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        volume = totals.contacts_of(channel=self.channel)
        noun = f"a capacity of {self.channel}"
        return bounds(f"capacity:{self.channel}", noun, volume, "contacts", maximum=self.contacts)


@dataclass(frozen=True)
class ContactVolume(Term):
    r"""Contacts of an objective, a channel, or one within the other: \(k \le \sum_{c \in o \cap h} n_c \le K\)."""

    objective: str | None = None
    channel: Channel | None = None
    maximum: float | None = None
    minimum: float | None = None

    def __post_init__(self) -> None:
        """Checks the figures."""
        checked(f"most contacts of {self.whose}", self.maximum)
        checked(f"fewest contacts of {self.whose}", self.minimum)

    @property
    def whose(self) -> str:
        """Objective and channel, as far as they are given."""
        return ":".join(part for part in (self.objective, self.channel) if part is not None) or "all"

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        volume = totals.contacts_of(self.objective, self.channel)
        noun = f"a number of contacts ({self.whose})"
        return bounds(f"contacts:{self.whose}", noun, volume, "contacts", maximum=self.maximum, minimum=self.minimum)


@dataclass(frozen=True)
class ObjectiveQuota(Term):
    r"""Conversions expected of an objective, in all or in one segment: \(\sum_{s,c \in o} q_{s,c} \ge Q\)."""

    objective: str
    minimum: float
    segment: str | None = None

    def __post_init__(self) -> None:
        """Checks the figure."""
        checked(f"quota of objective {self.objective}", self.minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        within = "" if self.segment is None else f" in segment {self.segment}"
        name = f"quota:{self.objective}" + ("" if self.segment is None else f":{self.segment}")
        reached = totals.conversions_of(self.objective, self.segment)
        noun = f"a quota of objective {self.objective}{within}"
        (row,) = bounds(name, noun, reached, "conversions", minimum=self.minimum)
        return [replace(row, name=name)]
