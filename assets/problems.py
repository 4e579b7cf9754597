"""Keeps a cycle's allocation problem, so that its solve can be repeated to the same bits and asked "what if?"."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date

import numpy as np
import pandas as pd

from assets.deciding import Gathered
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.objective_day import objective_day
from ml.allocation.drawn import Drawn
from ml.allocation.stored import StoredProblem, save
from ml.configuration.objective import Objective
from ml.decision import Decided
from ml.entities import NONE
from ml.levers import CONTACTS, PER_CHANNEL, PER_DAY, SPEND_CHANGE, SPEND_SHARE, Day, ObjectiveDay, ValueParts
from ml.objectives.active import active_objectives
from ml.policy.system import draw_seed
from ml.policy.value import ValueTable


def keep_problem(
    home: Home,
    ledger: Ledger,
    decided: Decided,
    gathered: Gathered,
    cycle_id: str,
    seed: int,
    *,
    warm_prices: Mapping[str, float] | None = None,
    freed: Mapping[str, float] | None = None,
) -> StoredProblem:
    """Write the problem of a decision into its cycle's folder, with what the operator's numbers meant in it.

    Args:
        home: The workspace.
        ledger: What was spent before.
        decided: As `decide` gave it, with all its decisions.
        gathered: What it was decided from.
        cycle_id: The cycle.
        seed: Of the run.
        warm_prices: That the solve started from.
        freed: Money by objective of messages that were open and decided anew.

    Returns:
        What was written.
    """
    day = _day(ledger, decided, gathered, cycle_id, freed or {})
    ids = gathered.known.customers["customer_id"]
    people = pd.util.hash_pandas_object(ids, index=False).to_numpy().astype(np.uint64)
    explored = decided.exploration
    context = {"day": day.to_dict(), "versions": dict(gathered.versions), "exploration": asdict(explored)}
    drawn = None
    if explored.temperature > 0:
        drawn = Drawn(
            explored.value_share, draw_seed(seed, cycle_id), explored.temperature, decided.column, explored.spend
        )
    stored = StoredProblem(
        decided.problem, decided.allocation, decided.gap, dict(warm_prices or {}), people, context, drawn=drawn
    )
    save(stored, home.cycle(cycle_id))
    ValueParts.of(decided.table, decided.problem.given).save(home.cycle(cycle_id))
    return stored


def _day(ledger: Ledger, decided: Decided, gathered: Gathered, cycle_id: str, freed: Mapping[str, float]) -> Day:
    """What stands outside of the problem: what is bound today already, and what the randomized arms take."""
    configuration, room = gathered.configuration, gathered.room
    on = date.fromisoformat(cycle_id.partition(".")[0])
    decisions = decided.plan.decisions
    others = decisions[(decisions["channel"] != NONE) & (decisions["arm"] != "system")]
    spend = others.groupby("channel", observed=True)["contact_cost"].sum()
    count = others["channel"].value_counts()
    active = active_objectives(configuration.objectives, on)
    figures = ledger.figures.since(min([on, *(each.starts_on for each in active)]))
    channels = configuration.actions.channels
    return Day(
        cycle_id=cycle_id,
        currency=configuration.policy.currency,
        numbers=numbers_of(gathered, decided.table, on),
        objectives={
            each.id: _objective_day(each, ledger, figures, gathered, on, freed.get(each.id, 0.0)) for each in active
        },
        spent={name: room.spent.get(name, 0.0) + float(spend.get(name, 0.0)) for name in channels},
        carried={
            name: max(0.0, terms.capacity_per_day - room.capacity.get(name, 0.0)) + float(count.get(name, 0))
            for name, terms in channels.items()
        },
        randomized={
            str(name): float(amount)
            for name, amount in others.groupby("objective_id", observed=True)["contact_cost"].sum().items()
        },
    )


def numbers_of(gathered: Gathered, table: ValueTable, on: date) -> dict[str, float | None]:
    """The operator's budgets, caps, prices and guardrails by their keys in the configuration.

    What a conversion is worth is the mean over the objective's audience, also where it comes from the data.
    """
    policy, actions = gathered.configuration.policy, gathered.configuration.actions
    channels = actions.channels
    worth = {
        name: float(table.unit_value[table.arm[:, j] >= 0, j].mean())
        for j, name in enumerate(table.objectives)
        if (table.arm[:, j] >= 0).any()
    }
    active = active_objectives(gathered.configuration.objectives, on)
    return {
        PER_DAY: policy.spend_caps.per_day,
        **{f"{PER_CHANNEL}.{name}": policy.spend_caps.per_channel_per_day.get(name) for name in channels},
        SPEND_SHARE: policy.guardrails.channel_spend_share,
        SPEND_CHANGE: policy.guardrails.spend_change_per_day,
        CONTACTS: float(policy.max_contacts_per_cycle),
        **{f"actions.channels.{name}.cost": terms.cost for name, terms in channels.items()},
        **{f"actions.channels.{name}.capacity_per_day": float(t.capacity_per_day) for name, t in channels.items()},
        **{
            f"actions.offers.{name}.cost_when_redeemed": o.cost_when_redeemed
            for name, o in actions.offers.items()
            if name != NONE
        },
        **{f"objectives.{objective.id}.budget": objective.budget for objective in active},
        **{f"objectives.{name}.value_per_unit": amount for name, amount in worth.items()},
    }


def _objective_day(
    objective: Objective, ledger: Ledger, figures: pd.DataFrame, gathered: Gathered, on: date, freed: float
) -> ObjectiveDay:
    share = gathered.objectives.get(objective.id, {}).get("pace", {}).get("share")
    found = objective_day(ledger, objective, figures, on, share)
    return replace(found, room=gathered.room.objectives.get(objective.id, 0.0), today=found.today - freed)
