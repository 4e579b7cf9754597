"""What a channel needs to know of a person, and nothing more, from rows of `dim_recipients`."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import pandas as pd

from ml.entities import AUDIENCES

Operation = Literal["add", "remove"]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "first_name"),
    "sms": ("phone", "first_name"),
    "voice": ("phone", "first_name"),
    "push": ("device_token",),
    "direct_mail": ("first_name", "last_name", "address_line", "postal_code", "city", "region", "country"),
    "paid_social": ("email_sha256", "phone_sha256"),
    "display": ("email_sha256", "phone_sha256"),
    "web": ("visitor_ids",),
}
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email",),
    "sms": ("phone",),
    "voice": ("phone",),
    "push": ("device_token",),
    "direct_mail": ("address_line", "postal_code", "city"),
    "paid_social": (),  # either hash will do
    "display": (),
    "web": ("visitor_ids",),
}
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_ONE_ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")


def recipients(
    channel: str, people: pd.DataFrame, *, operation: Operation = "add", driver: str = "file"
) -> list[dict[str, Any] | None]:
    """The recipient of each person's message on a channel, None where the channel can't reach the person.

    Args:
        channel: One of the eight.
        people: Rows with the columns of `dim_recipients` that the channel needs.
        operation: For the audiences of paid social and display.
        driver: The channel's driver: a platform's audience is matched by hashes of addresses and numbers as that
            platform normalises them. Where a person's address isn't known, the hash that is known stands.
    """
    names = FIELDS[channel]
    missing = [name for name in names if name not in people.columns]
    if missing:
        raise KeyError(f"recipients of {channel} need {', '.join(missing)} of dim_recipients")
    columns = [_column(people, name, driver) for name in names]
    rows = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    return [_reachable(channel, row, operation) for row in rows]


def _column(people: pd.DataFrame, name: str, driver: str) -> list[Any]:
    known = [_clean(value) for value in people[name].tolist()]
    hashed, source = PLATFORM_HASHES.get(driver, {}).get(name), name.removesuffix("_sha256")
    if hashed is None or source not in people.columns:
        return known
    plain = [_clean(value) for value in people[source].tolist()]
    return [hashed(value) if value else old for value, old in zip(plain, known, strict=True)]


def _reachable(channel: str, row: dict[str, Any], operation: Operation) -> dict[str, Any] | None:
    if any(not row[name] for name in NEEDED[channel]):
        return None
    if channel == "email" and not is_one_address(row["email"]):
        return None
    if channel in AUDIENCES:
        return {**row, "operation": operation} if row["email_sha256"] or row["phone_sha256"] else None
    return row


def is_one_address(email: str) -> bool:
    """Whether a text is exactly one address: two in one field would send one person's message to another."""
    return _ONE_ADDRESS.fullmatch(email) is not None


def is_e164(phone: str) -> bool:
    """Whether a text is a phone number in E.164: a plus and up to 15 digits."""
    return _E164.fullmatch(phone) is not None


def email_sha256(email: str) -> str:
    """Sha256 of an address, trimmed and in lower case: what landing files and Meta's audiences use."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def email_sha256_google(email: str) -> str:
    """Sha256 as Google's customer match wants it: for gmail.com also without dots and without what follows a plus."""
    name, _, host = email.strip().lower().partition("@")
    if host in ("gmail.com", "googlemail.com"):
        name = name.partition("+")[0].replace(".", "")
    return hashlib.sha256(f"{name}@{host}".encode()).hexdigest()


def phone_sha256(phone: str) -> str:
    """Sha256 of an E.164 number's digits with the leading plus."""
    return hashlib.sha256(("+" + re.sub(r"\D", "", phone)).encode()).hexdigest()


def phone_sha256_meta(phone: str) -> str:
    """Sha256 as Meta wants it: digits only, country code first, no plus and no leading zeros."""
    return hashlib.sha256(re.sub(r"\D", "", phone).lstrip("0").encode()).hexdigest()


PLATFORM_HASHES: Final[Mapping[str, Mapping[str, Callable[[str], str]]]] = {
    "meta_audience": {"email_sha256": email_sha256, "phone_sha256": phone_sha256_meta},
    "google_audience": {"email_sha256": email_sha256_google, "phone_sha256": phone_sha256},
}
"""How each platform wants addresses and numbers hashed, by its driver."""


def _clean(value: Any) -> Any:
    """None for every kind of missing, a plain list for arrays."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, list | tuple):
        return list(value)
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) > 0:
        return value.tolist()
    return None if pd.isna(value) else value
