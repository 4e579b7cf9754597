"""How the objectives stand, and how channels and models are: what `wayfinder status` shows."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from assets.cycles import PROMISES, read_json
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.learning.promise import ALL
from ml.objectives.outlook import outlook
from ml.objectives.progress import Reached, reached
from orchestration.build import ledger_url, prepare
from orchestration.health import channels, data_age, troubles
from orchestration.resources import tracking_of
from orchestration.settings import Settings
from orchestration.verbs import configuration_of, last_cycle_day

Facts = dict[str, Any]
_LIFT: Final = ("difference", "low", "high", "fixed_low", "fixed_high", "reduction")


def status(settings: Settings, at: datetime) -> Facts:
    """Objectives against target and pace, channels, model, and what waits."""
    configuration = configuration_of(settings)
    prepare(settings)
    home, ledger = Home(settings.home), Ledger(ledger_url(settings))
    day = last_cycle_day(settings)
    evidence = ledger.earning.newest()
    return {
        "at": at.isoformat(),
        "cycle": day.isoformat() if day else None,
        "objectives": [
            _objective(home, ledger, configuration, objective, day, at, evidence.get(objective.id))
            for objective in configuration.objectives
        ],
        "outbox": _outbox(ledger),
        "channels": channels(ledger.engine, at),
        "stopped": ledger.halts.active(),
        "data": data_age(ledger.engine, at),
        "troubles": [trouble.words for trouble in troubles(ledger.engine, at)],
        "model": _model(settings, home, day),
        "waiting": [
            {"plan_id": plan.plan_id, "reasons": list(plan.reasons), "expires_at": plan.expires_at}
            for plan in ledger.plans.waiting(at)
        ],
    }


def _objective(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    objective: Objective,
    day: date | None,
    at: datetime,
    evidence: Facts | None,
) -> Facts:
    counted = _reached(home, configuration, objective, day, at)
    spent = ledger.budgets.spent_of(objective.id)
    elapsed = _elapsed(objective, at)
    shown = _lift(home, objective, day)
    target = objective.target.count or objective.target.amount or objective.target.change
    compiled = _compiled(home, objective, day)
    return {
        "id": objective.id,
        "metric": objective.metric,
        "target": target,
        "target_words": f"{target:+.0%}" if objective.target.change is not None else f"{target:,.0f}",
        "reached": _reached_facts(counted, compiled),
        "reached_words": "–"
        if counted is None
        else (f"{counted.value:.1%} lapsed" if objective.metric == "churn_rate" else f"{counted.value:,.0f} in total"),
        **shown,
        "spent": spent,
        "budget": objective.budget,
        "pace": {"spent_share": spent / objective.budget, "elapsed_share": elapsed, **(compiled or {}).get("pace", {})},
        "forecast": {**compiled["forecast"], "chance": compiled["chance"]}
        if compiled and compiled["forecast"]
        else None,
        "is_reachable": compiled.get("is_reachable") if compiled else None,
        "relaxations": compiled.get("relaxations", []) if compiled else [],
        "outlook": asdict(outlook(objective, compiled, configuration.policy.currency)) if compiled else None,
        "pace_words": f"{spent / objective.budget:.0%} of money in {elapsed:.0%} of time",
        "autonomy": ledger.objectives.level(objective.id) or objective.autonomy,
        "autonomy_evidence": evidence,
    }


def _lift(home: Home, objective: Objective, day: date | None) -> Facts:
    """Lift against holdout as of the last cycle, what a conversion caused costs, and whether the arms have their shares."""
    path = home.cycle(day.isoformat()) / "lift.json" if day else None
    if path is None or not path.exists():
        return {"lift": None, "lift_words": "too early", "cost_per_conversion": None, "sample_ratio": None}
    facts = read_json(path)
    lifts, costs, ratios = (
        [one for one in facts.get(name, ()) if one["objective_id"] == objective.id]
        for name in ("lifts", "costs", "sample_ratio")
    )
    lift = next((one for one in lifts if (one["against"], one["measure"]) == ("holdout", "conversion")), None)
    cost = next(iter(costs), None)
    return {
        "lift": {name: lift.get(name) for name in _LIFT} if lift else None,
        "lift_words": lift["words"] if lift else "too early",
        "cost_per_conversion": {name: cost[name] for name in ("value", "low", "high", "words")} if cost else None,
        "sample_ratio": next(iter(ratios), None),
    }


def _compiled(home: Home, objective: Objective, day: date | None) -> Facts | None:
    """What the last morning found of an objective; None where it wasn't active, or decided before this was kept."""
    path = home.cycle(day.isoformat()) / "plan.json" if day else None
    if path is None or not path.exists():
        return None
    found: Facts | None = read_json(path).get("objectives", {}).get(objective.id)
    return found


def _reached_facts(counted: Reached | None, compiled: Facts | None) -> Facts | None:
    """Of the target so far with its interval, and the metric in total; without an interval where none is known."""
    if counted is None:
        return None
    total = {"total": counted.value, "unit": counted.unit}
    if compiled is None or compiled["forecast"] is None:
        return {"value": counted.value, "low": None, "high": None, "is_measured": False, **total}
    return {**compiled["reached"], **total}


def _reached(
    home: Home, configuration: Configuration, objective: Objective, day: date | None, at: datetime
) -> Reached | None:
    """Counted on the newest generation; what happened since isn't in it yet."""
    if day is None or not (home.cycle(day.isoformat()) / "versions.json").exists():
        return None
    generation_id = read_json(home.cycle(day.isoformat()) / "versions.json")["generation_id"]
    if not home.generation(generation_id).exists():
        return None
    conversions = read_mart(home, generation_id, "fct_conversions", "customer_id, converted_at, margin")
    zone, lifecycle = ZoneInfo(configuration.policy.time_zone), configuration.policy.lifecycle
    starts_at = datetime.combine(objective.starts_on, time(), zone).astimezone(UTC)
    until_at = min(at, datetime.combine(day, time(), zone).astimezone(UTC))
    if until_at <= starts_at:
        return None
    return reached(
        objective,
        conversions,
        starts_at=starts_at,
        until_at=until_at,
        lapsed_days=lifecycle.lapsed_days,
        active_days=lifecycle.lapsing_days,
    )


def _elapsed(objective: Objective, at: datetime) -> float:
    days = (objective.ends_on - objective.starts_on).days + 1
    return min(1.0, max(0.0, ((at.date() - objective.starts_on).days + 1) / days))


def _outbox(ledger: Ledger) -> Facts:
    counts = ledger.outbox.counts()
    return {
        str(state): dict(zip(rows["channel"].tolist(), rows["messages"].tolist(), strict=True))
        for state, rows in counts.groupby("state")
    }


def _model(settings: Settings, home: Home, day: date | None) -> str:
    """The version in use, and what the last morning found of its promise."""
    champion = tracking_of(settings).champion_version()
    if champion is None:
        return "none yet"
    words = f"version {champion} is in use"
    path = home.cycle(day.isoformat()) / PROMISES if day else None
    if path is None or not path.exists():
        return words
    facts = read_json(path)
    if facts.get("rolled_back"):
        return f"{words}; {facts['rolled_back']['words']}"
    whole = next((one for one in facts["promises"] if (one["objective_id"], one["channel"]) == (ALL, ALL)), None)
    return f"{words}, {whole['words']}" if whole and whole["realized"] is not None else words
