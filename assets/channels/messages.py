"""From decisions to messages: recipient, rendered content and times, as the outbox takes them.

Everything is rendered before it is released, so that what leaves is what was allowed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from assets.channels.recipients import recipients
from assets.channels.rendering import Renderer, RenderingError
from assets.channels.sandbox import UnsafeTemplate
from assets.ledger.columns import to_json
from ml.configuration import Configuration
from ml.entities import NONE
from ml.policy.decisions import message_ids

TOKEN_LENGTH: Final = 32
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
    renderer = Renderer(configuration.folder, configuration.actions.creatives)
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
    """What is wrong with the creatives, each by its template: found when they're read and not when a plan is released."""
    sender = configuration.policy.sender
    found = []
    for creative_id, creative in configuration.actions.creatives.items():
        offer = configuration.actions.offers[creative.offer]
        trial = {
            "customer": {"first_name": ""},
            "offer": {"id": creative.offer, **({"label": offer.label} if offer.label else {})},
            "sender": sender.model_dump() if sender else {},
            "objective": {"id": "objective"},
            "unsubscribe_url": "https://unsubscribe.invalid",
        }
        try:
            Renderer(configuration.folder, {creative_id: creative}).render(creative_id, trial)
        except (RenderingError, UnsafeTemplate) as error:
            found.append(f"{creative.template}: {error}")
    return found


def _of_channel(
    channel: str,
    rows: pd.DataFrame,
    people: pd.DataFrame,
    renderer: Renderer,
    configuration: Configuration,
    unsubscribe: Unsubscribe,
) -> pd.DataFrame:
    reached = rows.merge(people, on="customer_id", how="left", suffixes=("", "_of_person"), validate="many_to_one")
    recipient = recipients(channel, reached)
    unreachable = [row for row in recipient if row is None]
    if unreachable:
        raise LookupError(
            f"{len(unreachable)} {channel} decisions are for people whom the channel can't reach; "
            "publish the customer view again and re-run the cycle"
        )
    ids = message_ids(reached["decision_id"]).tolist()
    variables = _variables(reached, configuration)
    content = [
        renderer.render(creative, {**own, "unsubscribe_url": unsubscribe.url(message_id)})
        for creative, own, message_id in zip(reached["creative_id"], variables, ids, strict=True)
    ]
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


def _variables(rows: pd.DataFrame, configuration: Configuration) -> list[dict[str, Any]]:
    policy, offers = configuration.policy, configuration.actions.offers
    sender = policy.sender.model_dump() if policy.sender else {}
    named: Mapping[str, dict[str, Any]] = {
        offer_id: {"id": offer_id, **({"label": offer.label} if offer.label else {})}
        for offer_id, offer in offers.items()
    }
    return [
        {
            "customer": {"first_name": name if isinstance(name, str) else ""},
            "offer": named[offer],
            "sender": sender,
            "objective": {"id": objective},
        }
        for name, offer, objective in zip(rows["first_name"], rows["offer_id"], rows["objective_id"], strict=True)
    ]
