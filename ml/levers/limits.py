"""Budgets, caps, capacities and guardrails under other numbers: the terms of a problem that state them, stated anew."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.allocation.problem import Problem
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS, Channel
from ml.levers.day import SPEND_CHANGE, Day, LeverError, Numbers


def total(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """The day's spend cap, less what is bound outside of the plan."""
    cap, outside = wanted[key], sum(day.spent.values())
    standing = [term for term in problem.terms if isinstance(term, TotalBudget)]
    if cap is None:
        return _swapped(problem, standing, []), "no cap on the day's spend"
    room = max(0.0, cap - outside)
    words = f"{room:,.2f} for this plan, after {outside:,.2f} bound outside of it"
    return _swapped(problem, standing, [_at(standing, TotalBudget(room), "amount")]), words


def channel_cap(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """A channel's spend cap, likewise; a minimum beside it stays."""
    channel, cap = channel_of(problem, key, 3), wanted[key]
    outside = day.spent.get(channel, 0.0)
    standing = [term for term in problem.terms if isinstance(term, ChannelBudget) and term.channel == channel]
    if cap is None:
        left = [replace(term, maximum=None) for term in standing if term.minimum is not None]
        return _swapped(problem, standing, left), f"no cap on the day's spend on {channel}"
    room = max(0.0, cap - outside)
    words = f"{room:,.2f} of this plan on {channel}, after {outside:,.2f} bound outside of it"
    return _swapped(problem, standing, [_at(standing, ChannelBudget(channel, room), "maximum")]), words


def capacity(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """A channel's contacts a day, less those outside of the plan."""
    channel = channel_of(problem, key, 2)
    outside = day.carried.get(channel, 0.0)
    room = max(0.0, (wanted[key] or 0.0) - outside)
    standing = [term for term in problem.terms if isinstance(term, ChannelCapacity) and term.channel == channel]
    words = f"{room:,.0f} contacts of this plan by {channel}, after {outside:,.0f} outside of it"
    return _swapped(problem, standing, [ChannelCapacity(channel, room)]), words


def spend_share(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """The largest share of the whole day's spend for one channel."""
    share = wanted[key] or 0.0
    standing = [term for term in problem.terms if isinstance(term, ChannelSpendShare)]
    # Where what is bound already crosses the share, the decision holds it over its own spend alone: all allowances are 0.
    spent = {} if standing and not any(term.allowance for term in standing) else day.spent
    whole = sum(spent.values())
    used = [CHANNELS[c] for c in np.unique(problem.columns.channel)]
    terms: list[Term] = []
    if share < 1 and len(used) > 1:
        # A share that was used up before the plan leaves nothing to it, rather than less than nothing.
        terms = [ChannelSpendShare(name, share, max(0.0, share * whole - spent.get(name, 0.0))) for name in used]
    return _swapped(problem, standing, terms), f"no channel over {share:.1%} of the day's spend"


def contacts(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:  # noqa: ARG001
    """Contacts of a person in this cycle."""
    most = int(wanted[key] or 1)
    standing = [term for term in problem.terms if isinstance(term, ContactLimit)]
    words = f"{most} contact{'s' * (most > 1)} of a person at most; frequency caps stay"
    return _swapped(problem, standing, [ContactLimit(most)]), words


def objective_budget(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """A period's budget: today's share of what is left of it."""
    name = key.split(".")[1]
    problem = _objective_rooms(problem, day, wanted, [name])
    standing, budget = day.objectives[name], wanted[key] or 0.0
    words = (
        f"{_room(day, wanted, name):,.2f} today instead of {standing.room:,.2f}: the same {standing.day_share:.2%} of what is "
        f"left of it ({max(0.0, standing.left + budget - standing.budget):,.2f})"
    )
    return problem, words


def spend_change(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
    """How far a day's spend may rise, for the objectives that it holds for."""
    bound = [name for name, each in day.objectives.items() if each.is_rise_bounded]
    if not bound:
        return problem, "holds for supervised objectives only, and none is"
    problem = _objective_rooms(problem, day, wanted, bound)
    return (
        problem,
        f"a day's spend at most {1 + (wanted[key] or 0.0):.0%} of what is usual for {', '.join(bound)}",
    )


def _objective_rooms(problem: Problem, day: Day, wanted: Numbers, names: Sequence[str]) -> Problem:
    for name in names:
        if name in problem.columns.objectives:
            standing = [term for term in problem.terms if isinstance(term, ObjectiveBudget) and term.objective == name]
            room = max(0.0, _room(day, wanted, name) - day.randomized.get(name, 0.0))
            problem = _swapped(problem, standing, [_at(standing, ObjectiveBudget(name, room), "amount")])
    return problem


def _room(day: Day, wanted: Numbers, name: str) -> float:
    standing = day.objectives[name]
    budget = wanted.get(f"objectives.{name}.budget", standing.budget)
    rise = wanted.get(SPEND_CHANGE, day.numbers.get(SPEND_CHANGE))
    return standing.room_at(budget or 0.0, rise or 0.0)


def _at(standing: Sequence[Term], made: Term, name: str) -> Term:
    """The standing term with the new one's number and the rest as it was; the new one where none stands."""
    return replace(standing[0], **{name: getattr(made, name)}) if standing else made  # type: ignore[type-var]


def _swapped(problem: Problem, old: Sequence[Term], new: Sequence[Term]) -> Problem:
    """New terms where the first of the old ones stood, so that a number moved back gives the same problem."""
    at = next((i for i, term in enumerate(problem.terms) if any(term is each for each in old)), len(problem.terms))
    rest = [term for term in problem.terms if not any(term is each for each in old)]
    return Problem(problem.given, problem.columns, [*rest[:at], *new, *rest[at:]])


def channel_of(problem: Problem, key: str, part: int) -> Channel:
    """The channel that a key names at its part.

    Raises:
        LeverError: No action of the plan goes by it.
    """
    name = key.split(".")[part]
    used = [CHANNELS[c] for c in np.unique(problem.columns.channel)]
    if name not in used:
        raise LeverError(f"{key}: no action of this plan goes by {name}; it has {', '.join(used)}")
    return CHANNELS[CHANNELS.index(name)]
