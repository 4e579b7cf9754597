"""Limits on money."""

import cvxpy as cp

from ml.allocation.terms.base import Limit, Term, Totals, bounds, number, optional_number
from ml.entities import Channel


class TotalBudget(Term):
    r"""Spend over all objectives and channels: \(\sum_c \mathrm{cost}_c\, n_c \le B\)."""

    def __init__(self, amount: float):
        self.amount = number("total budget", amount)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        return bounds("budget", "a total budget", totals.spend_of(), "money", maximum=self.amount, minimum=None)


class ObjectiveBudget(Term):
    r"""Spend of one objective: \(\sum_{c \in o} \mathrm{cost}_c\, n_c \le B_o\)."""

    def __init__(self, objective: str, amount: float):
        self.objective = objective
        self.amount = number(f"budget of objective {objective}", amount)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        spend = totals.spend_of(self.objective)
        noun = f"a budget for objective {self.objective}"
        return bounds(f"budget:{self.objective}", noun, spend, "money", maximum=self.amount, minimum=None)


class ChannelBudget(Term):
    r"""Spend of one channel: \(b_h \le \sum_{c \in h} \mathrm{cost}_c\, n_c \le B_h\)."""

    def __init__(self, channel: Channel, maximum: float | None = None, minimum: float | None = None):
        self.channel = channel
        self.maximum = optional_number(f"budget of {channel}", maximum)
        self.minimum = optional_number(f"least spend of {channel}", minimum)

    def limits(self, totals: Totals) -> list[Limit]:
        """A row for each bound that is given."""
        spend = totals.spend_of(channel=self.channel)
        noun = f"a spend on {self.channel}"
        return bounds(
            f"channel_budget:{self.channel}", noun, spend, "money", maximum=self.maximum, minimum=self.minimum
        )


class ChannelSpendShare(Term):
    r"""One channel's share \(s\) of all spend, linear in the totals.

    \(\sum_{c \in h} \mathrm{cost}_c\, n_c - s \sum_c \mathrm{cost}_c\, n_c \le a\), with the allowance a that spend
    outside of the problem leaves: s times all of it, less the channel's own.
    """

    def __init__(self, channel: Channel, share: float, allowance: float = 0.0):
        self.channel, self.allowance = channel, allowance
        self.share = number(f"share of {channel} of all spend", share, at_most=1.0)

    def limits(self, totals: Totals) -> list[Limit]:
        """One row."""
        own, whole = totals.spend_of(channel=self.channel), totals.spend_of()
        noun = f"a share of {self.channel} in all spend"
        return [
            Limit(
                f"share:{self.channel}",
                noun,
                self.share,
                own / whole,
                _kept(own, self.share, whole, self.allowance),
                "share",
            )
        ]


def _kept(own: cp.Expression, share: cp.Parameter, whole: cp.Expression, allowance: float) -> cp.Constraint:
    return own - share * whole <= allowance
