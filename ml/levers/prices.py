"""Prices under other numbers: what a contact, a redeemed offer and a conversion cost or are worth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml.allocation.kernel import F32
from ml.allocation.problem import Problem
from ml.entities import CHANNELS
from ml.levers.day import Day, LeverError, Numbers
from ml.levers.limits import channel_of
from ml.levers.parts import ValueParts

Lever = Callable[[Problem, Day, Numbers, str], tuple[Problem, str]]


def cost(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:  # noqa: ARG001
    """A contact's cost is in its value and in what it uses of every budget."""
    channel, amount = channel_of(problem, key, 2), wanted[key] or 0.0
    columns = problem.columns
    is_it = columns.channel == CHANNELS.index(channel)
    more = np.where(is_it, amount - columns.unit_cost, 0.0).astype(np.float32)
    dearer = replace(columns, unit_cost=np.where(is_it, amount, columns.unit_cost))
    problem = Problem(problem.given, dearer, problem.terms)
    words = f"{amount:,.4f} a contact by {channel}, for whoever this plan contacts"
    return _revalued(problem, -more[problem.given.column]), words


def value_per_unit(parts: ValueParts) -> Lever:
    """What a conversion is worth: every contact for the objective causes as many, each worth more or less."""

    def lever(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
        name, before, after = key.split(".")[1], day.numbers[key] or 0.0, wanted[key] or 0.0
        if name not in problem.columns.objectives:
            raise LeverError(f"{key}: nobody could be contacted for {name} in this plan")
        if before <= 0:
            raise LeverError(f"{key}: a conversion is worth nothing today, so there is nothing to move in proportion")
        is_it = problem.columns.objective == problem.columns.objectives.index(name)
        more = np.where(is_it, after / before - 1, 0.0).astype(np.float32)
        words = f"{after / before:.0%} of what each conversion caused for {name} is worth today"
        return _revalued(problem, more[problem.given.column] * parts.effect), words

    return lever


def offer_cost(parts: ValueParts) -> Lever:
    """What a redemption costs: as many redeem it."""

    def lever(problem: Problem, day: Day, wanted: Numbers, key: str) -> tuple[Problem, str]:
        offer, before, after = key.split(".")[2], day.numbers[key] or 0.0, wanted[key] or 0.0
        is_it = np.array([offer_id == offer for offer_id in problem.columns.offer_ids])
        if not is_it.any():
            raise LeverError(f"{key}: no action of this plan makes the offer {offer}")
        dearer = np.maximum(after - parts.saved, 0) - np.maximum(before - parts.saved, 0)
        words = f"{after:,.2f} for each one redeemed, by as many people as today"
        return _revalued(problem, -(is_it[problem.given.column] * dearer * parts.redemptions).astype(np.float32)), words

    return lever


def _revalued(problem: Problem, more: F32) -> Problem:
    candidates = problem.given
    return Problem(replace(candidates, value=candidates.value + more), problem.columns, problem.terms)
