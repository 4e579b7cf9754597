import numpy as np
import pandas as pd
import pytest

from ml.entities import Option
from ml.response.thought import PRIOR_UPLIFT
from ml.training import RANDOMIZED_CONVERSIONS, History, train, trustworthy


def _rows(channel, propensity, converted, count, source="history"):
    return pd.DataFrame(
        {
            "channel": channel,
            "propensity": propensity,
            "is_converted": [True] * converted + [False] * (count - converted),
            "source": source,
        }
    )


def test_chosen_contacts_are_left_out_where_randomized_ones_are_enough():
    frame = pd.concat(
        [
            _rows("none", np.nan, 5, 100),
            _rows("email", 0.05, RANDOMIZED_CONVERSIONS, 2_000),
            _rows("email", np.nan, 400, 1_000),
            _rows("voice", 0.05, RANDOMIZED_CONVERSIONS - 1, 900),
            _rows("voice", np.nan, 30, 200),
        ],
        ignore_index=True,
    )
    kept = trustworthy(frame)
    assert kept["channel"].value_counts().to_dict() == {"email": 2_000, "voice": 1_100, "none": 100}
    assert kept.loc[kept["channel"] == "email", "propensity"].notna().all()


def test_what_the_system_chose_itself_stays():
    chosen = _rows("email", 0.5, 50, 100, source="cycle")
    frame = pd.concat([_rows("email", 0.05, RANDOMIZED_CONVERSIONS, 2_000), chosen], ignore_index=True)
    assert len(trustworthy(frame)) == len(frame)


def test_a_contact_that_was_sure_to_happen_is_not_randomized():
    frame = _rows("email", 1.0, 2 * RANDOMIZED_CONVERSIONS, 1_000)
    assert len(trustworthy(frame)) == len(frame)


def test_a_cold_start_begins_with_what_campaigns_before_have_found():
    history = History(conversion_rate=0.01, margin=20.0, uplift={"email": 0.004, "voice": -0.5})
    options = [Option("email", "none"), Option("voice", "none"), Option("sms", "none")]
    model = train(pd.DataFrame(), options, seed=1, threads=1, history=history).model
    scores = model.score(pd.DataFrame({"customer_id": ["a"]}), options)
    assert scores.uplift[0] == pytest.approx([0.004, -0.009, PRIOR_UPLIFT], abs=1e-6)


def test_a_cold_start_thinks_of_an_offer_what_the_operator_does():
    history = History(conversion_rate=0.01, margin=20.0, uplift={"voice": -0.5}, assumed={"ten_off": 2.0})
    options = [Option(channel, offer) for channel in ("email", "voice") for offer in ("none", "ten_off")]
    model = train(pd.DataFrame(), options, seed=1, threads=1, history=history).model
    scores = model.score(pd.DataFrame({"customer_id": ["a"]}), options)
    assert scores.uplift[0] == pytest.approx([PRIOR_UPLIFT, 2 * PRIOR_UPLIFT, -0.009, -0.009], abs=1e-6)
