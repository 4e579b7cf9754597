"""Makes a market: its persons, and a year in which they lived and the shop kept books."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from market import consents, contacts
from market.campaigns import is_campaign_day, run_campaign
from market.catalogue import Catalogue
from market.draws import Stream, uniform
from market.engine import advance
from market.events import Events
from market.files import write_table
from market.identities import Identities
from market.law import Law
from market.people import make_people
from market.sales import ORGANIC, add_sales
from market.store import Places, commit, save_world, start_over
from market.tables import EMIT_AT, Renderer, split_by_time, told
from market.truth_log import log_sales
from market.words import DAY_MS, MarketError
from market.world import State, World, first_state

_FORMATS: Final = {"store_purchases": "csv.gz", "call_logs": "jsonl.gz", "consents": "csv.gz"}
_USUAL_EVENTS: Final = 50.0
_MONTH_DAYS: Final = 30

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What market to make.

    Attributes:
        customers: Persons.
        seed: Of all draws.
        start_on: First simulated day; history ends the day before.
        history_days: Length of the history.
        events_per_customer: Mean events of a person over the history, roughly.
        law: How persons respond.
        catalogue: Offers in use.
    """

    customers: int
    seed: int
    start_on: date
    history_days: int
    events_per_customer: float
    law: Law
    catalogue: Catalogue

    @property
    def start_ms(self) -> int:
        """The first simulated instant."""
        return int(datetime(self.start_on.year, self.start_on.month, self.start_on.day, tzinfo=UTC).timestamp() * 1000)


def make_market(where: Places, plan: Plan, progress: Progress) -> dict[str, int]:
    """Makes the persons, writes the history to landing and the truth apart.

    Args:
        where: The market's places.
        plan: What market to make.
        progress: Is told what is being done.

    Returns:
        Rows by source.

    Raises:
        MarketError: There is a market already, or the plan cannot be.
    """
    if plan.customers < 10 or plan.history_days < 1 or plan.events_per_customer <= 0:
        raise MarketError(
            "--customers must be at least 10, --history-days at least 1 and --events-per-customer above 0"
        )
    start_over(where)
    progress(f"drawing {plan.customers:,} persons")
    world, basis, withdrawn = _make_world(plan)
    save_world(where, world, {"customers": plan.customers, "history_days": plan.history_days})
    log = _Log(where.landing)
    log.write("crm_contacts", world.ids.contacts.sort_by("created_at"), "all")
    log.write(
        "consents",
        consents.past_consents(
            plan.seed, world.ids, basis, withdrawn, start_ms=plan.start_ms, history_days=plan.history_days
        ),
        "all",
    )
    begin = plan.start_ms - plan.history_days * DAY_MS
    allowed = consents.may_contact(world.people, basis, withdrawn)
    state = first_state(world.people, allowed, plan.catalogue, begin)
    pending = _live_through(where, world, state, log, plan=plan, progress=progress)
    progress("keeping the truth")
    commit(where, state, pending, [])
    return dict(sorted(log.rows.items()))


def _make_world(plan: Plan) -> tuple[World, np.ndarray, np.ndarray]:
    activity = plan.events_per_customer / _USUAL_EVENTS
    people = make_people(plan.seed, plan.customers, plan.start_on.year, activity)
    cast = contacts.scatter(plan.seed, people)
    table = contacts.contact_table(plan.seed, people, cast, plan.start_ms, plan.history_days)
    basis, withdrawn = consents.draw_consents(plan.seed, people)
    world = World(plan.seed, plan.law, people, Identities.of(table, cast.person), plan.start_ms)
    return world, basis, withdrawn


class _Log:
    """Writes history files and counts their rows."""

    def __init__(self, landing: Path) -> None:
        self._landing = landing
        self.rows: dict[str, int] = {}

    def write(self, source: str, table: pa.Table, part: str) -> None:
        if table.num_rows:
            suffix = _FORMATS.get(source, "parquet")
            write_table(self._landing / source / f"history-{part}.{suffix}", table)
            self.rows[source] = self.rows.get(source, 0) + table.num_rows


def _live_through(
    where: Places, world: World, state: State, log: _Log, *, plan: Plan, progress: Progress
) -> dict[str, pa.Table]:
    renderer = Renderer(world, state)
    pending: dict[str, list[pa.Table]] = {}
    events = Events()
    state.campaign_index("brand")
    _purchases_before(world, state, events, plan.history_days)
    for nth in range(plan.history_days):
        if is_campaign_day(world, state.day):
            run_campaign(world, state, events, state.day)
        advance(world, state, events, state.clock_ms + DAY_MS)
        if nth % _MONTH_DAYS == _MONTH_DAYS - 1 or nth == plan.history_days - 1:
            last = plan.start_on - timedelta(days=plan.history_days - nth)
            progress(f"history up to {last.isoformat()}")
            for source, table in renderer.tables(events).items():
                now, later = split_by_time(table, plan.start_ms)
                log_sales(where.truth_staging, source, table, f"history-{last.isoformat()}")
                log.write(source, told(now), last.isoformat())
                pending.setdefault(source, []).append(later)
            events = Events()
    return {source: pa.concat_tables(tables).sort_by(EMIT_AT) for source, tables in pending.items()}


def _purchases_before(world: World, state: State, events: Events, history_days: int) -> None:
    """Adds one to three old purchases of each person who is a customer when history begins: the books go back."""
    seed, begin = world.seed, world.start_ms - history_days * DAY_MS
    buyers = np.flatnonzero(world.people.was_customer)
    count = 1 + (uniform(seed, Stream.PAST, buyers) * 3).astype(np.int64)
    person = np.repeat(buyers, count)
    nth = np.arange(len(person))
    scale = np.where(world.people.was_alive[person], 100.0, 300.0)
    newest = np.append(True, person[1:] != person[:-1])
    u = uniform(seed, Stream.PAST, person, nth, 1)
    ago = np.where(newest, -np.log1p(-u) * scale, 90.0 + 700.0 * u) * DAY_MS
    when = begin - 1000 - ago.astype(np.int64)
    none = np.full(len(person), -1, dtype=np.int64)
    past = Events()
    add_sales(world, state, past, person, when, offer=none, origin=np.full(len(person), ORGANIC))
    events.add("sales", **past.columns("sales"))
    last = np.full(world.people.count, -100_000, dtype=np.int64)
    np.maximum.at(last, person, when // DAY_MS)
    state.last_sale_day = last.astype(np.int32)
