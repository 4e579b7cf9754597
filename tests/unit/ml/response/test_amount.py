import numpy as np
import pytest

from ml.response.model import ResponseModel
from tests.unit.ml.planted import OPTIONS, people, training_frame


def test_amount_is_the_constant_mean_where_features_tell_nothing():
    frame = training_frame(5_000, seed=1)
    rng = np.random.default_rng(0)
    frame["margin"] = np.where(frame["is_converted"], rng.gamma(2.0, 15.0, len(frame)), np.nan)
    amount = ResponseModel.fit(frame, OPTIONS, seed=1, threads=1).score(people(2_000, seed=2), OPTIONS).amount
    assert amount.std() < 3
    assert amount.mean() == pytest.approx(30, rel=0.1)


def test_negative_margins_are_survived():
    frame = training_frame(3_000, seed=3)
    frame.loc[frame["is_converted"] & (np.arange(len(frame)) % 10 == 0), "margin"] = -5.0
    model = ResponseModel.fit(frame, OPTIONS, seed=1, threads=1)
    assert np.isfinite(model.score(people(100, seed=4), OPTIONS).amount).all()
