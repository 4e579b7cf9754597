import json
import time

import numpy as np
import pandas as pd
import pytest

from ml.features import FeatureSpec

FRAME = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "as_of_on": pd.to_datetime(["2026-01-01"] * 4),
        "time_zone": ["UTC", "UTC", None, "UTC"],
        "favourite_product_id": ["p1", "p2", "p1", "p1"],
        "age_years": pd.array([30, None, 41, 50], dtype="Int64"),
        "revenue_30d": [1.5, np.inf, 0.0, np.nan],
        "has_email": [True, False, True, True],
        "country": ["US", "DE", None, "US"],
        "attr_tier": pd.Series(["gold", None, "silver", "gold"], dtype=object),
        "constant": [1, 1, 1, 1],
        "is_converted": [True, False, False, True],
        "margin": [3.0, None, None, 4.0],
    }
)


def test_identifiers_dates_zones_labels_and_constants_are_no_features():
    spec = FeatureSpec.fit(FRAME)
    assert spec.names == ("age_years", "revenue_30d", "has_email", "country", "attr_tier")
    assert spec.left_out == {"constant": "the same value everywhere"}


def test_missing_infinite_and_unknown_are_nan():
    spec = FeatureSpec.fit(FRAME)
    later = FRAME.assign(country=["US", "ZZ", None, "DE"])
    matrix = spec.matrix(later)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[:, 0], [30, np.nan, 41, 50])
    np.testing.assert_array_equal(matrix[:, 1], [1.5, np.nan, 0, np.nan])
    np.testing.assert_array_equal(matrix[:, 2], [1, 0, 1, 1])
    np.testing.assert_array_equal(matrix[:, 3], [0, np.nan, np.nan, 1])  # US is more frequent than DE
    np.testing.assert_array_equal(matrix[:, 4], [0, np.nan, 1, 0])


def test_codes_do_not_depend_on_the_order_of_rows():
    shuffled = FRAME.sample(frac=1, random_state=3)
    assert FeatureSpec.fit(shuffled) == FeatureSpec.fit(FRAME)


def test_text_with_too_many_values_is_left_out_and_said_so():
    frame = pd.DataFrame({"customer_id": range(100), "city": [f"city {i}" for i in range(100)]})
    spec = FeatureSpec.fit(frame)
    assert spec.names == ()
    assert "100 distinct values" in spec.left_out["city"]


def test_spec_survives_json():
    spec = FeatureSpec.fit(FRAME)
    assert FeatureSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_absent_column_is_named_unless_it_is_an_attribute():
    spec = FeatureSpec.fit(FRAME)
    assert np.isnan(spec.matrix(FRAME.drop(columns="attr_tier"))[:, 4]).all()
    with pytest.raises(KeyError, match="age_years"):
        spec.matrix(FRAME.drop(columns="age_years"))


def test_two_hundred_thousand_rows_become_numbers_at_once():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"touch_{i}d_count": rng.integers(0, 9, 200_000) for i in range(55)})
    for name in ("country", "region", "lifecycle", "favourite_category"):
        frame[name] = pd.Series(rng.choice(["a", "b", "c", "d"], len(frame))).astype("str")
    frame["age_years"] = pd.array(rng.integers(18, 90, len(frame)), dtype="Int64")
    spec = FeatureSpec.fit(frame)
    started = time.process_time()
    assert spec.matrix(frame).shape == (200_000, 60)
    assert time.process_time() - started < 1.5  # 0.2 s on a quiet core
