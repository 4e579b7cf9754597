"""What the cycle learned, beside what is held, and what would tell most."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg

from assets.cycles import CHANCES, CREATIVES, MEMORY, read_json, write_json
from assets.duck import query
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.logged_days import LOGGED_DAYS, parameters, sums_of, whole_days
from assets.partitions import CYCLES
from ml.configuration import Configuration
from ml.entities import CHANNELS
from ml.learning import memory
from ml.learning.contrasts import ChannelEffect, Sums, effects_of
from ml.learning.creatives import CreativeLook
from ml.response.thought import thought_of_channels

LOOK_BACK: Final = timedelta(days=180)


@dg.asset(
    name="findings",
    group_name="learning",
    kinds={"sql"},
    owners=["team:decision-science"],
    partitions_def=CYCLES,
    deps=["lift", "creatives", "plan"],
)
def findings(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """What was learned, kept with its evidence until it expires or is contradicted; and which experiment would tell most."""
    cycle_id = context.partition_key
    day = date.fromisoformat(cycle_id)
    generation = home.generation(read_json(home.cycle(cycle_id) / "versions.json")["generation_id"])
    effects = effects_of(channel_sums(home, ledger, configuration, generation, day))
    found = [
        *memory.of_channels(effects, cycle_id, day),
        *memory.of_lifts(read_json(home.cycle(cycle_id) / "lift.json")["lifts"], cycle_id, day),
        *memory.of_creatives(_looks(home, cycle_id), cycle_id, day),
    ]
    ledger.findings.keep(memory.learn(found, ledger.findings.held(before=cycle_id), day), at)
    learned = ledger.findings.of_cycle(cycle_id)
    held = ledger.findings.believed(day)
    experiments = _experiments(home, configuration, cycle_id, held)
    facts = {
        "learned": [one.to_dict() | {"verdict": verdict} for one, verdict in learned],
        "held": [one.to_dict() for one in held],
        "experiments": [asdict(one) for one in experiments],
        "channels": [_channel_facts(one) for one in effects],
    }
    write_json(facts, home.cycle(cycle_id) / MEMORY)
    return dg.MaterializeResult(
        metadata={
            "learned": len(learned),
            "contradicted": sum(verdict == "contradicted" for _, verdict in learned),
            "held": len(held),
            "findings": dg.MetadataValue.md("\n".join(f"- {one.statement}" for one in held) or "nothing yet"),
        }
    )


def _channel_facts(effect: ChannelEffect) -> dict[str, Any]:
    low, high = effect.always_valid or (None, None)
    fixed_low, fixed_high = effect.interval or (None, None)
    return {
        "channel": effect.channel,
        "effect": effect.effect,
        "low": low,
        "high": high,
        "fixed_low": fixed_low,
        "fixed_high": fixed_high,
        "contacted": effect.contacted.people,
        "alone": effect.alone.people,
        "words": effect.words,
    }


def channel_sums(
    home: Home, ledger: Ledger, configuration: Configuration, generation: Path, day: date
) -> dict[str, Sums]:
    """Sums of each channel's sides over all blocks of days whose horizon is over.

    A block is as long as the horizon, and is counted once, on the first day that can.
    """
    length = configuration.policy.training.horizon_days
    first, total = (day - LOOK_BACK).toordinal() // length, dict[str, Sums]()
    for block in range(first, day.toordinal() // length):
        begins = date.fromordinal(block * length)
        if begins + timedelta(days=2 * length - 1) > day:
            break
        path = home.training / f"contrasts-{begins}.json"
        if not path.exists():
            days = [begins + timedelta(days=offset) for offset in range(length)]
            write_json({"channels": _count(home, ledger, configuration, generation, days)}, path)
        for channel, sums in read_json(path)["channels"].items():
            total[channel] = total.get(channel, Sums()) + sums_of(sums)
    return total


_SQL: Final = """,
    sides as (
        select
            possible.channel,
            decided.customer_id,
            decided.on_day,
            decided.channel != 'none' as is_contacted,
            1 / if(decided.channel = 'none', possible.alone, possible.chance) as weight
        from decided
        join possible using (customer_id, on_day)
        where decided.channel in (possible.channel, 'none')
    ),
    people as (
        select
            sides.channel,
            sides.customer_id,
            coalesce(sum(weight) filter (where is_contacted), 0) as w1,
            coalesce(sum(weight) filter (where is_contacted and bought.customer_id is not null), 0) as b1,
            coalesce(sum(weight) filter (where not is_contacted), 0) as w0,
            coalesce(sum(weight) filter (where not is_contacted and bought.customer_id is not null), 0) as b0
        from sides
        left join bought on sides.customer_id = bought.customer_id and sides.on_day = bought.on_day
        group by all
    )
    select
        channel,
        count(*) filter (where w1 > 0), count(*) filter (where b1 > 0), sum(w1), sum(b1), sum(w1 * w1), sum(w1 * b1), sum(b1 * b1),
        count(*) filter (where w0 > 0), count(*) filter (where b0 > 0), sum(w0), sum(b0), sum(w0 * w0), sum(w0 * b0), sum(b0 * b0),
        sum(b1 * b0), sum(b1 * w0), sum(w1 * b0), sum(w1 * w0)
    from people group by channel order by channel
"""


def _count(
    home: Home, ledger: Ledger, configuration: Configuration, generation: Path, days: list[date]
) -> dict[str, list[float]]:
    whole = whole_days(home, ledger, days)
    if not whole:
        return {}
    rows = query(LOGGED_DAYS + _SQL, **parameters(home, configuration, generation, whole))
    return {str(row[0]): [float(value) for value in row[1:]] for row in rows.itertuples(index=False, name=None)}


def _looks(home: Home, cycle_id: str) -> list[CreativeLook]:
    path = home.cycle(cycle_id) / CREATIVES
    return [CreativeLook(**look) for look in read_json(path)["looks"]] if path.exists() else []


def _experiments(
    home: Home, configuration: Configuration, cycle_id: str, held: list[memory.Finding]
) -> list[memory.Experiment]:
    folder = home.cycle(cycle_id)
    reach = query(
        "select channel, count(distinct customer_id) as people from read_parquet($chances) group by channel",
        chances=str(folder / CHANCES),
    )
    value = query(
        "select avg(unit_value) as value from read_parquet($decisions)", decisions=str(folder / "decisions.parquet")
    )
    people: Mapping[str, int] = dict(zip(reach["channel"], map(int, reach["people"]), strict=True))
    costs: dict[str, float] = {str(channel): terms.cost for channel, terms in configuration.actions.channels.items()}
    mean = float(value["value"].fillna(0.0).iloc[0]) if len(value) else 0.0
    return memory.experiments(
        held,
        {channel: people[channel] for channel in CHANNELS if channel in people and channel in costs},
        costs,
        value=mean,
        thought=thought_of_channels(configuration.actions, configuration.policy.training.horizon_days),
    )
