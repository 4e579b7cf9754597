"""Factors are found where the log shows them, stay what was assumed where it doesn't, and cover the truth as often as they say."""

import numpy as np
import pytest

from ml.configuration.journeys import Journeys
from ml.journeys.factors import Factors, Logged, fit_factors
from ml.journeys.signals import SIGNALS

SCAN, OFFER, NO_NEED = (SIGNALS.index(name) for name in ("call_after_scan", "offer_repeated", "no_need"))
TRUE = {SCAN: 2.0, OFFER: 0.5}


def log(rows: int, seed: int, *, shift: float = 0.0, deltas: dict[int, float] | None = None) -> Logged:
    """Half contacted; a tenth had a scan, a third an offer, each of whom buys more by themselves by `shift` (in logits)."""
    rng = np.random.default_rng(seed)
    contacted = rng.random(rows) < 0.5
    state = np.zeros((rows, 9))
    state[:, 0], state[:, 1] = rng.random(rows) < 0.1, rng.random(rows) < 0.33
    signals = np.zeros((rows, len(SIGNALS)), np.float32)
    signals[:, SCAN], signals[:, OFFER] = state[:, 0] * contacted, state[:, 1] * contacted
    baseline = rng.beta(2, 20, rows)
    uplift = np.where(contacted, rng.gamma(1.0, 0.02, rows), 0)
    delta = np.zeros(len(SIGNALS))
    for at, each in (TRUE if deltas is None else deltas).items():
        delta[at] = each
    own = baseline + baseline * (1 - baseline) * shift * state[:, 0]
    chance = np.clip(own + uplift * (1 + signals @ delta), 0, 1)
    bought = (rng.random(rows) < chance).astype(float)
    return Logged(
        bought, baseline, uplift, signals, state, np.ones(rows), np.arange(rows) // 2, contacted, np.full(rows, 0.02)
    )


def test_planted_factors_are_found_and_the_rest_is_one():
    found = fit_factors(log(200_000, 1, shift=1.0), Journeys(assumed={}, assumed_deviation=5.0)).factors
    assert abs(found[SCAN].value - 3.0) < 3 * found[SCAN].deviation < 1.2
    assert abs(found[OFFER].value - 1.5) < 3 * found[OFFER].deviation < 0.6
    assert found[OFFER].contacts == pytest.approx(33_000, rel=0.05)


def test_people_who_buy_more_by_themselves_after_a_scan_are_not_counted_for_the_call():
    found = fit_factors(log(200_000, 2, shift=3.0, deltas={}), Journeys(assumed={})).factors[SCAN]
    assert abs(found.delta) < 3 * found.deviation


def test_without_evidence_a_factor_is_the_assumed_one_and_supports_nothing():
    terms = Journeys(assumed={"no_need": 0.5})
    found = fit_factors(log(5_000, 3), terms).factors[NO_NEED]
    assert (found.value, found.deviation, found.estimate) == (0.5, terms.assumed_deviation, None)
    assert found == Factors.assumed(terms).factors[NO_NEED]
    assert found.supported(1.28) == 0


def test_a_little_evidence_moves_a_factor_a_little():
    terms = Journeys(assumed={"call_after_scan": 2.0})
    few, many = (fit_factors(log(rows, 4, deltas={}), terms).factors[SCAN] for rows in (400, 200_000))
    assert abs(few.value - 2.0) < abs(many.value - 2.0)
    assert few.deviation > many.deviation


def test_only_what_the_interval_leaves_is_supported():
    factor = fit_factors(log(200_000, 5), Journeys(assumed={})).factors[OFFER]
    assert factor.supported(1.0) == pytest.approx(factor.delta - factor.deviation)
    assert factor.supported(100.0) == 0


def test_intervals_hold_the_truth_as_often_as_they_say():
    """200 logs of 4,000 rows; a 90 % interval by the data alone, missed by more than 17 % in fewer than one of 1,000 tests."""
    missed = 0
    for seed in range(200):
        factor = fit_factors(log(4_000, 1_000 + seed), Journeys(assumed={})).factors[OFFER]
        missed += abs(factor.estimate - 1.5) > 1.645 * factor.error
    assert missed / 200 < 0.17


def test_what_was_learned_is_read_as_it_was_written():
    found = fit_factors(log(3_000, 6), Journeys())
    assert Factors.from_list(found.to_list()) == found


def test_what_was_stated_holds_until_the_evidence_supports_another_factor():
    stated = Journeys(assumed={"call_after_scan": 2.0})
    assert Factors.assumed(stated).factors[SCAN].held(1.64) == 1.0
    found = fit_factors(log(200_000, 7, deltas={}), stated).factors[SCAN]
    assert found.delta < found.held(1.64) < 1.0
    plain = fit_factors(log(4_000, 8), Journeys()).factors[OFFER]
    assert plain.held(1.64) == plain.supported(1.64)
