"""What was learned corrects effects, is the same after reading, and its digest is of all of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.journeys.model import JourneyModel, Scans, at_rest
from ml.journeys.signals import Conversation
from ml.response.model import ResponseModel
from ml.response.redemption import EVERY
from ml.response.scores import Scores

OPTIONS = (Option("email", NONE), Option("voice", "ten_off"))


def scores(people: int) -> Scores:
    baseline = np.full(people, 0.1, np.float32)
    uplift = np.tile(np.float32([0.01, 0.04]), (people, 1))
    propensity = baseline[:, None] + uplift
    ids, redemption = np.arange(people), (EVERY,) * len(OPTIONS)
    amount = np.full(people, 30, np.float32)
    return Scores(
        ids,
        OPTIONS,
        baseline,
        uplift,
        uplift / 10,
        propensity,
        amount,
        redemption,
        np.ones_like(uplift),
        amount * 0,
        {},
    )


def test_who_needs_nothing_is_expected_to_be_moved_half_as_much_until_the_log_says_otherwise(customers, terms):
    found = JourneyModel.assumed(terms).corrected(scores(5), customers, terms)
    assert found.uplift[4] == pytest.approx([0.005, 0.02], abs=1e-6)
    assert found.uplift_sd[4] == pytest.approx([0.0005, 0.002], abs=1e-6)
    assert found.uplift[1] == pytest.approx([0.005, 0.05], abs=1e-6)  # the price: less without an offer, more with one
    assert found.uplift[0] == pytest.approx([0.01, 0.04], abs=1e-6)
    assert found.propensity == pytest.approx(found.baseline[:, None] + found.uplift)


def test_chances_stay_chances(customers, terms):
    high = replace(scores(5), baseline=np.full(5, 0.97, np.float32))
    assert JourneyModel.assumed(terms).corrected(high, customers, terms).propensity.max() <= 1


def test_nothing_learned_and_nothing_assumed_changes_no_score(customers, terms):
    plain = terms.model_copy(update={"assumed": {}})
    given = scores(5)
    assert JourneyModel.assumed(plain).corrected(given, customers, plain) is given


def test_a_model_is_read_as_it_was_written_and_its_digest_is_of_all_of_it(terms):
    model = JourneyModel.assumed(terms)
    again = JourneyModel.read(model.document())
    assert again == model
    assert again.sha256 == model.sha256
    assert replace(model, scans=Scans(100, 5)).sha256 != model.sha256
    with pytest.raises(ValueError, match="of another version"):
        JourneyModel.read(model.document().replace("no_need", "no_use"))


def test_the_chance_of_a_scan_follows_the_log_and_is_bounded_by_what_it_says():
    assert Scans(0, 0).chance() == pytest.approx(0.05)
    assert Scans(10_000, 800).chance() == pytest.approx(0.08, abs=0.001)
    assert 0 <= Scans(20, 0).chance(1.28) < Scans(20, 0).chance()


def test_at_rest_nobody_was_contacted_and_all_else_is_as_it_was(customers, terms):
    calm = at_rest(customers)
    now = Conversation.of(calm, terms)
    assert not (now.is_scanned | (now.offer > 0) | (now.objection >= 0)).any()
    assert now.is_rested.all()
    assert calm["purchase_30d_count"].tolist() == customers["purchase_30d_count"].tolist()


def test_it_learns_from_a_training_frame_with_the_response_model_in_use(customers, terms):
    response = ResponseModel.cold_start(
        OPTIONS, conversion_rate=0.05, margin=20, uplift={"email": 0.002, "voice": 0.02}, threads=1
    )
    rng = np.random.default_rng(1)
    rows = customers.iloc[rng.integers(0, 5, 4_000)].reset_index(drop=True)
    rows = rows.assign(
        customer_id=np.arange(4_000).astype(str),
        channel=rng.choice(["none", "email", "voice"], 4_000),
        offer_id=NONE,
        propensity=1 / 3,
        sample_weight=1.0,
        is_converted=rng.random(4_000) < 0.06,
        margin=np.nan,
    )
    model = JourneyModel.fit(rows, response, terms, Scans(40, 2), {"day": "2026-01-05"})
    assert model.facts == {"day": "2026-01-05", "rows": 4_000, "contacts": int((rows["channel"] != NONE).sum())}
    assert model == JourneyModel.fit(rows, response, terms, Scans(40, 2), {"day": "2026-01-05"})
    no_frame = JourneyModel.fit(pd.DataFrame(), response, terms, Scans(0, 0), {})
    assert no_frame.present == JourneyModel.assumed(terms).present
