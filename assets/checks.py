"""Checks: a Great Expectations suite at every hand-over, blocking what comes after. The ledger hears of each verdict."""

from datetime import date, datetime
from typing import Final

import dagster as dg
import pandas as pd

from assets.cycles import read_json, read_scores
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from data_tests import customers, decisions, scores, training
from data_tests.result import SuiteResult
from ml.configuration import Configuration
from ml.objectives.active import active_objectives

FAILURES_SHOWN: Final = 20


def _day(context: dg.AssetCheckExecutionContext) -> date:
    return date.fromisoformat(context.run.tags["dagster/partition"])


def _verdict(result: SuiteResult, ledger: Ledger, generation_id: str, at: datetime) -> dg.AssetCheckResult:
    said = "; ".join(str(failure) for failure in result.failures[:FAILURES_SHOWN])
    ledger.generations.record_gate(generation_id, result.suite, is_passed=result.passed, at=at, detail=said)
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=said or f"{result.expectation_count} expectations held for {result.row_count:,} rows",
        metadata={"rows": result.row_count, "expectations": result.expectation_count, "failures": len(result.failures)},
    )


@dg.asset_check(asset="published_generation", blocking=True, name="customer_view_suite")
def customer_view(
    context: dg.AssetCheckExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    at: dg.ResourceParam[datetime],
) -> dg.AssetCheckResult:
    """The customer view keeps its types, ranges and relations between columns."""
    generation_id = ledger.generations.latest_of(_day(context))
    view = read_mart(home, generation_id, "dim_customers")
    return _verdict(customers.check(view, as_of_on=_day(context)), ledger, generation_id, at)


@dg.asset_check(asset="training_frame", blocking=True, name="training_frame_suite")
def training_rows(
    context: dg.AssetCheckExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.AssetCheckResult:
    """Training rows have labels that are complete, weights that are positive, and probabilities that are possible."""
    day = _day(context)
    path = home.training / f"{day}.parquet"
    rows = pd.read_parquet(path) if path.exists() else pd.DataFrame()
    if rows.empty:
        return dg.AssetCheckResult(passed=True, description="no rows to learn from")
    result = training.check(rows, cutoff_on=day, horizon_days=configuration.policy.training.horizon_days)
    return _verdict(result, ledger, ledger.generations.latest_of(day), at)


@dg.asset_check(asset="candidate_scores", blocking=True, name="scores_suite")
def score_rows(
    context: dg.AssetCheckExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    at: dg.ResourceParam[datetime],
) -> dg.AssetCheckResult:
    """Everybody in the view is scored once, with possible probabilities."""
    day = _day(context)
    generation_id = ledger.generations.latest_of(day)
    path = home.cycle(day.isoformat()) / "scores.parquet"
    people = read_mart(home, generation_id, "dim_customers", "customer_id")["customer_id"]
    options = [str(option) for option in read_scores(path).options]
    return _verdict(
        scores.check(pd.read_parquet(path), options=options, customer_ids=people), ledger, generation_id, at
    )


@dg.asset_check(asset="allocation", blocking=True, name="plan_suite")
def plan_rows(
    context: dg.AssetCheckExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.AssetCheckResult:
    """Every decision is one that the configuration allows, with its probability, costs and times."""
    day = _day(context)
    rows = pd.read_parquet(home.cycle(day.isoformat()) / "decisions.parquet")
    result = decisions.check(
        rows,
        cycle_id=day.isoformat(),
        action_ids=[action.action_id for action in configuration.actions.actions()],
        objective_ids=[objective.id for objective in active_objectives(configuration.objectives, day)],
    )
    return _verdict(result, ledger, ledger.generations.latest_of(day), at)


@dg.asset_check(asset="lift", name="sample_ratio")
def arms_have_their_shares(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """The arms of every objective have the shares that they were drawn with; where not, its lifts are withheld."""
    ratios = read_json(home.cycle(_day(context).isoformat()) / "lift.json")["sample_ratio"]
    uneven = [one for one in ratios if one["is_uneven"]]
    said = "; ".join(f"{one['objective_id']}: {one['words']}" for one in uneven or ratios)
    return dg.AssetCheckResult(
        passed=not uneven,
        severity=dg.AssetCheckSeverity.ERROR,
        description=said or "nobody is in an arm yet",
        metadata={f"p_value_{one['objective_id']}": float(one["p_value"]) for one in ratios},
    )


ALL: Final = [customer_view, training_rows, score_rows, plan_rows, arms_have_their_shares]
