"""Watches the model in use: keeps its promise or is rolled back, and how far the world has moved since it began."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd

from assets.cycles import DRIFT, PROMISES, read_json, write_frame, write_json
from assets.duck import query
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.left_alone import left_alone
from assets.partitions import CYCLES
from assets.promises import promises
from ml.configuration import Configuration
from ml.evaluation.gate import policy_value
from ml.evaluation.report import validation_rows
from ml.learning.drift import Shift, shifts_of
from ml.learning.promise import ALL, Promise
from ml.policy.value import contact_cost_of
from ml.tracking import RegisteredModel, Tracking

GROUP: Final = "propensity"
OWNERS: Final = ["team:machine-learning"]
REFERENCE_ROWS: Final = 20_000
"""People whose features and scores of a model's first day are kept to compare with."""
MOST_EARLIER: Final = 5
SHOWN: Final = 12


@dg.asset(
    group_name=GROUP,
    kinds={"mlflow"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["response_models", "published_generation"],
)
def champion_promises(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """What the champion promised beside what came; one that broke its promise gives way to the best earlier one."""
    cycle_id = context.partition_key
    day = date.fromisoformat(cycle_id)
    champion = tracking.in_use()
    if champion is None:
        return dg.MaterializeResult(metadata={"champion": "none yet"})
    generation = home.generation(ledger.generations.latest_of(day))
    found = promises(home, ledger, configuration, generation, day, champion.sha256)
    if found:
        tracking.log_metrics(champion.run_id, _figures(found))
    rolled_back = _rolled_back(home, ledger, configuration, tracking, champion, found, at)
    facts = {"version": champion.version, "promises": [_facts(one) for one in found], "rolled_back": rolled_back}
    write_json(facts, home.cycle(cycle_id) / PROMISES)
    return dg.MaterializeResult(
        metadata={
            "champion": tracking.champion_version() or "none",
            "rolled_back": rolled_back["words"] if rolled_back else "no",
            "mlflow_run": dg.MetadataValue.url(tracking.url_of(champion.run_id)),
            "promises": dg.MetadataValue.md(_table(found)),
        }
    )


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, partitions_def=CYCLES, deps=["candidate_scores"])
def drift(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
) -> dg.MaterializeResult:
    """How far features and scores of people left alone, and outcomes, have moved since the first day of the model in use."""
    folder = home.cycle(context.partition_key)
    versions = read_json(folder / "versions.json")
    day = date.fromisoformat(context.partition_key)
    today = _sample(home, folder, versions["generation_id"])
    path = home.training / f"first-day-{versions['model_sha256'][:12]}.parquet"
    if not path.exists():
        write_frame(today.assign(began_on=day.isoformat()), path)
    first = pd.read_parquet(path)
    began_on = date.fromisoformat(str(first["began_on"].iloc[0])) if len(first) else day
    zone = configuration.policy.time_zone
    generation = home.generation(versions["generation_id"])
    alone = left_alone(ledger, generation, first["customer_id"], today["customer_id"], (began_on, day), zone)
    first, today = (frame.set_index("customer_id").loc[alone] for frame in (first, today))
    names = [str(name) for name in today]
    scores = [name for name in names if name.startswith(("baseline", "uplift_"))]
    features = [name for name in names if name not in scores]
    shifts = shifts_of("feature", first, today, features) + shifts_of("score", first, today, scores)
    shifts += _outcomes(home, versions["generation_id"], began_on, day, configuration)
    shown = [asdict(one) | {"verdict": one.verdict} for one in shifts]
    write_json({"began_on": began_on.isoformat(), "people": len(alone), "shifts": shown}, folder / DRIFT)
    large = [one.name for one in shifts if one.verdict == "large"]
    return dg.MaterializeResult(
        metadata={
            "since": began_on.isoformat(),
            "people_left_alone": len(alone),
            "shifted": sum(one.verdict != "none" for one in shifts),
            "large_shifts": ", ".join(large[:SHOWN]) or "none",
            **{f"largest_{kind}_psi": _largest(shifts, kind) for kind in ("feature", "score", "outcome")},
            "shifts": dg.MetadataValue.md(_shift_table(shifts)),
        }
    )


def _rolled_back(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    tracking: Tracking,
    champion: RegisteredModel,
    found: Sequence[Promise],
    at: datetime,
) -> dict[str, Any] | None:
    """Takes a champion back that broke its promise; None where it kept it, or where there is no earlier one."""
    whole = next((one for one in found if (one.objective_id, one.channel) == (ALL, ALL)), None)
    if whole is None or not whole.is_broken:
        return None
    to = _best_earlier(home, configuration, tracking)
    if to is None:
        words = (
            f"version {champion.version} {whole.words}: it broke its promise, and there is no earlier one to go back to"
        )
        return {"from": champion.version, "to": None, "words": words}
    words = f"version {champion.version} {whole.words}: it gave way to version {to}"
    tracking.roll_back(to, words)
    ledger.models.rolled_back(champion.version, to=to, evidence=asdict(whole), at=at)
    return {"from": champion.version, "to": to, "words": words}


def _best_earlier(home: Home, configuration: Configuration, tracking: Tracking) -> str | None:
    """Of the latest champions the one with the highest doubly robust value on the newest training rows.

    Where no row was drawn none can be valued, and the newest is taken.
    """
    versions = tracking.earlier_champions()[:MOST_EARLIER]
    frames = sorted(home.training.glob("????-??-??.parquet"))
    if not versions or not frames:
        return versions[0] if versions else None
    rows, costs = validation_rows(pd.read_parquet(frames[-1])), contact_cost_of(configuration)
    values = {version: policy_value(tracking.load(version).model, rows, costs) for version in versions}
    known = {version: value.value for version, value in values.items() if value is not None}
    return max(known, key=lambda version: known[version]) if known else versions[0]


def _figures(found: Sequence[Promise]) -> dict[str, float]:
    """Figures for the champion's run: `in_use.email.promised`, `in_use.winback.realized`."""
    figures: dict[str, float] = {}
    for one in found:
        where = ".".join(part for part in (one.objective_id, one.channel) if part != ALL) or ALL
        figures[f"in_use.{where}.promised"] = one.promised
        for name in ("realized", "low", "high"):
            value = getattr(one, name)
            if value is not None:
                figures[f"in_use.{where}.realized{'' if name == 'realized' else '_' + name}"] = value
    return figures


def _facts(one: Promise) -> dict[str, Any]:
    return asdict(one) | {"words": one.words, "is_broken": one.is_broken}


def _table(found: Sequence[Promise]) -> str:
    rows = [f"| {one.objective_id} | {one.channel} | {one.words} |" for one in found]
    head = ["| objective | channel | promised and realized |", "|---|---|---|"]
    return "\n".join([*head, *rows]) if rows else "too early: no decision of this model has a whole horizon behind it"


def _sample(home: Home, folder: Path, generation_id: str) -> pd.DataFrame:
    """Features and scores of some people: the same people every day, by a hash."""
    scores = query(
        "select * from read_parquet($path) order by hash(customer_id) limit $rows",
        path=str(folder / "scores.parquet"),
        rows=REFERENCE_ROWS,
    )
    scores = scores[["customer_id", "baseline", *(name for name in scores if str(name).startswith("uplift_"))]]
    people = read_mart(home, generation_id, "dim_customers").merge(scores, on="customer_id")
    kept = [name for name in people if not str(name).endswith(("_id", "_ids", "_at", "_on")) and name != "attributes"]
    return people[["customer_id", *kept]]


def _outcomes(home: Home, generation_id: str, began_on: date, day: date, configuration: Configuration) -> list[Shift]:
    """Who bought, and margins, in the horizon before each of the two days; buyers among today's people both times."""
    length = configuration.policy.training.horizon_days
    people = read_mart(home, generation_id, "dim_customers", "customer_id")
    sold = read_mart(home, generation_id, "fct_conversions", "customer_id, converted_at, margin")
    zone = ZoneInfo(configuration.policy.time_zone)
    at = pd.to_datetime(sold["converted_at"], utc=True)
    samples = []
    for end in (began_on, day):
        begins, ends = (
            datetime.combine(one, time(), zone).astimezone(UTC) for one in (end - timedelta(days=length), end)
        )
        samples.append(sold[(at >= begins) & (at < ends)])
    bought = [
        pd.DataFrame({"has_bought": people["customer_id"].isin(one["customer_id"]).astype(float)}) for one in samples
    ]
    margins = shifts_of("outcome", samples[0], samples[1], ["margin"])
    return margins + shifts_of("outcome", bought[0], bought[1], ["has_bought"])


def _largest(shifts: Sequence[Shift], kind: str) -> float:
    return round(max((one.psi for one in shifts if one.kind == kind), default=0.0), 4)


def _shift_table(shifts: Sequence[Shift]) -> str:
    largest = sorted(shifts, key=lambda one: -one.psi)[:SHOWN]
    rows = [
        f"| {one.kind} | {one.name} | {one.psi:.3f} | {'' if one.ks is None else f'{one.ks:.3f}'} | {one.verdict} |"
        for one in largest
    ]
    return "\n".join(["| kind | column | PSI | KS | shift |", "|---|---|---:|---:|---|", *rows])
