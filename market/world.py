"""The world: what never changes (seed, law, persons, their ids) and what does (the state)."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from market.catalogue import Catalogue
from market.consents import reachable
from market.draws import Stream, person_day, uniform
from market.identities import Identities
from market.law import Law
from market.people import People
from market.words import CHANNELS, DAY_MS, Bools, Floats, Ints


@dataclass(frozen=True)
class World:
    """What never changes once the market is made.

    Attributes:
        seed: Of all draws.
        law: How persons respond.
        people: The persons.
        ids: What the sources call them.
        start_ms: Start of the simulation; the history ends there.
    """

    seed: int
    law: Law
    people: People
    ids: Identities
    start_ms: int

    @cached_property
    def moved(self) -> Floats:
        """How ready each person is to be moved by each channel: standard normal float32 [N, 8]."""
        law, people = self.law, self.people
        tastes = np.array([law.channels[c].tastes for c in CHANNELS])
        tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
        common = np.array([0.5, 0.2, -0.3, 0.1, -0.6, 0.5])
        person = 0.6 * (people.traits @ (common / np.linalg.norm(common))) + 0.8 * people.hidden
        score = law.taste_weight * (people.traits @ tastes.T) + law.hidden_weight * people.hidden_channel
        score += law.person_weight * person[:, None]
        weights = np.array([law.taste_weight, law.hidden_weight, law.person_weight])
        return np.asarray(score / np.linalg.norm(weights), dtype=np.float32)

    @cached_property
    def reachable(self) -> Bools:
        """Whether each person has what each channel needs: bool [N, 8]."""
        return reachable(self.people)

    def in_spell(self, day: int, person: Ints | None = None) -> Bools:
        """Whether each person is looking for something on a day; blocks of 14 days, not known to be any campaign's."""
        everyone = np.arange(self.people.count) if person is None else person
        block = (day + self.people.spell_phase[everyone].astype(np.int64)) // 14
        return np.asarray(uniform(self.seed, Stream.SPELL, everyone, block) < self.law.spell_share)

    def draw(self, stream: Stream, day: int) -> Floats:
        """One uniform number for each person on a day."""
        return person_day(self.seed, stream, day, self.people.count)


@dataclass
class State:
    """What changes as time goes by; saved whole after each answer.

    Attributes:
        clock_ms: All before it has been answered.
        calls: Answers so far.
        is_customer, is_alive: Each person's organic life; no message ever changes it.
        last_sale_day: Day of the last purchase of any kind.
        fatigue: Recent touches over all channels, decaying.
        offer, offer_until: Offer in hand and its last day.
        offer_channel: By which channel it came.
        prevented, prevented_until: Chance that an organic purchase is prevented, and until when.
        scan_from, scan_until: Days in which a call follows up a scanned mailer.
        audience_until, audience_chance, audience_offer: [N, 2] membership in paid_social and display.
        may_contact: Consent in effect, [N, 8].
        touched_day: Day of the last touch.
        scheduled: Caused purchases to come: (milliseconds, person).
        catalogue: Offers and creatives met.
        campaigns: Names of campaigns met.
        offsets: Bytes of each outbound file already read.
        seen, seen_day: Hashes of recent message ids and the day each was read.
        counts: Totals for the truth: caused, prevented, organic purchases, messages.
    """

    clock_ms: int
    is_customer: Bools
    is_alive: Bools
    last_sale_day: Ints
    fatigue: Floats
    offer: Ints
    offer_until: Ints
    offer_channel: Ints
    prevented: Floats
    prevented_until: Ints
    scan_from: Ints
    scan_until: Ints
    audience_until: Ints
    audience_chance: Floats
    audience_offer: Ints
    may_contact: Bools
    touched_day: Ints
    scheduled: tuple[Ints, Ints]
    catalogue: Catalogue
    calls: int = 0
    seen: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    seen_day: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    campaigns: list[str] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)

    @property
    def day(self) -> int:
        """Day of the clock, since 1970."""
        return self.clock_ms // DAY_MS

    def campaign_index(self, name: str) -> int:
        """Index of a campaign's name, new ones included."""
        if name not in self.campaigns:
            self.campaigns.append(name)
        return self.campaigns.index(name)


def first_state(people: People, may_contact: Bools, catalogue: Catalogue, clock_ms: int) -> State:
    """The state when history begins: nobody was touched, nothing is on its way."""
    n, never = people.count, -100_000
    day = clock_ms // DAY_MS

    def days(value: int, width: int | None = None) -> Ints:
        return np.full(n if width is None else (n, width), value, dtype=np.int32)

    last = np.where(people.was_customer, day - 1, never).astype(np.int32)
    return State(
        clock_ms=clock_ms,
        is_customer=people.was_customer.copy(),
        is_alive=people.was_alive.copy(),
        last_sale_day=last,
        fatigue=np.zeros(n, dtype=np.float32),
        offer=np.zeros(n, dtype=np.int16),
        offer_until=days(never),
        offer_channel=np.zeros(n, dtype=np.int8),
        prevented=np.zeros(n, dtype=np.float32),
        prevented_until=days(never),
        scan_from=days(never),
        scan_until=days(never),
        audience_until=days(never, 2),
        audience_chance=np.zeros((n, 2), dtype=np.float32),
        audience_offer=np.zeros((n, 2), dtype=np.int16),
        may_contact=may_contact.copy(),
        touched_day=days(never),
        scheduled=(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)),
        catalogue=catalogue,
    )
