"""Days whose horizons overlap: each day and each purchase counts once, and nothing is chosen by what came later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.entities import NONE, Option
from ml.features import FeatureSpec
from ml.response.averages import fit_averages
from ml.response.contrast import Contrast, contrast_of
from ml.response.factor_features import FactorFeatures
from ml.response.fit import fit
from ml.response.levels import Levels
from ml.response.person_days import PersonDays
from ml.response.person_factor import DrawnContacts
from ml.response.rows import TrainingRows, prepare
from ml.response.thought import Thought
from ml.response.traces import Trace, Traces
from ml.response.trial import Trial

PLAIN, SMS = Option("email", NONE), Option("sms", NONE)


def known(frame: pd.DataFrame) -> tuple[TrainingRows, Contrast, FactorFeatures]:
    """The rows of a training frame with their contrast."""
    spec = FeatureSpec.fit(frame)
    rows = prepare(frame, spec)
    trial, features = Trial.of(frame, rows), FactorFeatures.fit(spec, rows.features)
    return rows, contrast_of(frame, rows, trial.option, trial.options, features, seed=1, threads=1), features


def contacts_of(frame: pd.DataFrame) -> DrawnContacts:
    rows, contrast, features = known(frame)
    everyone = np.ones(len(frame), dtype=bool)
    return DrawnContacts.of(Trial.of(frame, rows), contrast, Levels.of([PLAIN], Thought()), features, everyone, 1)


def lived_by(sold: np.ndarray, contacted: np.ndarray, horizon: int) -> pd.DataFrame:
    """The frame of people who bought on days [n, days + horizon] and were contacted [n, days]."""
    n, days = contacted.shape
    window = np.stack([sold[:, k : k + days] for k in range(horizon)], axis=2)
    converted = window.any(axis=2).ravel()
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(n)], days),
            "as_of_on": np.tile(pd.date_range("2026-01-01", periods=days), n),
            "web_visit_30d_count": np.repeat(np.random.default_rng(n).poisson(3, n), days),
            "channel": np.where(contacted.ravel(), "email", NONE), "offer_id": NONE, "propensity": 0.5,
            "sample_weight": 1.0, "source": "cycle", "arm": "random", "is_converted": converted,
            "converted_day": np.where(converted, window.argmax(axis=2).ravel(), np.nan),
            "margin": np.where(converted, 20.0, np.nan),
        }
    )  # fmt: skip


def lived(n: int, seed: int, *, usual: float, effect: float, days: int = 12, horizon: int = 3) -> pd.DataFrame:
    """Half of the people are contacted on every day, half on none; each contact causes on its day what it causes."""
    rng = np.random.default_rng(seed)
    contacted = np.repeat((np.arange(n) % 2 == 0)[:, None], days, axis=1)
    sold = rng.random((n, days + horizon)) < usual
    sold[:, :days] |= contacted & (rng.random((n, days)) < effect)
    return lived_by(sold, contacted, horizon)


def test_what_daily_contacts_cause_is_not_counted_for_each_horizon_that_it_falls_into():
    found = contacts_of(lived(6_000, 9, usual=0.002, effect=0.002)).averages().of(PLAIN)
    assert found.mean == pytest.approx(0.002, abs=3 * found.sd)
    assert found.sd < 0.0006  # three times the effect would be out of reach


def test_where_everybody_is_contacted_within_a_horizon_people_left_alone_in_between_have_to_do():
    frame = lived(400, 11, usual=0.01, effect=0.01)
    frame["channel"] = np.where(frame["as_of_on"].dt.day % 2 == 0, "email", NONE)
    _, contrast, _ = known(frame)
    assert len(contrast.alone) > 1000


@given(
    days=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=30, unique=True),
    bought=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 25)), max_size=12),
)
def test_each_day_and_each_first_purchase_is_shared_out_once(days, bought):
    horizon = 4
    first = [
        min((b for who, b in bought if who == person and day <= b < day + horizon), default=None)
        for person, day in days
    ]
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{person}" for person, _ in days],
            "as_of_on": [pd.Timestamp("2026-01-01") + pd.Timedelta(days=day) for _, day in days],
            "converted_day": [np.nan if on is None else on - day for on, (_, day) in zip(first, days, strict=True)],
        }
    )
    frame.loc[len(frame)] = ["c9", pd.Timestamp("2026-01-01"), horizon - 1.0]  # so that the horizon is known
    person, contacted = pd.factorize(frame["customer_id"])[0], np.zeros(len(frame), dtype=bool)
    known = PersonDays.of(frame, person)
    assert known is not None
    whole = np.full(len(frame), horizon)
    share, counted = known.own_parts(frame["converted_day"].notna().to_numpy(float), contacted, whole)
    covered = {(person, day + k) for person, day in days for k in range(horizon)}
    assert share.sum() * horizon == pytest.approx(len(covered) + horizon)
    assert (counted[:-1] <= 1).all()
    assert counted[:-1].sum() <= len(bought & covered) + 1e-9
    assert (counted[:-1] > 0).tolist() == [on is not None for on in first]


def days_of(contacts: dict[str, list[int]], days: int, horizon: int) -> tuple[PersonDays, np.ndarray]:
    """People on all of the days from 0 on, of whom some are contacted."""
    person, day = (each.ravel() for each in np.indices((len(contacts), days)))
    contacted = np.array([on in list(contacts.values())[who] for who, on in zip(person, day, strict=True)])
    return PersonDays(person, day, np.zeros(len(person), dtype=np.int64), horizon), contacted


def test_who_was_contacted_within_a_horizon_does_not_tell_what_comes_by_itself():
    known, contacted = days_of({"a": [5], "b": []}, 10, 3)
    assert known.day[known.is_after(contacted) & (known.person == 0)].tolist() == [6, 7]
    assert not known.is_after(contacted)[known.person == 1].any()


def test_a_day_left_alone_is_looked_at_until_the_next_contact():
    known, contacted = days_of({"a": [5], "b": []}, 10, 3)
    assert known.until_contact(contacted)[known.person == 0].tolist() == [3, 3, 3, 2, 1, 3, 3, 3, 3, 3]
    assert (known.until_contact(contacted)[known.person == 1] == 3).all()


@given(
    contacts=st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=4),
    horizon=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_values_of_others_count_by_the_part_of_the_horizon_that_is_shared(contacts, horizon, seed):
    known, contacted = days_of({str(i): sorted(each) for i, each in enumerate(contacts)}, 10, horizon)
    rows = np.flatnonzero(contacted)
    values = np.random.default_rng(seed).random(len(rows))
    expected = np.zeros(len(known.day))
    for row, value in zip(rows, values, strict=True):
        apart = np.abs(known.day - known.day[row])
        expected += (known.person == known.person[row]) * value * np.maximum(1 - apart / horizon, 0)
    assert known.overlapping(rows, values) == pytest.approx(expected, abs=1e-9)


def test_who_is_contacted_only_while_nothing_was_bought_leaves_the_others_chance_as_it_is():
    """Rows left out for a contact that came later would be those of people who hadn't bought."""
    rng, n, days, horizon, usual = np.random.default_rng(1), 6_000, 40, 7, 0.01
    sold, contacted, last = np.zeros((n, days + horizon), dtype=bool), np.zeros((n, days), dtype=bool), np.full(n, -99)
    for day in range(days + horizon):
        if day < days:
            contacted[:, day] = (day - last > horizon) & (rng.random(n) < 0.06)
        sold[:, day] = rng.random(n) < usual
        last = np.where(sold[:, day], day, last)
    _, contrast, _ = known(lived_by(sold, contacted, horizon))
    rate = contrast.converted[contrast.alone].sum() / contrast.told[contrast.alone].sum()
    assert rate == pytest.approx(1 - (1 - usual) ** horizon, rel=0.05)  # .077 for .068 where later contacts choose


@pytest.mark.parametrize("never", [1, 3])
def test_a_handful_of_people_never_contacted_do_not_fix_the_level_of_everybody(never: int):
    """Contacts on every second day cause .005 each; the horizons of all other days overlap with theirs."""
    rng, n, days, horizon = np.random.default_rng(5), 3_000, 12, 3
    contacted = np.zeros((n, days), dtype=bool)
    contacted[never:, 1::2] = True
    sold = rng.random((n, days + horizon)) < 0.01
    sold[:, :days] |= contacted & (rng.random((n, days)) < 0.005)
    sold[:never] = False
    found = fit(lived_by(sold, contacted, horizon), [PLAIN], seed=1, threads=1).model.averages.of(PLAIN)
    assert found.mean < 0.009  # .02 where they do


def test_learners_are_judged_by_what_each_contact_causes_not_each_horizon():
    frame = lived(6_000, 9, usual=0.002, effect=0.002)
    _, contrast, _ = known(frame)
    shown = fit_averages(contrast, [PLAIN]).of(PLAIN)
    assert shown.mean == pytest.approx(0.002, abs=2 * shown.sd)
    assert shown.sd < 0.0008
    found = fit(frame, [PLAIN], seed=1, threads=1)
    gain = found.candidates[0].gain
    assert gain.low < 0.5 * 20 * 0.002 < gain.high < 0.05  # .064 where purchases count for each horizon


def test_the_chance_when_left_alone_is_that_without_any_of_the_contacts_in_a_horizon():
    frame = lived(12_000, 22, usual=0.002, effect=0.002)
    alone = frame["channel"] == NONE
    model = fit(frame, [PLAIN], seed=1, threads=1).model
    assert model.asked(frame).alone.mean() == pytest.approx(frame["is_converted"][alone].mean(), rel=0.05)


def test_what_a_neighbours_click_takes_of_a_purchase_is_left_over_by_the_neighbours_channel():
    rng, n = np.random.default_rng(3), 400
    contacted = np.zeros((n, 4), dtype=bool)
    contacted[: n // 2, :2] = True
    frame = lived_by((rng.random((n, 7)) < 0.2) & (np.arange(7) > 0), contacted, 3)
    day = frame["as_of_on"].dt.day
    frame.loc[(frame["channel"] != NONE) & (day == 2), "channel"] = "sms"
    mailed = frame["channel"] == "email"
    clicked = pd.Series(np.where(mailed, day == 1, None), dtype="boolean")
    frame["is_clicked"], frame["is_traced"] = clicked, clicked & frame["is_converted"]
    rows, contrast, features = known(frame)
    traces = Traces({"email": Trace(0.1, 0.75)}).of(rows, contrast)
    used = np.isin(np.arange(len(frame)), contrast.contact)
    mails, texts = (np.flatnonzero(used & (frame["channel"] == name)) for name in ("email", "sms"))
    assert traces.left[mails] == pytest.approx(0.9)
    assert traces.left[texts] == pytest.approx(0.9 ** (2 / 3))
    shared = texts[(frame["is_converted"] & (frame["converted_day"] < 2))[texts]]  # within the mail's horizon as well
    assert len(shared) > 20
    assert traces.is_followed[shared].all()
    drawn = contrast.thinned(100, 1)  # and the mail itself needn't be among those that are judged
    levels, everyone = Levels.of([PLAIN, SMS], Thought()), np.ones(len(frame), dtype=bool)
    parts = DrawnContacts.of(Trial.of(frame, rows), drawn, levels, features, everyone, 1).split(traces)
    assert not parts.count[:100][np.isin(drawn.contact, shared)].any()
