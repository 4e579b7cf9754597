"""A stored problem is the same problem: the same solve comes out of it to the bit, and nothing in it can run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.allocation import stored as stored_
from ml.allocation.candidates import Candidates
from ml.allocation.drawn import Drawn
from ml.allocation.problem import Problem
from ml.allocation.smooth.draw import draw
from ml.allocation.smooth.temperature import explore
from ml.allocation.solve import solve
from ml.allocation.stored import ARRAYS, DOCUMENT, TERMS, StoredProblem, StoreError, load, replay, save
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ConcaveResponse,
    ContactFrequencyCap,
    ContactLimit,
    ContactVolume,
    ExclusiveOffers,
    ExplorationBudget,
    MinimumEffect,
    ObjectiveBudget,
    ObjectiveQuota,
    PosteriorDraw,
    RiskAversion,
    SpendChange,
    Term,
    TotalBudget,
)
from tests.unit.ml.stored_days import COLUMNS, GAP, problem_of, stored_day

EXAMPLES: list[Term] = [
    ChannelBudget("email", 3.0, 1.0),
    ChannelCapacity("sms", 7.0),
    ChannelSpendShare("voice", 0.4, -0.1),
    ConcaveResponse("email", 2.0, (30.0, 20.0), ("a", "b"), past=((1.0, 2.0),), retention=0.5, objective="win"),
    ContactFrequencyCap(3, 7),
    ContactLimit(2),
    ContactVolume("win", "email", 9.0, 1.0),
    ExclusiveOffers(("none", "ten_off")),
    ExplorationBudget(2.0),
    MinimumEffect(0.01, "win"),
    ObjectiveBudget("grow", 1 / 3),
    ObjectiveQuota("win", 0.1, "a"),
    PosteriorDraw(3),
    RiskAversion(0.5),
    SpendChange(10.0, 0.5, 0.2, "email"),
    TotalBudget(0.1 + 0.2),
]


def everything(people: int, seed: int) -> StoredProblem:
    """A problem that has each optional array, with two contacts a person."""
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    candidates = Candidates.from_dense(
        rng.normal(0.5, 1.0, shape).astype(np.float32),
        rng.random(shape) < 0.5,
        rng.random(shape, dtype=np.float32),
        segment=rng.integers(0, 2, people).astype(np.uint8),
        segments=("a", "b"),
        contacts_left=rng.integers(0, 3, people).astype(np.uint8),
        value_sd=rng.random(shape, dtype=np.float32),
        recent_contacts=rng.integers(0, 3, people).astype(np.uint8),
    )
    terms: list[Term] = [
        RiskAversion(0.3), MinimumEffect(0.2), ContactFrequencyCap(3), ContactLimit(2), TotalBudget(0.1 * people),
        ChannelCapacity("email", 0.3 * people),
    ]  # fmt: skip
    problem = Problem(candidates, COLUMNS, terms)
    warm = {"budget": 0.5}
    found = solve(problem, warm_prices=warm, gap=0.05, threads=1)
    return StoredProblem(
        problem, found, 0.05, warm, rng.integers(0, 2**63, people).astype(np.uint64), {"note": [1, "a"]}
    )


@pytest.mark.parametrize(("people", "seed"), [(40, 1), (150, 2), (400, 3)])
def test_what_was_stored_solves_to_the_same_bits_on_any_number_of_threads(
    tmp_path: Path, people: int, seed: int
) -> None:
    kept = everything(people, seed)
    save(kept, tmp_path)
    again = replay(load(tmp_path), threads=2)
    assert again.is_same, again.differences
    assert np.array_equal(again.allocation.chosen, kept.allocation.chosen)
    assert (again.allocation.value, again.allocation.bound) == (kept.allocation.value, kept.allocation.bound)


@pytest.mark.parametrize("value_share", [0.3, 0.6])
def test_what_was_drawn_is_drawn_again_to_the_bit(tmp_path: Path, value_share: float) -> None:
    kept, _ = stored_day(600)
    plan = explore(kept.problem, kept.allocation, value_share, threads=1)
    assert plan is not None
    chosen = draw(plan, 5, threads=1)
    column = np.where(chosen >= 0, kept.problem.candidates.column[chosen].astype(np.int64), -1)
    save(replace(kept, drawn=Drawn(value_share, 5, plan.temperature, column, plan.spend)), tmp_path)
    again = replay(load(tmp_path), threads=2)
    assert again.is_same, again.differences
    save(replace(kept, drawn=Drawn(value_share, 6, plan.temperature, column, plan.spend)), tmp_path)
    assert any("drawn contacts" in each for each in replay(load(tmp_path)).differences)


def test_everything_beside_the_problem_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = everything(50, 1)
    save(kept, tmp_path)
    read = load(tmp_path)
    assert np.array_equal(read.people, kept.people)
    assert read.people.dtype == np.uint64
    assert (read.gap, read.warm_prices, read.context, read.versions) == (
        0.05,
        {"budget": 0.5},
        {"note": [1, "a"]},
        kept.versions,
    )
    assert list(read.problem.terms) == list(kept.problem.terms)
    assert read.problem.given.starts.dtype == np.int64
    assert read.problem.given.column.dtype == kept.problem.given.column.dtype
    for name in ("starts", "column", "value", "quantity", "segment", "contacts_left", "value_sd", "recent_contacts"):
        assert np.array_equal(getattr(read.problem.given, name), getattr(kept.problem.given, name)), name


def test_every_term_of_the_list_comes_back_equal() -> None:
    assert {type(term).__name__ for term in EXAMPLES} == set(TERMS)
    for term in EXAMPLES:
        document = json.loads(json.dumps(stored_._term_document(term)))
        assert stored_._term(document) == term


def test_a_changed_number_is_told_apart_from_a_replay(tmp_path: Path) -> None:
    kept, _ = stored_day(100)
    save(replace(kept, allocation=replace(kept.allocation, value=kept.allocation.value + 1e-9)), tmp_path)
    again = replay(load(tmp_path))
    assert not again.is_same
    assert any(difference.startswith("value: ") for difference in again.differences)


def test_a_replay_that_differs_names_the_libraries_that_changed() -> None:
    kept, _ = stored_day(100)
    other = replace(
        kept, allocation=replace(kept.allocation, bound=0.0), versions=dict(kept.versions) | {"numpy": "0.1"}
    )
    assert any("numpy 0.1 then" in difference for difference in replay(other).differences)


def test_only_terms_of_the_list_are_built(tmp_path: Path) -> None:
    kept, _ = stored_day(20)
    save(kept, tmp_path)
    document = json.loads((tmp_path / DOCUMENT).read_text())
    document["terms"][0] = {"term": "Path", "args": ["/"]}
    (tmp_path / DOCUMENT).write_text(json.dumps(document))
    with pytest.raises(StoreError, match=r"term 'Path'.*TotalBudget"):
        load(tmp_path)


def test_an_array_that_would_have_to_be_unpickled_is_refused(tmp_path: Path) -> None:
    kept, _ = stored_day(20)
    save(kept, tmp_path)
    with np.load(tmp_path / ARRAYS) as read:
        arrays = dict(read)
    np.savez(tmp_path / ARRAYS, **(arrays | {"people": np.array([{"a": 1}], dtype=object)}), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        load(tmp_path)


def test_a_folder_without_a_document_holds_no_problem(tmp_path: Path) -> None:
    kept, _ = stored_day(20)
    save(kept, tmp_path)
    (tmp_path / DOCUMENT).unlink()
    with pytest.raises(StoreError, match="holds no stored problem"):
        load(tmp_path)


def test_a_candidate_takes_a_few_bytes_and_no_name_of_a_person_is_kept(tmp_path: Path) -> None:
    problem = problem_of(4000)
    found = solve(problem, gap=GAP, threads=1)
    save(StoredProblem(problem, found, GAP, {}, np.arange(4000, dtype=np.uint64)), tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 8 * len(problem.candidates)
