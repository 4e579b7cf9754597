"""Sets of channels have just the probabilities that adding up all of them by hand gives."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.allocation.smooth.subsets import inclusion, log_sum_of_sets

LOGS = st.lists(st.floats(-30, 30), min_size=1, max_size=8).map(lambda logs: sorted(logs, reverse=True))


def by_hand(logs: list[float], size: int) -> tuple[float, np.ndarray, np.ndarray]:
    sets = [s for m in range(size + 1) for s in combinations(range(len(logs)), m)]
    log_weight = np.array([sum(logs[c] for c in s) for s in sets])
    log_z = np.logaddexp.reduce(log_weight)
    chance = np.exp(log_weight - log_z)
    single, pair = np.zeros(len(logs)), np.zeros((len(logs), len(logs)))
    for p, chosen in zip(chance, sets, strict=True):
        for c in chosen:
            single[c] += p
            for d in chosen:
                pair[c, d] += p if c != d else 0.0
    return log_z, single, pair


@settings(deadline=None)
@given(LOGS, st.integers(1, 8))
def test_probabilities_of_channels_and_of_pairs_are_those_of_all_sets_added_up(logs, size):
    single, pair = np.zeros(8), np.zeros((8, 8))
    log_z = inclusion(np.array(logs), len(logs), size, single, pair)
    expected_log_z, expected, expected_pair = by_hand(logs, size)
    n = len(logs)
    assert np.isclose(log_z, expected_log_z, rtol=1e-12, atol=1e-12)
    assert np.allclose(single[:n], expected, rtol=1e-9, atol=1e-14)
    assert np.allclose(pair[:n, :n], expected_pair, rtol=1e-9, atol=1e-14)


def test_weights_far_apart_neither_overflow_nor_lose_the_likely_sets():
    logs, single, pair = np.array([5000.0, 4990.0, -3.0, -1e30]), np.zeros(4), np.zeros((4, 4))
    assert np.isclose(inclusion(logs, 4, 2, single, pair), 9990.0)
    assert np.allclose(single, [1, 1, 0, 0])
    assert np.isclose(log_sum_of_sets(np.array([1000.0, -5.0]), 2, 2, -1, -1), 1000.0 + np.log1p(np.exp(-5.0)))
    assert np.isclose(log_sum_of_sets(np.array([-1e30, -1e30]), 2, 2, -1, -1), 0.0)
