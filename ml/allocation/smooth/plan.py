"""A smooth plan: every candidate's exact probability at a temperature, with all limits kept in expectation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from ml.allocation.errors import AllocationError
from ml.allocation.kernel import F64, I64
from ml.allocation.problem import Problem
from ml.allocation.smooth.margins import Margins, margins, with_spend
from ml.allocation.smooth.newton import Dual, Minimum
from ml.allocation.smooth.shares import probabilities
from ml.allocation.smooth.table import SmoothTable, smooth_table

LEAST = 1e-9
"""A contact less likely than this has probability 0: in a million people it would happen once in a thousand plans."""
_NO_PRICE = 1e-9
"""A price of less than this share of the value, for the whole of a limit, is none."""


class NoSmoothPlan(AllocationError):  # noqa: N818 - the field's word for it
    """The limits, tightened so that every draw keeps them, leave no room for chances: the exact plan stands."""


@dataclass(frozen=True, eq=False)
class SmoothPlan:
    r"""A distribution over contacts for every person.

    With k = 1, \(P(j) \propto e^{r_j/\tau}\) among a person's candidates and none, r being value less prices. With
    k > 1 the probability of each candidate is its marginal among the sets of at most k contacts, one a channel at most,
    \(P(S) \propto e^{\sum_{j \in S} r_j/\tau}\).

    Attributes:
        temperature: \(\tau\), money.
        probability: of each candidate of the problem's table [M].
        nothing: of no contact, in the draw [N].
        value: expected net value, money.
        prices: shadow price by limit; limits without one are left out.
        totals: expected, of the table [D].
        held: totals that a draw holds, in the order in which it lets them go.
        table: what was solved, without a limit on the spend.
        contacts: k.
        passes: over the table.
        seconds: all in all.
        spend: money that contacts take at most in expectation; None where nothing but the terms limits it.
    """

    temperature: float
    probability: F64
    nothing: F64
    value: float
    prices: dict[str, float]
    totals: F64
    held: I64
    table: SmoothTable
    contacts: int
    passes: int
    seconds: float
    spend: float | None


class Smoother:
    """Smooth plans of one table at any temperature.

    Args:
        table: people, candidates and limits.
        held: the limits that a draw needs.
        contacts: k.
        threads: of the passes.
        spend: money that contacts take at most in expectation.
        constant: money added to every plan's value.
    """

    def __init__(
        self,
        table: SmoothTable,
        held: Margins,
        contacts: int,
        threads: int,
        spend: float | None = None,
        *,
        constant: float = 0.0,
    ):
        self._started = perf_counter()
        self._drawn, self._spend = table, spend
        if spend is not None:
            table, held = with_spend(table, held, spend)
        self.table, self._margins, self._contacts, self._threads = table, held, contacts, threads
        self.constant = constant
        self._dual = Dual(table, held, threads)

    @classmethod
    def of(
        cls, problem: Problem, prices: Mapping[str, float], threads: int, *, spend: float | None = None
    ) -> "Smoother":
        """Of a problem as its parameters stand, response curves at the level of the prices, its spend at most `spend`.

        Raises:
            NoSmoothPlan: offers exclude each other over channels, for people who may get several contacts.
        """
        if problem.contacts_per_person > 1 and len(problem.exclusive):
            raise NoSmoothPlan(
                "Probabilities of several contacts a person are exact with one a channel only: drop the offers that "
                "exclude each other, set one contact a person, or explore at temperature 0."
            )
        table = smooth_table(problem, prices)
        return cls(table, margins(table), problem.contacts_per_person, threads, spend)

    def value(self, found: Minimum) -> float:
        """Expected value of the plan at prices that were found."""
        return found.point.found.value + self.constant

    def every(self, step: int) -> "Smoother":
        """The same over every so many-th person, with limits that shrink alike."""
        table = self.table.every(step)
        share = table.people_count / self.table.people_count
        shrunk = replace(self._margins, limits=self._margins.limits * share, scale=self._margins.scale * share)
        return Smoother(table, shrunk, self._contacts, self._threads, constant=self.constant * share)

    def minimum(self, temperature: float, prices: F64) -> Minimum:
        """Prices at a temperature, searched from others [R].

        Raises:
            NoSmoothPlan: the tightened limits can't be kept together.
        """
        found = self._dual.minimize(prices, temperature)
        if not found.is_met:
            over = -found.point.slack / self._margins.scale
            worst = int(np.argmax(over))
            raise NoSmoothPlan(
                f"No probabilities keep all limits with room for a draw: {self.table.names[worst]} is exceeded by "
                f"{over[worst]:.2g} of it at temperature {temperature:.3g}. Widen it, or explore at temperature 0."
            )
        return found

    def plan(self, temperature: float, found: Minimum) -> SmoothPlan:
        """The plan at prices that were found."""
        charge = self.table.charge(found.point.prices)
        probability, nothing = probabilities(self.table, charge, temperature, LEAST, self._threads)
        named = zip(self.table.names, found.point.prices, self._margins.scale, strict=True)
        least = _NO_PRICE * max(abs(found.point.found.value), 1e-300)
        return SmoothPlan(
            temperature=temperature,
            probability=probability,
            nothing=nothing,
            value=float(probability @ self.table.value) + self.constant,
            prices={name: float(price) for name, price, scale in named if price * scale > least},
            totals=found.point.found.totals,
            held=self._margins.held,
            table=self._drawn,
            contacts=self._contacts,
            passes=self._dual.passes,
            seconds=perf_counter() - self._started,
            spend=self._spend,
        )


def smooth(problem: Problem, temperature: float, prices: dict[str, float], *, threads: int = 2) -> SmoothPlan:
    """The smooth plan at a temperature.

    Args:
        problem: value table and terms; response curves, where there are any, are taken at the level of `prices`.
        temperature: money, above 0.
        prices: by limit name, where the search starts: those of the exact allocation.
        threads: of the passes.

    Raises:
        NoSmoothPlan: the limits leave no room for chances.
        SolverStatusError: the solver, not the problem, is at fault.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"The temperature is {temperature}; it must be an amount of money above 0.")
    smoother = Smoother.of(problem, prices, threads)
    return smoother.plan(temperature, smoother.minimum(temperature, smoother.table.named_prices(prices)))
