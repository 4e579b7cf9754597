import numpy as np

from ml.response.logit import sigmoid
from ml.response.trees import Forest, Rows, TreeSettings, fit_forest

SETTINGS = TreeSettings(trees=100, leaves=5, learning_rate=0.08, rows_per_leaf=100, l2=8.0)


def rows(n: int, seed: int, slope: float = 0.0) -> Rows:
    """Feature 0 moves the chance in proportion to `slope`."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 3)).astype(np.float32)
    target = (rng.random(n) < sigmoid(-1.0 + slope * matrix[:, 0])).astype(float)
    return Rows(matrix, target, np.ones(n), np.full(n, -1.0))


def fit(train: Rows, tune: Rows) -> Forest:
    return fit_forest(train, tune, SETTINGS, objective="binary", seed=1, threads=1)


def test_no_trees_are_kept_where_there_is_nothing_to_learn():
    kept = [not fit(rows(4_000, seed), rows(2_000, 100 + seed)).is_empty for seed in range(20)]
    assert sum(kept) <= 5


def test_what_is_planted_is_learned():
    train, tune = rows(20_000, 3, slope=0.8), rows(5_000, 4, slope=0.8)
    answer = fit(train, tune).answer(tune.matrix, 1)
    assert np.corrcoef(answer, tune.matrix[:, 0])[0, 1] > 0.9
    assert 0.5 < np.std(answer) < 1.0


def test_too_few_rows_give_the_empty_forest_that_adds_nothing():
    few = rows(20, 5)
    assert fit(few, few).is_empty
    np.testing.assert_array_equal(fit(few, few).answer(few.matrix, 1), 0)
