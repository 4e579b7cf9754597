"""Gathers what a decision needs from the published view, the ledger and the configuration, and keeps what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from assets.carry_over import MOST_DAYS, earlier_effects
from assets.channels.messages import needs_by_channel
from assets.compiling import compile_objectives, expected_today
from assets.conversations import kept_journeys
from assets.cycles import ASSIGNED, CHANCES, CREATIVES, read_json, read_scores, write_frame, write_json
from assets.duck import query
from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.objective_day import objective_day
from assets.objective_morning import begins_at
from assets.rejected import rejected_contacts
from ml.configuration import Configuration
from ml.configuration.do_not_call import do_not_call_of
from ml.configuration.objective import Objective
from ml.day_problem import Room, segments_of
from ml.decision import Decided
from ml.entities import CALLED
from ml.knowledge import Knowledge
from ml.objectives.active import active_objectives
from ml.objectives.unit_value import UnitValue, UnknownValueError, unit_value
from ml.policy.arms import assignment_frame
from ml.policy.frequency import all_contacts
from ml.response.scores import Scores

LOOK_BACK: Final = timedelta(days=60)
"""For frequency caps; offers in hand look back as long as they are valid."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """What was found for a cycle.

    Attributes:
        known: The people.
        room: What may be spent.
        versions: Generation, model and configuration.
        notes: What a person should know, such as an objective that had to be left out.
        configuration: The configuration with only the objectives that can be decided.
        objectives: Forecast, chance, pace and what stands in the way, by objective (`compiling`).
    """

    known: Knowledge
    room: Room
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    configuration: Configuration
    objectives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def gather(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    day: date,
    at: datetime,
    cycle_id: str | None = None,
    *,
    salt: str,
    is_shadow: bool = False,
) -> Gathered:
    """Everything that is known for the cycle of a day.

    Args:
        home: The workspace.
        ledger: The ledger.
        configuration: What the operator states.
        day: The cycle's day.
        at: The clock T, UTC.
        cycle_id: The cycle whose scores and generation are used; the day's first by default.
        salt: Of the arms.
        is_shadow: Whether nothing of it may be kept, since the day is decided already.

    Raises:
        ConfigurationError: An audience is over a column that the view lacks.
        FileNotFoundError: The day has no scores: the assets before this one haven't been materialized.
    """
    folder = home.cycle(cycle_id or day.isoformat())
    versions = read_json(folder / "versions.json")
    generation_id = versions["generation_id"]
    customers = read_mart(home, generation_id, "dim_customers")
    configuration.check_audience(customers.columns)
    scores = _aligned(read_scores(folder / "scores.parquet"), customers)
    journeys = kept_journeys(home, versions.get("journeys", ""))
    if journeys is not None:
        scores = journeys.corrected(scores, customers, configuration.policy.journeys)
    needs = needs_by_channel(configuration)
    rejected, refusals = rejected_contacts(home, ledger, day)
    values, usable, notes = _unit_values(home, generation_id, configuration, scores, day, keeps=not is_shadow)
    known = Knowledge(
        customers=customers,
        scores=scores,
        future_margin=customers["margin_365d"].to_numpy(dtype=float, na_value=0.0),
        unit_values=values,
        consents=read_mart(home, generation_id, "dim_consents", "customer_id, channel, status, basis"),
        contacts=_contacts(home, generation_id, ledger, configuration, at),
        suppressions=_suppressions(home, generation_id, ledger),
        stopped=ledger.halts.active(),
        do_not_call=do_not_call_of(configuration),
        phones=_phones(home, generation_id, configuration, needs),
        rejected=rejected,
        needs=needs,
        creative_shares=_creative_shares(home, day),
        journeys=journeys,
        contact_prices=_contact_prices(home, day),
    )
    usable, changed = _as_randomized(ledger, usable, at, salt)
    decidable = Configuration(**{**vars(configuration), "objectives": usable})
    objectives = _objectives(home, ledger, decidable, known, generation_id, day, at)
    paces = {name: float(facts["pace"]["share"]) for name, facts in objectives.items()}
    today = replace(
        room(ledger, decidable, day, paces),
        quotas=quotas(ledger, objectives, day, is_revision=bool(ledger.plans.list(day.isoformat()))),
        earlier=_earlier(home, ledger, decidable, customers, day),
    )
    spread = {name: float(facts["effect"]["sd"]) for name, facts in objectives.items() if facts.get("effect")}
    return Gathered(
        replace(known, effect_sd=spread), today, versions, notes + refusals + changed, decidable, objectives
    )


def _as_randomized(
    ledger: Ledger, objectives: Sequence[Objective], at: datetime, salt: str
) -> tuple[list[Objective], tuple[str, ...]]:
    """The objectives with the arms that their people are in: a share changed later would move people between arms."""
    kept, notes = [], []
    for objective in objectives:
        shares = ledger.randomizations.keep(objective.id, objective.arms, salt, at)
        if shares != objective.arms:
            notes.append(
                f"{objective.id}: its file states other shares of the arms than those by which its people were randomized; "
                "they stay as they are, since moving people between arms would spoil every comparison: for other "
                "shares state the objective anew under another id"
            )
        kept.append(objective.model_copy(update={"arms": shares}))
    return kept, tuple(notes)


def _contact_prices(home: Home, day: date) -> dict[str, dict[str, float]]:
    """What a contact used of all that was scarce in the newest earlier morning's plan; nothing before the first."""
    for path in sorted(home.root.glob("cycles/????-??-??/plan.json"), reverse=True):
        if path.parent.name < day.isoformat():
            return dict(read_json(path).get("contact_prices", {}))
    return {}


def _creative_shares(home: Home, day: date) -> dict[str, float]:
    path = home.cycle(day.isoformat()) / CREATIVES
    return dict(read_json(path)["shares"]) if path.exists() else {}


def _earlier(
    home: Home, ledger: Ledger, configuration: Configuration, customers: pd.DataFrame, day: date
) -> dict[str, list[list[float]]]:
    if not any(each.response for each in configuration.actions.channels.values()):
        return {}
    segmented = segments_of(customers, configuration.policy.segments)
    released = ledger.figures.since(day - timedelta(days=MOST_DAYS))
    return earlier_effects(home, configuration, released, customers["customer_id"], segmented, day)


def _objectives(
    home: Home,
    ledger: Ledger,
    configuration: Configuration,
    known: Knowledge,
    generation_id: str,
    day: date,
    at: datetime,
) -> dict[str, Any]:
    """Compiled once a day: within it the morning's facts hold, and what may be spent follows from the money left."""
    morning = home.cycle(day.isoformat()) / "plan.json"
    kept = read_json(morning).get("objectives") if morning.exists() else None
    if kept is not None and set(kept) >= {o.id for o in active_objectives(configuration.objectives, day)}:
        return dict(kept)
    return compile_objectives(home, ledger, configuration, known, generation_id, day, at)


def room(ledger: Ledger, configuration: Configuration, day: date, paces: Mapping[str, float] | None = None) -> Room:
    """What today's plans may still spend and carry: caps less what is held and spent, budgets at their pace.

    Args:
        ledger: The ledger.
        configuration: What the operator states.
        day: The cycle's day.
        paces: Share of the money left that today may have, by objective; the even split without it.
    """
    active = active_objectives(configuration.objectives, day)
    figures = ledger.figures.since(min([day - timedelta(days=1), *(o.starts_on for o in active)]))
    today = figures[figures["cycle_on"] == day.isoformat()]
    yesterday = figures[figures["cycle_on"] == (day - timedelta(days=1)).isoformat()]
    caps, channels = configuration.policy.spend_caps, configuration.actions.channels
    rise = configuration.policy.guardrails.spend_change_per_day
    spent = today.groupby("channel")["spend"].sum()
    carried = today.groupby("channel")["messages"].sum()
    days = {o.id: objective_day(ledger, o, figures, day, (paces or {}).get(o.id)) for o in active}
    return Room(
        total=None if caps.per_day is None else max(0.0, caps.per_day - float(spent.sum())),
        objectives={name: each.room_at(each.budget, rise) for name, each in days.items()},
        channels={name: max(0.0, cap - float(spent.get(name, 0.0))) for name, cap in caps.per_channel_per_day.items()},
        capacity={
            name: max(0.0, terms.capacity_per_day - float(carried.get(name, 0))) for name, terms in channels.items()
        },
        spend_share=configuration.policy.guardrails.channel_spend_share,
        spent={str(name): float(amount) for name, amount in spent.items()},
        yesterday={str(name): float(each) for name, each in yesterday.groupby("channel")["spend"].sum().items()},
    )


def quotas(
    ledger: Ledger, objectives: Mapping[str, Mapping[str, Any]], day: date, *, is_revision: bool
) -> dict[str, float]:
    """What the system's contacts of today have to cause for each target, by the model's count, where value would miss it.

    Today's part of it is its part of the money. Within the day what was handed over has done its part: the share of
    messages that are still open is left of it.

    Args:
        ledger: The ledger.
        objectives: Facts as `compile_objectives` gives them.
        day: The cycle's day.
        is_revision: Whether the day has a plan already.
    """
    asked = {
        name: float(facts["asks"]) / facts["unit"] * float(facts["pace"]["share"])
        for name, facts in objectives.items()
        if facts.get("asks") and facts["unit"] > 0
    }
    if not asked or not is_revision:
        return asked
    today = ledger.figures.since(day)
    made = today[today["cycle_on"] == day.isoformat()].groupby("objective_id")["messages"].sum()
    open_now = ledger.outbox.open_messages(day)["objective_id"].value_counts()
    return {
        name: units * min(1.0, float(open_now.get(name, 0)) / float(made[name]))
        for name, units in asked.items()
        if made.get(name, 0)
    }


def keep(
    home: Home,
    decided: Decided,
    gathered: Gathered,
    cycle_id: str,
    at: datetime,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what was decided: every decision, the features of those that teach something, and the plan's figures."""
    folder = home.cycle(cycle_id)
    write_frame(decided.plan.decisions, folder / "decisions.parquet")
    write_frame(_remembered(gathered.known.customers, decided), folder / "features.parquet")
    people = gathered.known.customers["customer_id"].to_numpy()
    chances = decided.chances.frame(people, decided.problem.columns.objectives)
    write_frame(chances, folder / CHANCES)
    segments = _segments(gathered.known.customers, gathered.configuration)
    table = decided.table
    write_frame(assignment_frame(people, table.objectives, table.arm, segments), folder / ASSIGNED)
    allocation = decided.allocation
    facts: dict[str, Any] = {
        "cycle_id": cycle_id,
        "at": at.isoformat(),
        "plan_hash": decided.plan.plan_hash,
        "summary": decided.plan.summary.to_dict(),
        "people_eligible": decided.eligible,
        "randomized_spend": decided.randomized_spend,
        "allocation": {
            "value": allocation.value,
            "bound": allocation.bound,
            "gap": allocation.gap,
            "status": allocation.status,
            "spend": allocation.spend,
            "prices": allocation.prices,
            "passes": allocation.passes,
            "seconds": allocation.seconds,
        },
        "exploration": asdict(decided.exploration),
        "contact_prices": decided.contact_prices,
        "value_to_go": _ahead_facts(decided),
        "room": asdict(gathered.room),
        "objectives": expected_today(decided, gathered.objectives),
        "eligibility": decided.eligibility.counts(),
        "versions": dict(gathered.versions),
        "notes": [*gathered.notes, *(each.words for each in decided.conceded)],
        "conceded": [each.to_dict() for each in decided.conceded],
        "seconds": decided.seconds,
        **(more or {}),
    }
    write_json(facts, folder / "plan.json")
    return facts


def _ahead_facts(decided: Decided) -> dict[str, float]:
    """What the plan's contacts count for beyond their next response, and how many have a path."""
    decisions = decided.plan.decisions
    return {
        "money": float(decisions["value_to_go"].astype(float).sum()),
        "contacts": int((decisions["value_to_go"] != 0).sum()),
        "with_path": int((decisions["expected_path"] != "").sum()),
    }


def _segments(customers: pd.DataFrame, configuration: Configuration) -> np.ndarray:
    """Names of the segments that the policy states, else the lifecycle, object [N]."""
    if not configuration.policy.segments:
        return np.asarray(customers["lifecycle"].to_numpy(dtype=object))
    found = segments_of(customers, configuration.policy.segments)
    return np.asarray(np.array(found.names, dtype=object)[found.of])


def _remembered(customers: pd.DataFrame, decided: Decided) -> pd.DataFrame:
    """Features of everybody contacted or left alone at random, and of one in ten of the others, who stand for ten."""
    decisions = decided.plan.decisions
    teaches = decisions["channel"].ne("none") | decisions["arm"].isin(["random", "holdout"])
    others = decisions.loc[~teaches, "customer_id"]
    tenth = pd.util.hash_pandas_object(others, index=False).to_numpy() % 10 == 0
    weight = pd.concat(
        [
            pd.Series(1.0, index=decisions.loc[teaches, "customer_id"].unique()),
            pd.Series(10.0, index=others[tenth].unique()),
        ]
    )
    weight = weight[~weight.index.duplicated()]
    kept = customers[customers["customer_id"].isin(weight.index)]
    return kept.assign(sample_weight=kept["customer_id"].map(weight))


def _aligned(scores: Scores, customers: pd.DataFrame) -> Scores:
    if not np.array_equal(scores.customer_ids, customers["customer_id"].to_numpy()):
        raise ValueError("the scores are of other people than the customer view; materialize candidate_scores again")
    return scores


def _unit_values(
    home: Home, generation_id: str, configuration: Configuration, scores: Scores, day: date, *, keeps: bool
) -> tuple[dict[str, np.ndarray], list[Objective], tuple[str, ...]]:
    """Money for a conversion caused, by objective. One whose value isn't known is left out, and said.

    Measured once a day: a re-optimization values a conversion as the morning did.
    """
    path = home.cycle(day.isoformat()) / "unit_values.json"
    kept = read_json(path) if path.exists() else {}
    if kept.get("generation_id") != generation_id or kept.get("configuration") != configuration.version:
        kept = measured_values(home, generation_id, configuration, day)
        if keeps:
            write_json(kept, path)
    active = {objective.id: objective for objective in active_objectives(configuration.objectives, day)}
    measured = {name: UnitValue(**value) for name, value in kept["values"].items()}
    values = {name: value.of_people(scores.amount) for name, value in measured.items()}
    return values, [active[name] for name in values], tuple(kept["notes"])


def measured_values(home: Home, generation_id: str, configuration: Configuration, day: date) -> dict[str, Any]:
    """What a conversion of each objective is worth by the published data, as plain values, with notes."""
    active = active_objectives(configuration.objectives, day)
    lifecycle = configuration.policy.lifecycle
    as_of = begins_at(configuration, day)
    conversions = pd.DataFrame()
    if active:
        conversions = read_mart(home, generation_id, "fct_conversions", "customer_id, converted_at, margin")
        conversions["customer_id"] = pd.factorize(conversions["customer_id"])[
            0
        ]  # numbers group ten times as fast as text
    values: dict[str, Any] = {}
    notes = []
    for objective in active:
        try:
            value = unit_value(
                objective,
                conversions,
                as_of=as_of,
                lapsed_days=lifecycle.lapsed_days,
                active_days=lifecycle.lapsing_days,
            )
        except UnknownValueError as error:
            notes.append(f"left out: {error}")
            continue
        values[objective.id] = asdict(value)
        if value.amount is not None:
            notes.append(f"{objective.id}: a unit is worth {value.amount:,.2f} ({value.basis})")
    return {"generation_id": generation_id, "configuration": configuration.version, "values": values, "notes": notes}


def _contacts(
    home: Home, generation_id: str, ledger: Ledger, configuration: Configuration, at: datetime
) -> pd.DataFrame:
    actions = configuration.actions
    lasting = [*actions.valid_days.values(), *(terms.audience_days for terms in actions.channels.values())]
    since = at - max(LOOK_BACK, timedelta(days=max(lasting)))
    touches = query(
        "select customer_id, channel, offer_id, sent_at, message_id from read_parquet($path) where sent_at > $since",
        path=str(home.generation(generation_id) / "fct_touches.parquet"),
        since=since.replace(tzinfo=None),
    )
    return all_contacts(ledger.outbox.contacts_since(since), touches)


def _suppressions(home: Home, generation_id: str, ledger: Ledger) -> pd.DataFrame:
    """The ledger's suppressions are by contact or address; here they're by person."""
    suppressed = ledger.suppressions.by_contact()
    if suppressed.empty:
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "channel": pd.Series(dtype="str")})
    people = read_mart(home, generation_id, "dim_recipients", "customer_id, unnest(contact_ids) as contact_id")
    return people.merge(suppressed, on="contact_id")[["customer_id", "channel"]].drop_duplicates()


def _phones(
    home: Home, generation_id: str, configuration: Configuration, needs: Mapping[str, list[str]]
) -> pd.DataFrame | None:
    """Numbers, with what messages say of people."""
    if not needs and not any(channel in configuration.actions.channels for channel in CALLED):
        return None
    columns = dict.fromkeys(["customer_id", "phone", *(column for each in needs.values() for column in each)])
    return read_mart(home, generation_id, "dim_recipients", ", ".join(columns))
