import numpy as np

from ml.learning.contrasts import Side, Sums
from ml.learning.promise import promises_of

KEY = ("all", "all")


def _sums(contacted: np.ndarray, alone: np.ndarray, promised: float) -> tuple[Sums, float]:
    """Sums of people with weight 2 each, promise taken off."""
    first, second = (contacted - promised), alone.astype(float)
    sides = [
        Side(len(y), int(raw.sum()), 2.0 * len(y), 2 * y.sum(), 4.0 * len(y), 4 * y.sum(), 4 * (y**2).sum())
        for y, raw in ((first, contacted), (second, alone))
    ]
    return Sums(*sides), 2 * promised * len(contacted)


def _promise(rng: np.random.Generator, n: int, promised: float, truth: float):
    contacted, alone = rng.random(n) < 0.1 + truth, rng.random(n) < 0.1
    sums, predicted = _sums(contacted, alone, promised)
    return promises_of({KEY: sums}, {KEY: predicted})[0]


def test_the_interval_holds_what_contacts_truly_added():
    one = _promise(np.random.default_rng(1), 20_000, promised=0.05, truth=0.02)
    assert one.low < 0.02 < one.high
    assert abs(one.promised - 0.05) < 1e-9
    assert one.is_broken


def test_a_few_people_are_too_early_to_break_a_promise():
    one = _promise(np.random.default_rng(1), 90, promised=0.5, truth=0.0)
    assert one.realized is None
    assert not one.is_broken
    assert "too early" in one.words


def test_a_promise_that_is_kept_is_called_broken_in_at_most_one_life_in_twenty():
    """60 looks at a growing sample, 300 lives: 5 % and three standard errors of that."""
    rng, broken = np.random.default_rng(7), 0
    for _ in range(300):
        y1, y0 = rng.random(6000) < 0.12, rng.random(6000) < 0.1
        looks = (
            promises_of({KEY: sums}, {KEY: u})[0]
            for sums, u in (_sums(y1[:n], y0[:n], 0.02) for n in range(300, 6001, 95))
        )
        broken += any(one.is_broken for one in looks)
    assert broken / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
