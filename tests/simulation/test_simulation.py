"""The dispatch core under a seeded scheduler (I1 to I7); which fault each test holds is in README.md."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from benchmarks.simulation.mutants import MUTANTS
from benchmarks.simulation.search import broken_seeds, first_caught

SEEDS = int(os.environ.get("WAYFINDER_TEST_SEEDS", "500"))
PROCESSES = 2
FAILED_ONCE = Path(__file__).with_name("failed_seeds.txt")


def _shares(count):
    return [range(start, count, PROCESSES) for start in range(PROCESSES)]


@pytest.mark.slow
def test_f01_f03_f04_f06_f14_f16_f26_no_order_of_faults_breaks_an_invariant():
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        found = [each for share in pool.map(broken_seeds, _shares(SEEDS)) for each in share]
    assert found == [], f"add these seeds to {FAILED_ONCE.name}"


def test_every_seed_that_ever_failed_holds():
    lines = [line.split("#")[0].strip() for line in FAILED_ONCE.read_text().splitlines()]
    assert broken_seeds([int(line) for line in lines if line]) == []


@pytest.mark.slow
@pytest.mark.parametrize("bug", MUTANTS)
def test_a_planted_bug_is_found_within_a_thousand_seeds(bug):
    assert first_caught(bug, range(1_000)) is not None
