"""What a sale without an offer gives away, by person, from each sale once and not from noise."""

import numpy as np
import pandas as pd
import pytest

from ml.features import FeatureSpec
from ml.response.factor_features import FactorFeatures
from ml.response.rows import prepare
from ml.response.usual_discount import UsualDiscount, fit_usual_discount

NOISE = (
    "tenure_days",
    "web_visit_30d_count",
    "email_open_365d_count",
    "call_365d_count",
    "touch_30d_count",
    "age_years",
)


def found(n: int, seed: int, *, often: float, rows_per_sale: int = 1) -> tuple[UsualDiscount, np.ndarray, np.ndarray]:
    """Sales, a tenth or `often` of which have $15 off, the latter of people who always had discounts; what is said of both."""
    rng = np.random.default_rng(seed)
    seeks = rng.random(n) < 0.5
    discount = 15.0 * (rng.random(n) < np.where(seeks, often, 0.1))
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)], "discount_share_365d": seeks.astype(float),
            **{name: rng.poisson(4, n) for name in NOISE}, "is_converted": True, "margin": 20.0, "usual_discount": discount,
            "channel": "none", "offer_id": "none", "sample_weight": 1.0, "propensity": np.nan,
        }
    )  # fmt: skip
    frame = pd.concat([frame] * rows_per_sale)
    spec = FeatureSpec.fit(frame)
    rows = prepare(frame, spec)
    learned = fit_usual_discount(rows, FactorFeatures.fit(spec, rows.features), np.tile(np.arange(n), rows_per_sale))
    said = learned.of(rows.features)[:n]
    return learned, said[~seeks], said[seeks]


def test_who_always_had_discounts_is_said_to_get_them():
    learned, seldom, often = found(8_000, 1, often=0.4)
    assert learned.mean == pytest.approx(15 * 0.25, rel=0.1)
    assert seldom.mean() == pytest.approx(1.5, rel=0.35)
    assert often.mean() == pytest.approx(6.0, rel=0.2)


def test_rare_and_large_discounts_tell_nobody_apart_who_is_alike():
    apart = []
    for seed in (2, 3, 5):
        learned, *said = found(400, seed, often=0.1)
        apart.append(np.concatenate(said).std() / learned.mean)
    assert np.mean(apart) < 0.23  # .29 where dollars are taken for counts


def test_a_sale_on_days_with_overlapping_horizons_counts_once():
    once, often = (found(2_000, 3, often=0.4, rows_per_sale=rows)[0] for rows in (1, 5))
    assert (
        once.to_dict() == pytest.approx(often.to_dict())
        if once.line is None
        else once.line.weights == pytest.approx(often.line.weights, abs=1e-6)
    )


def test_where_no_discount_is_known_nothing_is_given_away():
    assert UsualDiscount().of(np.zeros((3, 1), dtype=np.float32)).tolist() == [0, 0, 0]


def test_what_was_learned_comes_back_from_plain_values():
    learned, seldom, _ = found(2_000, 4, often=0.4)
    again = UsualDiscount.from_dict(learned.to_dict())
    assert again.to_dict() == learned.to_dict()
    assert seldom.max() <= again.largest
