"""A contact that isn't seen does nothing: who looks is learned from looks, long before it is known whom a contact moves."""

import json

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.response.exposure import LEAST_SEEN, Exposure
from ml.response.fit import fit
from ml.response.model import ResponseModel
from ml.response.store import load, save

WEB, EMAIL = Option("web", NONE), Option("email", NONE)
MOVED = 0.02


def visitors(n: int, seed: int, *, reported: bool = True, follows: bool = False) -> pd.DataFrame:
    """A trial of a banner on the site and an e-mail: the banner moves only who comes, and who came often comes again.

    The e-mail moves everybody alike, or where it `follows` only who comes as well.
    """
    rng = np.random.default_rng(seed)
    visits = rng.poisson(rng.choice([0.3, 6.0], n))
    comes = rng.random(n) < np.minimum(0.05 + 0.08 * visits, 0.9)
    channel = rng.choice([NONE, "web", "email"], n, p=[0.5, 0.25, 0.25])
    looks = comes | ((channel == "email") & (not follows))
    moved = MOVED * looks * (channel != NONE) * np.where((channel == "email") & (not follows), 0.25, 1.0)
    converted = rng.random(n) < 0.003 + moved
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)], "as_of_on": pd.Timestamp("2026-01-01"), "web_visit_30d_count": visits,
            "channel": channel, "offer_id": NONE, "propensity": 0.5, "sample_weight": 1.0, "source": "cycle", "arm": "random",
            "is_exposed": pd.array(np.where((channel == "web") & reported, comes, None), dtype="boolean"),
            "is_converted": converted, "margin": np.where(converted, 20.0, np.nan), "maturity": 1.0,
        }
    )  # fmt: skip


def model_of(frame: pd.DataFrame) -> ResponseModel:
    return fit(frame, [WEB, EMAIL], seed=1, threads=1).model


def uplifts(model: ResponseModel, visits: list[int]) -> np.ndarray:
    people = pd.DataFrame({"customer_id": [str(v) for v in visits], "web_visit_30d_count": visits})
    return model.score(people, [WEB, EMAIL]).uplift


def test_a_banner_is_promised_to_move_who_comes_as_often_as_they_come():
    model = model_of(visitors(60_000, 1))
    chance = model.exposure.chance("web", model.spec.matrix(pd.DataFrame({"web_visit_30d_count": [0, 6]})))
    assert chance == pytest.approx([0.06, 0.53], abs=0.09)
    rare, often = uplifts(model, [0, 6])
    assert often[0] / rare[0] == pytest.approx(chance[1] / chance[0], rel=0.3)
    assert often[0] == pytest.approx(MOVED * 0.53, rel=0.35)


def test_where_few_purchases_are_known_looks_alone_tell_people_apart():
    few = model_of(visitors(3_000, 2))
    rare, often = uplifts(few, [0, 6])
    assert often[0] > 4 * rare[0]
    # The e-mail's looks aren't reported: half as apart, in logs, is thought.
    assert 1.5 * rare[1] < often[1] < 4 * rare[1]


def test_who_looks_at_screens_says_nothing_of_letters_and_telephones():
    model = model_of(visitors(3_000, 2))
    matrix = model.spec.matrix(pd.DataFrame({"web_visit_30d_count": [0, 6]}))
    assert model.exposure.ratio("push", matrix)[1] > 1.5 * model.exposure.ratio("push", matrix)[0]
    for channel in ("direct_mail", "voice"):
        assert model.exposure.ratio(channel, matrix).tolist() == [1.0, 1.0]


def test_what_is_carried_over_leaves_the_mean_of_those_contacted_as_it_is():
    """Means of contacts, as of trials elsewhere, would else be promised by a third too low."""
    frame = visitors(20_000, 3)
    model = model_of(frame)
    for channel in ("email", "push"):
        people = frame[frame["channel"] == channel] if channel == "email" else frame[frame["channel"] != NONE]
        assert model.exposure.ratio(channel, model.spec.matrix(people)).mean() == pytest.approx(1.0, abs=1e-6)


def test_who_is_not_reached_by_a_channel_that_tells_does_not_pass_for_one_who_looks_at_nothing():
    frame = visitors(20_000, 4)
    has = np.random.default_rng(1).random(len(frame)) < 0.5
    frame["has_visitor"] = has
    frame.loc[~has, "web_visit_30d_count"] = 0
    frame = frame[has | (frame["channel"] != "web")].reset_index(drop=True)
    model = model_of(frame)
    people = pd.DataFrame({"web_visit_30d_count": [0, 0, 9], "has_visitor": [False, True, True]})
    unknown, rare, often = model.exposure.ratio("push", model.spec.matrix(people))
    assert rare < unknown < often


@pytest.mark.parametrize(("follows", "alike"), [(False, (0.0, 0.2)), (True, (0.8, 1.0))])
def test_contacts_tell_whether_who_looks_by_one_channel_does_by_another(follows: bool, alike: tuple[float, float]):
    """The e-mail moves those who come to the site, or everybody alike."""
    frame = visitors(400_000, 2, follows=follows)
    low, high = alike
    assert low <= model_of(frame).exposure.alike <= high


def test_without_reports_everybody_is_taken_to_look():
    model = model_of(visitors(3_000, 3, reported=False))
    assert model.exposure.lines == {}
    scores = model.score(pd.DataFrame({"customer_id": ["a"], "web_visit_30d_count": [0]}), [WEB])
    assert scores.exposure.tolist() == [[1.0]]


def test_days_whose_horizon_is_not_over_say_nothing_of_who_looks():
    frame = visitors(20_000, 4)
    young = frame.assign(maturity=0.5, is_exposed=frame["is_exposed"] & False, customer_id="y" + frame["customer_id"])
    both, old = (model_of(each).exposure.lines["web"].rate for each in (pd.concat([frame, young]), frame))
    assert both == pytest.approx(old, rel=0.05)


def test_few_looks_tell_nobody_apart():
    frame = visitors(4_000, 5)
    web = np.flatnonzero(frame["channel"] == "web")
    frame.loc[web[LEAST_SEEN - 1 :], "is_exposed"] = False
    assert model_of(frame).exposure.lines == {}


def test_a_model_that_was_saved_knows_who_looks(tmp_path):
    model = model_of(visitors(20_000, 6))
    save(model, tmp_path / "model")
    kept = load(tmp_path / "model")
    assert kept.exposure.to_dict() == json.loads(json.dumps(model.exposure.to_dict()))
    assert uplifts(kept, [0, 3, 9]).tolist() == uplifts(model, [0, 3, 9]).tolist()


def test_no_chance_to_look_is_above_one():
    model = model_of(visitors(20_000, 7))
    many = model.spec.matrix(pd.DataFrame({"web_visit_30d_count": [10_000]}))
    assert model.exposure.chance("web", many) <= 1
    assert Exposure().chance("web", many) == 1
