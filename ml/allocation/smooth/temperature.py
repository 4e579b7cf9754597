r"""The temperature at which exploring costs a stated share of the plan's value, within the plan's money.

A contact that brings back half of what it costs loses little where it costs little, so by value alone the likeliest thing to try
is a cheap channel that isn't worth it, with as many people as it has capacity for. Within the exact plan's money it is tried
instead of a contact that is worth it. Where the limits leave no room for chances within that money, it may take more.

The expected loss of the smooth plan against the exact one rises with the temperature, at first with its square; so the
search goes by secants of log loss over log temperature. It begins on a sample of people, whose limits shrink with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ml.allocation.kernel import F64
from ml.allocation.problem import Problem
from ml.allocation.smooth.newton import Minimum
from ml.allocation.smooth.plan import NoSmoothPlan, Smoother, SmoothPlan
from ml.allocation.solution import Allocation

TOLERANCE = 0.05
"""The expected loss is within this share of what was asked for."""
_SAMPLE = 20_000
_MOST_TRIES = 14
_SLOPE = 2.0
"""Of log loss over log temperature where little is lost."""
_FASTEST = 8.0
"""Largest factor between one temperature tried and the next."""
_COLDEST, _HOTTEST = 1e-4, 1e4
"""In units of the mean loss allowed to a contact: outside of these the loss does not depend on the temperature."""


@dataclass(frozen=True)
class _Tried:
    """A temperature, what it costs, where its search ended, and how log loss rises with log temperature there."""

    temperature: float
    loss: float
    found: Minimum
    slope: float


def temperature_for(problem: Problem, exact: Allocation, value_share: float, *, threads: int = 2) -> float:
    """The temperature at which the smooth plan is expected to be worth that share less than the exact one.

    Args:
        problem: value table and terms.
        exact: its exact allocation.
        value_share: from 0 to 1; 0 is temperature 0, the exact plan itself.
        threads: of the passes.

    Returns:
        Money; 0 where the limits, with the room that a draw needs, cost the share already. Where no temperature costs
        as much, a very high one, at which all options are nearly as likely.
    """
    plan = explore(problem, exact, value_share, threads=threads)
    return 0.0 if plan is None else plan.temperature


def explore(
    problem: Problem,
    exact: Allocation,
    value_share: float,
    *,
    spends: Sequence[float | None] | None = None,
    threads: int = 2,
) -> SmoothPlan | None:
    """The smooth plan whose expected loss is the share of the exact plan's value, within `TOLERANCE` of it.

    Args:
        problem: value table and terms.
        exact: its exact allocation.
        value_share: from 0 to 1.
        spends: money that contacts may take in expectation, None: as the terms have it; the first with a plan counts. Without
            it the exact plan's, and where that leaves no room, as the terms have it.
        threads: of the passes.

    Returns:
        The plan; None where the exact plan is to be taken as it is, with probability 1: the share is 0, there is
        nothing to choose from or to lose, or the limits leave no room for chances at that price.

    Raises:
        ValueError: the share isn't within 0 to 1.
        SolverStatusError: the solver, not the problem, is at fault.
    """
    if not 0 <= value_share <= 1:
        raise ValueError(f"What exploring may cost is {value_share} of the value; it must be a share from 0 to 1.")
    wanted = value_share * exact.value
    if exact.status == "empty" or not wanted > 0:
        return None
    # Limits on shares of the spend ask for room that a few contacts' money may not have.
    tried = (exact.spend, None) if spends is None else spends
    found = (_within(problem, exact, wanted, spend, threads) for spend in tried)
    return next((plan for plan in found if plan is not None), None)


def _within(problem: Problem, exact: Allocation, wanted: float, spend: float | None, threads: int) -> SmoothPlan | None:
    """The smooth plan that is expected to lose so much and to take so much money at most; None where there is none."""
    contacts = exact.chosen[exact.chosen >= 0]
    unit = wanted / max(1, len(contacts))
    try:
        whole = Smoother.of(problem, exact.prices, threads, spend=spend)
        whole.constant = exact.value - float(whole.table.value[contacts].sum(dtype=float))
        tried = _search(whole, _Aim(exact.value, wanted, unit), *_guess(whole, exact, wanted, unit))
    except NoSmoothPlan:
        return None
    return None if tried is None else whole.plan(tried.temperature, tried.found)


@dataclass(frozen=True)
class _Aim:
    """What the search is for: the exact value, the loss wanted of it, and that loss for one contact."""

    value: float
    wanted: float
    unit: float


def _guess(whole: Smoother, exact: Allocation, wanted: float, unit: float) -> tuple[float, F64, float]:
    """A temperature, prices and a slope to begin with: those of a sample, where people are many."""
    start = 2 * unit, whole.table.named_prices(exact.prices), _SLOPE
    step = whole.table.people_count // _SAMPLE
    if step <= 1:
        return start
    sample = whole.every(step)
    share = sample.table.people_count / whole.table.people_count
    try:
        tried = _search(sample, _Aim(exact.value * share, wanted * share, unit), *start)
    except NoSmoothPlan:  # a few people's limits may be tighter than everybody's
        return start
    return start if tried is None else (tried.temperature, tried.found.point.prices, tried.slope)


def _search(smoother: Smoother, aim: _Aim, temperature: float, prices: F64, slope: float) -> _Tried | None:
    """Secants on the logarithms, kept between the coldest temperature that cost too much and the hottest that did not."""
    before: _Tried | None = None
    dear, cheap = None, None
    for _ in range(_MOST_TRIES):
        try:
            found = smoother.minimum(temperature, prices)
        except NoSmoothPlan:
            if cheap is None:
                raise
            # Prices weren't found so far from those of the last one: nearer ones are.
            temperature, prices = math.sqrt(cheap.temperature * temperature), cheap.found.point.prices
            continue
        loss = max(aim.value - smoother.value(found), 1e-12 * aim.wanted)
        if before is not None:
            run = math.log(temperature / before.temperature)
            slope = min(max(math.log(loss / before.loss) / run, 0.25), 4.0)
        tried = _Tried(temperature, loss, found, slope)
        if abs(tried.loss - aim.wanted) <= TOLERANCE * aim.wanted:
            return tried
        dear, cheap = (tried, cheap) if tried.loss > aim.wanted else (dear, tried)
        if tried.loss > aim.wanted and temperature <= _COLDEST * aim.unit:
            return None
        if tried.loss < aim.wanted and temperature >= _HOTTEST * aim.unit:
            return tried
        temperature, before, prices = _following(tried, dear, cheap, aim.wanted), tried, found.point.prices
    return cheap


def _following(tried: _Tried, dear: _Tried | None, cheap: _Tried | None, wanted: float) -> float:
    factor = (wanted / tried.loss) ** (1 / tried.slope)
    temperature: float = tried.temperature * min(max(factor, 1 / _FASTEST), _FASTEST)
    if dear is not None and cheap is not None and not cheap.temperature < temperature < dear.temperature:
        return math.sqrt(cheap.temperature * dear.temperature)
    return temperature
