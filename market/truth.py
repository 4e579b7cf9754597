"""The truth for judges: whose the ids are, what each action would cause, and what was caused so far. All as Parquet."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from market import texts
from market.effects import Messages, effect_when_reached, maturity, reach_chance
from market.identities import truth_table
from market.options import options_table
from market.organic import daily_chance
from market.sales import MARGIN_SHARE, expected_amount
from market.store import Places, load_state, load_world
from market.words import CHANNELS, DAY_MS, HOUR_MS, PRICE, TRAITS, Floats, MarketError
from market.world import State, World

WHATS: Final = ("identity", "people", "effects", "options", "value", "worth")


def tell_truth(
    where: Places, what: str, out: Path, *, on: date | None, days: int, offers: list[str]
) -> dict[str, object]:
    """Writes one kind of truth to a Parquet file.

    Args:
        where: The market's places.
        what: One of ``WHATS``.
        out: The file to write.
        on: For effects and options: the day on which messages would go out, in the present state; default the clock's day.
        days: For effects: the window after it.
        offers: For effects and options: offers to consider; default those that the market has met.

    Returns:
        The file's name and rows.

    Raises:
        MarketError: There is no such truth.
    """
    world = load_world(where)
    state, _ = load_state(where)
    if what == "identity":
        table = truth_table(world.seed, world.ids)
        more = where.truth / "contacts"
        extra = [pq.read_table(p) for p in sorted(more.glob("*.parquet"))]
        table = pa.concat_tables([table, *extra]) if extra else table
    elif what == "people":
        table = _people(world, state)
    elif what in {"effects", "options"}:
        day = state.day if on is None else (on - date(1970, 1, 1)).days
        is_effects = what == "effects"
        table = effects_table(world, state, day, days, offers) if is_effects else options_table(where, day, offers)
    elif what == "value":
        table = value_table(where)
    elif what == "worth":
        table = worth_table(where)
    else:
        raise MarketError(f"--what {what}: no such truth; there are {', '.join(WHATS)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, out, store_schema=False)
    return {"file": str(out), "rows": table.num_rows}


def _people(world: World, state: State) -> pa.Table:
    people = world.people
    columns: dict[str, object] = {"person_id": np.arange(people.count, dtype=np.int32)}
    columns |= {f"trait_{name}": people.traits[:, i] for i, name in enumerate(TRAITS)}
    columns |= {
        "is_customer": state.is_customer,
        "is_alive": state.is_alive,
        "fatigue": state.fatigue,
        "hour": people.hour,
    }
    columns |= {"buy_rate": people.buy_rate, "household_id": people.household, "last_sale_day": state.last_sale_day}
    columns |= {f"may_contact_{name}": np.ascontiguousarray(state.may_contact[:, i]) for i, name in enumerate(CHANNELS)}
    return pa.table(columns)


def organic_chance(world: World, state: State, day: int, days: int) -> Floats:
    """Chance of an organic purchase in ``days`` days from ``day`` for each person, in the present organic life."""
    none = np.ones(world.people.count)
    for d in range(day, day + days):
        none *= 1.0 - daily_chance(world, state, d)
    return 1.0 - none


def effects_table(world: World, state: State, day: int, days: int, offers: list[str]) -> pa.Table:
    """What each message would change, person by channel by offer, if it alone went out on a day at a middling hour.

    Args:
        world: The world.
        state: As it is.
        day: Since 1970.
        days: Window after it.
        offers: Offer ids; none named means all met.

    Returns:
        ``person_id``, ``channel``, ``offer_id``; ``organic``: chance of a purchase in the window without it;
        ``effect``: what it adds to that chance; ``margin_effect``: what it adds to the expected margin in the window,
        redemptions by those who would have bought anyway deducted, the contact's own cost not.
    """
    ids = list(dict.fromkeys(offers)) or list(state.catalogue.offers)
    index = [state.catalogue.offer_index(o) for o in ids]
    everyone = np.arange(world.people.count)
    organic, ripe = organic_chance(world, state, day, days), maturity(world.law, float(days))
    parts = []
    for channel in range(len(CHANNELS)):
        for name, offer in zip(ids, index, strict=True):
            full = np.full(world.people.count, channel), np.full(world.people.count, offer)
            at = np.full(world.people.count, day * DAY_MS + 17 * HOUR_MS)
            m = Messages(
                everyone,
                full[0],
                full[1],
                np.full(world.people.count, -1),
                at,
                np.zeros(world.people.count, dtype=bool),
            )
            reach = reach_chance(world, m, day)
            chance = reach * effect_when_reached(world, state, m, day, with_hour=False)
            chance *= np.where(chance > 0, ripe[channel], min(days, 14) / 14)
            added = np.where(chance > 0, chance * (1.0 - organic), chance)
            margin = _margin_effect(world, state, chance, organic, reach, offer=offer)
            parts.append(
                pa.table(
                    {
                        "person_id": everyone.astype(np.int32),
                        "channel": texts.pick(CHANNELS, full[0]),
                        "offer_id": texts.pick([name], full[1] * 0),
                        "organic": organic.astype(np.float32),
                        "effect": added.astype(np.float32),
                        "margin_effect": margin.astype(np.float32),
                    }
                )
            )
    return pa.concat_tables(parts)


def _margin_effect(world: World, state: State, chance: Floats, organic: Floats, reach: Floats, *, offer: int) -> Floats:
    law, everyone = world.law, np.arange(world.people.count)
    gross = MARGIN_SHARE * expected_amount(world, everyone)
    cost = float(state.catalogue.offer_costs()[offer])
    sensitive = 2.0 / (1.0 + np.exp(-world.people.traits[:, PRICE].astype(np.float64)))
    given = organic * reach * np.minimum(law.redeem_organic * sensitive, 1.0) * cost if offer > 0 else 0.0
    usual_discount = world.people.discount_share * 0.15 * gross / MARGIN_SHARE
    net = (
        gross
        - np.where(offer > 0, law.redeem_caused * cost, 0.0)
        - (1 - law.redeem_caused * (offer > 0)) * usual_discount
    )
    return np.asarray(np.where(chance > 0, chance * net, chance * (gross - usual_discount)) - given)


def value_table(where: Places) -> pa.Table:
    """Realized purchases by UTC day and origin: ``sold_on``, ``origin``, ``sale_count``, ``revenue``, ``margin``."""
    files = sorted((where.truth / "sales").glob("*.parquet"))
    if not files:
        raise MarketError(f"{where.truth / 'sales'}: nothing was sold in this market yet")
    sales = pa.concat_tables([pq.read_table(f, columns=["sold_at", "origin", "revenue", "margin"]) for f in files])
    days = sales["sold_at"].cast(pa.timestamp("us")).cast(pa.date32())
    table = sales.set_column(0, "sold_on", days).group_by(["sold_on", "origin"], use_threads=False)
    out = table.aggregate([("revenue", "count"), ("revenue", "sum"), ("margin", "sum")])
    return out.rename_columns(["sold_on", "origin", "sale_count", "revenue", "margin"]).sort_by(
        [("sold_on", "ascending"), ("origin", "ascending")]
    )


def worth_table(where: Places) -> pa.Table:
    """What messages were worth when they were sent (``market.worth``), by their cycle's day and channel.

    Returns:
        ``cycle_on``, ``channel``, ``message_count``, ``expected_margin``, ``caused_count``; empty where nothing was sent.
    """
    files = sorted((where.truth / "messages").glob("*.parquet"))
    names = ["cycle_id", "channel", "expected_margin", "is_caused"]
    kinds = [pa.string(), pa.string(), pa.float64(), pa.bool_()]
    none = pa.table({name: pa.array([], type=kind) for name, kind in zip(names, kinds, strict=True)})
    table = pa.concat_tables([none, *(pq.read_table(f, columns=names) for f in files)], promote_options="permissive")
    on = pc.utf8_slice_codeunits(table["cycle_id"], 0, 10)
    table = table.set_column(0, "cycle_on", on).append_column("caused", table["is_caused"].cast(pa.int64()))
    found = table.group_by(["cycle_on", "channel"], use_threads=False).aggregate(
        [("expected_margin", "count"), ("expected_margin", "sum"), ("caused", "sum")]
    )
    named = found.rename_columns(["cycle_on", "channel", "message_count", "expected_margin", "caused_count"])
    return named.sort_by([("cycle_on", "ascending"), ("channel", "ascending")])


def clock_of(state: State) -> datetime:
    """The instant up to which the market has answered."""
    return datetime.fromtimestamp(state.clock_ms / 1000, tz=UTC)
