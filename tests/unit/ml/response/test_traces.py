"""Conversions after a click tell of effects with a fraction of the noise, as far as the counts themselves say so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.features import FeatureSpec
from ml.response.contrast import Contrast, contrast_of
from ml.response.factor_features import FactorFeatures
from ml.response.fit import fit
from ml.response.levels import Levels
from ml.response.person_factor import DrawnContacts, fit_factor
from ml.response.rows import TrainingRows, prepare
from ml.response.thought import Thought
from ml.response.traces import Trace, Traces, fit_traces
from ml.response.trial import Trial

BELIEVED = np.log(3)
"""Log Bayes factor of positive evidence (Kass and Raftery 1995)."""
EMAIL, TEN = Option("email", NONE), Option("email", "ten_off")
EFFECT, CLICKS, FOLLOWED = 0.004, 0.04, 0.75


def mailed(
    n: int,
    seed: int,
    *,
    effect: float = EFFECT,
    clicks_of_buyers: float = 1.0,
    habit: float = 0.0,
    followed: float = FOLLOWED,
) -> pd.DataFrame:
    """Half get an e-mail. Who would buy anyway clicks as often as anybody, or `clicks_of_buyers` times as often.

    Of those whom it moves a share clicks, `followed`. Frequent visitors click more by `habit`, in logs, and buy more by half of
    it, whatever they get.
    """
    rng = np.random.default_rng(seed)
    visits = rng.poisson(3, n)
    z = (np.log1p(visits) - np.log1p(visits).mean()) / np.log1p(visits).std()
    alone = np.minimum(rng.gamma(0.5, 0.03, n) * np.exp(habit / 2 * z), 0.5)
    contacted = rng.random(n) < 0.5
    bought, caused = rng.random(n) < alone, contacted & (rng.random(n) < effect)
    often = np.minimum(CLICKS * np.exp(habit * z) * np.where(bought, clicks_of_buyers, 1), 1.0)
    clicked = np.where(caused, rng.random(n) < followed, rng.random(n) < often)
    converted = bought | caused
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)], "as_of_on": pd.Timestamp("2026-01-01"), "alone": alone,
            "web_visit_30d_count": visits, "channel": np.where(contacted, "email", NONE), "offer_id": NONE,
            "propensity": 0.5, "sample_weight": 1.0, "source": "cycle", "arm": "random", "is_converted": converted,
            "is_clicked": pd.array(np.where(contacted, clicked, None), dtype="boolean"),
            "is_traced": pd.array(np.where(contacted, converted & clicked, None), dtype="boolean"),
            "margin": np.where(converted, 20.0, np.nan),
        }
    )  # fmt: skip


def known(frame: pd.DataFrame) -> tuple[TrainingRows, Contrast, FactorFeatures]:
    """Rows with the contrast in which everybody's chance when left alone is the true one."""
    spec = FeatureSpec.fit(frame)
    rows = prepare(frame, spec)
    seen, features = Trial.of(frame, rows), FactorFeatures.fit(spec, rows.features)
    contrast = contrast_of(frame, rows, seen.option, seen.options, features, seed=1, threads=1)
    return rows, replace(contrast, expected=frame["alone"].to_numpy()), features


def twice_as_much(n: int, seed: int) -> pd.DataFrame:
    """E-mails of which one half makes an offer, with which twice as many are moved."""
    plain, offered = mailed(n, seed), mailed(n, seed + 100, effect=2 * EFFECT)
    offered["customer_id"] = "t" + offered["customer_id"]
    offered.loc[offered["channel"] != NONE, "offer_id"] = "ten_off"
    return pd.concat([plain, offered], ignore_index=True)


def offer_of(frame: pd.DataFrame, *, traced: bool) -> tuple[float, float]:
    """Logarithm of what the offer moves over a contact without it, and its standard deviation."""
    frame = frame.reset_index(drop=True)
    rows, contrast, features = known(frame)
    caused = np.where(frame["offer_id"] == NONE, EFFECT, 2 * EFFECT)[contrast.contacts]
    traces = fit_traces(rows, contrast, features, caused) if traced else Traces()
    levels, everyone = Levels.of([EMAIL, TEN], Thought()), np.ones(len(frame), dtype=bool)
    whole = DrawnContacts.of(Trial.of(frame, rows), contrast, levels, features, everyone, 1)
    found, count = whole.split(traces.of(rows, contrast)).fitted(0.0), len(levels.sds)
    apart = levels.columns[1] - levels.columns[0]
    return float(apart @ found.weights[:count]), float(np.sqrt(apart @ found.covariance[:count, :count] @ apart))


def test_shares_of_what_comes_anyway_and_of_what_is_caused_are_found():
    rows, contrast, features = known(mailed(200_000, 1))
    found = fit_traces(rows, contrast, features, np.full(len(contrast.contact), EFFECT)).channels["email"]
    assert found.anyway == pytest.approx(CLICKS, abs=0.025)
    assert found.caused == pytest.approx(FOLLOWED, abs=0.2)


def test_what_sets_contacts_apart_is_known_better_by_what_follows_a_click():
    frame = twice_as_much(60_000, 2)
    (plain, doubt), (traced, less) = offer_of(frame, traced=False), offer_of(frame, traced=True)
    assert less < 0.9 * doubt
    assert abs(traced - np.log(2)) < 3 * less
    assert abs(plain - np.log(2)) < 3 * doubt


def test_how_much_contacts_move_is_told_by_all_purchases_where_few_of_those_caused_follow_a_click():
    """Of an effect that is told apart by itself, clicks may not make half because half of it comes without one."""
    frame = mailed(400_000, 6, effect=0.008, followed=0.3)
    rows, contrast, features = known(frame)
    found = Traces()
    contacts = whole = DrawnContacts.of(
        Trial.of(frame, rows), contrast, Levels.of([EMAIL], Thought()), features, np.ones(len(frame), dtype=bool), 1
    )
    for _ in range(3):
        caused = np.full(len(contrast.contacts), contacts.averages().of(EMAIL).mean)
        found = fit_traces(rows, contrast, features, caused)
        contacts = whole.split(found.of(rows, contrast))
    level = contacts.averages().of(EMAIL)
    assert found.channels["email"].caused < 0.45
    assert level.mean == pytest.approx(0.008, rel=0.2)
    assert abs(level.mean - 0.008) < 2 * level.sd


@pytest.mark.parametrize(("thought", "within"), [(0.1, 0.1), (0.5, 0.1), (0.9, 0.6)])
def test_a_wrong_share_of_clicks_is_mended_by_all_purchases_together(thought: float, within: float):
    """What doesn't follow a click is the rest of what does: thought .9 instead of .3, it would be seven times the level."""
    frame = mailed(400_000, 6, effect=0.008, followed=0.3)
    rows, contrast, features = known(frame)
    levels, everyone = Levels.of([EMAIL], Thought()), np.ones(len(frame), dtype=bool)
    whole = DrawnContacts.of(Trial.of(frame, rows), contrast, levels, features, everyone, 1)
    level = whole.split(Traces({"email": Trace(CLICKS, thought)}).of(rows, contrast)).averages().of(EMAIL)
    assert level.mean == pytest.approx(0.008, rel=within)


def test_of_how_much_contacts_move_together_clicks_tell_no_more_than_is_known_of_their_shares():
    frame = mailed(60_000, 2)
    rows, contrast, features = known(frame)
    levels, everyone = Levels.of([EMAIL], Thought()), np.ones(len(frame), dtype=bool)
    whole = DrawnContacts.of(Trial.of(frame, rows), contrast, levels, features, everyone, 1)
    level = whole.split(Traces({"email": Trace(CLICKS, FOLLOWED)}).of(rows, contrast)).averages().of(EMAIL)
    assert level.sd > 0.9 * whole.averages().of(EMAIL).sd  # .78 of it by the clicks, were the shares certain
    assert abs(level.mean - EFFECT) < 2 * level.sd


def test_buyers_who_click_more_do_not_pass_for_caused():
    frame = mailed(200_000, 3, effect=0.0, clicks_of_buyers=4.0)
    model = fit(frame, [EMAIL], seed=1, threads=1).model
    assert model.averages.of(EMAIL).mean < 0.0015  # as it looks, some .002 followed a click


def test_habitual_clickers_do_not_pass_for_persuaded():
    for effect in (0.0, EFFECT):
        frame = mailed(120_000, 5, effect=effect, habit=1.2)
        rows, contrast, features = known(frame)
        traces = fit_traces(rows, contrast, features, np.full(len(contrast.contact), effect))
        everyone = np.ones(len(frame), dtype=bool)
        levels = Levels.of([EMAIL], Thought())
        drawn = DrawnContacts.of(Trial.of(frame, rows), contrast, levels, features, everyone, 1)
        found = fit_factor(drawn.split(traces.of(rows, contrast)))
        assert found.evidence < BELIEVED
        assert abs(found.weights[0]) < 0.1


def test_a_channel_whose_clicks_nobody_reports_is_one_count_a_contact():
    frame = mailed(20_000, 4)
    for name in ("is_clicked", "is_traced"):
        frame[name] = frame[name] & (frame["channel"] == NONE)
    rows, contrast, features = known(frame)
    assert fit_traces(rows, contrast, features, np.full(len(contrast.contact), EFFECT)).channels == {}


def test_contacts_of_history_and_of_other_channels_stay_one_count():
    frame = mailed(40, 4)
    frame["channel"] = ["email"] * 15 + ["sms"] * 15 + [NONE] * 10
    told = pd.array([None, True, False] * 10 + [None] * 10, dtype="boolean")
    rows, contrast, _ = known(frame.assign(is_traced=told, is_clicked=told))
    found = Traces({"email": Trace(0.1, 0.8)}).of(rows, contrast)
    used = contrast.contact
    assert len(used) > 20
    assert found.traced[used].tolist() == [float(i < 15 and i % 3 == 1) for i in used]
    assert found.anyway[used].tolist() == [0.1 if i < 15 and i % 3 else 0.0 for i in used]
    assert found.caused[used].tolist() == [0.8 if i < 15 and i % 3 else 0.0 for i in used]


def test_days_whose_horizons_overlap_share_a_purchase():
    frame = mailed(2_000, 7)
    twice = pd.concat([frame, frame.assign(as_of_on=frame["as_of_on"] + pd.Timedelta(days=1))], ignore_index=True)
    twice["converted_day"] = np.where(twice["is_converted"], np.where(twice.index < len(frame), 2.0, 1.0), np.nan)
    _, contrast, _ = known(twice)
    converted = twice["is_converted"].to_numpy()
    assert len(np.unique(contrast.purchase[converted])) == converted.sum() / 2


def test_contacts_chosen_by_habit_teach_by_what_followed_their_clicks():
    frame = twice_as_much(60_000, 8)
    # habit mailed those who buy anyway: what they bought tells nothing, what followed a click does
    habit = (
        twice_as_much(60_000, 9).query("channel == 'email'").assign(propensity=np.nan, source="history", arm="history")
    )
    habit["customer_id"] = "h" + habit["customer_id"]
    habit["is_converted"] |= np.random.default_rng(1).random(len(habit)) < 0.1
    (alone, doubt), (both, less) = (offer_of(each, traced=True) for each in (frame, pd.concat([frame, habit])))
    assert less < 0.85 * doubt
    assert abs(both - np.log(2)) < 3 * less
    silent = habit.assign(
        is_clicked=pd.array([None] * len(habit), dtype="boolean"),
        is_traced=pd.array([None] * len(habit), dtype="boolean"),
    )
    assert offer_of(pd.concat([frame, silent]), traced=True) == pytest.approx((alone, doubt), rel=0.05)


def test_a_purchase_that_followed_a_click_is_counted_by_that_message_alone():
    frame = mailed(4_000, 11).query("channel == 'email'").reset_index(drop=True)
    left = mailed(4_000, 12).query("channel == 'none'").assign(customer_id=lambda rows: "l" + rows["customer_id"])
    second = frame.assign(as_of_on=frame["as_of_on"] + pd.Timedelta(days=1))
    second["is_traced"] = second["is_clicked"] = pd.array([False] * len(second), dtype="boolean")
    twice = pd.concat([frame, second, left], ignore_index=True)
    twice["converted_day"] = np.where(twice["is_converted"], np.where(twice.index < len(frame), 2.0, 1.0), np.nan)
    rows, contrast, features = known(twice)
    levels, everyone = Levels.of([EMAIL], Thought()), np.ones(len(twice), dtype=bool)
    whole = DrawnContacts.of(Trial.of(twice, rows), contrast, levels, features, everyone, 1)
    found = whole.split(Traces({"email": Trace(0.04, 0.8)}).of(rows, contrast))
    mails, used = 2 * len(frame), np.isin(np.arange(len(frame)), contrast.contact)
    traced = int(frame["is_traced"][used].sum())
    assert len(found.count) == 2 * len(whole.count) <= 2 * mails
    assert found.count[len(whole.count) :].sum() == traced
    assert found.count.sum() == pytest.approx(whole.count.sum())
    assert whole.count.sum() == pytest.approx(frame["is_converted"][used].sum())
