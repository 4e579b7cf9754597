"""Findings are kept with their evidence, replaced by better ones, and seed what comes next."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.learning.contrasts import ChannelEffect, Side, Sums, effects_of
from ml.learning.memory import Finding, believed, experiments, learn, of_channels, of_lifts, of_trials, prior_uplift

ON = date(2026, 2, 2)


def finding(effect: float, half: float, key: str = "channel/email", on: date = ON) -> Finding:
    return Finding(
        key, "words", "share", effect, effect - half, effect + half, 100, on.isoformat(), on, on + timedelta(days=180)
    )


def test_a_finding_is_kept_when_it_is_new_sharper_or_contradicts() -> None:
    held = finding(0.01, 0.005, on=ON - timedelta(days=1))
    cases = {"confirmed": (0.011, 0.005), "sharper": (0.011, 0.004), "contradicted": (0.03, 0.005)}
    for verdict, figures in cases.items():
        kept = learn([finding(*figures)], {held.key: held}, ON)
        assert [one.verdict for one in kept] == ([] if verdict == "confirmed" else [verdict])
    assert [one.verdict for one in learn([held], {}, ON)] == ["new"]


def test_what_is_found_again_after_a_week_is_kept_so_that_it_does_not_expire() -> None:
    held = finding(0.01, 0.005, on=ON - timedelta(days=7))
    (kept,) = learn([finding(0.01, 0.005)], {held.key: held}, ON)
    assert kept.verdict == "confirmed"
    assert kept.finding.expires_on > held.expires_on


def test_an_expired_finding_is_not_believed() -> None:
    old = finding(0.01, 0.005, on=ON - timedelta(days=180))
    assert believed([old], ON - timedelta(days=1)) == [old]
    assert believed([old], ON) == []


def test_a_past_day_believes_nothing_that_was_learned_later() -> None:
    assert believed([finding(0.01, 0.005, on=ON)], ON - timedelta(days=1)) == []
    assert len(believed([finding(0.01, 0.005, on=ON)], ON)) == 1


def test_a_new_campaign_starts_from_what_was_found_and_from_the_default_where_nothing_was() -> None:
    held = [finding(0.01, 0.0002), finding(-0.004, 0.0002, key="channel/sms")]
    prior = prior_uplift(held, dict.fromkeys(["email", "sms", "voice"], 0.002))
    assert prior["email"] == pytest.approx(0.01, rel=0.02)
    assert prior["sms"] < 0
    assert prior["voice"] == 0.002


def test_a_trial_and_a_campaign_about_one_channel_are_believed_by_how_sure_they_are() -> None:
    campaign, trial = finding(0.01, 0.001), finding(0.004, 0.001, key="trial/email/a.csv")
    both = prior_uplift([campaign, trial], {"email": 0.002})["email"]
    assert both == pytest.approx(0.007, rel=0.05)
    assert of_trials([campaign, trial]) == [trial]


@given(st.floats(-0.05, 0.05), st.floats(1e-4, 0.05))
def test_a_prior_lies_between_the_default_and_what_was_found(effect: float, half: float) -> None:
    prior = prior_uplift([finding(effect, half)], {"email": 0.002})["email"]
    assert min(effect, 0.002) - 1e-12 <= prior <= max(effect, 0.002) + 1e-12


def test_the_experiment_that_tells_most_is_where_the_sign_is_open_and_many_can_be_reached() -> None:
    held = [finding(0.01, 0.001), finding(0.002, 0.003, key="channel/voice"), finding(0.002, 0.003, key="channel/push")]
    people = {"email": 10_000, "voice": 10_000, "push": 10}
    made = experiments(
        held, people, {"email": 0.0, "voice": 0.1, "push": 0.1}, value=50.0, thought=dict.fromkeys(people, 0.002)
    )
    assert made[0].channel == "voice"
    assert made[0].low < 0 < made[0].high
    assert {one.channel for one in made if one.worth < 1} == {"email", "push"}


def test_lifts_for_which_it_is_too_early_are_no_findings() -> None:
    arm = {"people": 10}
    lift = {"objective_id": "o", "measure": "margin", "against": "holdout", "words": "+1", "system": arm, "other": arm}
    early = lift | {"difference": None, "low": None, "high": None}
    (found,) = of_lifts([early, lift | {"difference": 1.0, "low": 0.5, "high": 1.5}], "2026-02-02", ON)
    assert (found.key, found.unit, found.sample) == ("lift/o/margin/holdout", "money", 20)


def sums(draw: np.random.Generator, effect: float) -> Sums:
    """2,000 people over ten days, who buy or not at all, likelier contacted the likelier they buy."""
    people, days = 2000, 10
    chance = draw.uniform(0.05, 0.5, people)
    organic = draw.random(people) < chance * 0.4
    parts = {True: [np.zeros(people), np.zeros(people)], False: [np.zeros(people), np.zeros(people)]}
    for _ in range(days):
        contacted = draw.random(people) < chance
        bought = organic | (contacted & (draw.random(people) < effect))
        for side, among, p in ((True, contacted, chance), (False, ~contacted, 1 - chance)):
            parts[side][0] += among / p
            parts[side][1] += among * bought / p
    sides = [
        Side(
            int((w > 0).sum()),
            int((b > 0).sum()),
            float(w.sum()),
            float(b.sum()),
            float((w**2).sum()),
            float((w * b).sum()),
            float((b**2).sum()),
        )
        for w, b in (parts[True], parts[False])
    ]
    (one, bought), (other, left) = parts[True], parts[False]
    return Sums(*sides, *(float((a * b).sum()) for a in (bought, one) for b in (left, other)))


def test_the_effect_is_found_though_likely_buyers_are_contacted_more_and_seen_on_many_days() -> None:
    draw, runs, true = np.random.default_rng(3), 300, 0.05
    effects: list[ChannelEffect] = [effects_of({"email": sums(draw, true)})[0] for _ in range(runs)]
    caused = true * (1 - 0.4 * 0.275)  # those who buy anyway can't be made to
    assert np.mean([one.effect for one in effects]) == pytest.approx(caused, abs=0.002)
    held = np.mean([one.interval[0] <= caused <= one.interval[1] for one in effects])
    assert 0.92 <= held <= 0.98


def test_parts_add_up_to_the_whole() -> None:
    draw = np.random.default_rng(4)
    one, other = sums(draw, 0.05), sums(draw, 0.05)
    both = one + other
    assert both.contacted.people == one.contacted.people + other.contacted.people
    assert both.variance == pytest.approx((one.variance + other.variance) / 4, rel=0.1)


def test_few_people_are_too_early() -> None:
    (effect,) = effects_of({"email": Sums(Side(99, 50, 1, 1, 1, 1, 1), Side(1000, 50, 1, 1, 1, 1, 1))})
    assert effect.interval is None
    assert of_channels([effect], "2026-02-02", ON) == []
    assert of_channels([replace(effect, effect=0.01, sd=0.001)], "2026-02-02", ON)[0].statement.startswith(
        "a contact by email adds"
    )
