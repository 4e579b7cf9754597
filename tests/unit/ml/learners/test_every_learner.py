"""One suite over every learner: what holds for all of them."""

import json

import numpy as np
import pytest

from ml.learners.average import Average
from ml.learners.contract import Trial
from ml.learners.every import candidates, learner_from
from ml.learners.mean_effect import MeanEffect
from ml.learners.s_learner import SLearner

LEARNERS = [*candidates(), Average([SLearner("line"), SLearner("trees")])]
every_learner = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: f"{learner.name}")
learns = pytest.mark.parametrize(
    "learner", [one for one in LEARNERS if not isinstance(one, MeanEffect)], ids=lambda learner: f"{learner.name}"
)


def trial(rows: int = 4_000, actions: int = 2, seed: int = 1, *, kind: str = "binary") -> tuple[Trial, np.ndarray]:
    """A randomized trial with planted effects: action k helps by k times what the first feature says."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 6)).astype(np.float32)
    matrix[random.random((rows, 6)) < 0.05] = np.nan
    action = random.integers(0, actions + 1, rows)
    effects = 0.1 * np.arange(1, actions + 1) * (np.nan_to_num(matrix[:, [0]]) > 0)
    expected = 0.2 + np.column_stack([np.zeros(rows), effects])[np.arange(rows), action]
    noise = random.random(rows) < expected
    outcome = noise if kind == "binary" else 10 * expected + random.normal(size=rows)
    scale = 1.0 if kind == "binary" else 10.0
    return Trial.of(matrix, action, outcome, actions=actions), scale * effects


@every_learner
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_answers_a_baseline_and_an_effect_for_each_action(learner, kind):
    rows, _ = trial(600, 3, kind=kind)
    answer = learner.fit(rows, seed=1).answer(rows.matrix[:50])
    assert answer.baseline.shape == (50,)
    assert answer.effects.shape == (50, 3)
    assert answer.outcomes.shape == (50, 4)
    assert np.isfinite(answer.outcomes).all()


@every_learner
def test_the_average_effect_is_found(learner):
    rows, effects = trial(6_000)
    answer = learner.fit(rows, seed=1).answer(rows.matrix)
    assert answer.effects.mean(axis=0) == pytest.approx(effects.mean(axis=0), abs=0.04)


@learns
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_people_whom_an_action_helps_are_ranked_first(learner, kind):
    rows, effects = trial(8_000, kind=kind)
    found = learner.fit(rows, seed=1).answer(rows.matrix).effects[:, 1]
    helped = effects[:, 1] > 0
    assert found[helped].mean() - found[~helped].mean() > 0.3 * effects[helped, 1].mean()


@every_learner
def test_the_same_rows_and_seed_give_the_same_bits(learner):
    rows, _ = trial(800)
    first = learner.fit(rows, seed=3).answer(rows.matrix).effects.copy()
    assert (learner.fit(rows, seed=3).answer(rows.matrix).effects == first).all()


@every_learner
def test_a_learner_read_back_from_json_answers_the_same(learner):
    rows, _ = trial(800)
    learner.fit(rows, seed=3)
    again = learner_from(json.loads(json.dumps(learner.to_dict(), allow_nan=False)))
    np.testing.assert_allclose(again.answer(rows.matrix).outcomes, learner.answer(rows.matrix).outcomes, rtol=1e-12)


@every_learner
@pytest.mark.parametrize("rows", [1, 7, 40])
def test_a_handful_of_rows_is_answered_by_means_without_failing(learner, rows):
    few, _ = trial(rows, 3)
    answer = learner.fit(few, seed=1).answer(few.matrix)
    assert np.isfinite(answer.outcomes).all()


@every_learner
def test_one_class_and_constant_or_empty_columns_are_no_error(learner):
    rows, _ = trial(300, 2)
    matrix = rows.matrix.copy()
    matrix[:, 0], matrix[:, 1], matrix[:, 2] = 1.0, np.nan, np.inf
    flat = Trial.of(matrix, rows.action, np.zeros(300), actions=2)
    answer = learner.fit(flat, seed=1).answer(matrix)
    assert np.abs(answer.effects).max() < 0.02


@every_learner
def test_an_action_that_was_never_taken_gets_a_finite_effect(learner):
    rows, _ = trial(400, 2)
    seen = rows.rows(rows.action != 2)
    assert np.isfinite(learner.fit(seen, seed=1).answer(seen.matrix).effects).all()


@learns
def test_hundreds_of_columns_of_noise_do_not_hide_an_effect(learner):
    rows, effects = trial(2_000, 1, kind="continuous")
    noise = np.random.default_rng(5).normal(size=(2_000, 400)).astype(np.float32)
    wide = Trial.of(np.hstack([noise, rows.matrix]), rows.action, rows.outcome)
    found = learner.fit(wide, seed=1).answer(wide.matrix).effects[:, 0]
    helped = effects[:, 0] > 0
    assert found[helped].mean() > found[~helped].mean()
