import numpy as np
import pytest

from ml.response.amount import redemption_rates
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


def test_every_conversion_with_an_offer_redeems_it_where_codes_are_unknown():
    assert redemption_rates(training_frame(100, seed=5), ["none", "ten_off"]) == {"none": 0.0, "ten_off": 1.0}


def test_redemption_rate_comes_from_the_codes_that_were_used():
    frame = training_frame(20_000, seed=6)
    used = np.random.default_rng(1).random(len(frame)) < 0.4
    frame["offer_code"] = frame["offer_id"].where(used & (frame["offer_id"] != "none"), None)
    rates = redemption_rates(frame, ["none", "ten_off", "unused"])
    assert rates["ten_off"] == pytest.approx(0.4, abs=0.05)
    assert rates["unused"] == 1.0
