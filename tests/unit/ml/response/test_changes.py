"""A channel that lately moves people less, or more, is believed as far as its contacts show it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.entities import NONE, Option
from ml.evaluation.card import model_card
from ml.evaluation.gate import compare
from ml.response.changes import GRID, UNCHANGED, Change, fit_changes
from ml.response.fit import fit
from ml.response.model import ResponseModel

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


def lived(times: float, seed: int) -> pd.DataFrame:
    """Days on which a third is mailed, which brings eight of a hundred, and on the last five days so many times as many."""
    rng, people, days = np.random.default_rng(seed), 900, 30
    n = people * days
    day = np.tile(np.arange(days), people)
    is_mailed = rng.random(n) < 1 / 3
    chance = 0.02 + is_mailed * 0.08 * np.where(day < days - 5, 1.0, times)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(people)], days),
            "as_of_on": pd.Timestamp("2025-12-01") + pd.to_timedelta(day, unit="D"),
            "web_visit_30d_count": np.repeat(rng.poisson(3, people), days),
            "channel": np.where(is_mailed, "email", NONE), "offer_id": NONE,
            "propensity": np.where(is_mailed, 1 / 3, 2 / 3), "sample_weight": 1.0, "source": "history", "arm": "history",
            "is_converted": rng.random(n) < chance,
        }
    )  # fmt: skip
    return frame.assign(margin=np.where(frame["is_converted"], 20.0, np.nan))


@pytest.fixture(scope="module")
def changed() -> tuple[ResponseModel, pd.DataFrame]:
    frame = lived(0.2, 6)
    return fit(frame, [Option("email", NONE)], seed=1, threads=1).model, frame


def test_people_are_scored_by_what_a_channel_moves_now(changed):
    model, frame = changed
    people = frame.drop_duplicates("customer_id")
    assert model.score(people, [Option("email", NONE)]).uplift.mean() == pytest.approx(0.016, abs=0.01)
    assert model.as_learned.score(people, [Option("email", NONE)]).uplift.mean() == pytest.approx(0.07, abs=0.015)


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
