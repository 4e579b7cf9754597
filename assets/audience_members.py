"""Takes people out of ad audiences: those who withdrew, who left the objective's audience, and whose days are over.

A removal goes through the channel's own driver with `operation` `remove`. It isn't a contact: it costs nothing, needs no
authorization and wears nobody out, and it goes out when consent is gone, since that is what it is for. Membership is a
set, so a removal that a crash repeats changes nothing.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    removals = _removals(members, people, settings.driver if settings else "file", cycle_id, at)
    masks, ids = audience_masks(objectives, customers), customers["customer_id"]
    inside = {objective.id: set(ids[masks[:, j]]) for j, objective in enumerate(objectives)}
    newest = _newest(removals)
    refused = ledger.memberships.refused([each.message for each in removals])
    ended = _ended(removals, newest, refused, inside, at - stays)
    outgoing = [each for each in removals if newest[each.message.customer_id].message_id in ended]
    receipts = drivers[channel].deliver([each.message for each in outgoing], at=at)
    gone = {receipt.message_id for receipt in receipts if receipt.status == "sent"}
    left_over = {each.member.message_id for each in outgoing if each.message.message_id not in gone}
    done = {name: why for name, why in ended.items() if name not in left_over}
    ledger.memberships.taken_back(
        {_removal_id(name): (name, why) for name, why in sorted(done.items())}, channel=channel, at=at
    )
    return dict(Counter(done.values()))


@dataclass(frozen=True)
class _Removal:
    """Takes one person who a member is now out of the audience."""

    member: Membership
    message: Message


def _newest(removals: Sequence[_Removal]) -> dict[str, Membership]:
    """Each person's newest membership: of several members who are one person since, it says when the days are over."""
    ordered = sorted(removals, key=lambda each: (each.member.added_at, each.member.message_id))
    return {each.message.customer_id: each.member for each in ordered}


def _ended(
    removals: Sequence[_Removal],
    newest: Mapping[str, Membership],
    refused: set[str],
    inside: Mapping[str, set[str]],
    expired_by: datetime,
) -> dict[str, Why]:
    """Why members are to be taken out, by the message that had added them.

    A member who is several persons since is out with the first of them: nobody knows any more whose the membership was.
    """
    withdrew = {each.message.customer_id for each in removals if each.message.message_id in refused}
    ended: dict[str, Why] = {}
    for each in removals:
        person, member = each.message.customer_id, newest[each.message.customer_id]
        if person in withdrew:
            ended[each.member.message_id] = "withdrew"
        elif member.added_at <= expired_by:
            ended.setdefault(each.member.message_id, "expired")
        elif person not in inside.get(member.objective_id, set()):
            ended.setdefault(each.member.message_id, "left")
    return ended


def _known(
    generation: Path, members: Sequence[Membership], objectives: Sequence[Objective]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who the members are now, as rows of `dim_recipients`, and what objectives ask of them.

    By the person's id, and by contacts that this person doesn't have: those of who was merged or split since.
    """
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
    found = {contact for names in people["contact_ids"] for contact in names}
    elsewhere = sorted({contact for member in members for contact in member.contact_ids} - found)
    if elsewhere:
        others = query(
            """
            select * from read_parquet($path)
            where customer_id in (
                select customer_id
                from (select customer_id, unnest(contact_ids) as contact_id from read_parquet($path))
                where contact_id in (select unnest($contacts)))
              and not customer_id in (select unnest($ids))
            order by customer_id
            """,
            path=recipients_of,
            contacts=elsewhere,
            ids=ids,
        )
        people = pd.concat([people, others], ignore_index=True)
    customers = query(
        f"select {columns} from read_parquet($path) where customer_id in (select unnest($ids))",  # noqa: S608 - names of columns that are there
        path=str(view),
        ids=people["customer_id"].tolist(),
    )
    return people, customers


def _removals(
    members: Sequence[Membership], people: pd.DataFrame, driver: str, cycle_id: str, at: datetime
) -> list[_Removal]:
    """Each member's removal, of each person who they are now; nobody without a hash that the platform could match.

    The hash is the one that the person has today: where a platform was given another one, only that address's own removal
    or the platform's days end the membership there.
    """
    by_id = {name: row for row, name in enumerate(people["customer_id"])}
    contacts = [list(names) for names in people["contact_ids"]]
    by_contact = {name: row for row, names in enumerate(contacts) for name in names}
    known = [
        (member, place, row) for member in members for place, row in enumerate(_rows_of(member, by_id, by_contact))
    ]
    found = people.iloc[[row for _, _, row in known]]
    to = recipients(members[0].channel, found, operation="remove", driver=driver)
    return [
        _Removal(member, _message(member, place, str(customer_id), contacts[row], recipient, cycle_id, at))
        for (member, place, row), customer_id, recipient in zip(known, found["customer_id"], to, strict=True)
        if recipient
    ]


def _rows_of(member: Membership, by_id: Mapping[str, int], by_contact: Mapping[str, int]) -> list[int]:
    """Rows of the persons who a member is now: themselves, and whoever has one of their contacts."""
    own = [by_id[member.customer_id]] if member.customer_id in by_id else []
    return list(dict.fromkeys([*own, *(by_contact[name] for name in member.contact_ids if name in by_contact)]))


def _removal_id(added_by: str) -> str:
    return f"r-{added_by.removeprefix('m-')}"


def _message(
    member: Membership,
    place: int,
    customer_id: str,
    contacts: Sequence[str],
    recipient: Mapping[str, object],
    cycle_id: str,
    at: datetime,
) -> Message:
    """The removal of the person in this place of those who a member is now."""
    return Message(
        message_id=_removal_id(member.message_id) + (f"-{place}" if place else ""),
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
        contact_ids_json=json.dumps(sorted({*member.contact_ids, *contacts})),
        recipient_json=json.dumps(recipient),
        content_json=json.dumps({"audience": f"{member.objective_id}-{member.creative_id}"}),
    )
