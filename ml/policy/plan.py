"""Puts the plan of a cycle together: every decision, contacted or not, with its exact probability and its reason."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.entities import ARMS, NONE
from ml.journeys.path import expected_paths
from ml.policy.alternatives import alternatives
from ml.policy.categories import LeftAlone, contacted_category, contacted_reason, left_alone
from ml.policy.choices import Choices
from ml.policy.decisions import DECISION_COLUMNS, decision_digests, decision_ids, plan_hash
from ml.policy.delivery import Delivery, Windows, deliver
from ml.policy.drawn import reasons_of_the_draw
from ml.policy.hashing import uniforms
from ml.policy.prices import ShadowPrices
from ml.policy.summary import Summary, summarize
from ml.policy.value import ValueTable


@dataclass(frozen=True, eq=False)
class Plan:
    """The decisions of a cycle and what they add up to.

    Attributes:
        decisions: Columns of `DECISION_COLUMNS`; in the order of their ids; one row a contact, and
            one for each person of an audience left alone.
        summary: What the plan does and whom it leaves alone.
        plan_hash: Fingerprint of the decisions; an approval is for exactly these.
    """

    decisions: pd.DataFrame
    summary: Summary
    plan_hash: str


def build_plan(
    cycle_id: str,
    customers: pd.DataFrame,
    table: ValueTable,
    chosen: Choices,
    *,
    actions: Actions,
    day: Windows,
    reasons: np.ndarray,
    price: ShadowPrices,
    none_probability: np.ndarray,
    seed: int,
    shares: Mapping[str, float] | None = None,
) -> Plan:
    """Make the decisions frame.

    Args:
        cycle_id: The cycle.
        customers: `dim_customers`, N rows with customer_id.
        table: Values, arms and what is allowed, of the same rows.
        chosen: Contacts of all arms, each with the probability of its option.
        actions: Creatives.
        day: Send windows.
        reasons: uint8 [N, 8], why a channel isn't allowed (`Eligibility.reasons`).
        price: shadow prices; zeros where nothing binds.
        none_probability: float [N], probability with which the policy leaves the person alone.
        seed: Of the run: fixes creatives and slots.
        shares: Chances of creatives within their option.
    """
    alone = left_alone(table, chosen, reasons, price)
    ids = customers["customer_id"].astype("object").to_numpy()
    objective_ids = np.array(table.objectives, dtype=object)
    person = np.concatenate([chosen.person, alone.person])
    objective = np.concatenate([chosen.objective, alone.objective])
    nothing = np.full(len(alone.person), -1)
    option = np.concatenate([chosen.option, nothing])
    channel = np.append(_names(table, "channel"), NONE)[option]
    digest = decision_digests(cycle_id, ids[person], objective_ids[objective], channel)
    drawn = digest[: len(chosen)]
    delivery = deliver(
        chosen.person, chosen.option, table.options, actions, day, lambda name: uniforms(drawn, seed, name), shares
    )
    contacts = _contact_columns(table, chosen, delivery, price)
    rest = _left_alone_columns(table, alone, none_probability)
    columns = {name: np.concatenate([contacts[name], rest[name]]) for name in contacts}
    columns["customer_id"] = ids[person]
    columns["cycle_id"] = np.full(len(person), cycle_id, dtype=object)
    columns["objective_id"] = objective_ids[objective]
    columns["arm"] = np.array(ARMS, dtype=object)[table.arm[person, objective]]
    columns["baseline"] = table.baseline[person]
    columns["unit_value"] = table.unit_value[person, objective]
    columns["alternatives"] = alternatives(table, person, objective, option, price)
    columns["decision_id"] = decision_ids(digest)
    chance = np.concatenate([chosen.probability, none_probability[alone.person]])
    columns["reason"] = reasons_of_the_draw(table, (person, objective, option), price, columns["reason"], chance)
    high, low = digest.view(">u8").astype("u8").T
    order = np.lexsort((low, high))
    decisions = pd.DataFrame(
        {name: pd.Series(columns[name][order], dtype=dtype) for name, dtype in DECISION_COLUMNS.items()}
    )
    return Plan(decisions, summarize(table, chosen, contacts["category"], alone), plan_hash(decisions))


def _contact_columns(
    table: ValueTable, chosen: Choices, delivery: Delivery, price: ShadowPrices
) -> dict[str, np.ndarray]:
    person, objective, option = chosen.person, chosen.objective, chosen.option
    channels = _names(table, "channel")[option]
    offers = _names(table, "offer_id")[option]
    uplift, propensity = table.uplift[person, option], table.propensity[person, option]
    net = uplift * table.unit_value[person, objective] - table.cost[person, option]
    parts = zip(channels, offers, delivery.creative_id, delivery.slot, strict=True)
    return {
        "channel": channels,
        "offer_id": offers,
        "creative_id": delivery.creative_id,
        "slot": delivery.slot,
        "action_id": np.array([":".join(part) for part in parts], dtype=object),
        "logging_propensity": chosen.probability * delivery.probability,
        "propensity": propensity,
        "uplift": uplift,
        "value_to_go": _ahead(table, person, option),
        "net_value": net,
        "adjusted_value": net - price.at(table, person, objective, option),
        "contact_cost": table.contact_cost[option].astype(np.float64),
        "category": contacted_category(table, chosen),
        "reason": contacted_reason(table, chosen),
        "send_at": delivery.send_at,
        "expires_at": delivery.expires_at,
        "expected_path": expected_paths(table.ahead, table.options, person, option),
    }


def _left_alone_columns(table: ValueTable, alone: LeftAlone, none_probability: np.ndarray) -> dict[str, np.ndarray]:
    count = len(alone.person)
    nothing, zero = np.full(count, NONE, dtype=object), np.zeros(count, dtype=np.float32)
    never = np.full(count, np.datetime64("NaT", "us"))
    return {
        **dict.fromkeys(("channel", "offer_id", "creative_id", "slot", "action_id"), nothing),
        "logging_propensity": none_probability[alone.person],
        "propensity": table.baseline[alone.person],
        **dict.fromkeys(("uplift", "value_to_go", "net_value", "adjusted_value"), zero),
        "contact_cost": zero.astype(np.float64),
        "category": alone.category,
        "reason": alone.reason,
        "send_at": never,
        "expires_at": never,
        "expected_path": np.full(count, "", dtype=object),
    }


def _ahead(table: ValueTable, person: np.ndarray, option: np.ndarray) -> np.ndarray:
    if table.ahead is None:
        return np.zeros(len(person), dtype=np.float32)
    return np.asarray(table.ahead.value[person, option])


def _names(table: ValueTable, part: str) -> np.ndarray:
    return np.array([getattr(option, part) for option in table.options], dtype=object)
