"""One factor says who is readier for any contact; without evidence for it everybody is alike."""

import json

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.features import FeatureSpec
from ml.response.contrast import contrast_of
from ml.response.factor_features import FactorFeatures
from ml.response.fit import fit
from ml.response.levels import Levels
from ml.response.person_factor import FACTOR, DrawnContacts, PersonFactor, fit_factor
from ml.response.poisson import Term, fit_poisson
from ml.response.rows import prepare
from ml.response.store import load, save
from ml.response.thought import Thought
from ml.response.trial import Trial

BELIEVED = np.log(3)
"""Log Bayes factor of positive evidence (Kass and Raftery 1995)."""
OPTIONS = [Option("email", NONE), Option("push", NONE)]
EFFECT = {"email": 0.006, "push": 0.003}


def trial(n: int, seed: int, *, weight: float) -> pd.DataFrame:
    """A trial in which visitors are moved more: the log of the factor has this weight on the standardized visits."""
    rng = np.random.default_rng(seed)
    visits, age = rng.poisson(3, n), rng.integers(18, 80, n)
    alone = np.where(rng.random(n) < 0.3, 0.05, 0.002)
    channel = rng.choice([NONE, "email", "push"], n, p=[0.5, 0.25, 0.25])
    z = np.log1p(visits)
    factor = np.exp(weight * (z - z.mean()) / z.std())
    caused = np.array([EFFECT.get(name, 0.0) for name in channel]) * factor / factor.mean()
    converted = rng.random(n) < alone + caused
    return pd.DataFrame(
        {
            "customer_id": [f"c{seed}-{i}" for i in range(n)],
            "as_of_on": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 4, n) * 7, unit="D"),
            "web_visit_30d_count": visits,
            "age_years": age,
            "is_regular": (alone > 0.01).astype(float),
            "channel": channel,
            "offer_id": NONE,
            "propensity": np.where(channel == NONE, 0.5, 0.25),
            "sample_weight": 1.0,
            "source": "cycle",
            "arm": "random",
            "is_converted": converted,
            "margin": np.where(converted, 20.0, np.nan),
        }
    )


def factor_of(frame: pd.DataFrame) -> tuple[PersonFactor, FeatureSpec]:
    spec = FeatureSpec.fit(frame)
    rows = prepare(frame, spec)
    seen = Trial.of(frame, rows)
    features = FactorFeatures.fit(spec, rows.features)
    contrast = contrast_of(frame, rows, seen.option, seen.options, features, seed=1, threads=1)
    return fit_factor(
        DrawnContacts.of(seen, contrast, Levels.of(OPTIONS, Thought()), features, np.ones(len(frame), dtype=bool), 1)
    ), spec


def test_who_is_moved_more_is_found_in_contacts_of_all_channels():
    frame = trial(120_000, 1, weight=0.7)
    factor, spec = factor_of(frame)
    assert factor.evidence > BELIEVED
    weights = dict(zip((feature.name for feature in factor.features.made), factor.weights, strict=True))
    assert weights["web_visit_30d_count"] == pytest.approx(0.7, abs=0.25)
    assert abs(weights["age_years"]) < 0.2
    found = factor.of(spec.matrix(frame))
    assert np.corrcoef(np.log(found), np.log1p(frame["web_visit_30d_count"]))[0, 1] > 0.9


@pytest.mark.slow
def test_differences_that_are_not_there_are_believed_in_at_most_one_of_ten_trials():
    """The threshold is a Bayes factor of 3; by Markov's inequality at most a third, in fact far fewer: 2 of 30 at most."""
    believed = sum(factor_of(trial(12_000, 100 + seed, weight=0.0))[0].evidence >= BELIEVED for seed in range(30))
    assert believed <= 3


def test_the_model_uses_the_factor_where_there_is_evidence_and_scores_by_it(tmp_path):
    frame = trial(120_000, 2, weight=0.8)
    fitted = fit(frame, OPTIONS, seed=1, threads=1)
    assert fitted.model.personal.name == FACTOR
    assert [one.name for one in fitted.candidates if one.is_chosen] == [FACTOR]
    people = frame.head(5_000)
    scores = fitted.model.score(people, OPTIONS)
    often, seldom = (people["web_visit_30d_count"] >= 5).to_numpy(), (people["web_visit_30d_count"] <= 1).to_numpy()
    assert scores.uplift[often, 0].mean() > 2 * scores.uplift[seldom, 0].mean()
    assert (scores.uplift > 0).all()  # a share of an average that helps never puts anybody off
    # its mean over contacts stays the average
    assert scores.uplift[:, 0].mean() == pytest.approx(fitted.model.averages.of(OPTIONS[0]).mean, rel=0.15)
    save(fitted.model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").score(people, OPTIONS).uplift, scores.uplift)


def test_without_evidence_hardly_anybody_departs_from_the_average():
    frame = trial(12_000, 3, weight=0.0)
    uplift = fit(frame, OPTIONS, seed=1, threads=1).model.score(frame, OPTIONS).uplift
    assert (uplift.std(axis=0) < 0.15 * np.abs(uplift.mean(axis=0))).all()


def test_a_factor_is_the_same_after_json():
    frame = trial(20_000, 4, weight=0.5)
    factor, spec = factor_of(frame)
    read = PersonFactor.from_dict(json.loads(json.dumps(factor.to_dict())))
    np.testing.assert_array_equal(read.of(spec.matrix(frame)), factor.of(spec.matrix(frame)))


def test_a_table_without_known_columns_has_a_factor_of_one():
    frame = trial(5_000, 5, weight=0.5).rename(columns={"web_visit_30d_count": "a", "age_years": "b"})
    factor, spec = factor_of(frame)
    assert not factor.features.made
    assert (factor.of(spec.matrix(frame)) == 1).all()


def test_missing_values_and_unseen_levels_are_survived():
    frame = trial(3_000, 6, weight=0.5).assign(lifecycle="active")
    frame.loc[::3, "lifecycle"] = "lapsed"
    features = FactorFeatures.fit(spec := FeatureSpec.fit(frame), spec.matrix(frame))
    asked = frame.head(10).assign(lifecycle="never seen", web_visit_30d_count=np.nan, age_years=1e9)
    assert np.isfinite(features.of(spec.matrix(asked))).all()
    assert (np.abs(features.of(spec.matrix(asked))) <= 4).all()


def test_weights_beside_a_known_part_are_found_within_their_errors():
    rng = np.random.default_rng(7)
    columns = np.column_stack([np.ones(50_000), rng.normal(size=(50_000, 2))])
    true = np.array([0.3, 0.5, 0.0])
    known = rng.uniform(0, 0.05, 50_000)
    counts = rng.poisson(known + 0.02 * np.exp(columns @ true)).astype(float)
    level = Term(known, np.ones((50_000, 1)), np.array([0.01]))
    found = fit_poisson(counts, level, Term(np.full(50_000, 0.02), columns, np.ones(3)))
    assert (np.abs(found.weights - true) < 4 * np.sqrt(np.diag(found.covariance))).all()


def test_a_weight_without_room_stays_0():
    rng = np.random.default_rng(8)
    columns = np.column_stack([np.ones(5_000), rng.normal(size=5_000)])
    counts = rng.poisson(0.1 * np.exp(columns[:, 1])).astype(float)
    found = fit_poisson(counts, Term(np.full(5_000, 0.1), columns, np.array([1.0, 0.0])))
    assert abs(found.weights[1]) < 1e-6
