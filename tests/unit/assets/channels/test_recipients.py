import hashlib

import numpy as np
import pandas as pd
import pytest

from assets.channels.recipients import (
    FIELDS,
    email_sha256,
    email_sha256_google,
    is_e164,
    phone_sha256,
    phone_sha256_meta,
    recipients,
)
from ml.entities import CHANNELS

PERSON = {
    "customer_id": "k1",
    "contact_ids": ["c1"],
    "email": "ann@example.com",
    "email_sha256": "a" * 64,
    "phone": "+15550100",
    "phone_sha256": "b" * 64,
    "first_name": "Ann",
    "last_name": "Lee",
    "address_line": "1 Main St",
    "postal_code": "12345",
    "city": "Springfield",
    "region": "IL",
    "country": "US",
    "device_token": "t1",
    "visitor_ids": np.array(["v1", "v2"]),
}
NEEDS = {
    "email": ["email"],
    "sms": ["phone"],
    "voice": ["phone"],
    "push": ["device_token"],
    "direct_mail": ["address_line"],
    "paid_social": ["email_sha256", "phone_sha256"],
    "display": ["email_sha256", "phone_sha256"],
    "web": ["visitor_ids"],
}


def _one(channel, **changes):
    return recipients(channel, pd.DataFrame([PERSON | changes]))[0]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_recipient_has_only_what_the_channel_needs(channel):
    expected = set(FIELDS[channel]) | ({"operation"} if channel in ("paid_social", "display") else set())
    assert set(_one(channel)) == expected


@pytest.mark.parametrize("missing", [None, float("nan"), "", pd.NA])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_person_whom_the_channel_can_not_reach_has_no_recipient(channel, missing):
    empty = [] if channel == "web" else missing
    assert _one(channel, **dict.fromkeys(NEEDS[channel], empty)) is None


def test_one_hash_is_enough_for_an_audience():
    assert _one("display", phone_sha256=None)["email_sha256"] == "a" * 64


@pytest.mark.parametrize("email", ["a@x.com, b@y.com", "a@x.com\nBcc: b@y.com", "Ann <a@x.com>", "nobody"])
def test_what_is_not_one_address_gets_no_email(email):
    assert _one("email", email=email) is None


def test_a_missing_first_name_is_none_not_nan():
    assert _one("email", first_name=float("nan"))["first_name"] is None


def test_visitor_ids_are_a_plain_list():
    assert _one("web")["visitor_ids"] == ["v1", "v2"]


def test_hashes_agree_with_what_the_platforms_publish():
    """L17: Meta trims and lowers; Google also drops dots and plus tags of its own addresses."""
    assert email_sha256(" Jane.Doe+x@GMail.com ").startswith("3eebe8d7")
    assert email_sha256_google("Jane.Doe+x@GMail.com").startswith("d6117306")
    assert phone_sha256("+1 (555) 010-0100") == phone_sha256("+15550100100")


def test_each_platform_gets_the_hashes_that_it_makes_itself():
    """L17: Google drops dots and tags of its own addresses, Meta drops the plus of a number."""
    people = pd.DataFrame([PERSON | {"email": "Jane.Doe+x@GMail.com", "phone": "+15550100100"}])
    ((meta,), (google,), (file,)) = (
        recipients(channel, people, driver=driver)
        for channel, driver in (("paid_social", "meta_audience"), ("display", "google_audience"), ("display", "file"))
    )
    assert meta["email_sha256"].startswith("3eebe8d7")
    assert google["email_sha256"].startswith("d6117306")
    assert meta["phone_sha256"] == hashlib.sha256(b"15550100100").hexdigest() == phone_sha256_meta("+1 555-0100-100")
    assert google["phone_sha256"] == hashlib.sha256(b"+15550100100").hexdigest()
    assert (file["email_sha256"], file["phone_sha256"]) == ("a" * 64, "b" * 64)


def test_a_hash_that_is_all_that_is_known_stands():
    people = pd.DataFrame([PERSON | {"email": None, "phone": None}])
    (google,) = recipients("display", people, driver="google_audience")
    assert (google["email_sha256"], google["phone_sha256"]) == ("a" * 64, "b" * 64)


@pytest.mark.parametrize(("phone", "holds"), [("+12025550143", True), ("12025550143", False), ("+0123456789", False)])
def test_a_number_is_e164(phone, holds):
    assert is_e164(phone) is holds
