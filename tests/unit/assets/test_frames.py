"""A training frame that is too large keeps the contacts that teach effects, and its weights stand for everybody."""

import numpy as np
import pandas as pd
import pytest

from assets.frames import _sampled


def _frame(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    kind = rng.choice(3, n, p=[0.05, 0.25, 0.7])
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "channel": np.where(kind == 2, "none", "email"),
            "propensity": np.where(kind == 0, 0.05, np.nan),
            "sample_weight": 1.0,
        }
    )


def test_drawn_contacts_are_thinned_last_and_weights_stand_for_everybody():
    frame = _frame(60_000)
    kept = _sampled(frame, 12_000, seed=3)
    assert len(kept) == pytest.approx(12_000, rel=0.05)
    assert kept["propensity"].notna().sum() == frame["propensity"].notna().sum()
    for part in (frame["channel"] == "none", (frame["channel"] != "none") & frame["propensity"].isna()):
        rows = kept[kept["customer_id"].isin(frame.loc[part, "customer_id"])]
        assert rows["sample_weight"].sum() == pytest.approx(part.sum(), rel=0.05)


def test_a_frame_that_fits_stays_as_it_is():
    frame = _frame(500)
    pd.testing.assert_frame_equal(_sampled(frame, 500, seed=3), frame)
