"""Levels of options: learned in logs, beside who the contacted people were, from expectations that leave nothing over."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.features import FeatureSpec
from ml.response.averages import Average, Averages
from ml.response.contrast import _of_people, contrast_of
from ml.response.factor_features import FactorFeatures
from ml.response.levels import Levels
from ml.response.log_line import MOST, LogLine
from ml.response.person_factor import DrawnContacts, PersonFactor, fit_factor
from ml.response.rows import prepare
from ml.response.thought import Thought
from ml.response.trial import Trial

PLAIN, TEN = Option("email", NONE), Option("email", "ten_off")
DISPLAY, DISPLAY_TEN = Option("display", NONE), Option("display", "ten_off")
OPTIONS = [PLAIN, TEN, DISPLAY, DISPLAY_TEN]
BELIEVED = np.log(3)
"""Log Bayes factor of positive evidence (Kass and Raftery 1995)."""


def frame_of(
    n: int,
    seed: int,
    *,
    uplift: dict[Option, float],
    chosen: dict[Option, float],
    weight: float = 0.0,
    readier: Option | None = None,
) -> pd.DataFrame:
    """Half of the people left alone; `readier` goes to frequent visitors alone, who are moved more by `weight`."""
    rng = np.random.default_rng(seed)
    visits = rng.poisson(3, n)
    bought = rng.gamma(0.5, 4.0, n)
    options, shares = list(chosen), np.array(list(chosen.values()))
    pick = np.where(rng.random(n) < 0.5, -1, rng.choice(len(options), n, p=shares / shares.sum()))
    if readier is not None:
        often = visits >= 4
        pick = np.where((pick >= 0) & often, options.index(readier), pick)
        pick = np.where((pick == options.index(readier)) & ~often, -1, pick)
    z = (np.log1p(visits) - np.log1p(visits).mean()) / np.log1p(visits).std()
    moved = np.array([*(uplift[o] for o in options), 0.0])[pick] * np.exp(weight * z)
    converted = rng.random(n) < 0.002 + 0.004 * bought + moved
    names = np.array([*(o.channel for o in options), NONE], dtype=object)
    offers = np.array([*(o.offer_id for o in options), NONE], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)], "as_of_on": pd.Timestamp("2026-01-01"),
            "web_visit_30d_count": visits, "alone": 0.002 + 0.004 * bought, "channel": names[pick],
            "offer_id": offers[pick], "propensity": 0.5, "sample_weight": 1.0, "source": "cycle", "arm": "random",
            "is_converted": converted, "margin": np.where(converted, 20.0, np.nan),
        }
    )  # fmt: skip


def contacts_of(frame: pd.DataFrame, options: list[Option] = OPTIONS, spread: float = 1.0) -> DrawnContacts:
    """The drawn contacts beside what their people truly do when left alone, drawn apart by `spread` in logs."""
    spec = FeatureSpec.fit(frame)
    rows = prepare(frame, spec)
    seen, features = Trial.of(frame, rows), FactorFeatures.fit(spec, rows.features)
    contrast = contrast_of(frame, rows, seen.option, seen.options, features, seed=1, threads=1)
    alone = frame["alone"].to_numpy()
    contrast = replace(contrast, expected=alone.mean() * (alone / alone.mean()) ** spread)
    everyone = np.ones(len(frame), dtype=bool)
    return DrawnContacts.of(seen, contrast, Levels.of(options, Thought()), features, everyone, 1)


def test_an_offer_multiplies_what_a_channel_moves_where_it_was_never_made():
    uplift = {PLAIN: 0.01, TEN: 0.03, DISPLAY: 0.0005}
    found = contacts_of(frame_of(200_000, 1, uplift=uplift, chosen={PLAIN: 1, TEN: 1, DISPLAY: 1})).averages()
    assert found.of(PLAIN).mean == pytest.approx(0.01, rel=0.2)
    assert found.of(TEN).mean == pytest.approx(0.03, rel=0.2)
    assert found.of(DISPLAY_TEN).mean < 0.006  # added up, the offer alone would bring 0.02


def test_where_one_offer_makes_more_of_a_contact_than_was_thought_others_are_thought_to_as_well():
    gift = Option("email", "gift")
    drawn = contacts_of(
        frame_of(200_000, 1, uplift={PLAIN: 0.01, TEN: 0.04}, chosen={PLAIN: 1, TEN: 1}), [PLAIN, TEN, gift]
    )
    found = drawn.averages()
    times = {offer: found.of(offer).mean / found.of(PLAIN).mean for offer in (TEN, gift)}
    assert times[TEN] == pytest.approx(4, rel=0.2)
    assert 2 < times[gift] < 4  # once, as was thought, where nothing is learned of others
    assert found.of(gift).sd / found.of(gift).mean > 2 * found.of(TEN).sd / found.of(TEN).mean


def test_an_option_is_not_better_for_having_gone_to_the_readiest():
    uplift = {PLAIN: 0.004, TEN: 0.008}
    frame = frame_of(200_000, 2, uplift=uplift, chosen={PLAIN: 1, TEN: 1}, weight=0.8, readier=PLAIN)
    raw = {
        offer: float(rows["is_converted"].mean()) for offer, rows in frame[frame["channel"] != NONE].groupby("offer_id")
    }
    alone = float(frame.loc[frame["channel"] == NONE, "is_converted"].mean())
    assert raw[NONE] - alone > raw["ten_off"] - alone  # as it looks
    factor = fit_factor(contacts_of(frame))
    assert factor.levels.of(TEN).mean > 1.3 * factor.levels.of(PLAIN).mean


def test_expectations_drawn_too_far_apart_do_not_pass_for_effects():
    nothing = {PLAIN: 0.0, TEN: 0.0}
    frame = frame_of(150_000, 3, uplift=nothing, chosen={PLAIN: 1, TEN: 1})
    found = contacts_of(frame, spread=1.6)
    assert fit_factor(found).evidence < BELIEVED
    assert max(found.averages().of(option).mean for option in (PLAIN, TEN)) < 0.0012


def test_a_channel_that_drives_conversions_away_keeps_what_it_shows():
    levels = Averages({"email:none": Average(0.001, 0.001), "sms:none": Average(0.001, 0.001)},
                      {"email": Average(0.001, 0.001), "sms": Average(0.001, 0.001)}, Average(0.001, 0.001))  # fmt: skip
    shown = Averages({"email:none": Average(-0.002, 0.002), "sms:none": Average(-0.010, 0.003)},
                     {"email": Average(-0.002, 0.002), "sms": Average(-0.010, 0.003)}, Average(0.0, 0.01))  # fmt: skip
    kept = levels.unless_harmful(shown)
    assert kept.of(Option("sms", NONE)).mean == -0.010
    assert kept.of(Option("sms", "unseen")).mean == -0.010
    assert kept.of(PLAIN).mean == 0.001  # what may be chance isn't harm


def test_a_trial_that_found_more_lifts_what_is_thought_of_its_channel():
    thought = Thought({"email": 0.01, "sms": -0.004}, {"ten_off": 2.0})
    assert thought.of("email", "ten_off") == 0.02
    assert thought.of("push", NONE) == 0.002
    assert thought.of("sms", "ten_off") == -0.004  # an offer doesn't multiply harm
    assert (Levels.of([PLAIN, Option("sms", NONE)], thought).scale > 0).all()


def test_rows_of_one_person_stop_learning_together():
    person = np.array([4, 1, 4, 0, 1, 4])
    number = _of_people(person, 3)
    assert number[0] == number[2] == number[5]
    assert number[1] == number[4]
    assert len(set(number)) == 3


def test_the_line_is_of_what_rows_have_told_and_ends_before_certainty():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"web_visit_30d_count": rng.poisson(3, 60_000)})
    told = np.where(rng.random(len(frame)) < 0.5, 0.3, 1.0)
    chance = 0.03 * np.exp(0.5 * (np.log1p(frame["web_visit_30d_count"]) - 1.3))
    spec = FeatureSpec.fit(frame)
    features = FactorFeatures.fit(spec, matrix := spec.matrix(frame))
    line = LogLine.fit(features, matrix, (rng.random(len(frame)) < chance * told).astype(float), told)
    assert 1 / (1 + np.exp(-line.logit(matrix))) == pytest.approx(chance.to_numpy(), rel=0.15)
    steep = replace(line, weights=np.array([0.0, 6.0]))
    assert (1 / (1 + np.exp(-steep.logit(matrix)))).max() <= MOST + 1e-9


def test_levels_are_the_same_after_json():
    factor = fit_factor(contacts_of(frame_of(20_000, 5, uplift={PLAIN: 0.02}, chosen={PLAIN: 1})))
    assert PersonFactor.from_dict(factor.to_dict()).levels == factor.levels


def test_contacts_of_one_person_day_after_day_share_what_they_caused_and_are_heard_once():
    """Half are contacted on each of four days within one horizon, which together cause what one contact does: a fourth each."""
    once = frame_of(60_000, 8, uplift={PLAIN: 0.01, TEN: 0.01}, chosen={PLAIN: 1, TEN: 1})
    once["converted_day"] = np.where(once["is_converted"], 6.0, np.nan)
    days = [pd.Timedelta(days=k) for k in range(4)]
    often = pd.concat(
        [once.assign(as_of_on=once["as_of_on"] + day, converted_day=once["converted_day"] - day.days) for day in days]
    )
    single, repeated = (contacts_of(frame) for frame in (once, often))
    assert fit_factor(repeated).evidence == pytest.approx(fit_factor(single).evidence, abs=0.3)
    one, other = (found.averages().of(PLAIN) for found in (single, repeated))
    assert (4 * other.mean, 4 * other.sd) == pytest.approx((one.mean, one.sd), rel=0.1)
