"""What came of each creative so far, and how often each is drawn from now on."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg

from assets.cycles import CREATIVES, OUTCOMES, read_json, revisions, write_json
from assets.duck import query
from assets.frames import withdrawn
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from ml.configuration import Configuration
from ml.learning.creatives import CreativeLook, Tried, look_at, shares_of
from ml.policy.system import draw_seed

LOOK_BACK: Final = timedelta(days=180)
"""Older contacts tell about another season, and a creative that was retired then may be tried again."""


@dg.asset(
    group_name="learning",
    kinds={"duckdb"},
    owners=["team:decision-science"],
    partitions_def=CYCLES,
    deps=["published_generation"],
)
def creatives(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    seed: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """Creatives compared by what followed their contacts: losing ones are retired, new ones tried."""
    day = date.fromisoformat(context.partition_key)
    known = home.cycle(day.isoformat()) / CREATIVES
    if not known.exists():  # whoever was drawn today was drawn by these shares, so they stand
        generation_id = ledger.generations.latest_of(day)
        write_json(creative_shares(home, ledger, configuration, generation_id, day, seed), known)
    looked = read_json(known)["looks"]
    return dg.MaterializeResult(
        metadata={
            "creatives": len(looked),
            "retired": sum(look["state"] == "retired" for look in looked),
            "contacts": sum(look["people"] for look in looked),
            "looks": dg.MetadataValue.md(_table(looked)),
        }
    )


def creative_shares(
    home: Home, ledger: Ledger, configuration: Configuration, generation_id: str, day: date, seed: int
) -> dict[str, Any]:
    """How often each creative is drawn from a day on (`shares`), and what that rests on (`looks`).

    Args:
        home: The workspace.
        ledger: Knows which parts of its plans were never released.
        configuration: What the operator states.
        generation_id: The published generation whose conversions count.
        day: The day.
        seed: Of the run.
    """
    tried = _tried(home, ledger, configuration, home.generation(generation_id), day)
    looks = _looks(configuration, tried, draw_seed(seed, f"creatives/{day}"))
    return {"shares": shares_of(looks), "looks": [asdict(look) for look in looks]}


def _looks(configuration: Configuration, tried: Sequence[Tried], seed: int) -> list[CreativeLook]:
    actions = configuration.actions
    return [
        look
        for option in actions.options()
        for look in look_at(str(option), actions.creatives_of(option), tried, seed=seed)
    ]


def _tried(home: Home, ledger: Ledger, configuration: Configuration, generation: Path, day: date) -> list[Tried]:
    """Outcomes of all cycles whose horizon is over; each cycle is counted once, on the first day that can."""
    horizon = timedelta(days=configuration.policy.training.horizon_days)
    found = []
    for folder in sorted(home.root.glob("cycles/????-??-??")):
        on = date.fromisoformat(folder.name)
        if not (day - LOOK_BACK <= on and on + horizon <= day and (folder / "decisions.parquet").exists()):
            continue
        if not (folder / OUTCOMES).exists():
            write_json({"tried": count_outcomes(home, ledger, configuration, generation, on)}, folder / OUTCOMES)
        found += [Tried(folder.name, **one) for one in read_json(folder / OUTCOMES)["tried"]]
    return found


def count_outcomes(
    home: Home, ledger: Ledger, configuration: Configuration, generation: Path, on: date
) -> list[dict[str, Any]]:
    """Contacts of a day that stood in the end, and how many of them bought within the horizon, by creative.

    Args:
        home: The workspace.
        ledger: Knows which parts of its plans were never released.
        configuration: Horizon and time zone.
        generation: Folder of the published generation whose conversions count.
        on: The day.

    Returns:
        creative_id, people, conversions and probability of each creative that was drawn.
    """
    folders = [home.cycle(name) for name in revisions(home, on)]
    withheld = {(folder.name, *part) for folder in folders for part in ledger.plans.withheld(folder.name)}
    sql = """
        with bounds as (
            select
                $on::timestamp at time zone $time_zone at time zone 'UTC' as begins_at,
                ($on::date + $horizon_days)::timestamp at time zone $time_zone at time zone 'UTC' as ends_at
        ),
        buyers as (
            select distinct customer_id
            from read_parquet($conversions), bounds
            where converted_at >= begins_at and converted_at < ends_at
        ),
        contacts as (
            select distinct on (decision_id) channel, offer_id, creative_id, customer_id
            from read_parquet($decisions)
            where channel != 'none'
                and decision_id not in (select unnest($withdrawn))
                and (cycle_id || '/' || objective_id || '/' || channel) not in (select unnest($withheld))
        )
        select channel, offer_id, creative_id, count(*) as people, count(buyers.customer_id) as conversions
        from contacts left join buyers using (customer_id)
        group by all order by all
    """
    counts = query(
        sql,
        on=on,
        time_zone=configuration.policy.time_zone,
        horizon_days=configuration.policy.training.horizon_days,
        conversions=str(generation / "fct_conversions.parquet"),
        decisions=[str(folder / "decisions.parquet") for folder in folders],
        withdrawn=[name for folder in folders for name in withdrawn(folder)],
        withheld=["/".join(part) for part in withheld] or [""],
    )
    shares = home.cycle(on.isoformat()) / CREATIVES
    drawn_by = read_json(shares)["shares"] if shares.exists() else {}
    alternatives = counts.groupby(["channel", "offer_id"])["creative_id"].transform("count")
    return [
        {
            "creative_id": name,
            "people": int(people),
            "conversions": int(conversions),
            "probability": float(drawn_by.get(name) or 1 / alternative),
        }
        for name, people, conversions, alternative in zip(
            counts["creative_id"], counts["people"], counts["conversions"], alternatives, strict=True
        )
    ]


def _table(looks: Sequence[dict[str, Any]]) -> str:
    heads = [
        "| creative | option | state | contacts | conversions | against the leading | share |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = []
    for look in looks:
        gap = (
            ""
            if look["difference"] is None
            else f"{look['difference']:+.2%} ({look['low']:+.2%} to {look['high']:+.2%})"
        )
        rows.append(
            f"| {look['creative_id']} | {look['option']} | {look['state']} | {look['people']:,} | {look['conversions']:,} "
            f"| {gap} | {look['share']:.0%} |"
        )
    return "\n".join([*heads, *rows])
