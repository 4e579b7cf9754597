from dataclasses import replace

import numpy as np

from ml.response.effects_fit import POOLED
from ml.response.logit import sigmoid
from ml.response.trees import Forest, Rows, fit_forest


def rows(n: int, seed: int, common: float = 0.0, difference: float = 0.0) -> Rows:
    """Half exposed; `common` moves everyone with feature 0, `difference` sets the sides apart by feature 1."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 3)).astype(np.float32)
    contacted = rng.integers(0, 2, n)
    chance = sigmoid(-1.0 + common * matrix[:, 0] + difference * (contacted - 0.5) * matrix[:, 1])
    target = (rng.random(n) < chance).astype(float)
    return Rows(matrix, target, np.ones(n), np.full(n, -1.0), contacted - 0.5)


def fit(train: Rows, tune: Rows) -> Forest:
    return fit_forest(train, tune, POOLED, objective="binary", seed=1, threads=1)


def test_no_trees_are_kept_where_there_is_nothing_to_learn():
    kept = [not fit(rows(4_000, seed), rows(2_000, 100 + seed)).is_empty for seed in range(20)]
    assert sum(kept) <= 5


def test_what_contacted_and_others_have_in_common_is_not_learned_as_a_difference():
    train, tune = rows(20_000, 1, common=1.0), rows(5_000, 2, common=1.0)
    centred = fit(train, tune).answer(tune.matrix, 1)
    every = replace(train, exposure=None), replace(tune, exposure=None)
    assert np.std(fit(*every).answer(tune.matrix, 1)) > 0.5
    assert np.std(centred) < 0.1


def test_a_planted_difference_is_learned():
    train, tune = rows(20_000, 3, difference=0.8), rows(5_000, 4, difference=0.8)
    answer = fit(train, tune).answer(tune.matrix, 1)
    assert np.corrcoef(answer, tune.matrix[:, 1])[0, 1] > 0.9
    assert 0.5 < np.std(answer) < 1.0


def test_too_few_rows_give_the_empty_forest_that_adds_nothing():
    few = rows(20, 5)
    assert fit(few, few).is_empty
    np.testing.assert_array_equal(fit(few, few).answer(few.matrix, 1), 0)
