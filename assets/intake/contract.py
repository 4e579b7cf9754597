"""The ten landing sources as data: which columns, of which kind, required or not.

Kinds say what a value must be to load (``casting``). Formats that staging normalizes anyway (E.164 phones, country
codes, time zones) are plain text here, so that a mistyped phone doesn't cost the whole contact. A negative
``revenue`` is a return and loads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ml.entities import CHANNELS

Kind = Literal[
    "text",
    "email",
    "timestamp",
    "past_timestamp",
    "amount",
    "duration",
    "share",
    "count",
    "year",
    "choice",
    "object",
    "json",
]

SQL_TYPES: Final[Mapping[Kind, str]] = {
    "text": "VARCHAR",
    "email": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "past_timestamp": "TIMESTAMP",
    "amount": "DOUBLE",
    "duration": "DOUBLE",
    "share": "DOUBLE",
    "count": "INTEGER",
    "year": "INTEGER",
    "choice": "VARCHAR",
    "object": "VARCHAR",
    "json": "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    """A column of a source.

    Attributes:
        name: As in the file and in ``raw``.
        kind: What a value must be.
        is_required: Whether the file must have the column and each row a value.
        choices: The values allowed, for kind ``choice``.
    """

    name: str
    kind: Kind = "text"
    is_required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def sql_type(self) -> str:
        """Type of the column in schema ``raw``."""
        return SQL_TYPES[self.kind]


@dataclass(frozen=True)
class Source:
    """A landing source and its columns, required ones first."""

    name: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """Names of the columns without which a file can't load."""
        return tuple(column.name for column in self.columns if column.is_required)


def _required(name: str, kind: Kind = "text", *choices: str) -> Column:
    return Column(name, kind, is_required=True, choices=choices)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


OUTCOME_TYPES: Final = (
    *("delivered", "bounced", "opened", "clicked", "visited", "replied", "answered", "no_answer", "converted"),
    *("unsubscribed", "complained", "failed"),
)

_CRM_CONTACTS = Source(
    "crm_contacts",
    (
        _required("contact_id"),
        _required("created_at", "timestamp"),
        Column("email", "email"),
        *_texts(
            "phone", "first_name", "last_name", "address_line", "postal_code", "city", "region", "country", "time_zone"
        ),
        Column("birth_year", "year"),
        *_texts("loyalty_id", "device_token", "acquisition_source"),
        Column("updated_at", "timestamp"),
        Column("attributes", "object"),
    ),
)
_CONSENTS = Source(
    "consents",
    (
        _required("contact_id"),
        _required("channel", "choice", *CHANNELS),
        _required("status", "choice", "granted", "withdrawn"),
        _required("occurred_at", "timestamp"),
        Column("basis", "choice", choices=("express_written", "express", "soft_opt_in")),
        *_texts("source"),
    ),
)
_WEB_EVENTS = Source(
    "web_events",
    (
        *(
            _required("event_id"),
            _required("visitor_id"),
            _required("event_type"),
            _required("occurred_at", "timestamp"),
        ),
        *_texts("contact_id", "email_sha256", "url_path", "product_category"),
    ),
)
_ORDERS = Source(
    "orders",
    (
        *(_required("order_id"), _required("ordered_at", "past_timestamp"), _required("revenue", "amount")),
        *(Column("contact_id"), Column("email", "email"), Column("margin", "amount"), Column("item_count", "count")),
        *(Column("product_category"), Column("discount", "amount"), Column("offer_code")),
    ),
)
_STORE_PURCHASES = Source(
    "store_purchases",
    (
        *(_required("receipt_id"), _required("purchased_at", "past_timestamp"), _required("revenue", "amount")),
        *(Column("loyalty_id"), Column("phone"), Column("email", "email"), Column("margin", "amount")),
        *_texts("store_id", "product_category", "offer_code"),
    ),
)
_AD_ENGAGEMENT = Source(
    "ad_engagement",
    (
        *(_required("event_id"), _required("platform", "choice", "paid_social", "display")),
        *(_required("event_type", "choice", "impression", "click"), _required("occurred_at", "timestamp")),
        *(Column("email_sha256"), Column("visitor_id"), Column("campaign"), Column("cost", "amount")),
    ),
)
_EMAIL_ENGAGEMENT = Source(
    "email_engagement",
    (
        *(_required("event_id"), _required("email", "email")),
        _required("event_type", "choice", "sent", "open", "click", "bounce", "complaint", "unsubscribe"),
        *(_required("occurred_at", "timestamp"), Column("campaign")),
    ),
)
_CALL_LOGS = Source(
    "call_logs",
    (
        *(_required("call_id"), _required("phone"), _required("started_at", "timestamp")),
        *(_required("direction", "choice", "inbound", "outbound"), Column("duration_s", "duration")),
        *_texts("disposition", "transcript"),
    ),
)
_CAMPAIGN_HISTORY = Source(
    "campaign_history",
    (
        *(_required("contact_id"), _required("channel", "choice", *CHANNELS), _required("sent_at", "timestamp")),
        *(Column("offer_id"), Column("campaign"), Column("cost", "amount"), Column("assignment_probability", "share")),
    ),
)
_OUTCOMES = Source(
    "outcomes",
    (
        *(
            _required("event_id"),
            _required("event_type", "choice", *OUTCOME_TYPES),
            _required("occurred_at", "past_timestamp"),
        ),
        *(Column("message_id"), Column("customer_key"), Column("channel", "choice", choices=CHANNELS)),
        *(Column("value", "amount"), Column("payload", "json")),
    ),
)

SOURCES: Final[Mapping[str, Source]] = {
    source.name: source
    for source in (
        *(_CRM_CONTACTS, _CONSENTS, _WEB_EVENTS, _ORDERS, _STORE_PURCHASES),
        *(_AD_ENGAGEMENT, _EMAIL_ENGAGEMENT, _CALL_LOGS, _CAMPAIGN_HISTORY, _OUTCOMES),
    )
}
