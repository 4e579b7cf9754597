"""Journeys: what a conversation's state makes of the next contact, learned whenever the response models are."""

from datetime import date
from typing import Any, Final

import dagster as dg
import pandas as pd

from assets.conversations import count_scans, keep_journeys, newest_journeys
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from ml.configuration import Configuration
from ml.configuration.journeys import Journeys
from ml.journeys.factors import Factor
from ml.journeys.model import JourneyModel
from ml.journeys.signals import WORDS
from ml.tracking import Tracking
from ml.training import trustworthy

OWNERS: Final = ["team:decision-science"]


@dg.asset(
    group_name="propensity",
    kinds={"json"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["training_frame", "response_models", "published_generation"],
)
def journeys(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
) -> dg.MaterializeResult:
    """What scans, offers in hand, contacts lately and objections make of a contact's effect, from logged conversations."""
    day = date.fromisoformat(context.partition_key)
    path, champion = home.training / f"{day}.parquet", tracking.champion()
    if not path.exists() or champion is None:
        return dg.MaterializeResult(metadata={"trained": False, "sha256": newest_journeys(home) or "never"})
    terms, generation_id = configuration.policy.journeys, ledger.generations.latest_of(day)
    rows = pd.read_parquet(path)
    scans = count_scans(home, ledger, generation_id, terms.follow_up_days[-1])
    facts = {"day": day.isoformat(), "generation_id": generation_id, "response_sha256": champion.sha256}
    model = JourneyModel.fit(trustworthy(rows) if len(rows) else rows, champion.model, terms, scans, facts)
    keep_journeys(home, model)
    return dg.MaterializeResult(metadata={"trained": True, "sha256": model.sha256, **_figures(model, terms)})


def _figures(model: JourneyModel, terms: Journeys) -> dict[str, Any]:
    heads = [
        "| signal | factor | its error | by the data alone | assumed | contacts | conversions | used ahead |",
        "|---" * 8 + "|",
    ]
    rows = [_row(each, terms.deviations) for each in model.whole.factors]
    supported = int((model.whole.supported(terms.deviations) != 0).sum())
    return {
        "rows": model.facts["rows"],
        "signals_supported": supported,
        "mailers": model.scans.mailers,
        "scan_chance": round(model.scans.chance(), 4),
        "value_to_go": _counts(supported, terms),
        "factors": dg.MetadataValue.md("\n".join([*heads, *rows])),
    }


def _counts(supported: int, terms: Journeys) -> str:
    if not terms.value_to_go:
        return "not counted: journeys.value_to_go is off"
    return "counted" if supported else "0: nothing supports a continuation yet"


def _row(each: Factor, deviations: float) -> str:
    alone = "" if each.estimate is None or each.error is None else f"{each.estimate:.2f} ± {each.error:.2f}"
    return (
        f"| {WORDS[each.signal]} | {each.value:.2f} | {each.deviation:.2f} | {alone} | {each.assumed:g} | "
        f"{each.contacts:,} | {each.conversions:,} | {1 + each.supported(deviations):.2f} |"
    )
