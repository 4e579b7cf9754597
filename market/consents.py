"""What the persons agreed to: a matrix that the world acts by, and the contract's rows that tell of it."""

from typing import Final

import numpy as np
import pyarrow as pa

from market import texts
from market.draws import Stream, generator, uniform
from market.identities import Identities
from market.people import People
from market.words import CHANNELS, DAY_MS, DISPLAY, EMAIL, MAIL, PUSH, SMS, SOCIAL, VOICE, WEB, Bools, Ints

BASES: Final = ("express_written", "express", "soft_opt_in")
_SHARES: Final = {  # express_written, express, soft_opt_in; the rest never agreed
    EMAIL: (0.10, 0.46, 0.24),
    SMS: (0.24, 0.08, 0.0),
    VOICE: (0.20, 0.08, 0.0),
    PUSH: (0.05, 0.80, 0.0),
    SOCIAL: (0.05, 0.55, 0.0),
    DISPLAY: (0.05, 0.50, 0.0),
}
_ACCEPTED: Final = {EMAIL: 3, SMS: 1, VOICE: 1, PUSH: 2, SOCIAL: 2, DISPLAY: 2}
_WITHDRAWN: Final = {
    EMAIL: 0.06,
    SMS: 0.08,
    VOICE: 0.08,
    PUSH: 0.10,
    SOCIAL: 0.03,
    DISPLAY: 0.03,
    MAIL: 0.04,
    WEB: 0.01,
}


def reachable(people: People) -> Bools:
    """Whether the shop has what a channel needs: bool [N, 8]."""
    out = np.ones((people.count, len(CHANNELS)), dtype=bool)
    out[:, [EMAIL, SOCIAL, DISPLAY]] = people.has_email[:, None]
    out[:, [SMS, VOICE]] = people.has_phone[:, None]
    out[:, MAIL], out[:, PUSH] = people.has_address, people.has_app
    return out


def draw_consents(seed: int, people: People) -> tuple[Ints, Bools]:
    """Draws what each person agreed to.

    Returns:
        Index into ``BASES`` (-1: never agreed) [N, 8], and whether it was withdrawn since [N, 8].
    """
    rng = generator(seed, Stream.CONSENT)
    basis = np.full((people.count, len(CHANNELS)), -1, dtype=np.int8)
    mood = rng.random(people.count)  # who agrees to one thing agrees to others
    can = reachable(people)
    for channel, shares in _SHARES.items():
        u = np.where(rng.random(people.count) < 0.4, mood, rng.random(people.count))
        drawn = np.searchsorted(np.cumsum(shares), u, side="right")
        basis[:, channel] = np.where((drawn < len(BASES)) & can[:, channel], drawn, -1)
    withdrawn = np.zeros_like(basis, dtype=bool)
    for channel, share in _WITHDRAWN.items():
        asked = (basis[:, channel] >= 0) | (channel in {MAIL, WEB})
        withdrawn[:, channel] = asked & (rng.random(people.count) < share)
    return basis, withdrawn


def may_contact(people: People, basis: Ints, withdrawn: Bools) -> Bools:
    """Whom a lawful shop with the contract's default bases contacts by which channel: bool [N, 8]."""
    allowed = reachable(people) & ~withdrawn
    for channel, accepted in _ACCEPTED.items():
        allowed[:, channel] &= (basis[:, channel] >= 0) & (basis[:, channel] < accepted)
    return allowed


def consent_rows(
    contact_id: pa.Array, channel: Ints, granted: Bools, when: Ints, *, basis: Ints, source: Ints
) -> pa.Table:
    """The contract's ``consents`` for columns of equal length; a basis below 0 is null."""
    return pa.table(
        {
            "contact_id": contact_id,
            "channel": texts.pick(CHANNELS, channel),
            "status": texts.pick(("withdrawn", "granted"), granted.astype(np.int64)),
            "occurred_at": texts.times(when),
            "basis": texts.pick(BASES, basis),
            "source": texts.pick(("web_form", "checkout", "store", "preference_centre", "unsubscribe_link"), source),
        }
    )


def past_consents(
    seed: int, ids: Identities, basis: Ints, withdrawn: Bools, *, start_ms: int, history_days: int
) -> pa.Table:
    """The consents given and withdrawn before the simulation starts, in order of time."""
    person, channel = np.nonzero((basis >= 0) | withdrawn)
    given = basis[person, channel] >= 0
    late = uniform(seed, Stream.CONSENT, 1, person, channel) > 0.85
    contact = np.where(late, ids.first[person + 1] - 1, ids.first[person])
    created = ids.contacts["created_at"].combine_chunks().cast(pa.int64()).to_numpy()[contact] // 1000
    back = withdrawn[person, channel]
    left = start_ms - (1 + uniform(seed, Stream.CONSENT, 2, person, channel) * (history_days - 1)) * DAY_MS
    left = np.clip(left.astype(np.int64), created + 1000, start_ms - 1000)
    names = ids.contacts["contact_id"].combine_chunks()
    source = (uniform(seed, Stream.CONSENT, 3, person, channel) * 3).astype(np.int64)
    rows = consent_rows(
        pa.concat_arrays([names.take(pa.array(contact[given])), names.take(pa.array(contact[back]))]),
        np.concatenate([channel[given], channel[back]]),
        np.repeat([True, False], [given.sum(), back.sum()]),
        np.concatenate([created[given], left[back]]),
        basis=np.concatenate([basis[person, channel][given], np.full(int(back.sum()), -1)]),
        source=np.concatenate([source[given], np.full(int(back.sum()), 3)]),
    )
    return rows.sort_by("occurred_at")
