"""The lookup and the pruning before it, against the same rules written slowly."""

from itertools import pairwise

import numpy as np
import pytest

from ml.allocation.best_contacts import look_up
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.engine import ClassPrices
from ml.allocation.lookup import Lookup
from ml.allocation.problem import Problem
from ml.allocation.pruning import Table, prune
from ml.allocation.terms import ChannelCapacity, ChannelSpendShare, ContactLimit, ObjectiveQuota, TotalBudget
from ml.entities import Option

COLUMNS = Columns.of(
    [
        ("win", Option(channel, offer), cost)
        for channel, cost in (("email", 0.01), ("sms", 0.1), ("voice", 2.0))
        for offer in "ab"
    ]
)
TERMS = [TotalBudget(50), ChannelCapacity("email", 100), ObjectiveQuota("win", 5, "young")]


def problem(people: int, *terms: object, contacts: int = 1, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    candidates = Candidates.from_dense(
        rng.normal(0.5, 1, shape).astype(np.float32),
        rng.random(shape) < 0.7,
        rng.random(shape).astype(np.float32),
        segment=rng.integers(0, 2, people).astype(np.uint8),
        segments=("young", "old"),
    )
    return Problem(candidates, COLUMNS, [*terms, ContactLimit(contacts)])


def table(people: int = 500, contacts: int = 1) -> Table:
    built = problem(people, *TERMS, contacts=contacts)
    return prune(built, built.rows(), 1)


def slow_choice(built: Problem, prices: np.ndarray, person: int) -> tuple[float, list[int]]:
    """The best contacts of one person over the unpruned table: reduced value and candidates."""
    given, rows, contacts = built.candidates, built.rows(), built.contacts_per_person
    best: dict[int, tuple[float, int]] = {}
    for j in range(given.starts[person], given.starts[person + 1]):
        c = given.column[j]
        use = rows.contacts[:, c] + rows.conversions[:, given.segment[person], c] * float(given.quantity[j])
        reduced = float(given.value[j]) - float(prices @ use)
        channel = int(COLUMNS.channel[c])
        if reduced > best.get(channel, (0.0, -1))[0]:
            best[channel] = (reduced, j)
    top = sorted(best.values(), reverse=True)[:contacts]
    return sum(reduced for reduced, _ in top), sorted(j for _, j in top)


@pytest.mark.parametrize("contacts", [1, 2, 3])
@pytest.mark.parametrize("prices", [[0, 0, 0], [0.2, 0.3, 0.4], [1, 0, 2]])
def test_the_lookup_finds_each_persons_best_of_the_unpruned_table(contacts, prices):
    built, prices = problem(200, *TERMS, contacts=contacts), np.array(prices, dtype=float)
    pruned = prune(built, built.rows(), 1)
    chosen = Lookup(pruned, 8, 1).choices(ClassPrices.of(pruned, prices))
    found = {
        int(p): sorted(int(pruned.source[j]) for j in row if j >= 0)
        for p, row in zip(pruned.person, chosen, strict=True)
    }
    assert all(found.get(person, []) == slow_choice(built, prices, person)[1] for person in range(200))


@pytest.mark.parametrize("contacts", [1, 2])
def test_any_partition_adds_up_to_the_same_bits(contacts):
    whole_table = table(contacts=contacts)
    prices, count = ClassPrices.of(whole_table, np.array([0.1, 0.2, 0.3])), whole_table.people_count
    whole = look_up(whole_table, prices, 0, count)
    rng = np.random.default_rng(0)
    for parts in (2, 7, 50):
        edges = [0, *sorted(int(edge) for edge in rng.integers(0, count, parts - 1)), count]
        pieces = [look_up(whole_table, prices, low, high) for low, high in pairwise(edges)]
        summed = sum(pieces[1:], start=pieces[0])
        assert summed.value == whole.value
        assert (summed.contacts == whole.contacts).all()
        assert (summed.conversions == whole.conversions).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_thread_count_adds_up_to_the_same_bits(threads):
    one = table()
    prices = ClassPrices.of(one, np.array([0.1, 0.2, 0.3]))
    alone = [part.value for part in Lookup(one, 8, 1).totals(prices)]
    assert [part.value for part in Lookup(one, 8, threads).totals(prices)] == alone


def test_totals_are_the_sums_of_what_is_chosen():
    one = table()
    prices = ClassPrices.of(one, np.array([0.1, 0.2, 0.3]))
    chosen = Lookup(one, 1, 1).choices(prices)[:, 0]
    chosen = chosen[chosen >= 0]
    totals = look_up(one, prices, 0, one.people_count)
    assert totals.money(one) == pytest.approx(one.value[chosen].astype(float).sum(), rel=1e-12)
    assert totals.contacts.sum() == len(chosen)
    assert totals.conversions.sum() / one.quantity_scale == pytest.approx(
        one.quantity[chosen].astype(float).sum(), rel=1e-9
    )


def test_margins_are_the_loss_of_the_cheapest_change():
    built = problem(100, *TERMS[:2])
    one = prune(built, built.rows(), 1)
    prices = np.array([0.1, 0.2])
    margins = Lookup(one, 4, 1).margins(ClassPrices.of(one, prices))
    for person in range(one.people_count):
        part = slice(one.starts[person], one.starts[person + 1])
        reduced = np.append(one.value[part] - (prices @ one.classes.contacts)[one.klass[part]], 0.0)
        first, second = np.sort(reduced)[::-1][:2]
        assert margins[person] == pytest.approx(first - second, rel=1e-5)


def kept(built: Problem) -> set[int]:
    return set(prune(built, built.rows(), 1).source.tolist())


def one_person(values: list[float], quantities: list[float], *terms: object) -> Problem:
    value, quantity = np.array([values], dtype=np.float32), np.array([quantities], dtype=np.float32)
    return Problem(Candidates.from_dense(value, np.ones(value.shape, dtype=bool), quantity), COLUMNS, terms)


def test_the_better_offer_of_a_channel_stays_and_the_worthless_goes():
    assert kept(one_person([1, 2, -1, 0, 3, 3], [0] * 6, TotalBudget(1))) == {1, 4}


def test_a_worse_offer_stays_where_a_quota_may_want_its_conversions():
    assert kept(one_person([1, 2, -1, -2, 3, 1], [5, 1, 2, 1, 4, 4], ObjectiveQuota("win", 1))) == {0, 1, 2, 4}


def test_contacts_without_value_stay_where_they_can_relieve_a_limit():
    assert kept(one_person([1, 2, -1, -2, 3, 1], [0] * 6, ChannelSpendShare("voice", 0.5))) == {1, 2, 4}
