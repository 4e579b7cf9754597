"""Runs many seeds, as the code is or with a planted bug."""

from collections.abc import Callable, Iterable

from benchmarks.simulation.mutants import planted
from benchmarks.simulation.run import Simulator


def broken_seeds(
    seeds: Iterable[int], on_seed: Callable[[int, list[str]], None] | None = None
) -> list[tuple[int, list[str]]]:
    """Seeds that break an invariant, each with what it broke.

    Args:
        seeds: Which to run.
        on_seed: Told each seed and what it broke.
    """
    found = []
    with Simulator() as simulator:
        for seed in seeds:
            broken = simulator.run(seed)
            if on_seed:
                on_seed(seed, broken)
            if broken:
                found.append((seed, broken))
    return found


def first_caught(bug: str, seeds: Iterable[int]) -> tuple[int, list[str]] | None:
    """The first seed that finds a planted bug, and how."""
    with planted(bug), Simulator() as simulator:
        for seed in seeds:
            broken = simulator.run(seed)
            if broken:
                return seed, broken
    return None
