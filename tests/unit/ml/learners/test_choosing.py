import numpy as np
import pytest

from ml.learners.assignment import assignment
from ml.learners.calibration import LEAST_SLOPE, EffectCalibration, pooled
from ml.learners.choice import choose
from ml.learners.contract import Trial
from ml.learners.forward import Recipe, choose_head, drifting_columns
from ml.learners.guard import guard
from ml.learners.mean_effect import MeanEffect
from ml.learners.s_learner import SLearner
from ml.learners.t_learner import TLearner


def test_the_guard_keeps_the_best_constant_action_where_effects_are_the_same_for_all():
    left, runs = 0, 200
    for seed in range(runs):
        random = np.random.default_rng(seed)
        robust = random.normal(size=(2_000, 3)) + np.array([0, 1.0, 0.9])
        net = random.normal(size=(2_000, 3)) * 0.3 + np.array([0, 1.0, 0.9])  # noise that looks like choice by person
        left += np.isfinite(guard(net, robust, np.ones(2_000), random.integers(0, 3, 2_000)).threshold)
    assert left / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_the_guard_leaves_it_where_the_gain_is_plain():
    random = np.random.default_rng(1)
    likes = random.random(4_000) < 0.4
    true = np.column_stack([np.zeros(4_000), np.full(4_000, 0.5), np.where(likes, 1.5, 0.0)])
    policy = guard(true, true + random.normal(size=true.shape), np.ones(4_000), random.integers(0, 3, 4_000))
    assert (policy.choose(true) == np.where(likes, 2, 1)).all()
    assert policy.gain.low > 0


@pytest.mark.parametrize("rows", [5, 49])
@pytest.mark.parametrize("likes", [0.4, 1.0])
def test_an_action_that_few_rows_have_is_given_to_nobody_however_good_it_looks(rows, likes):
    random = np.random.default_rng(1)
    true = np.column_stack([np.zeros(4_000), np.where(random.random(4_000) < likes, 1.5, 0.0)])
    action = np.zeros(4_000, dtype=np.int64)
    action[:rows] = 1
    policy = guard(true, true + 0.1 * random.normal(size=true.shape), np.ones(4_000), action)
    assert not policy.choose(true).any()


def test_a_spread_that_holds_out_is_kept_and_one_that_does_not_is_shrunk():
    random = np.random.default_rng(2)
    true = random.normal(size=(20_000, 1))
    robust = np.column_stack([np.zeros(20_000), true[:, 0] + random.normal(size=20_000)])
    assert EffectCalibration.of(true, robust, np.ones(20_000)).slope == pytest.approx(1, abs=0.1)
    assert EffectCalibration.of(2 * true, robust, np.ones(20_000)).slope == pytest.approx(0.5, abs=0.05)
    noise = random.normal(size=(20_000, 1))
    assert EffectCalibration.of(noise, robust, np.ones(20_000)).slope == LEAST_SLOPE


def test_rare_actions_borrow_from_their_neighbours_and_well_known_ones_do_not():
    level = np.array([0.10, 0.11, 0.09, 0.50])
    error = np.array([0.01, 0.01, 0.01, 0.40])
    drawn = pooled(level, error)
    assert drawn[3] < 0.2
    assert drawn[:3] == pytest.approx(level[:3], abs=0.011)


def planted(rows: int = 4_000) -> Trial:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(rows, 4)).astype(np.float32)
    action = random.integers(0, 2, rows)
    return Trial.of(matrix, action, matrix[:, 0] * action + random.normal(size=rows))


def test_a_learner_that_sees_whom_an_action_helps_is_chosen_over_the_same_effect_for_all():
    choice = choose(planted(), seed=1, tried=[MeanEffect(), SLearner("line"), TLearner("line")])
    assert "mean_effect" not in choice.members
    assert choice.table[-1].name == "mean_effect"
    assert choice.table[-1].behind > 5


def test_learners_that_cannot_be_told_apart_are_averaged():
    choice = choose(planted(), seed=1, tried=[MeanEffect(), SLearner("line"), TLearner("line")])
    assert choice.members == ["s_line", "t_line"]
    assert choice.chosen.name == "average"


def test_assignment_by_features_is_noticed_and_chance_is_not():
    trial = planted()
    assert assignment(trial, seed=1).is_random
    picked = (trial.matrix[:, 0] + np.random.default_rng(4).normal(size=len(trial)) > 0).astype(int)
    found = assignment(Trial.of(trial.matrix, picked, trial.outcome), seed=1)
    assert not found.is_random
    assert found.propensity[picked == (trial.matrix[:, 0] > 0)].mean() > 0.6


def test_columns_that_are_others_late_than_early_are_found():
    random = np.random.default_rng(5)
    steady, moved = random.normal(size=3_000), random.normal(size=3_000) + np.arange(3_000) / 1_000
    assert drifting_columns(np.column_stack([steady, moved]).astype(np.float32)) == [1]


def test_recent_rows_count_more_where_memory_is_short():
    weight = Recipe("line", 1.0, memory=0.1).weights(np.ones(1_000))
    assert weight.mean() == pytest.approx(1)
    assert weight[-1] / weight[-101] == pytest.approx(np.e)


def test_the_response_model_foretells_later_rows_and_keeps_its_promises():
    random = np.random.default_rng(6)
    matrix = random.normal(size=(1_500, 3)).astype(np.float32)
    target = (random.random(1_500) < 1 / (1 + np.exp(1 - matrix[:, 0]))).astype(float)
    choice = choose_head(matrix, target, np.ones(1_500), "binary", seed=1)
    assert choice.score > 0.68
    assert choice.head.predict(matrix).mean() == pytest.approx(target.mean(), abs=0.06)
