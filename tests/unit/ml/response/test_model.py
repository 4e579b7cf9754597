import json

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.response.model import ResponseModel
from ml.response.store import digest
from tests.unit.ml.planted import OPTIONS, World, people, training_frame

NULL_WORLD = World(effect={"email": 0.0, "voice": 0.0}, slope={"email": 0.0, "voice": 0.0}, offer_effect=0.0)


@pytest.fixture(scope="module")
def model() -> ResponseModel:
    return ResponseModel.fit(training_frame(20_000, seed=1), OPTIONS, seed=1, threads=1)


def test_planted_uplift_is_recovered_in_order_and_size(model):
    customers = people(20_000, seed=99)
    scores = model.score(customers, OPTIONS)
    for column, option in enumerate(OPTIONS):
        truth = World().contacted(customers, option) - World().alone(customers)
        assert scores.uplift[:, column].mean() == pytest.approx(truth.mean(), abs=0.03)
        if option.channel == "email":
            assert np.corrcoef(truth, scores.uplift[:, column])[0, 1] > 0.8
    assert scores.baseline.mean() == pytest.approx(World().alone(customers).mean(), abs=0.01)
    assert np.corrcoef(scores.baseline, World().alone(customers))[0, 1] > 0.9


def test_propensities_are_calibrated_by_decile(model):
    customers = people(20_000, seed=98)
    scores = model.score(customers, OPTIONS)
    truth = World().contacted(customers, OPTIONS[1])
    for members in np.array_split(np.argsort(scores.propensity[:, 1]), 10):
        # 0.05, and that a factor which all channels share takes only half of what differs in one of them, at both ends
        assert scores.propensity[members, 1].mean() == pytest.approx(truth[members].mean(), abs=0.12)


def test_amount_differs_where_margins_differ(model):
    customers = people(5_000, seed=97)
    amount = model.score(customers, OPTIONS).amount
    german = (customers["country"] == "DE").to_numpy()
    assert amount[german].mean() == pytest.approx(60, rel=0.15)
    assert amount[~german].mean() == pytest.approx(20, rel=0.15)


def test_uplift_shrinks_to_zero_where_contacts_change_nothing():
    model = ResponseModel.fit(training_frame(20_000, seed=4, world=NULL_WORLD), OPTIONS, seed=1, threads=1)
    uplift = model.score(people(5_000, seed=96), OPTIONS).uplift
    assert np.abs(uplift.mean(axis=0)).max() < 0.02
    assert uplift.std(axis=0).max() < 0.02


def test_thin_channel_starts_from_its_neighbours():
    frame = training_frame(20_000, seed=5, channels=("email",))
    few = frame[frame["channel"] == "email"].head(20).index
    frame.loc[few, "channel"] = "push"
    options = [*OPTIONS[:2], Option("push", "none"), Option("sms", "none")]
    scores = ResponseModel.fit(frame, options, seed=1, threads=1).score(people(5_000, seed=95), options)
    mean = scores.uplift.mean(axis=0)
    assert mean[0] / 3 < mean[2] < mean[0] * 3  # 20 contacts
    assert mean[0] / 3 < mean[3] < mean[0] * 3  # none at all; without neighbours it would be a fortieth
    assert np.isfinite(scores.uplift).all()


def test_saved_and_loaded_model_scores_the_same_bits(model, tmp_path):
    model.save(tmp_path / "model")
    customers = people(2_000, seed=94)
    first, second = model.score(customers, OPTIONS), ResponseModel.load(tmp_path / "model").score(customers, OPTIONS)
    assert first.redemption == second.redemption
    for name in ("baseline", "uplift", "propensity", "amount"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_same_seed_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        trained = ResponseModel.fit(training_frame(3_000, seed=6), OPTIONS, seed=7, threads=1)
        trained.save(tmp_path / name)
        document = json.loads((tmp_path / name / "model.json").read_text())
        document["facts"].pop("seconds")
        (tmp_path / name / "model.json").write_text(json.dumps(document))
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_one_changed_byte_changes_the_digest(model, tmp_path):
    model.save(tmp_path / "model")
    before = digest(tmp_path / "model")
    path = tmp_path / "model" / "baseline.txt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert digest(tmp_path / "model") != before


def test_no_file_of_a_model_is_a_pickle(model, tmp_path):
    model.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".txt"}


def test_model_is_not_saved_over_other_files(model, tmp_path):
    (tmp_path / "stray").touch()
    with pytest.raises(FileExistsError, match="folder of its own"):
        model.save(tmp_path)


def test_unknown_category_and_missing_features_are_scored(model):
    customers = people(50, seed=93).assign(country="ZZ", age_years=pd.array([None] * 50, dtype="Int64"), noise=np.nan)
    scores = model.score(customers, OPTIONS)
    assert np.isfinite(scores.uplift).all()
    assert ((scores.propensity >= 0) & (scores.propensity <= 1)).all()


def test_offer_without_history_is_scored_like_its_channel(model):
    scores = model.score(people(500, seed=92), [Option("email", "none"), Option("email", "brand_new")])
    assert scores.uplift[:, 1].mean() == pytest.approx(scores.uplift[:, 0].mean(), abs=0.05)


def test_nobody_to_score_gives_empty_scores(model):
    scores = model.score(people(10, seed=91).head(0), OPTIONS)
    assert scores.uplift.shape == (0, 4)


def test_propensity_of_a_logged_action_is_the_scored_one(model):
    customers = people(300, seed=90)
    scores = model.as_learned.score(customers, OPTIONS)
    did = customers.assign(channel="voice", offer_id="ten_off")
    left_alone = customers.assign(channel=NONE, offer_id=NONE)
    alone = model.propensity_of(left_alone)
    np.testing.assert_allclose(model.propensity_of(did) - alone, scores.uplift[:, 3], atol=1e-6)
    np.testing.assert_allclose(
        alone * model.baseline.recent, scores.baseline, rtol=1e-6
    )  # of an average day, and of the last ones


@pytest.mark.parametrize("converted", [True, False])
def test_single_class_gives_a_rate_that_is_neither_zero_nor_one(converted):
    frame = training_frame(400, seed=8).assign(is_converted=converted, margin=5.0 if converted else np.nan)
    scores = ResponseModel.fit(frame, OPTIONS, seed=1, threads=1).score(people(100, seed=89), OPTIONS)
    assert ((scores.baseline > 0) & (scores.baseline < 1)).all()
    assert np.abs(scores.uplift).max() < 0.01


@pytest.mark.parametrize("rows", [1, 2, 10, 60])
def test_tiny_history_is_enough_to_go_on(rows):
    frame = training_frame(60, seed=9).head(rows)
    scores = ResponseModel.fit(frame, OPTIONS, seed=1, threads=1).score(people(100, seed=88), OPTIONS)
    assert np.isfinite(scores.uplift).all()
    assert np.isfinite(scores.amount).all()


def test_nobody_left_alone_means_no_uplift_can_be_told():
    frame = training_frame(2_000, seed=10)
    model = ResponseModel.fit(frame[frame["channel"] != NONE], OPTIONS, seed=1, threads=1)
    assert model.baseline.learned_from == "everyone"
    np.testing.assert_array_equal(model.score(people(50, seed=87), OPTIONS).uplift, 0)


def test_nobody_contacted_means_uplift_zero_without_evidence():
    frame = training_frame(2_000, seed=11)
    model = ResponseModel.fit(frame[frame["channel"] == NONE], OPTIONS, seed=1, threads=1)
    assert {evidence.kind for evidence in model.evidence} == {"none"}
    np.testing.assert_array_equal(model.score(people(50, seed=86), OPTIONS).uplift, 0)


def test_empty_history_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="cold_start"):
        ResponseModel.fit(training_frame(10, seed=12).head(0), OPTIONS, seed=1, threads=1)


def test_cold_start_scores_and_says_that_it_has_no_evidence(tmp_path):
    model = ResponseModel.cold_start(
        OPTIONS, conversion_rate=0.02, margin=30.0, uplift={"email": 0.004, "voice": 0.01}, threads=1
    )
    model.save(tmp_path / "cold")
    scores = ResponseModel.load(tmp_path / "cold").score(people(10, seed=85), OPTIONS)
    np.testing.assert_allclose(scores.baseline, 0.02, rtol=1e-5)
    np.testing.assert_allclose(scores.uplift[0], [0.004, 0.004, 0.01, 0.01], rtol=1e-4)
    assert all(evidence.kind == "none" for evidence in model.evidence)
    assert model.baseline.learned_from == "prior"


def test_cold_start_refuses_impossible_chances():
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        ResponseModel.cold_start(OPTIONS, conversion_rate=0.0, margin=30.0, uplift={}, threads=1)


def test_thinned_controls_that_stand_for_many_do_not_drown_the_contacts():
    frame = training_frame(4_000, seed=13, world=World(effect={"email": 1.2}), channels=("email",))
    alone = frame["channel"] == NONE
    frame = frame[alone | (np.arange(len(frame)) < 150)].reset_index(drop=True)
    customers, email = people(2_000, seed=84), OPTIONS[:2]
    plain = ResponseModel.fit(frame, email, seed=1, threads=1).score(customers, email).uplift
    frame.loc[frame["channel"] == NONE, "sample_weight"] = 10.0
    thinned = ResponseModel.fit(frame, email, seed=1, threads=1).score(customers, email).uplift
    np.testing.assert_allclose(thinned.mean(axis=0), plain.mean(axis=0), rtol=0.05)
