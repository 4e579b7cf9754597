"""Contacts that come to the CRM while the simulation runs: further ones of persons already in the world."""

from typing import Final

import numpy as np
import pyarrow as pa

from market import texts
from market.contacts import Scatter, contact_table
from market.draws import Stream, uniform
from market.tables import EMIT_AT
from market.words import DAY_MS
from market.world import World

_DAILY_SHARE: Final = 0.0004
_POSITION: Final = 100


def new_contacts(world: World, day: int, from_ms: int, until_ms: int) -> tuple[pa.Table, pa.Table]:
    """The contacts that a day's part brings.

    Args:
        world: The world.
        day: Since 1970.
        from_ms: Start of the part.
        until_ms: Its end.

    Returns:
        Rows of ``crm_contacts`` with ``EMIT_AT``; and ``contact_id``, ``person`` of each.
    """
    people = world.people
    person = np.flatnonzero(world.draw(Stream.NEW_CONTACT, day) < _DAILY_SHARE)
    at = day * DAY_MS + (uniform(world.seed, Stream.NEW_CONTACT, person, day) * DAY_MS).astype(np.int64)
    mine = (at >= from_ms) & (at < until_ms)
    person, at = person[mine], at[mine]
    u = uniform(world.seed, Stream.NEW_CONTACT, person, day, 1)
    email = np.where(people.has_email[person], np.where(u < 0.75, 0, 1), -1)
    phone = np.where(people.has_phone[person], np.where(u < 0.6, 0, -1), -1)
    no = np.zeros(len(person), dtype=bool)
    cast = Scatter(
        person, np.full(len(person), _POSITION + day), email, phone, no, people.has_app[person] & (u < 0.3), no
    )
    table = contact_table(world.seed, people, cast, world.start_ms, 1)
    for name in ("created_at", "updated_at"):
        table = table.set_column(table.schema.get_field_index(name), name, texts.times(at))
    known = pa.table({"contact_id": table["contact_id"], "person": pa.array(person.astype(np.int64))})
    return table.append_column(EMIT_AT, pa.array(at)), known
