"""People in Parquet files, each with a process of its own, get the same plan to the bit as in one table."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml.allocation import restricted
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import AllocationError, Infeasible
from ml.allocation.partition import read_partition, write_partition
from ml.allocation.partitions import Partitions
from ml.allocation.problem import Problem
from ml.allocation.solve import decide_on, solve
from ml.allocation.terms import (
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    ObjectiveQuota,
    TotalBudget,
)
from ml.entities import Option

COSTS = {"email": 0.002, "sms": 0.02, "direct_mail": 0.68, "voice": 2.5}
COLUMNS = Columns.of([("win", Option(channel, offer), COSTS[channel]) for channel in COSTS for offer in "ab"])


def made(people: int, *extra: object, contacts: int = 1, seed: int = 0, ties: bool = False) -> Problem:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    value = rng.lognormal(0, 1.2, shape) * rng.normal(0.4, 1, shape)
    candidates = Candidates.from_dense(
        (np.round(value) if ties else value).astype(np.float32),
        rng.random(shape) < 0.6,
        (rng.random(shape) * 0.1).astype(np.float32),
        segment=rng.integers(0, 2, people).astype(np.uint8),
        segments=("a", "b"),
        contacts_left=rng.integers(0, contacts + 1, people).astype(np.uint8),
    )
    terms = [
        TotalBudget(0.05 * people),
        ChannelCapacity("email", 0.2 * people),
        ContactVolume(channel="voice", minimum=0.004 * people),
        ChannelSpendShare("direct_mail", 0.5),
        ObjectiveQuota("win", 0.012 * people, "a"),
        ContactLimit(contacts),
        *extra,
    ]
    return Problem(candidates, COLUMNS, terms)


@contextmanager
def in_files(problem: Problem, edges: list[int], folder):
    paths = []
    for i, (low, high) in enumerate(pairwise(edges)):
        paths.append(folder / f"people-{i}.parquet")
        write_partition(problem.given, low, high, paths[-1])
    empty = read_partition(paths[0], problem.given.segments)
    empty = replace(
        empty,
        starts=np.zeros(1, dtype=np.int64),
        column=empty.column[:0],
        value=empty.value[:0],
        quantity=empty.quantity[:0],
        segment=empty.segment[:0],
        contacts_left=empty.contacts_left[:0],
    )
    outside = Problem(empty, problem.columns, problem.terms)
    with Partitions(paths, outside) as engine:
        yield outside, engine


def test_a_partition_is_read_as_it_was_written(tmp_path):
    given = made(50).given
    write_partition(given, 10, 30, tmp_path / "part.parquet")
    found = read_partition(tmp_path / "part.parquet", given.segments)
    first, last = given.starts[10], given.starts[30]
    assert (found.starts == given.starts[10:31] - first).all()
    for name in ("column", "value", "quantity"):
        assert (getattr(found, name) == getattr(given, name)[first:last]).all()
    assert (found.segment == given.segment[10:30]).all()
    assert (found.contacts_left == given.contacts_left[10:30]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("people", "contacts", "ties"), [(9000, 1, False), (6000, 2, False), (1500, 1, True)])
def test_processes_that_hold_their_people_decide_to_the_bit_like_one_table(
    tmp_path, monkeypatch, people, contacts, ties
):
    # Many ties end the search by its clock, at another node each time; by nodes it ends at the same bound.
    monkeypatch.setattr(restricted, "_MOST_NODES", 100)
    problem = made(people, contacts=contacts, ties=ties)
    whole = solve(problem, gap=1e-4)
    with in_files(problem, [0, people // 7, people - 3, people], tmp_path) as (outside, engine):
        found = decide_on(outside, engine, gap=1e-4)
        assert found.prices == whole.prices
        assert found.bound == whole.bound
        assert (engine.chosen(found.decision, whole.chosen.shape) == whole.chosen).all()
        assert found.value == pytest.approx(whole.value, rel=1e-9)
        written = engine.write(found.decision)
    rows = [pq.read_table(path).to_pandas().to_numpy() for path in written]
    assert sum(len(part) for part in rows) == people
    assert sum((part >= 0).sum() for part in rows) == (whole.chosen >= 0).sum()


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_search_that_its_nodes_end_is_told_by_the_bound_and_by_no_warning(monkeypatch):
    monkeypatch.setattr(restricted, "_MOST_NODES", 1)
    found = solve(made(400, ties=True), gap=1e-4)
    assert found.status == "gap_not_met"
    assert found.bound > found.value


@pytest.mark.slow
def test_what_no_partition_can_reach_is_named_with_its_remedy(tmp_path):
    problem = made(400, ContactVolume("win", "sms", minimum=390.0))
    with (
        in_files(problem, [0, 200, 400], tmp_path) as (outside, engine),
        pytest.raises(Infeasible, match="win:sms") as refused,
    ):
        decide_on(outside, engine)
    assert refused.value.conflicts
    with pytest.raises(Infeasible) as in_one_table:
        solve(problem)
    assert set(refused.value.conflicts) == set(in_one_table.value.conflicts)
    assert [move.needed for move in refused.value.relaxations] == [
        move.needed for move in in_one_table.value.relaxations
    ]


@pytest.mark.slow
def test_a_partition_whose_process_ends_is_named(tmp_path):
    problem = made(40)
    with in_files(problem, [0, 20, 40], tmp_path) as (outside, engine):
        engine._workers[1]._process.kill()
        with pytest.raises(AllocationError, match="people-1"):
            decide_on(outside, engine)
