"""Redemptions tell apart who would have bought anyway from whom an offer brought."""

import numpy as np
import pandas as pd
import pytest

from ml.response.redemption import EVERY, Redemption, fit_redemption


def offered(n: int, seed: int, anyway: float, caused: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Contacts with an offer that can be redeemed for two horizons, of regular buyers and others."""
    rng = np.random.default_rng(seed)
    baseline = rng.beta(0.4, 8, n)
    uplift = np.full(n, 0.02)
    made = np.where(rng.random(n) < 0.5, "ten_off", "none")
    count = rng.poisson(anyway * baseline * 2 + caused * uplift) * (made == "ten_off")
    frame = pd.DataFrame(
        {"channel": "email", "offer_id": made, "offer_horizons": 2.0 * (made == "ten_off"), "redemption_count": count}
    )
    return frame, baseline, uplift


def test_both_shares_are_found():
    frame, baseline, uplift = offered(60_000, 1, anyway=0.2, caused=0.8)
    found = fit_redemption(frame, ["none", "ten_off"], baseline, uplift, {})
    assert found["none"] == Redemption(0.0, 0.0)
    # one seed, about five standard errors
    assert found["ten_off"].anyway == pytest.approx(0.2, abs=0.03)
    assert found["ten_off"].caused == pytest.approx(0.8, abs=0.12)


def test_every_conversion_with_an_offer_redeems_it_where_nothing_is_known():
    frame, baseline, uplift = offered(1_000, 2, anyway=0.2, caused=0.8)
    assert fit_redemption(frame, ["ten_off", "unused"], baseline, uplift, {})["unused"] == EVERY
    without = frame.drop(columns="redemption_count")
    assert fit_redemption(without, ["none", "ten_off"], baseline, uplift, {}) == {
        "none": Redemption(0.0, 0.0),
        "ten_off": EVERY,
    }


def test_few_sales_hardly_move_the_shares():
    frame, baseline, uplift = offered(300, 3, anyway=0.0, caused=0.0)
    found = fit_redemption(frame, ["ten_off"], baseline, uplift, {})["ten_off"]
    assert 0.5 < found.anyway < 1
    assert 0.7 < found.caused <= 1


def test_no_share_is_above_one():
    frame, baseline, uplift = offered(5_000, 4, anyway=3.0, caused=3.0)
    assert fit_redemption(frame, ["ten_off"], baseline, uplift, {})["ten_off"] == EVERY


def sold(usual: float, with_offer: float, n: int = 400) -> pd.DataFrame:
    """Contacts with an offer: half of the buyers redeem it, the others get the usual discount."""
    redeems = np.arange(n) % 2 == 0
    return pd.DataFrame(
        {
            "channel": "email", "offer_id": "ten_off", "offer_horizons": 1.0, "redemption_count": redeems.astype(float),
            "usual_discount": np.where(redeems, np.nan, usual), "offer_discount": np.where(redeems, with_offer, np.nan),
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("usual", "with_offer", "share"),
    [
        (3.0, 10.0, 1.0),  # the offer instead of the usual discount
        (3.0, 13.0, 0.0),  # both
        (4.0, 12.0, 0.5),
        (3.0, 3.0, 0.0),  # a service that isn't counted as a discount, beside the usual one
        (9.0, 8.5, 0.06),  # likewise, and large
        (3.0, 0.0, 1.0),  # and instead of it
        (0.0, 10.0, 0.0),  # a shop without discounts
    ],
)
def test_an_offer_replaces_the_usual_discount_as_far_as_sales_that_redeem_it_lack_it(usual, with_offer, share):
    n, prices = 400, {"ten_off": 10.0}
    found = fit_redemption(sold(usual, with_offer), ["ten_off"], np.full(n, 0.3), np.full(n, 0.1), prices)["ten_off"]
    assert found.replaces == pytest.approx(share, abs=0.01)


def test_few_redemptions_replace_nothing():
    n, prices = 40, {"ten_off": 10.0}
    found = fit_redemption(sold(3.0, 10.0, n), ["ten_off"], np.full(n, 0.3), np.full(n, 0.1), prices)
    assert found["ten_off"].replaces == 0


def test_an_offer_is_redeemed_as_often_as_it_is_by_its_channel_where_enough_is_known():
    frame, baseline, uplift = offered(60_000, 5, anyway=0.4, caused=0.8)
    seldom = frame.assign(channel="web", redemption_count=frame["redemption_count"] * (np.arange(len(frame)) % 4 == 0))
    both = pd.concat(
        [frame.assign(channel="email"), seldom, seldom.head(40).assign(channel="sms", redemption_count=0.0)]
    )
    twice = [np.concatenate([each, each, each[:40]]) for each in (baseline, uplift)]
    found = fit_redemption(both, ["ten_off"], *twice, {})
    assert found["email:ten_off"].anyway == pytest.approx(0.4, abs=0.06)
    assert found["web:ten_off"].anyway == pytest.approx(0.1, abs=0.03)
    assert found["sms:ten_off"].anyway == pytest.approx(found["ten_off"].anyway, abs=0.06)
