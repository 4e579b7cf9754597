"""Limits on how many contacts there are and what they are expected to cause."""

from ml.allocation.terms.base import Limit, Term, Totals, bounds, number, optional_number
from ml.entities import Channel


class ChannelCapacity(Term):
    r"""Contacts that a channel can carry in the cycle: \(\sum_{c \in h} n_c \le K_h\)."""

    def __init__(self, channel: Channel, contacts: float):
        self.channel = channel
        self.contacts = number(f"capacity of {channel}", contacts)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        volume = totals.contacts_of(channel=self.channel)
        noun = f"a capacity of {self.channel}"
        return bounds(f"capacity:{self.channel}", noun, volume, "contacts", maximum=self.contacts, minimum=None)


class ContactVolume(Term):
    r"""Contacts of an objective, a channel, or one within the other: \(k \le \sum_{c \in o \cap h} n_c \le K\)."""

    def __init__(
        self,
        objective: str | None = None,
        channel: Channel | None = None,
        maximum: float | None = None,
        minimum: float | None = None,
    ):
        self.objective, self.channel = objective, channel
        self.whose = ":".join(part for part in (objective, channel) if part is not None) or "all"
        self.maximum = optional_number(f"most contacts of {self.whose}", maximum)
        self.minimum = optional_number(f"fewest contacts of {self.whose}", minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        volume = totals.contacts_of(self.objective, self.channel)
        noun = f"a number of contacts ({self.whose})"
        return bounds(f"contacts:{self.whose}", noun, volume, "contacts", maximum=self.maximum, minimum=self.minimum)


class ObjectiveQuota(Term):
    r"""Conversions expected of an objective, in all or in one segment: \(\sum_{s,c \in o} q_{s,c} \ge Q\)."""

    def __init__(self, objective: str, minimum: float, segment: str | None = None):
        self.objective, self.segment = objective, segment
        self.minimum = number(f"quota of objective {objective}", minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        within = "" if self.segment is None else f" in segment {self.segment}"
        name = f"quota:{self.objective}" + ("" if self.segment is None else f":{self.segment}")
        reached = totals.conversions_of(self.objective, self.segment)
        noun = f"a quota of objective {self.objective}{within}"
        return [Limit(name, noun, self.minimum, reached, reached >= self.minimum, "conversions", is_minimum=True)]
