import numpy as np
import pandas as pd
import pytest

from ml.configuration.journeys import Journeys


@pytest.fixture
def terms() -> Journeys:
    """What a seller states of objections before a trial says so."""
    stated = {
        "price_without_offer": 0.5,
        "price_with_offer": 1.25,
        "timing_too_soon": 0.75,
        "trust": 0.75,
        "no_need": 0.5,
    }
    return Journeys.model_validate({"assumed": stated | {"timing_rested": 1.25}})


@pytest.fixture
def customers() -> pd.DataFrame:
    """Nobody's, a scan and an offer by mail, an old offer, one who has no time, one who needs nothing."""
    return pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "days_since_last_scan": pd.array([None, 2, 40, None, None], dtype="Int32"),
            "days_since_last_offer": pd.array([None, 5, 22, None, None], dtype="Int32"),
            "last_offer_id": [None, "ten_off", "ten_off", None, None],
            "days_since_last_touch": pd.array([None, 5, 22, 3, 60], dtype="Int32"),
            "last_touch_channel": [None, "direct_mail", "email", "voice", "voice"],
            "wear": [0.0, 0.5, 0.04, 0.65, 0.0],
            "last_objection": [None, "price", None, "timing", "no_need"],
            "days_since_last_objection": pd.array([None, 50, None, 3, 60], dtype="Int32"),
            "purchase_30d_count": np.arange(5),
        }
    )
