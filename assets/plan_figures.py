"""The figures that guardrails look at, of each objective's part of a day: from decisions, ledger and earlier days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from assets.cycles import read_json
from assets.duck import query
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.left_alone import left_alone
from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.entities import CHANNELS, NONE
from ml.objectives.pacing import daily_budget
from ml.policy.guardrails import PlanFigures
from ml.policy.guardrails.knowledge import stability_index

WEEK: Final = timedelta(days=7)
LOSSES: Final = timedelta(days=28)
"""How far back unsubscribes and complaints are counted."""
PRIOR_CONTACTS: Final = 1_000
"""Contacts that the stated loss rate of a channel is worth beside what was measured."""


@dataclass(frozen=True, eq=False)
class Day:
    """What all objectives of a day share.

    Attributes:
        on: The day.
        contacts: This cycle's contacts of all objectives.
        today: Sums of what is bound or spent today already (`Figures.since`).
        earlier: The same of all days before.
        used: Channels with offers that were used before.
        data_age_hours: Age of the newest data.
        drift: Shift of the scores since the model came into use.
        loss_rates: Share of contacts that end in an unsubscribe or complaint, by channel.
        weekly: Contacts of each customer in seven days, this cycle's included.
        objectives: What the morning compiled, by objective.
        lifts: The newest lifts before the day.
    """

    on: date
    contacts: pd.DataFrame
    today: pd.DataFrame
    earlier: pd.DataFrame
    used: set[tuple[str, str]]
    data_age_hours: float
    drift: float | None
    loss_rates: Mapping[str, float]
    weekly: Counter[str]
    objectives: Mapping[str, Mapping[str, Any]]
    lifts: list[dict[str, Any]]


def day_of(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    decisions: pd.DataFrame,
    cycle_id: str,
    at: datetime,
    *,
    replaced: frozenset[str] = frozenset(),
) -> Day:
    """Gather what guardrails need of a day.

    Args:
        home: The workspace.
        ledger: The ledger.
        configuration: What the operator states.
        decisions: Of the cycle.
        cycle_id: The cycle.
        at: The clock T, UTC.
        replaced: Ids of open messages that the cycle takes back.
    """
    on = date.fromisoformat(cycle_id[:10])
    figures = ledger.figures.since(date(1970, 1, 1))
    contacts = decisions[decisions["channel"] != NONE]
    plan = read_json(home.cycle(cycle_id) / "plan.json")
    return Day(
        on=on,
        contacts=contacts,
        today=figures[figures["cycle_on"] == on.isoformat()],
        earlier=figures[figures["cycle_on"] < on.isoformat()],
        used=ledger.figures.used_actions(on) | _used_before(home, plan["versions"]["generation_id"]),
        data_age_hours=_data_age_hours(ledger, at),
        drift=_drift(home, ledger, on, configuration.policy.time_zone),
        loss_rates=_loss_rates(ledger, configuration, at),
        weekly=_weekly(ledger, contacts, at, replaced),
        objectives=plan.get("objectives") or {},
        lifts=_newest_lifts(home, on),
    )


def figures_of(objective: Objective, day: Day, configuration: Configuration) -> PlanFigures:
    """One objective's part: what this cycle adds to what is bound or spent today already."""
    own, own_today = (frame[frame["objective_id"] == objective.id] for frame in (day.contacts, day.today))
    before = day.earlier[day.earlier["objective_id"] == objective.id].groupby("cycle_on")[["spend", "people"]].sum()
    cost = {name: offer.cost_when_redeemed for name, offer in configuration.actions.offers.items()}
    propensity = own["propensity"].to_numpy(dtype=float)
    compiled = day.objectives.get(objective.id, {})
    unit, high = _lift(objective, day.lifts)
    return PlanFigures(
        spend=_spend(own, own_today),  # type: ignore[arg-type]
        people=int(own["customer_id"].nunique() + own_today["people"].sum()),
        data_age_hours=day.data_age_hours,
        past_spend=before["spend"].tolist(),
        past_people=before["people"].tolist(),
        forecast_spend=daily_budget(objective, float(before["spend"].sum()), day.on),
        day_spend=_spend(day.contacts, day.today),  # type: ignore[arg-type]
        pace_spend=compiled["pace"]["allowance"] if "pace" in compiled else None,
        complaints=float(own["channel"].map(day.loss_rates).to_numpy(dtype=float).sum()),
        contacts=len(own),
        offer_cost=float(np.dot(propensity, own["offer_id"].map(cost).to_numpy(dtype=float))),
        sales_value=float(np.dot(propensity, own["unit_value"].to_numpy(dtype=float))),
        weekly_contacts=max((day.weekly[str(customer)] for customer in own["customer_id"]), default=0),
        new_actions=_new(own, day.used),
        is_first_cycle=before.empty,
        score_drift=day.drift,
        lift_high=high,
        lift_unit=unit,
    )


def _new(own: pd.DataFrame, used: set[tuple[str, str]]) -> tuple[str, ...]:
    options = own[["channel", "offer_id"]].drop_duplicates().itertuples(index=False, name=None)
    return tuple(sorted(f"{channel}:{offer}" for channel, offer in options if (channel, offer) not in used))


def _spend(contacts: pd.DataFrame, today: pd.DataFrame) -> dict[str, float]:
    """Money by channel: of these contacts and of what is released today."""
    both = (
        contacts.groupby("channel")["contact_cost"].sum().add(today.groupby("channel")["spend"].sum(), fill_value=0.0)
    )
    return {str(channel): float(amount) for channel, amount in both.items()}


def _used_before(home: Home, generation_id: str) -> set[tuple[str, str]]:
    """Channels with offers that the touch history knows."""
    touches = read_mart(home, generation_id, "fct_touches", "distinct channel, coalesce(offer_id, 'none') as offer_id")
    return set(touches.itertuples(index=False, name=None))


def _data_age_hours(ledger: Ledger, at: datetime) -> float:
    """Hours since a file with rows last came in."""
    newest = ledger.landing.newest()
    return 0.0 if newest is None else max(0.0, (at - newest).total_seconds() / 3600)


def _loss_rates(ledger: Ledger, configuration: Configuration, at: datetime) -> dict[str, float]:
    """Unsubscribes and complaints a contact: measured, with the stated rate as so many contacts' worth of evidence."""
    found = ledger.figures.losses(at - LOSSES)
    measured = dict(zip(found["channel"], zip(found["sent"], found["lost"], strict=True), strict=True))
    rates: dict[str, float] = {}
    for channel in CHANNELS:
        sent, lost = measured.get(channel, (0, 0))
        stated = configuration.policy.wear.rate(channel)
        rates[channel] = (float(lost) + PRIOR_CONTACTS * stated) / (float(sent) + PRIOR_CONTACTS)
    return rates


def _weekly(ledger: Ledger, contacts: pd.DataFrame, at: datetime, replaced: frozenset[str]) -> Counter[str]:
    """Contacts of each customer: this cycle's, those in the seven days before the first of them, and those still open."""
    found = ledger.figures.contacts_since(at - WEEK)
    found = found[~found["message_id"].isin(replaced)]
    sent_at, send_at = (pd.to_datetime(each, utc=True) for each in (found["sent_at"], contacts["send_at"]))
    begins = (send_at - WEEK).groupby(contacts["customer_id"]).min().reindex(found["customer_id"])
    counts = ~np.asarray(sent_at.array <= begins.array)
    return Counter(found.loc[counts, "customer_id"].tolist()) + Counter(contacts["customer_id"].tolist())


def _drift(home: Home, ledger: Ledger, on: date, time_zone: str) -> float | None:
    """Shift since the model's first day of the scores of people left alone; None on that day, or where these are too few."""
    today = home.cycle(on.isoformat())
    versions = read_json(today / "versions.json")
    model, generation = versions["model_sha256"], home.generation(versions["generation_id"])
    earlier = sorted(path.parent for path in home.root.glob("cycles/*/versions.json") if path.parent.name < today.name)
    first = next((folder for folder in earlier if read_json(folder / "versions.json")["model_sha256"] == model), None)
    if first is None or not all((folder / "scores.parquet").exists() for folder in (first, today)):
        return None
    before, now = (_baselines(folder) for folder in (first, today))
    days = date.fromisoformat(first.name.partition(".")[0]), on
    alone = left_alone(ledger, generation, before["customer_id"], now["customer_id"], days, time_zone)
    scores = (frame.set_index("customer_id").loc[alone, "baseline"].to_numpy(dtype=float) for frame in (before, now))
    return stability_index(*scores)


def _baselines(folder: Path) -> pd.DataFrame:
    return query("select customer_id, baseline from read_parquet($path)", path=str(folder / "scores.parquet"))


def _newest_lifts(home: Home, on: date) -> list[dict[str, Any]]:
    earlier = sorted(
        path for path in home.root.glob("cycles/*/lift.json") if path.parent.name.partition(".")[0] < on.isoformat()
    )
    return list(read_json(earlier[-1])["lifts"]) if earlier else []


def _lift(objective: Objective, lifts: list[dict[str, Any]]) -> tuple[str, float | None]:
    """What the objective's lift counts, and its upper end against holdout."""
    measure = "margin" if objective.metric == "incremental_margin" else "conversion"
    unit = "money a person" if measure == "margin" else "conversions a person"
    wanted = (objective.id, "holdout", measure)
    found = (one["high"] for one in lifts if (one["objective_id"], one["against"], one["measure"]) == wanted)
    return unit, next(found, None)
