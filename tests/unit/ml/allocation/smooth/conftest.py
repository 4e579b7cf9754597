from collections.abc import Callable

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.terms import (
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    ObjectiveBudget,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS, Option

COSTS = {"email": 0.01, "sms": 0.05, "direct_mail": 0.7, "voice": 2.5}
COLUMNS = Columns.of(
    [
        (objective, Option(channel, offer), COSTS[channel])
        for objective in ("win", "grow")
        for channel in COSTS
        for offer in ("none", "ten_off")
    ]
)
CHANNEL_OF = np.array(CHANNELS)[COLUMNS.channel]
MakeProblem = Callable[..., Problem]


def problem(
    people: int, seed: int = 0, *, contacts: int = 1, quota: float = 0.0, terms: list[Term] | None = None
) -> Problem:
    """Heavy-tailed values, some negative; limits of which several bind."""
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    value = (rng.lognormal(0, 1.0, shape) * rng.normal(0.4, 1, shape)).astype(np.float32)
    candidates = Candidates.from_dense(
        value,
        rng.random(shape) < 0.6,
        (rng.random(shape) * 0.1).astype(np.float32),
        segment=rng.integers(0, 2, people).astype(np.uint8),
        segments=("a", "b"),
        contacts_left=rng.integers(0, contacts + 1, people).astype(np.uint8),
    )
    if terms is None:
        terms = [
            TotalBudget(0.3 * people),
            ObjectiveBudget("win", 0.2 * people),
            ChannelCapacity("email", people // 5),
            ChannelCapacity("voice", people // 12),
            ChannelSpendShare("direct_mail", 0.6),
            ContactVolume(channel="sms", minimum=people // 10),
        ]
        if quota:
            terms += [ObjectiveQuota("win", quota * people, "a")]
    return Problem(candidates, COLUMNS, [*terms, ContactLimit(contacts)])


@pytest.fixture
def make_problem() -> MakeProblem:
    return problem
