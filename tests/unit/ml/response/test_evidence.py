import numpy as np
import pytest

from ml.entities import NONE
from ml.evaluation.report import validation_rows
from ml.response.evidence import WEIGHT_LIMIT, gather_evidence, row_weights
from ml.response.split import TEST, TRAIN, split
from tests.unit.ml.planted import OPTIONS, training_frame


def test_channel_without_known_probabilities_is_observational():
    frame = training_frame(2_000, seed=1)
    frame.loc[frame["channel"] == "voice", "propensity"] = np.nan
    kinds = {evidence.channel: evidence.kind for evidence in gather_evidence(frame, OPTIONS)}
    assert kinds == {"email": "randomised", "voice": "observational"}


def test_certain_assignment_is_not_randomised():
    frame = training_frame(2_000, seed=1).assign(propensity=1.0)
    assert {evidence.kind for evidence in gather_evidence(frame, OPTIONS)} == {"observational"}


def test_channel_that_was_never_used_has_no_evidence():
    frame = training_frame(2_000, seed=1, channels=("email",))
    kinds = {evidence.channel: evidence.kind for evidence in gather_evidence(frame, OPTIONS)}
    assert kinds["voice"] == "none"


def test_weights_are_inverse_to_propensity_within_a_channel_and_clipped():
    frame = training_frame(1_000, seed=2)
    email = frame["channel"] == "email"
    frame.loc[email, "propensity"] = np.where(np.arange(email.sum()) % 2, 0.2, 0.1)
    weight = row_weights(frame)[email]
    assert weight[0] / weight[1] == pytest.approx(2.0)
    assert weight.mean() == pytest.approx(1.0)
    frame.loc[frame.index[email][0], "propensity"] = 1e-9
    assert row_weights(frame).max() <= WEIGHT_LIMIT


def test_sample_weight_of_a_thinned_row_counts():
    frame = training_frame(1_000, seed=3)
    alone = frame["channel"] == NONE
    frame.loc[alone, "sample_weight"] = 10.0
    assert row_weights(frame)[alone].mean() == pytest.approx(10.0)


def test_a_person_is_on_one_side_whatever_the_seed_and_judges_only_newer_days():
    frame = training_frame(4_000, seed=4)
    twice = frame.iloc[np.r_[0:4_000, 0:4_000]]
    part = split(twice)
    np.testing.assert_array_equal(part[:4_000], part[4_000:])
    judged = frame["as_of_on"][split(frame) == TEST]
    assert judged.min() > frame["as_of_on"].min()
    assert (part == TRAIN).mean() == pytest.approx(0.7, abs=0.03)


def test_only_rows_whose_outcome_is_complete_judge():
    frame = training_frame(4_000, seed=5)
    newest = frame["as_of_on"] > frame["as_of_on"].quantile(0.7)
    frame["maturity"] = np.where(newest, 0.6, 1.0)
    judged = validation_rows(frame)
    assert len(judged) > 100
    assert (judged["maturity"] == 1).all()
    finished = frame[~newest]
    assert set(validation_rows(finished)["customer_id"]) == set(judged["customer_id"])
