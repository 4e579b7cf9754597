"""Intrinsic time against closed forms: what is counted is how alike the errors of two looks are."""

import numpy as np
import pytest

from ml.learning.looks import Look, information


def influence_of(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / len(values)


def time_of(looks: list[np.ndarray]) -> list[float]:
    found: list[Look] = []
    for k, now in enumerate(looks):
        seen = information(now, found, lambda until: looks[until], start=100.0)
        found.append(Look(k, seen))
    return [one.information for one in found]


def test_people_who_join_count_as_observations():
    draws = np.random.default_rng(1).exponential(size=64_000)
    sizes = [1000, 2000, 8000, 64_000]
    seen = time_of([influence_of(draws[:n]) for n in sizes])
    assert np.array(seen) / seen[0] == pytest.approx(np.array(sizes) / 1000, rel=0.1)


def test_a_share_of_people_who_have_bought_counts_as_its_odds():
    """Of an indicator that turns 1 at some time, errors of two looks have the correlation of a Brownian bridge."""
    bought_at = np.random.default_rng(2).random(200_000)
    shares = [0.1, 0.3, 0.6, 0.9]
    seen = time_of([influence_of((bought_at < share).astype(float)) for share in shares])
    odds = [share / (1 - share) for share in shares]
    assert np.array(seen) / seen[0] == pytest.approx(np.array(odds) / odds[0], rel=0.1)


def test_people_who_always_buy_the_same_tell_nothing_new():
    rates = np.random.default_rng(3).exponential(size=5000)
    assert time_of([influence_of(rates * day) for day in (1, 2, 5, 30)]) == pytest.approx([100.0] * 4)


def test_time_never_goes_back_and_slow_drift_is_seen_over_many_looks():
    """Daily looks at a sum that changes smoothly: each is like the one before, and the last is not like the first."""
    rng = np.random.default_rng(4)
    direction, other = rng.normal(size=(2, 20_000))
    angles = np.linspace(0, np.pi / 3, 65)
    seen = time_of([influence_of(np.cos(a) * direction + np.sin(a) * other) for a in angles])
    assert (np.diff(seen) >= -1e-9).all()
    assert seen[-1] / seen[0] >= 0.9 / np.cos(np.pi / 3) ** 2
