"""Learning: what the arms show so far, and the day's report for the operator."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import dagster as dg
import numpy as np

from assets.cycles import read_json, write_json
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.lifts import assigned, lift_facts
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
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
) -> dg.MaterializeResult:
    """Difference between the arms in what people bought, by objective, with intervals that may be looked at daily."""
    day, zone = date.fromisoformat(context.partition_key), configuration.policy.time_zone
    facts = lift_facts(home, ledger, day, assigned(home, day, zone), zone)
    write_json(facts, home.cycle(day.isoformat()) / "lift.json")
    reductions = [one["reduction"] for one in facts["lifts"] if one["reduction"] is not None]
    ratios = {one["objective_id"]: one["p_value"] for one in facts["sample_ratio"]}
    return dg.MaterializeResult(
        metadata={
            "people_assigned": facts["people"],
            "figures": sum(one["difference"] is not None for one in facts["lifts"]),
            "variance_taken_away": float(np.mean(reductions)) if reductions else 0.0,
            "least_sample_ratio_p_value": min(ratios.values(), default=1.0),
            "sample_ratio": dg.MetadataValue.md("\n".join(f"- {_ratio_words(one)}" for one in facts["sample_ratio"])),
            "lifts": dg.MetadataValue.md(_lift_table(facts["lifts"])),
            "segments": dg.MetadataValue.md(_lift_table(facts["segments"])),
            "cost_per_conversion": dg.MetadataValue.md(
                "\n".join(f"- {one['objective_id']}: {one['words']}" for one in facts["costs"]) or "nothing yet"
            ),
        }
    )


def _lift_table(lifts: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"| {one['objective_id']} | {one['segment']} | {one['measure']} | {one['against']} | {one['words']} |"
        for one in lifts
    ]
    return "\n".join(["| objective | people | measure | against | lift |", "|---|---|---|---|---|", *rows])


def _ratio_words(ratio: Mapping[str, Any]) -> str:
    return f"{ratio['objective_id']}: {ratio['words']}"


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
    lifts = read_json(home.cycle(cycle_id) / "lift.json")
    markdown, html = write_report(home, ledger, configuration, cycle_id, facts, lifts, at)
    return dg.MaterializeResult(
        metadata={
            "html": dg.MetadataValue.path(str(html.relative_to(home.root))),
            "report": dg.MetadataValue.md(markdown.read_text(encoding="utf-8")),
        }
    )
