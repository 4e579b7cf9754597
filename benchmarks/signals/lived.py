"""A sample market with its year of history, and weekly waves of contacts that were drawn at random and logged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from market import texts
from market.catalogue import read_catalogue
from market.draws import Stream, hashed
from market.effects import Messages
from market.engine import advance
from market.events import Events
from market.files import json_lines, write_table, write_whole
from market.history import Plan, make_market
from market.law import law_named
from market.outcomes import outcome_table
from market.respond import carry_out, react
from market.store import Places, load_state, load_world
from market.tables import EMIT_AT, Renderer, split_by_time, told
from market.words import CHANNELS, DAY_MS, HOUR_MS, VOICE
from market.world import State, World

START = date(2026, 1, 5)
WAVES, EVERY_DAYS = 14, 7
HISTORY_DAYS = 365
HOURS = (13, 16, 19, 23)


@dataclass(frozen=True)
class Lived:
    """A market at the morning after its last wave's week.

    Attributes:
        world: Who there is, and the law.
        state: As everybody is on `day`.
        day: Since 1970, the day of the decision.
        waves: Days of the waves.
        contacts: Contacts made in the waves, by channel.
    """

    world: World
    state: State
    day: int
    waves: tuple[int, ...]
    contacts: dict[str, int]


def live(home: Path, config: Path, *, customers: int, seed: int, law: str, share: float) -> Lived:
    """Makes a market and lets it live through the waves; what a shop would see of it goes to `home`/landing.

    In a wave each person is contacted with chance `share`, by a channel and offer drawn evenly from those open to the
    person, at an hour drawn evenly. It is written as `campaign_history` with that probability; what came back is
    `outcomes` by contact id.

    Args:
        home: An empty folder.
        config: Folder of `actions.yaml`: offers, their cost, and what a contact costs.
        customers: Persons.
        seed: Of everything that is drawn.
        law: Name of the market's law.
        share: Of the people contacted in a wave, 0 to 1.
    """
    places = Places(home, home / "market")
    plan = Plan(customers, seed, START, HISTORY_DAYS, 50.0, law_named(law), read_catalogue(config))
    make_market(places, plan, _quiet)
    world = load_world(places)
    state, pending = load_state(places)
    events, outcomes = Events(), []
    waves = tuple(state.day + EVERY_DAYS * wave for wave in range(WAVES))
    rng, counts = np.random.default_rng([seed, 1]), np.zeros(len(CHANNELS), dtype=np.int64)
    for day in range(state.day, waves[-1] + EVERY_DAYS):
        if day in waves:
            wave, chance = draw_wave(world, state, day, share, rng)
            counts += np.bincount(wave.channel, minlength=len(CHANNELS))
            outcomes.append(_contact(world, state, events, wave, chance, day))
        advance(world, state, events, (day + 1) * DAY_MS)
    until = state.clock_ms
    for source, table in Renderer(world, state).tables(events).items():
        tables = [told(split_by_time(t, until)[0]) for t in (table, pending.get(source)) if t is not None]
        suffix = {"crm_contacts": "jsonl.gz"}.get(source, "parquet")
        write_table(places.landing / source / f"waves.{suffix}", pa.concat_tables(tables, promote_options="default"))
    told_of = told(split_by_time(pa.concat_tables(outcomes), until)[0])
    text = "\n".join(json_lines(told_of)) + "\n"
    write_whole(places.landing / "outcomes" / "waves.jsonl", lambda path: _write(path, text))
    return Lived(world, state, state.day, waves, dict(zip(CHANNELS, counts.tolist(), strict=True)))


def draw_wave(
    world: World, state: State, day: int, share: float, rng: np.random.Generator
) -> tuple[Messages, np.ndarray]:
    """A wave's messages, and the probability of each channel and offer over all persons, [K]."""
    able = state.may_contact
    person = np.flatnonzero(able.any(axis=1) & (rng.random(world.people.count) < share))
    rank = (rng.random(len(person)) * able[person].sum(axis=1)).astype(np.int64)
    channel = (np.cumsum(able[person], axis=1) > rank[:, None]).argmax(axis=1)
    menu = [[state.catalogue.offer_index(offer) for offer in state.catalogue.offers_of(name)] for name in CHANNELS]
    width = np.array([len(offers) for offers in menu])
    table = np.array([offers + [0] * (int(width.max()) - len(offers)) for offers in menu])
    offer = table[channel, (rng.random(len(person)) * width[channel]).astype(np.int64)]
    sent = day * DAY_MS + rng.choice(HOURS, len(person)) * HOUR_MS
    wave = Messages(person, channel, offer, np.full(len(person), -1), sent, np.zeros(len(person), dtype=bool))
    return wave, share / (able[person].sum(axis=1) * width[channel])


def _contact(  # noqa: PLR0917 - a wave, and all that it changes
    world: World, state: State, events: Events, m: Messages, chance: np.ndarray, day: int
) -> pa.Table:
    """Lets a wave take effect; what providers will say of it, by contact id."""
    reactions = react(world, state, m, day)
    campaign = np.full(m.count, state.campaign_index(f"wave-{day}"))
    cost = np.array([state.catalogue.contact_costs.get(name, 0.0) for name in CHANNELS])[m.channel]
    events.add(
        "sends", t=m.sent, person=m.person, channel=m.channel, offer=m.offer, campaign=campaign, cost=cost,
        chance=chance,
    )  # fmt: skip
    carry_out(world, state, events, m, reactions, day=day, campaign=campaign)
    _log_calls(events, m, reactions.opened, reactions.exposed)
    ids = texts.hex_ids("w", hashed(world.seed, Stream.EVENT_ID, 90, m.person, m.sent, m.channel))
    table = outcome_table(world, m, reactions, ids.to_pylist())
    rows = pa.compute.index_in(table["message_id"].combine_chunks(), value_set=ids)
    contact = world.ids.contacts["contact_id"].combine_chunks().take(pa.array(world.ids.first[m.person])).take(rows)
    table = table.set_column(table.schema.get_field_index("customer_key"), "customer_key", contact)
    nothing = pa.nulls(table.num_rows, pa.string())
    return table.set_column(table.schema.get_field_index("message_id"), "message_id", nothing)


def _log_calls(events: Events, m: Messages, answered: np.ndarray, at: np.ndarray) -> None:
    calls = np.flatnonzero(m.channel == VOICE)
    events.add(
        "calls", t=at[calls], person=m.person[calls], inbound=np.zeros(len(calls), dtype=bool),
        seconds=np.where(answered[calls], 90.0, 0.0), disposition=np.where(answered[calls], 0, 1),
        words=np.full(len(calls), -1),
    )  # fmt: skip


def day_of(day: int) -> date:
    """A day counted from 1970 as a date."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, tz=UTC).date()


_quiet: Callable[[str], None] = lambda _: None  # noqa: E731


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


__all__ = ["EMIT_AT", "Lived", "day_of", "draw_wave", "live"]
