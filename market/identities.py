"""The ids under which a person leaves traces in the sources, and whose they truly are."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from market import contacts, texts
from market.draws import Stream, hashed, uniform
from market.people import People
from market.words import Ints

VISITORS = 4


def sha256s(values: pa.Array) -> pa.StringArray:
    """SHA-256 in hexadecimal of each trimmed, lower-cased address; null stays null."""
    return pa.array(
        [None if v is None else hashlib.sha256(v.strip().lower().encode()).hexdigest() for v in values.to_pylist()],
        type=pa.string(),
    )


@dataclass(frozen=True)
class Identities:
    """Look-ups from persons to what the sources call them.

    Attributes:
        contacts: The CRM's rows; contacts of a person follow one another.
        person: Person of each contact.
        first: Index of each person's first contact; one more element than persons.
        email: First contact's address of each person (null where unknown).
        email_sha256: Its hash.
        phone: First contact's number of each person.
    """

    contacts: pa.Table
    person: Ints
    first: Ints
    email: pa.StringArray
    email_sha256: pa.StringArray
    phone: pa.StringArray

    @classmethod
    def of(cls, table: pa.Table, person: Ints, sha: pa.StringArray | None = None) -> "Identities":
        """Builds the look-ups from the contacts and their persons."""
        first = np.searchsorted(person, np.arange(int(person[-1]) + 2))
        table = table.combine_chunks()
        main = table.take(pa.array(first[:-1]))
        email = main["email"].combine_chunks()
        return cls(table, person, first, email, sha256s(email) if sha is None else sha, main["phone"].combine_chunks())

    def contact_of(self, seed: int, person: Ints, key: Ints) -> Ints:
        """One of the person's contacts, by chance of ``key``: index into ``contacts``."""
        count = self.first[person + 1] - self.first[person]
        return self.first[person] + (uniform(seed, Stream.DETAIL, 90, person, key) * count).astype(np.int64)


def visitor_codes(seed: int, people: People, person: Ints, key: Ints) -> Ints:
    """The visitor (person x 4 + device) that a person browses with; a few share the household's tablet."""
    device = (uniform(seed, Stream.DETAIL, 91, person, key) ** 1.6 * people.devices[person]).astype(np.int64)
    head = np.searchsorted(people.household, people.household[person])
    tablet = (uniform(seed, Stream.DETAIL, 92, person) < 0.02) & (uniform(seed, Stream.DETAIL, 93, person, key) < 0.3)
    return np.where(tablet, head * VISITORS + VISITORS - 1, person.astype(np.int64) * VISITORS + device)


def visitor_ids(seed: int, codes: Ints) -> pa.StringArray:
    """Cookie ids of visitors."""
    return texts.hex_ids("v", hashed(seed, Stream.IDENTITY, 30, codes))


def truth_table(seed: int, ids: Identities) -> pa.Table:
    """Whose each id is: ``kind``, ``value``, ``person_id``; a row for each person of a shared or recycled value."""
    person = ids.person
    everyone = np.arange(len(ids.first) - 1)
    codes = np.arange(len(everyone) * VISITORS)
    columns = ids.contacts
    parts = [
        ("contact_id", columns["contact_id"], person),
        ("email", columns["email"], person),
        ("phone", columns["phone"], person),
        ("loyalty_id", contacts.loyalty_ids(seed, everyone), everyone),
        ("device_token", columns["device_token"], person),
        ("email_sha256", ids.email_sha256, everyone),
        ("visitor_id", visitor_ids(seed, codes), codes // VISITORS),
    ]
    tables = [
        pa.table(
            {
                "kind": pa.array([kind]).take(pa.array(np.zeros(len(who), np.int32))),
                "value": value,
                "person_id": pa.array(who.astype(np.int32)),
            }
        )
        for kind, value, who in parts
    ]
    whole = pa.concat_tables(tables).drop_null()
    return whole.group_by(["kind", "value", "person_id"], use_threads=False).aggregate([])
