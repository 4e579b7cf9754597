"""What every option would be worth for every contact on a day: the truth that the best plan knowable from it decides by."""

import numpy as np
import pyarrow as pa

from market.effects import Messages
from market.store import Places, load_state, load_world
from market.words import CHANNELS, DAY_MS, HOUR_MS, Ints
from market.world import World
from market.worth import worth

NOON_UTC = 17
"""In New York: an hour that suits most people middlingly."""


def options_table(where: Places, day: int, offers: list[str]) -> pa.Table:
    """Expected margin (``market.worth``) of each channel with each offer, one message to a contact, in the present state.

    Args:
        where: The market's places.
        day: On which messages would go out, since 1970; the creative is a plain one, the hour a middling one.
        offers: Offer ids; none named means all met.

    Returns:
        ``contact_id``, and a float64 column for each option, named ``channel:offer``. A row for each contact that the
        market knows; contacts of one person agree.
    """
    world = load_world(where)
    state, pending = load_state(where)
    ids, person = _contacts(world, pending.get("_contacts"))
    everyone = np.arange(world.people.count)
    columns: dict[str, object] = {"contact_id": ids}
    for channel, name in enumerate(CHANNELS):
        for offer in list(dict.fromkeys(offers)) or list(state.catalogue.offers):
            messages = Messages(
                everyone,
                np.full(len(everyone), channel),
                np.full(len(everyone), state.catalogue.offer_index(offer)),
                np.full(len(everyone), -1),
                np.full(len(everyone), day * DAY_MS + NOON_UTC * HOUR_MS),
                np.zeros(len(everyone), dtype=bool),
            )
            columns[f"{name}:{offer}"] = worth(world, state, messages, day)[person]
    return pa.table(columns)


def _contacts(world: World, more: pa.Table | None) -> tuple[pa.Array, Ints]:
    """Contacts, those that came since the beginning last, with the person of each."""
    ids, owners = world.ids.contacts["contact_id"].combine_chunks(), world.ids.person.astype(np.int64)
    if more is None or not more.num_rows:
        return ids, owners
    ids = pa.concat_arrays([ids, more["contact_id"].combine_chunks()])
    return ids, np.concatenate([owners, more["person"].to_numpy()])
