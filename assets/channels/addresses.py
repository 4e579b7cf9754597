"""Postal addresses that a printer can take: what each field may hold, and nothing that a spreadsheet would run."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from assets.channels.contract import Unsendable

_NAME: Final = re.compile(r"[^\W\d_][\w .,'\u2019&/-]*")  # starts with a letter: no formula does (OWASP, CSV injection)
_LINE: Final = re.compile(r"[\w#][\w #.,'\u2019&/()-]*")
_PLACE: Final = re.compile(r"[^\W\d_][\w .,'\u2019&/()-]*")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_POSTAL: Final[Mapping[str, re.Pattern[str]]] = {
    "US": re.compile(r"\d{5}(-\d{4})?"),
    "CA": re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d"),
    "GB": re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"),
    "DE": re.compile(r"\d{5}"),
    "FR": re.compile(r"\d{5}"),
    "NL": re.compile(r"\d{4} ?[A-Z]{2}"),
}
_ANY_POSTAL: Final = re.compile(r"[A-Z\d][A-Z\d -]{2,10}")
_STATE: Final = re.compile(r"[A-Z]{2}")
_LONGEST: Final[Mapping[str, int]] = {
    "name": 40,
    "address_line": 64,
    "city": 200,
    "region": 200,
    "postal_code": 12,
    "country": 2,
}


def postal_address(recipient: Mapping[str, Any]) -> dict[str, str]:
    """Name, address_line, city, region, postal_code and country, each checked; `US` where no country is known.

    Raises:
        Unsendable: A field is missing or holds what none such does. The reason names the field, not its content.
    """
    raw = {name: _plain(recipient.get(name)) for name in _LONGEST if name != "name"}
    raw["name"] = " ".join(filter(None, (_plain(recipient.get(part)) for part in ("first_name", "last_name"))))
    raw["country"] = raw["country"].upper() or "US"
    raw["name"] = raw["name"][: _LONGEST["name"]].strip() or "Current Resident"
    raw["postal_code"] = raw["postal_code"].upper()
    country = raw["country"]
    rules = {
        "name": _NAME,
        "address_line": _LINE,
        "city": _PLACE,
        "postal_code": _POSTAL.get(country, _ANY_POSTAL),
        "country": _COUNTRY,
        **({"region": _STATE} if country in ("US", "CA") else {"region": _PLACE} if raw["region"] else {}),
    }
    wrong = [name for name, rule in rules.items() if not rule.fullmatch(raw[name]) or len(raw[name]) > _LONGEST[name]]
    if wrong:
        raise Unsendable("invalid_recipient", f"its {', '.join(wrong)} can't be printed as an address")
    return {name: raw[name] for name in _LONGEST}


def _plain(value: object) -> str:
    """Text in its composed form, runs of spaces as one."""
    return " ".join(unicodedata.normalize("NFC", value).split(" ")).strip() if isinstance(value, str) else ""
