"""A channel that lately moves people less, or more, is believed as far as its contacts show it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.configuration.journeys import Journeys
from ml.entities import NONE, Option
from ml.evaluation.card import model_card
from ml.evaluation.gate import compare
from ml.evaluation.report import evaluate
from ml.journeys.model import JourneyModel, Scans
from ml.learning.delay import matured
from ml.response.candidates import choose
from ml.response.changes import GRID, UNCHANGED, Change, fit_changes
from ml.response.fit import fit
from ml.response.model import ResponseModel
from ml.response.person_factor import FACTOR

DAYS, A_DAY = 40, 1500
FIRST = 20_000


def log(times: np.ndarray, seed: int, *, a_day: int = A_DAY) -> tuple[np.ndarray, ...]:
    """Contacts that move .4 points times so many on each day, most of which is told from what comes anyway by clicks."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(len(times)), a_day)
    anyway, caused = rng.gamma(1.0, 0.001, len(day)), rng.gamma(2.0, 0.002, len(day))
    count = rng.poisson(anyway + caused * times[day]).astype(float)
    return np.full(len(day), "email"), FIRST + day, count, anyway, caused


def found_in(logged: tuple[np.ndarray, ...]) -> Change:
    return fit_changes(*logged)["email"]


def weighed(logged: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """With what all contacts together say that each causes, as `fit` would have it."""
    channel, day, count, anyway, caused = logged
    return channel, day, count, anyway, caused * max(count.sum() - anyway.sum(), 1.0) / caused.sum()


def test_a_channel_that_moves_a_third_for_four_days_is_believed():
    times = np.where(np.arange(DAYS) < DAYS - 4, 1.0, 0.33)
    logged = weighed(log(times, 1, a_day=4000))
    change = found_in(logged)
    now = change.times * logged[4].sum() / log(times, 1, a_day=4000)[4].sum()
    assert change.probability > 0.9
    assert now == pytest.approx(0.33, abs=3 * change.sd)
    assert abs((pd.Timestamp(change.since) - pd.Timestamp(FIRST + DAYS - 4, unit="D")).days) <= 2


def test_a_channel_that_moves_three_times_as_much_is_believed_as_well():
    change = found_in(weighed(log(np.where(np.arange(DAYS) < DAYS - 4, 1.0, 3.0), 2)))
    assert change.probability > 0.9
    assert change.times > 2


def test_a_channel_that_stays_as_it_is_seldom_seems_to_have_changed():
    """Of 200 that don't change: one in fifty is held for changed, and all together promise what they keep."""
    changes = [found_in(weighed(log(np.ones(DAYS), seed, a_day=300))) for seed in range(200)]
    assert sum(one.probability > 0.5 for one in changes) <= 4
    assert np.mean([one.times for one in changes]) == pytest.approx(1.0, abs=0.02)


def test_a_handful_of_conversions_moves_next_to_nothing():
    times = np.where(np.arange(DAYS) < DAYS - 4, 1.0, 0.33)
    change = found_in(weighed(log(times, 3, a_day=20)))
    assert change.times == pytest.approx(1.0, abs=0.1)
    assert change.sd < 0.5  # what isn't known of it adds little to what isn't known of the channel itself


def test_of_one_day_alone_nothing_is_said():
    assert fit_changes(*log(np.ones(1), 4)) == {}


def test_of_contacts_that_move_nobody_nothing_is_said():
    channel, day, count, anyway, caused = log(np.ones(DAYS), 5)
    assert fit_changes(channel, day, count, anyway, -caused) == {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.floats(0, 2), st.floats(0, 0.9), st.floats(1e-6, 0.9)),
        min_size=2,
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_a_change_is_a_chance_and_a_level_that_was_looked_at_whatever_the_order(rows, shuffled):
    def of(some):
        columns = (np.array(each, dtype=float) for each in zip(*some, strict=True))
        day, count, anyway, caused = columns
        return fit_changes(np.full(len(day), "sms"), day.astype(np.int64), count, anyway, caused).get("sms", UNCHANGED)

    one = of(rows)
    again = of(shuffled.sample(rows, len(rows)))
    assert 0 <= one.probability <= 1
    assert 0 < one.times < np.exp(GRID[-1] - GRID[0])
    assert np.isfinite(one.sd)
    assert (one.times, one.sd, one.probability) == pytest.approx((again.times, again.sd, again.probability), rel=1e-6)


PEOPLE, LIVED, HORIZON = 900, 30, 7


def lived(
    levels: dict[str, np.ndarray],
    seed: int,
    *,
    horizon: int = HORIZON,
    delays: dict[str, tuple[int, int]] | None = None,
    clicking: float = 0.05,
) -> pd.DataFrame:
    """A training frame of days on which each channel reaches a fifth, as `assets.frames` makes it.

    A contact brings eight of a hundred to buy on the same or the next day (or within `delays`), times the channel's level of that
    day, nearly all after a click. Others buy by themselves on any day. Horizons overlap, and the last ones aren't over.
    """
    rng, shape = np.random.default_rng(seed), (PEOPLE, LIVED)
    names = np.array([NONE, *levels])
    done = np.where(rng.random(shape) < 0.2 * len(levels), rng.integers(1, len(names), shape), 0)
    level = np.stack([np.zeros(LIVED), *levels.values()])[done, np.arange(LIVED)]
    caused = rng.random(shape) < 0.08 * level
    clicked = np.where(caused, rng.random(shape) < 0.9, rng.random(shape) < clicking) & (done > 0)
    least, most = np.array([(0, 1), *((delays or {}).get(name, (0, 1)) for name in levels)]).T
    delay = rng.integers(least[done], most[done] + 1)
    bought = rng.random((PEOPLE, LIVED + horizon)) < 0.004
    person, day = np.nonzero(caused)
    bought[person, day + delay[person, day]] = True
    sold = np.full(shape, np.nan)
    for later in reversed(range(horizon)):
        seen = np.zeros(shape, dtype=bool)
        seen[:, : LIVED - later] = bought[:, later:LIVED]
        sold[seen] = later
    day = np.tile(np.arange(LIVED), PEOPLE)
    is_sold = ~np.isnan(sold).ravel()
    drawn = 0.2 * len(levels)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(PEOPLE)], LIVED),
            "as_of_on": pd.Timestamp("2025-12-01") + pd.to_timedelta(day, unit="D"),
            "web_visit_30d_count": np.repeat(rng.poisson(3, PEOPLE), LIVED),
            "channel": names[done.ravel()], "offer_id": NONE,
            "propensity": np.where(done.ravel() > 0, drawn / len(levels), 1 - drawn), "sample_weight": 1.0,
            "source": "history", "arm": "history", "is_converted": is_sold, "converted_day": sold.ravel(),
            "is_clicked": np.where(done > 0, clicked, np.nan).ravel(),
            "is_traced": np.where(done > 0, clicked & ~np.isnan(sold), np.nan).ravel(), "age_days": LIVED - day,
        }
    )  # fmt: skip
    return matured(frame.assign(margin=np.where(is_sold, 20.0, np.nan)), horizon)


def trained(frame: pd.DataFrame) -> ResponseModel:
    return fit(frame, [Option(name, NONE) for name in ("email", "sms")], seed=1, threads=1).model


STILL = np.ones(LIVED)
FELL = np.where(np.arange(LIVED) < LIVED - 5, 1.0, 0.15)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_young_contacts_and_horizons_that_overlap_are_not_taken_for_a_change(seed):
    changes = trained(lived({"email": STILL, "sms": STILL}, seed)).changes
    assert changes
    assert not any(one.is_likely for one in changes.values())
    assert all(one.times == pytest.approx(1.0, abs=0.1) for one in changes.values())


@pytest.mark.parametrize("seed", [1, 3])
def test_one_channels_change_is_not_taken_for_anothers_that_reaches_the_same_people(seed):
    changes = trained(lived({"email": FELL, "sms": STILL}, seed)).changes
    assert changes["email"].is_likely
    assert changes["email"].times < 0.5
    assert not changes["sms"].is_likely
    assert changes["sms"].times == pytest.approx(1.0, abs=0.1)


def test_contacts_that_began_lately_after_nothing_are_not_taken_for_a_change():
    frame = lived({"email": STILL, "sms": STILL}, 6)
    early = (frame["as_of_on"] < pd.Timestamp("2025-12-21")) & (frame["channel"] == "sms")
    changes = trained(frame[~early].reset_index(drop=True)).changes
    assert not any(one.is_likely for one in changes.values())


def test_of_a_frame_that_does_not_say_how_old_its_rows_are_no_change_is_learned():
    assert trained(lived({"email": FELL, "sms": STILL}, 1).drop(columns="age_days")).changes == {}


def test_beside_another_learner_no_change_is_learned_since_better_targeting_would_pass_for_one(monkeypatch):
    def of_trees(*given):
        return [replace(one, is_chosen=one.name == "s_trees") for one in choose(*given)]

    monkeypatch.setattr("ml.response.fit.choose", of_trees)
    model = trained(lived({"email": FELL, "sms": STILL}, 4))
    assert model.personal.name == "s_trees"
    assert model.changes == {}


def test_where_nobody_differs_trees_are_not_used_for_looking_rich_by_chance():
    assert trained(lived({"email": FELL, "sms": STILL}, 4)).personal.name == FACTOR  # by money alone s_trees were


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quick_channel_that_began_within_the_horizon_is_not_taken_for_a_change(seed):
    frame = lived({"email": STILL, "sms": STILL}, seed, horizon=14, delays={"email": (3, 10), "sms": (0, 1)})
    early = (frame["as_of_on"] < pd.Timestamp("2025-12-31") - pd.Timedelta(days=11)) & (frame["channel"] == "sms")
    changes = trained(frame[~early].reset_index(drop=True)).changes
    assert not any(one.is_likely for one in changes.values())
    assert all(one.times == pytest.approx(1.0, abs=0.15) for one in changes.values())


@pytest.mark.parametrize("seed", [3, 4])
def test_a_shop_whose_whole_past_is_shorter_than_the_horizon_sees_no_change(seed):
    frame = lived({"email": STILL, "sms": STILL}, seed, horizon=14)
    changes = trained(frame[frame["as_of_on"] >= pd.Timestamp("2025-12-20")].reset_index(drop=True)).changes
    assert not any(one.is_likely for one in changes.values())


def test_a_year_of_ten_conversions_is_no_change_and_less_doubt_than_there_is_of_the_channel():
    rng, days = np.random.default_rng(7), 365
    for _ in range(20):
        day = FIRST + np.repeat(np.arange(days), 3)
        caused = np.full(len(day), 10 / len(day))
        change = fit_changes(np.full(len(day), "sms"), day, rng.poisson(caused).astype(float), 0 * caused, caused)[
            "sms"
        ]
        assert not change.is_likely
        assert change.sd < 0.8


@pytest.fixture(scope="module")
def changed() -> tuple[ResponseModel, pd.DataFrame]:
    frame = lived({"email": FELL, "sms": STILL}, 1)
    return trained(frame), frame


def test_people_are_scored_by_what_a_channel_moves_now(changed):
    model, frame = changed
    people, options = frame.drop_duplicates("customer_id"), [Option("email", NONE), Option("sms", NONE)]
    now, learned = (one.score(people, options).uplift.mean(axis=0) for one in (model, model.as_learned))
    assert now / learned == pytest.approx([model.changes["email"].times, model.changes["sms"].times], rel=0.01)


def test_what_was_promised_of_past_contacts_is_told_as_it_was_learned(changed):
    model, frame = changed
    figures = evaluate(model, frame).metrics
    assert figures["email.promised_uplift"] == evaluate(model.as_learned, frame).metrics["email.promised_uplift"]
    assert figures["email.times_now"] == model.changes["email"].times


def test_contacts_since_a_likely_change_teach_nothing_of_conversations(changed):
    model, frame = changed
    changed_rows, since = model.has_changed(frame), pd.Timestamp(model.changes["email"].since)
    assert changed_rows.any()
    assert (changed_rows == ((frame["channel"] == "email") & (frame["as_of_on"] >= since)).to_numpy()).all()
    assert not model.as_learned.has_changed(frame).any()
    assert JourneyModel.fit(pd.DataFrame(), model, Journeys(), Scans(0, 0), {}).facts["rows"] == 0
    kept = JourneyModel.fit(frame, model, Journeys(), Scans(0, 0), {})
    assert kept.facts["rows"] == int((~changed_rows).sum())


def test_what_is_in_doubt_of_a_change_is_in_doubt_of_the_effect(changed):
    model, frame = changed
    people, email = frame.drop_duplicates("customer_id"), [Option("email", NONE)]
    surer = replace(model, changes={"email": replace(model.changes["email"], sd=0.0)})
    assert (model.score(people, email).uplift_sd > surer.score(people, email).uplift_sd).all()


def test_a_challenger_that_knows_of_a_change_is_not_condemned_by_days_before_it(changed):
    model, frame = changed
    unknowing = model.as_learned
    verdict = compare(model, unknowing, frame)
    assert verdict.may_replace
    assert verdict.difference == 0


def test_a_saved_model_knows_its_changes(changed, tmp_path):
    model, _ = changed
    model.save(tmp_path / "model")
    assert ResponseModel.load(tmp_path / "model").changes == model.changes


def test_the_card_names_a_channel_that_likely_changed_and_no_other(changed):
    model, _ = changed
    assert f"- **email** {model.changes['email'].words}" in model_card(model, {})
    unlikely = replace(model, changes={"email": replace(model.changes["email"], probability=0.2)})
    assert "**email**" not in model_card(unlikely, {})
