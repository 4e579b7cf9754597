"""Takes people out of ad audiences: those who withdrew, who left the objective's audience, and whose days are over.

A removal goes through the channel's own driver with `operation` `remove`. It isn't a contact: it costs nothing, needs no
authorization and wears nobody out, and it goes out when consent is gone, since that is what it is for. Membership is a
set, so a removal that a crash repeats changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow.parquet as pq

from assets.channels.contract import Driver, Message
from assets.channels.recipients import recipients
from assets.duck import query
from assets.home import Home
from assets.ledger.halts import ALL
from assets.ledger.ledger import Ledger
from assets.ledger.memberships import Membership, Why
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.entities import AUDIENCES
from ml.objectives.active import active_objectives, audience_masks
from ml.objectives.audience import parse

KEPT: Final = timedelta(days=30)
"""How long after its days a membership is still tried to be taken back: platforms that can't be reached come back."""


def take_back(
    home: Home,
    ledger: Ledger,
    drivers: Mapping[str, Driver],
    configuration: Configuration,
    channel: str,
    cycle_id: str,
    at: datetime,
) -> dict[Why, int]:
    """Hand over the removals of an ad channel that are due.

    Args:
        home: The workspace.
        ledger: Knows who was added.
        drivers: By channel.
        configuration: Days of a membership, objectives.
        channel: The channel; one that isn't an ad's has no members.
        cycle_id: The cycle whose file the removals are in, a day as text.
        at: The clock T.

    Returns:
        How many were taken back, by why; nothing while the channel is stopped.
    """
    if channel not in AUDIENCES or {ALL, channel} & set(ledger.halts.active()):
        return {}
    terms = configuration.actions.channels.get(channel)  # type: ignore[call-overload]
    stays = timedelta(days=terms.audience_days if terms else 0)  # a channel that isn't used any more keeps no member
    members = ledger.memberships.standing(channel, since=at - stays - KEPT)
    generation_id = ledger.generations.latest()
    if not members or generation_id is None:
        return {}
    objectives = active_objectives(configuration.objectives, date.fromisoformat(cycle_id))
    people, customers = _known(home.generation(generation_id), members, objectives)
    settings = configuration.channels.get(channel)  # type: ignore[call-overload]
    messages = _messages(members, people, settings.driver if settings else "file", cycle_id, at)
    masks, ids = audience_masks(objectives, customers), customers["customer_id"]
    inside = {objective.id: set(ids[masks[:, j]]) for j, objective in enumerate(objectives)}
    refused = ledger.memberships.refused(list(messages.values()))
    due: dict[str, tuple[str, Why]] = {}
    for member in members:
        if member.message_id in messages:
            message = messages[member.message_id]
            why = _why(member, message, refused, inside, stays, at)
            if why is not None:
                due[message.message_id] = (member.message_id, why)
    outgoing = [message for message in messages.values() if message.message_id in due]
    gone = {receipt.message_id for receipt in drivers[channel].deliver(outgoing, at=at) if receipt.status == "sent"}
    ledger.memberships.taken_back({name: due[name] for name in sorted(gone)}, channel=channel, at=at)
    counts: dict[Why, int] = {}
    for name in gone:
        counts[due[name][1]] = counts.get(due[name][1], 0) + 1
    return counts


def _why(
    member: Membership,
    message: Message,
    refused: set[str],
    inside: Mapping[str, set[str]],
    stays: timedelta,
    at: datetime,
) -> Why | None:
    if message.message_id in refused:
        return "withdrew"
    if member.added_at + stays <= at:
        return "expired"
    return None if message.customer_id in inside.get(member.objective_id, set()) else "left"


def _known(
    generation: Path, members: Sequence[Membership], objectives: Sequence[Objective]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who the members are now: `dim_recipients` by the person's id or, once merged, a contact, and what objectives ask of them."""
    asked = {"customer_id", *(name for objective in objectives for name in parse(objective.audience.where).columns)}
    view = generation / "dim_customers.parquet"
    # One that isn't there is named where the audience is asked.
    columns = ", ".join(f'"{name}"' for name in pq.read_schema(view).names if name in asked)
    ids = sorted({member.customer_id for member in members})
    recipients_of = str(generation / "dim_recipients.parquet")
    people = query(
        "select * from read_parquet($path) where customer_id in (select unnest($ids)) order by customer_id",
        path=recipients_of,
        ids=ids,
    )
    # A person may have been merged since: then a contact tells who it is now.
    named = set(people["customer_id"])
    contacts = sorted({member.contact_ids[0] for member in members if member.customer_id not in named})
    if contacts:
        merged = query(
            "select * from read_parquet($path) where list_has_any(contact_ids, $contacts) "
            "and not customer_id in (select unnest($ids)) order by customer_id",
            path=recipients_of,
            contacts=contacts,
            ids=ids,
        )
        people = pd.concat([people, merged], ignore_index=True)
    customers = query(
        f"select {columns} from read_parquet($path) where customer_id in (select unnest($ids))",  # noqa: S608 - names of columns that are there
        path=str(view),
        ids=people["customer_id"].tolist(),
    )
    return people, customers


def _messages(
    members: Sequence[Membership], people: pd.DataFrame, driver: str, cycle_id: str, at: datetime
) -> dict[str, Message]:
    """Each member's removal by the message that had added them; nobody without a hash that the platform could match."""
    by_id = {name: row for row, name in enumerate(people["customer_id"])}
    by_contact = {name: row for row, names in enumerate(people["contact_ids"]) for name in names}
    rows = [by_id[m.customer_id] if m.customer_id in by_id else by_contact.get(m.contact_ids[0], -1) for m in members]
    known = [(member, row) for member, row in zip(members, rows, strict=True) if row >= 0]
    found = people.iloc[[row for _, row in known]]
    channel = members[0].channel
    to = recipients(channel, found, operation="remove", driver=driver)
    made = zip(known, found["customer_id"], to, strict=True)
    return {
        member.message_id: _removal(member, customer_id, recipient, cycle_id, at)
        for (member, _), customer_id, recipient in made
        if recipient
    }


def _removal(
    member: Membership, customer_id: str, recipient: Mapping[str, object], cycle_id: str, at: datetime
) -> Message:
    return Message(
        message_id=f"r-{member.message_id.removeprefix('m-')}",
        decision_id=member.decision_id,
        plan_id="",
        cycle_id=cycle_id,
        customer_id=customer_id,
        objective_id=member.objective_id,
        channel=member.channel,
        offer_id=member.offer_id,
        creative_id=member.creative_id,
        slot="",
        send_at=at,
        expires_at=at,
        decided_at=member.decided_at,
        cost=0.0,
        attempt_count=0,
        contact_ids_json=member.contact_ids_json,
        recipient_json=json.dumps(recipient),
        content_json=json.dumps({"audience": f"{member.objective_id}-{member.creative_id}"}),
    )
