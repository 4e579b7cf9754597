"""Learning: what the arms show so far, and the day's report for the operator."""

from datetime import date, datetime
from typing import Final

import dagster as dg

from assets.cycles import read_json, write_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.lifts import assigned, lifts_of
from assets.partitions import CYCLES
from assets.reporting import write_report
from ml.configuration import Configuration

OWNERS: Final = ["team:decision-science"]


@dg.asset(
    group_name="learning",
    kinds={"parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["plan", "published_generation"],
)
def lift(
    context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], configuration: dg.ResourceParam[Configuration]
) -> dg.MaterializeResult:
    """Difference between the arms in what people bought, by objective, with intervals that may be looked at daily."""
    day = date.fromisoformat(context.partition_key)
    people = assigned(home, day, configuration.policy.time_zone)
    found = lifts_of(home, day, people, configuration.policy.time_zone)
    write_json({"lifts": found, "people": len(people)}, home.cycle(day.isoformat()) / "lift.json")
    rows = [f"| {one['objective_id']} | {one['measure']} | {one['against']} | {one['words']} |" for one in found]
    return dg.MaterializeResult(
        metadata={
            "people_assigned": len(people),
            "figures": sum(one["difference"] is not None for one in found),
            "lifts": dg.MetadataValue.md(
                "\n".join(["| objective | measure | against | lift |", "|---|---|---|---|", *rows])
            ),
        }
    )


@dg.asset(
    group_name="learning",
    kinds={"html"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["authorization", "drift", "findings", "lift", "outcomes"],
)
def report(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """What the day did, why, what it has learned and what it is unsure of, as HTML and Markdown."""
    cycle_id = context.partition_key
    facts = read_json(home.cycle(cycle_id) / "plan.json")
    lifts = read_json(home.cycle(cycle_id) / "lift.json")["lifts"]
    markdown, html = write_report(home, ledger, configuration, cycle_id, facts, lifts, at)
    return dg.MaterializeResult(
        metadata={
            "html": dg.MetadataValue.path(str(html.relative_to(home.root))),
            "report": dg.MetadataValue.md(markdown.read_text(encoding="utf-8")),
        }
    )
