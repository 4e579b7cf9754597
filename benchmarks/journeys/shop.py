"""The sample market in this process, with what a shop would see of its conversations."""

import copy
import json
import tempfile
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from market.catalogue import read_catalogue
from market.draws import Stream, hashed
from market.effects import Messages, effect_when_reached, reach_chance
from market.engine import advance
from market.events import Events
from market.history import Plan, make_market
from market.law import law_named
from market.organic import daily_chance
from market.respond import Reactions, carry_out, react
from market.sales import MARGIN_SHARE, expected_amount
from market.store import Places, load_state, load_world
from market.voice import conversation
from market.words import CHANNELS, DAY_MS, HOUR_MS, MAIL, PRICE, VOICE
from market.world import State, World
from ml.entities import NONE, Option
from ml.signals.calls import read_calls

CONFIG = Path(__file__).parents[2] / "config"
HORIZON_DAYS = 14
_NEVER = -100_000
USED = ("email", "sms", "direct_mail", "voice", "web", "push")
"""Audiences of advertisements are a membership and not a contact: they stay out."""


def make_world(people: int, seed: int, law: str) -> tuple[World, State]:
    """A market with 120 days of history, as it is on its first day."""
    with tempfile.TemporaryDirectory() as folder:
        where = Places(Path(folder), Path(folder) / "market")
        plan = Plan(people, seed, date(2026, 1, 5), 120, 20.0, law_named(law), read_catalogue(CONFIG))
        make_market(where, plan, lambda _: None)
        return load_world(where), load_state(where)[0]


@dataclass(frozen=True, eq=False)
class Sent:
    """What a day's messages did. `chance` is the true effect on the chance of a purchase, `value` its worth less all costs."""

    chance: np.ndarray
    value: np.ndarray
    reactions: Reactions


@dataclass
class Shop:
    """The world with the view of its conversations; moves day by day.

    Attributes:
        world: The market.
        state: As it is.
        options: What can be done.
        contact_cost: By channel name.
        last_touch, last_offer, last_scan: Days; far back for never.
        touch_channel: Channel of the last touch, -1 for none.
        wear: Contacts lately, as the customer view has it.
        objection: As read from what the person said; `None` for nothing said.
        offer_id: The last offer made; `None` for none.
        by_channel: Day of the last contact by channel, [N, 8].
        contacts: Contacts of the last seven days: day, people.
        sales: Purchases seen: people, days.
        scans: A row a day: day, mailers, how many of them are scanned.
        events: What happens today.
    """

    world: World
    state: State
    options: tuple[Option, ...]
    contact_cost: dict[str, float]
    last_touch: np.ndarray = field(init=False)
    last_offer: np.ndarray = field(init=False)
    last_scan: np.ndarray = field(init=False)
    touch_channel: np.ndarray = field(init=False)
    wear: np.ndarray = field(init=False)
    objection: np.ndarray = field(init=False)
    offer_id: np.ndarray = field(init=False)
    by_channel: np.ndarray = field(init=False)
    contacts: list[tuple[int, np.ndarray]] = field(default_factory=list)
    sales: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    scans: list[tuple[int, int, int]] = field(default_factory=list)
    events: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        """Nothing was said or sent yet."""
        count = self.world.people.count
        self.last_touch, self.last_offer, self.last_scan = (np.full(count, _NEVER) for _ in range(3))
        self.touch_channel, self.wear = np.full(count, -1), np.zeros(count)
        self.objection, self.offer_id = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
        self.by_channel = np.full((count, len(CHANNELS)), _NEVER)
        calm = replace(self.world.people, objection=np.zeros_like(self.world.people.objection))
        self._calm_world = replace(self.world, people=calm)

    @property
    def day(self) -> int:
        """Of the clock, since 1970."""
        return self.state.day

    def another(self) -> "Shop":
        """The same shop, to be led along another way."""
        made = copy.copy(self)
        made.state, made.events = copy.deepcopy(self.state), Events()
        for name in (
            "last_touch",
            "last_offer",
            "last_scan",
            "touch_channel",
            "wear",
            "objection",
            "offer_id",
            "by_channel",
        ):
            setattr(made, name, getattr(self, name).copy())
        made.contacts, made.sales, made.scans = list(self.contacts), list(self.sales), list(self.scans)
        return made

    def view(self) -> pd.DataFrame:
        """The conversation's columns of the customer view."""

        def since(days: np.ndarray) -> np.ndarray:
            ago = (self.day - days).astype(float)
            return np.where((days > _NEVER) & (ago >= 0), ago, np.nan)

        names = np.array([*CHANNELS, None], dtype=object)
        said = self.objection
        return pd.DataFrame(
            {
                "customer_id": np.arange(len(said)).astype(str),
                "days_since_last_scan": since(self.last_scan),
                "days_since_last_offer": since(self.last_offer),
                "days_since_last_touch": since(self.last_touch),
                "last_offer_id": self.offer_id,
                "last_touch_channel": names[self.touch_channel],
                "wear": self.wear,
                "last_objection": said,
            }
        )

    def allowed(self) -> np.ndarray:
        """Who may be contacted by which option: consent, means, and the configuration's frequency caps, bool [N, O]."""
        week = np.zeros(len(self.wear), dtype=int)
        for day, person in self.contacts:
            if self.day - day < 7:
                np.add.at(week, person, 1)
        rest = {"voice": 30, "direct_mail": 21, "sms": 7}
        may = self.state.may_contact & self.world.reachable & (week < 3)[:, None]
        for name, days in rest.items():
            c = CHANNELS.index(name)
            may[:, c] &= self.day - self.by_channel[:, c] >= days
        return np.stack([may[:, CHANNELS.index(o.channel)] for o in self.options], axis=1)

    def at_rest(self) -> np.ndarray:
        """True effect of each option on the chance of a purchase, as if nothing had been sent or said; float64 [N, O]."""
        far = np.full(len(self.wear), _NEVER)
        calm = replace(
            self.state, fatigue=np.zeros(len(far)), touched_day=far, offer_until=far, scan_from=far, scan_until=far
        )
        everyone = np.arange(len(far))
        return np.stack(
            [
                reach_chance(self.world, m, self.day)
                * effect_when_reached(self._calm_world, calm, m, self.day, with_hour=False)
                for m in (self._messages(everyone, np.full(len(far), o)) for o in range(len(self.options)))
            ],
            axis=1,
        )

    def true_chance(self, person: np.ndarray, option: np.ndarray) -> np.ndarray:
        """True effect of these contacts if they were made now, one each."""
        m = self._messages(person, option)
        return reach_chance(self.world, m, self.day) * effect_when_reached(self.world, self.state, m, self.day)

    def true_value(self, person: np.ndarray, option: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """What a contact with a true effect is worth: margin caused, less offer given away and contact paid for."""
        offers = [self.options[o].offer_id for o in range(len(self.options))]
        off = np.array([self.state.catalogue.costs.get(o, 0.0) for o in offers])[option]
        gross = MARGIN_SHARE * expected_amount(self.world, person)
        sensitive = 2 / (1 + np.exp(-self.world.people.traits[person, PRICE].astype(float)))
        reach = reach_chance(self.world, self._messages(person, option), self.day)
        redeemed = (
            self.organic()[person] / HORIZON_DAYS * reach * np.minimum(self.world.law.redeem_organic * sensitive, 1)
        )
        # An offer in hand is given away whether or not it is made again: only what the new one adds is counted.
        days, left = self.world.law.offer_days, np.maximum(self.state.offer_until[person] - self.day, 0)
        had = self.state.catalogue.offer_costs()[self.state.offer[person]]
        given = np.where(off > 0, redeemed * (off * days - had * left), 0.0)
        paid = np.array([self.contact_cost[o.channel] for o in self.options])[option]
        kept = gross - np.where(chance > 0, self.world.law.redeem_caused * off, 0)
        return np.asarray(chance * kept - given - paid)

    def organic(self) -> np.ndarray:
        """Chance of a purchase within the horizon when left alone, [N]."""
        daily = daily_chance(self.world, self.state, self.day)
        return 1 - (1 - daily) ** HORIZON_DAYS

    def send(self, person: np.ndarray, option: np.ndarray) -> Sent:
        """Send a day's messages, a person at most once."""
        m = self._messages(person, option)
        r = react(self.world, self.state, m, self.day)
        chance = self.true_chance(person, option)
        sent = Sent(chance, self.true_value(person, option, chance), r)
        carry_out(self.world, self.state, self.events, m, r, day=self.day, campaign=np.zeros(m.count, dtype=np.int64))
        self._hear(m, r)
        self._note(m, r)
        return sent

    def live(self) -> None:
        """Until the next day begins."""
        advance(self.world, self.state, self.events, (self.day + 1) * DAY_MS)
        sold = self.events.columns("sales")
        if sold:
            self.sales.append((sold["person"], sold["t"] // DAY_MS))
        self.events = Events()
        self.wear *= np.exp(-1 / 7)

    def _messages(self, person: np.ndarray, option: np.ndarray) -> Messages:
        channel = np.array([CHANNELS.index(o.channel) for o in self.options])[option]
        offer = np.array([self.state.catalogue.offer_index(o.offer_id) for o in self.options])[option]
        sent = np.full(len(person), self.day * DAY_MS + 17 * HOUR_MS)
        none = np.full(len(person), -1)
        return Messages(person, channel, offer, none, sent, np.zeros(len(person), dtype=bool))

    def _hear(self, m: Messages, r: Reactions) -> None:
        """Objections as the product reads them from the words of calls that were answered."""
        calls = np.flatnonzero((m.channel == VOICE) & r.opened)
        if not len(calls):
            return
        keys = hashed(self.world.seed, Stream.WORDS, m.person[calls], m.sent[calls]).tolist()
        people = self.world.people.objection[m.person[calls]]
        told = [
            conversation(key, int(objection), buys=bool(r.caused[row]), leaves=bool(r.left[row] or r.complained[row]))
            for key, objection, row in zip(keys, people, calls, strict=True)
        ]
        for who, reading in zip(m.person[calls], read_calls([json.dumps(each) for each in told]), strict=True):
            if reading.objection != NONE:
                self.objection[who] = reading.objection

    def _note(self, m: Messages, r: Reactions) -> None:
        who = m.person
        self.contacts = [(day, people) for day, people in self.contacts if self.day - day < 7] + [(self.day, who)]
        self.last_touch[who], self.touch_channel[who] = self.day, m.channel
        made = m.offer > 0
        self.last_offer[who[made]] = self.day
        self.offer_id[who[made]] = np.array(self.state.catalogue.offers, dtype=object)[m.offer[made]]
        self.wear[who] += 1
        self.by_channel[who, m.channel] = self.day
        seen = np.flatnonzero((m.channel == MAIL) & r.clicked)
        self.last_scan[who[seen]] = r.clicked_at[seen] // DAY_MS
        self.scans.append((self.day, int((m.channel == MAIL).sum()), len(seen)))
