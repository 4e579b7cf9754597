from ml.response.baseline import SETTINGS
from ml.response.tuning import tune
from tests.unit.ml.planted import training_frame


def test_tuning_begins_with_the_settings_in_use_and_keeps_the_best_by_people_who_did_not_teach():
    trials = tune(training_frame(3_000, seed=1), trials=4, seed=5, threads=1)
    assert trials[0].settings == SETTINGS
    (best,) = [one for one in trials if one.is_best]
    assert best.loss == min(one.loss for one in trials) <= trials[0].loss


def test_the_same_seed_tries_the_same_settings():
    frame = training_frame(1_500, seed=2)
    first, second = (tune(frame, trials=3, seed=5, threads=1) for _ in range(2))
    assert [(one.settings, one.loss) for one in first] == [(one.settings, one.loss) for one in second]


def test_without_anybody_left_alone_nothing_is_tuned():
    frame = training_frame(500, seed=3)
    assert tune(frame[frame["channel"] != "none"], trials=3, seed=5, threads=1) == ()
