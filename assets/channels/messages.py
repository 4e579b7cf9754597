"""From decisions to messages: recipient, rendered content and times, as the outbox takes them.

Everything is rendered before it is released, so that what leaves is what was allowed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from assets.channels.fields import KNOWN
from assets.channels.recipients import recipients
from assets.channels.rendering import Renderer, RenderingError
from assets.channels.sandbox import UnsafeTemplate
from assets.ledger.columns import to_json
from ml.configuration import Configuration
from ml.configuration.actions import MESSAGE_FIELDS
from ml.entities import NONE
from ml.policy.decisions import message_ids

TOKEN_LENGTH: Final = 32
_NOWHERE: Final = "https://unsubscribe.invalid"
_SHOWN: Final = ("message_id", "channel", "recipient", "content", "send_at", "expires_at")


@dataclass(frozen=True)
class Unsubscribe:
    """Makes the link that ends messages to a person.

    Attributes:
        base_url: Where the receiver can be reached from outside.
        key: Secret of the workspace: nobody can make a link for another message.
    """

    base_url: str
    key: bytes

    def url(self, message_id: str) -> str:
        """The link of one message."""
        token = hmac.new(self.key, message_id.encode(), hashlib.sha256).hexdigest()[:TOKEN_LENGTH]
        return f"{self.base_url}/unsubscribe/{message_id}/{token}"


def build_messages(
    decisions: pd.DataFrame, people: pd.DataFrame, configuration: Configuration, unsubscribe: Unsubscribe
) -> pd.DataFrame:
    """One row a contact, with the columns of `assets.ledger.messages.REQUIRED`.

    Args:
        decisions: Rows of a plan; those that leave a person alone are passed over.
        people: `dim_recipients`.
        configuration: Creatives, offers and sender.
        unsubscribe: Makes links.

    Raises:
        LookupError: A decision is for a person without a recipient: the view and the decision don't belong together.
        RenderingError: A creative can't be rendered.
    """
    contacts = decisions[decisions["channel"] != NONE]
    renderer = Renderer(configuration.folder, configuration.actions.creatives, KNOWN)
    parts = [
        _of_channel(str(channel), rows, people, renderer, configuration, unsubscribe)
        for channel, rows in contacts.groupby("channel", sort=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def content_sha256(messages: pd.DataFrame) -> str:
    """Fingerprint of what would be sent, to whom and when: what a person approves.

    Rows in the order of their ids; each cell with its length before it, so that no two contents share one.
    """
    digest = hashlib.sha256(f"{len(messages)}".encode())
    if len(messages):
        ordered = messages.sort_values("message_id")
        for name in _SHOWN:
            for cell in ordered[name].astype(str):
                encoded = cell.encode()
                digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


def creative_problems(configuration: Configuration) -> list[str]:
    """What is wrong with the creatives, each by its template: found when they're read and not when a plan is released.

    Every creative is rendered for somebody of whom nothing is known, and its names are held against the fields that exist.
    """
    found = []
    for creative_id, creative in configuration.actions.creatives.items():
        try:
            renderer = Renderer(configuration.folder, {creative_id: creative}, KNOWN)
            renderer.render(creative_id, variables_of(configuration, creative_id, {}, "objective", _NOWHERE))
        except (RenderingError, UnsafeTemplate) as error:
            found.append(f"{creative.template}: {error}")
    return found


def needs_by_channel(configuration: Configuration) -> dict[str, list[str]]:
    """What people must have to be written to, by channel: what any of its creatives says of them without a default."""
    creatives = configuration.actions.creatives
    renderer = Renderer(configuration.folder, creatives, KNOWN)
    found: dict[str, set[str]] = {}
    for creative_id, creative in creatives.items():
        needed = (renderer.needs_of(creative_id) | set(creative.needs)) - set(creative.defaults)
        found.setdefault(creative.channel, set()).update(needed)
    return {channel: sorted(needed) for channel, needed in found.items() if needed}


def variables_of(
    configuration: Configuration, creative_id: str, person: Mapping[str, Any], objective_id: str, unsubscribe_url: str
) -> dict[str, Any]:
    """What a template sees of one message.

    Args:
        configuration: Offers and sender.
        creative_id: The creative, whose defaults stand in for what the person lacks.
        person: Columns of `dim_recipients`; missing ones count as not known.
        objective_id: The objective.
        unsubscribe_url: The link of this message.
    """
    policy, creative = configuration.policy, configuration.actions.creatives[creative_id]
    offer = configuration.actions.offers[creative.offer]
    return {
        "customer": {field: _known(person.get(field)) or creative.defaults.get(field, "") for field in MESSAGE_FIELDS},
        "offer": {"id": creative.offer, **({"label": offer.label} if offer.label else {})},
        "sender": policy.sender.model_dump() if policy.sender else {},
        "objective": {"id": objective_id},
        "unsubscribe_url": unsubscribe_url,
    }


def _known(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _of_channel(
    channel: str,
    rows: pd.DataFrame,
    people: pd.DataFrame,
    renderer: Renderer,
    configuration: Configuration,
    unsubscribe: Unsubscribe,
) -> pd.DataFrame:
    reached = rows.merge(people, on="customer_id", how="left", suffixes=("", "_of_person"), validate="many_to_one")
    settings = configuration.channels.get(channel)  # type: ignore[call-overload]
    recipient = recipients(channel, reached, driver=settings.driver if settings else "file")
    unreachable = [row for row in recipient if row is None]
    if unreachable:
        raise LookupError(
            f"{len(unreachable)} {channel} decisions are for people whom the channel can't reach; "
            "publish the customer view again and re-run the cycle"
        )
    ids = message_ids(reached["decision_id"]).tolist()
    links = [unsubscribe.url(message_id) for message_id in ids]
    fields = [field for field in MESSAGE_FIELDS if field in reached]
    own = [dict(zip(fields, values, strict=True)) for values in zip(*(reached[field] for field in fields), strict=True)]
    content = [
        renderer.render(creative, variables_of(configuration, creative, person, objective, link))
        for creative, person, objective, link in zip(
            reached["creative_id"], own, reached["objective_id"], links, strict=True
        )
    ]
    if channel == "email":  # for its List-Unsubscribe header
        content = [each | {"unsubscribe_url": link} for each, link in zip(content, links, strict=True)]
    return pd.DataFrame(
        {
            **{
                name: reached[name].to_numpy()
                for name in (
                    "decision_id",
                    "cycle_id",
                    "customer_id",
                    "objective_id",
                    "channel",
                    "offer_id",
                    "creative_id",
                    "slot",
                    "send_at",
                    "expires_at",
                )
            },
            "message_id": ids,
            "cost": reached["contact_cost"].to_numpy(),
            "contact_ids": [to_json(list(found)) for found in reached["contact_ids"]],
            "recipient": [to_json(row) for row in recipient if row is not None],
            "content": [to_json(each) for each in content],
        }
    )
