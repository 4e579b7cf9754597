"""Offers that exclude each other for a person: exact for several contacts, against every set of contacts."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.engine import ClassPrices
from ml.allocation.errors import TermError
from ml.allocation.lookup import Lookup
from ml.allocation.problem import Problem
from ml.allocation.pruning import prune
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, ContactLimit, ExclusiveOffers, ObjectiveQuota, TotalBudget
from ml.entities import Option

COLUMNS = Columns.of(
    [
        ("win", Option(channel, offer), cost)
        for channel, cost in (("email", 0.01), ("sms", 0.1), ("voice", 2.0))
        for offer in "abcd"
    ]
)
GROUPS = (("a", "b"), ("b", "c"))


def problem(people: int, *terms: object, contacts: int, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    value, quantity = rng.normal(0.5, 1, shape).astype(np.float32), rng.random(shape).astype(np.float32)
    candidates = Candidates.from_dense(value, rng.random(shape) < 0.7, quantity)
    return Problem(candidates, COLUMNS, [*terms, ContactLimit(contacts), *(ExclusiveOffers(group) for group in GROUPS)])


def is_allowed(columns: tuple[int, ...]) -> bool:
    channels, offers = [COLUMNS.channel[c] for c in columns], [COLUMNS.offer_ids[c] for c in columns]
    return len(set(channels)) == len(channels) and all(sum(o in group for o in offers) <= 1 for group in GROUPS)


def slow_best(built: Problem, person: int, prices: np.ndarray, contacts: int) -> float:
    """The best reduced value of any allowed set of the person's contacts, over the unpruned table."""
    table, rows = built.candidates, built.rows()
    mine = range(table.starts[person], table.starts[person + 1])
    use = rows.contacts[:, table.column] + rows.conversions[:, 0, table.column] * table.quantity
    reduced = table.value - prices @ use
    return max(
        (float(reduced[list(some)].sum()) for size in range(contacts + 1) for some in combinations(mine, size)
         if is_allowed(tuple(table.column[list(some)]))),
        default=0.0,
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), contacts=st.integers(1, 3))
def test_each_person_gets_the_best_allowed_set_at_any_prices(seed, contacts):
    terms = [TotalBudget(20), ChannelCapacity("email", 9), ObjectiveQuota("win", 1)]
    built = problem(12, *terms, contacts=contacts, seed=seed)
    prices = np.random.default_rng(seed).random(3) * [1, 1, 0.5]
    table = prune(built, built.rows(), 1)
    chosen = Lookup(table, 2, 1).choices(ClassPrices.of(table, prices))
    use = built.rows()
    for place, row in zip(table.person, chosen, strict=True):
        at = table.source[row[row >= 0]]
        columns = built.candidates.column[at]
        assert is_allowed(tuple(columns))
        used = use.contacts[:, columns] + use.conversions[:, 0, columns] * built.candidates.quantity[at]
        found = float((built.candidates.value[at] - prices @ used).sum())
        assert found == pytest.approx(slow_best(built, int(place), prices, contacts), abs=1e-5)


@pytest.mark.parametrize("contacts", [2, 3])
def test_a_larger_plan_excludes_for_everybody_and_is_certified(contacts):
    built = problem(3000, TotalBudget(900.0), ChannelCapacity("email", 800), contacts=contacts)
    found = solve(built)
    assert found.status == "certified"
    assert all(is_allowed(tuple(built.candidates.column[row[row >= 0]])) for row in found.chosen)
    free = solve(Problem(built.candidates, COLUMNS, [*built.terms[:2], ContactLimit(contacts)]))
    assert found.value < free.value


@pytest.mark.parametrize(("offers", "names"), [(("a", "z"), "'z'"), ((), "named once"), (("a", "a"), "named once")])
def test_offers_that_mean_nothing_are_refused(offers, names):
    value = np.ones((2, len(COLUMNS)), dtype=np.float32)
    with pytest.raises(TermError, match=names):
        Problem(Candidates.from_dense(value, value > 0), COLUMNS, [ExclusiveOffers(offers)])
