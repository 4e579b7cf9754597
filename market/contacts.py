"""How the persons show up in the CRM: scattered over duplicate contacts, shared, mistyped, changed and recycled."""

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market import names, texts
from market.draws import Stream, gaussian, generator, hashed, uniform
from market.people import People
from market.places import PLACES
from market.words import CATEGORIES, DAY_MS, Bools, Ints

_ABSENT: Final = -1
_ID: Final = Stream.IDENTITY
_ATTRIBUTES: Final = tuple(
    json.dumps({"interest": i, "plan": p, "children": c} if i else {"plan": p, "children": c})
    for i in (*CATEGORIES, None)
    for p in ("basic", "plus")
    for c in (0, 1, 2)
)


@dataclass(frozen=True)
class Scatter:
    """Which version of a person's data each contact has: one element a contact, a person's own side by side.

    Attributes:
        person: The person behind the contact.
        position: 0 for the person's first contact.
        email, phone: Version of address and number (0 the present one, 1 an old one, -1 absent).
        has_loyalty, has_device, has_address: What the contact carries.
    """

    person: Ints
    position: Ints
    email: Ints
    phone: Ints
    has_loyalty: Bools
    has_device: Bools
    has_address: Bools


def scatter(seed: int, people: People) -> Scatter:
    """Draws the contacts: about a fifth of the persons have more than one, nearly all linked by some identifier."""
    rng = generator(seed, _ID)
    extra = (rng.random(people.count) < 0.20).astype(np.int64)
    extra += (extra > 0) & (rng.random(people.count) < 0.15)
    person = np.repeat(np.arange(people.count), 1 + extra)
    starts = np.concatenate([[0], np.cumsum(1 + extra)[:-1]])
    position = np.arange(len(person)) - starts[person]
    again, u = position > 0, rng.random((5, len(person)))
    email = np.select([~again | (u[0] < 0.5), u[0] < 0.9], [0, 1], _ABSENT)
    phone = np.select([~again | (u[1] < 0.5), u[1] < 0.8], [0, 1], _ABSENT)
    loyalty = people.has_loyalty[person] & (u[2] < np.where(again, 0.5, 0.8))
    device = people.has_app[person] & (~again | (u[3] < 0.4))
    first_loyalty, known_email, known_phone = (
        loyalty[starts][person],
        people.has_email[person],
        people.has_phone[person],
    )
    linked = (email == 0) & known_email | (phone == 0) & known_phone | loyalty & first_loyalty | device
    mend = again & ~linked & (u[4] < 0.92)
    email = np.where(mend & known_email, 0, np.where(known_email, email, _ABSENT))
    phone = np.where(mend & ~known_email, 0, phone)
    phone = np.where(known_phone, phone, _ABSENT)
    address = people.has_address[person] & (~again | (u[4] < 0.6))
    return Scatter(person, position, email, phone, loyalty, device, address)


def _owners(seed: int, people: People, purpose: int, share: float) -> Ints:
    """The person whose number or address each person gives: the first of the household for a share of the others."""
    _, first, inverse = np.unique(people.household, return_index=True, return_inverse=True)
    head, own = first[inverse], np.arange(people.count)
    return np.where(uniform(seed, _ID, purpose, own) < share, head, own)


def _phone_keys(seed: int, people: People, cast: Scatter) -> Ints:
    """A key for each contact's number: owner x 2 + version. A hundredth of the persons got another's old number."""
    owner = _owners(seed, people, 1, 0.08)
    key = owner * 2
    old = np.unique(cast.person[cast.phone == 1])
    taker = np.flatnonzero(uniform(seed, _ID, 2, np.arange(people.count)) < 0.01)
    if len(old):
        giver = old[hashed(seed, _ID, 3, taker) % np.uint64(len(old))]
        same_place = people.place[giver] == people.place[taker]
        key[taker[same_place]] = giver[same_place] * 2 + 1
    return np.where(cast.phone == 1, cast.person * 2 + 1, key[cast.person])


def phone_numbers(seed: int, people: People, keys: Ints) -> pa.StringArray:
    """E.164 numbers for keys (owner x 2 + version) in the area of the owner's place."""
    h = hashed(seed, _ID, 4, keys)
    line = 2_000_000 + (h % np.uint64(7_999_999)).astype(np.int64)
    return texts.join(texts.pick([p.dial for p in PLACES], people.place[keys // 2]), texts.digits(line, 7))


def first_names(seed: int, person: Ints) -> Ints:
    """Index into ``names.FIRST`` for each person."""
    return (hashed(seed, _ID, 5, person) % np.uint64(len(names.FIRST))).astype(np.int64)


def last_names(seed: int, people: People, person: Ints) -> Ints:
    """Index into ``names.LAST``: the household's, for most of its members."""
    own = uniform(seed, _ID, 6, person) < 0.12
    key = np.where(own, person + people.count, people.household[person])
    return (hashed(seed, _ID, 7, key) % np.uint64(len(names.LAST))).astype(np.int64)


def addresses(seed: int, people: People, owner: Ints, version: Ints) -> pa.StringArray:
    """E-mail addresses (lower case) of a version for each owner; null where the version is below 0."""
    h = hashed(seed, _ID, 8, owner, np.maximum(version, 0))
    first = texts.pick([n.lower() for n in names.FIRST], first_names(seed, owner))
    last = texts.pick([n.lower() for n in names.LAST], last_names(seed, people, owner))
    given = pc.if_else(pa.array(version == 1), pc.utf8_slice_codeunits(first, 0, 1), texts.join(first, "."))
    host = texts.pick(names.HOSTS, (h >> np.uint64(40)).astype(np.int64) % len(names.HOSTS))
    whole = texts.join(given, last, texts.digits((h % np.uint64(100_000)).astype(np.int64), 5), "@", host)
    return texts.keep(whole, version >= 0)


def contact_ids(seed: int, person: Ints, position: Ints) -> pa.StringArray:
    """Ids that tell nothing about the person."""
    return texts.hex_ids("c", hashed(seed, _ID, 9, person, position))


def loyalty_ids(seed: int, person: Ints) -> pa.StringArray:
    """Loyalty card of each person."""
    return texts.join("L", texts.digits((hashed(seed, _ID, 10, person) % np.uint64(10**12)).astype(np.int64), 12))


def device_tokens(seed: int, person: Ints) -> pa.StringArray:
    """Push token of each person's app."""
    return texts.hex_ids("d", hashed(seed, _ID, 11, person))


def _written_names(words: tuple[str, ...], index: Ints, wrong: Bools) -> pa.StringArray:
    return texts.pick([*words, *map(names.mistyped, words)], index + np.where(wrong, len(words), 0))


def _attributes(seed: int, people: People, person: Ints) -> pa.StringArray:
    u = uniform(seed, _ID, 12, person)
    told = np.where(u < 0.36, people.category[person], hashed(seed, _ID, 13, person) % np.uint64(len(CATEGORIES)))
    interest = np.where(u < 0.45, told, len(CATEGORIES)).astype(np.int64)
    plus = (gaussian(seed, _ID, 14, person) + people.traits[person, 4] > 1.2).astype(np.int64)
    children = (hashed(seed, _ID, 15, person) % np.uint64(3)).astype(np.int64)
    return texts.pick(_ATTRIBUTES, (interest * 2 + plus) * 3 + children)


def contact_table(seed: int, people: People, cast: Scatter, start_ms: int, history_days: int) -> pa.Table:
    """The contacts as the contract's ``crm_contacts``, in the order of ``cast``.

    Args:
        seed: The market's seed.
        people: The persons.
        cast: What each contact carries.
        start_ms: Start of the simulation.
        history_days: Length of the history before it.

    Returns:
        One row a contact, all columns of the contract.
    """
    person, position = cast.person, cast.position
    row = np.arange(len(person))
    again = position > 0
    slip = uniform(seed, _ID, 16, row)
    place = people.place[person]
    email_owner = np.where(cast.email == 0, _owners(seed, people, 17, 0.03)[person], person)
    email = addresses(seed, people, email_owner, cast.email)
    email = pc.if_else(pa.array(again & (slip > 0.95)), pc.utf8_upper(email), email)
    house = hashed(seed, _ID, 18, people.household[person])
    street = texts.pick(names.STREETS, (house % np.uint64(len(names.STREETS))).astype(np.int64))
    number = pc.cast(pa.array(1 + ((house >> np.uint64(32)) % np.uint64(1999)).astype(np.int32)), pa.string())
    postal = texts.join(
        texts.pick([p.postal for p in PLACES], place), texts.digits((house % np.uint64(89)).astype(np.int64) + 10, 2)
    )
    age_days = np.where(people.was_customer[person], 1.0, 0.45) * (history_days + 900) * uniform(seed, _ID, 19, row)
    created = start_ms - ((2 + age_days) * DAY_MS).astype(np.int64)
    updated = created + ((start_ms - created) * uniform(seed, _ID, 20, row) * 0.9).astype(np.int64)
    source = (hashed(seed, _ID, 21, row) % np.uint64(len(names.SOURCES))).astype(np.int64)

    def at_home(values: pa.Array) -> pa.Array:
        return texts.keep(values, cast.has_address)

    return pa.table(
        {
            "contact_id": contact_ids(seed, person, position),
            "created_at": texts.times(created),
            "email": email,
            "phone": texts.keep(phone_numbers(seed, people, _phone_keys(seed, people, cast)), cast.phone >= 0),
            "first_name": _written_names(names.FIRST, first_names(seed, person), again & (slip < 0.2)),
            "last_name": _written_names(
                names.LAST, last_names(seed, people, person), again & (slip > 0.2) & (slip < 0.4)
            ),
            "address_line": at_home(texts.join(number, " ", street)),
            "postal_code": at_home(postal),
            "city": at_home(texts.pick([p.city for p in PLACES], place)),
            "region": at_home(texts.pick([p.region for p in PLACES], place)),
            "country": texts.pick([p.country for p in PLACES], place),
            "time_zone": texts.keep(
                texts.pick([p.time_zone for p in PLACES], place), uniform(seed, _ID, 22, row) < 0.7
            ),
            "birth_year": texts.keep(
                pa.array(people.birth_year[person].astype(np.int32)), uniform(seed, _ID, 23, row) < 0.42
            ),
            "loyalty_id": texts.keep(loyalty_ids(seed, person), cast.has_loyalty),
            "device_token": texts.keep(device_tokens(seed, person), cast.has_device),
            "acquisition_source": texts.pick(names.SOURCES, source),
            "updated_at": texts.times(updated),
            "attributes": _attributes(seed, people, person),
        }
    )
