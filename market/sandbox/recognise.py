"""Who a message reaches that says its recipient and no contact: as mail, calls and pushes do."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from market.catalogue import NO_OFFER
from market.identities import Identities

_ADDRESS: Final = ("first_name", "address_line", "postal_code")


class Directory:
    """Contacts by what they can be reached by; of several contacts of a shared value the first.

    Args:
        ids: The market's.
    """

    def __init__(self, ids: Identities) -> None:
        columns = {
            name: ids.contacts[name].to_pylist() for name in ("contact_id", "email", "phone", "device_token", *_ADDRESS)
        }
        contact = columns["contact_id"]
        self._by: dict[str, dict[Any, str]] = {
            "email": _index([value and value.lower() for value in columns["email"]], contact),
            "phone": _index(columns["phone"], contact),
            "device_token": _index(columns["device_token"], contact),
            "address": _index(
                [_address(values) for values in zip(*(columns[name] for name in _ADDRESS), strict=True)], contact
            ),
            "email_sha256": _index(ids.email_sha256.to_pylist(), [contact[row] for row in ids.first[:-1].tolist()]),
        }
        self._by["phone_sha256"] = {_sha256(phone): found for phone, found in self._by["phone"].items()}

    def contact_of(self, recipient: Mapping[str, Any]) -> str:
        """The contact that a recipient is; empty where nobody is known by it."""
        for kind in ("phone", "device_token", "email_sha256", "phone_sha256"):
            found = self._by[kind].get(recipient.get(kind))
            if found:
                return found
        email = recipient.get("email")
        if isinstance(email, str):
            return self._by["email"].get(email.lower(), "")
        return self._by["address"].get(_address([recipient.get(name) for name in _ADDRESS]), "")


def recognise(ids: Identities, rows: Sequence[dict[str, Any]], offers: Sequence[str]) -> None:
    """Puts ``contact_ids`` and, from what a person would read, ``offer_id`` into messages that lack them.

    Args:
        ids: The market's.
        rows: Messages as in the mailbag; changed in place.
        offers: Ids of the offers there are: one is given by its code.
    """
    lacking = [row for row in rows if not row["contact_ids"] and isinstance(row.get("recipient"), dict)]
    if not lacking:
        return
    directory = Directory(ids)
    codes = sorted({offer for offer in offers if offer != NO_OFFER}, key=len, reverse=True)
    for row in lacking:
        contact = directory.contact_of(row["recipient"])
        row["contact_ids"] = [contact] if contact else []
        if not row.get("offer_id"):
            text = str((row.get("content") or {}).get("text") or "")
            row["offer_id"] = next((code for code in codes if code in text), NO_OFFER)


def _index(values: Sequence[Any], contacts: Sequence[str]) -> dict[Any, str]:
    pairs = zip(reversed(values), reversed(contacts), strict=True)
    return {value: contact for value, contact in pairs if value is not None}


def _address(values: Sequence[Any]) -> Any:
    if any(not isinstance(value, str) or not value for value in values):
        return None
    return tuple(value.strip().lower() for value in values)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
