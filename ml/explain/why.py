"""Why this, and why not the others: value less price times use, against the alternatives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.entities import NONE
from ml.explain.slot import slot_reason
from ml.signals.hours import looks_in

_FACTS = ("baseline", "propensity", "uplift", "unit_value", "value_to_go", "contact_cost", "logging_propensity")


@dataclass(frozen=True)
class Weighed:
    """An option as it was weighed.

    Attributes:
        option: `channel:offer`, or `none`.
        net_value: Uplift in money less its costs.
        price: What the scarce things that it uses are worth to others.
        adjusted_value: Net value less price: what was compared.
        value_to_go: Part of the net value that is what the option makes possible.
    """

    option: str
    net_value: float
    price: float
    adjusted_value: float
    value_to_go: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """Why one decision is as it is.

    Attributes:
        decision_id: The decision.
        customer_id: The person.
        objective_id: For what.
        headline: The decision in a sentence.
        reason: Why, in words.
        facts: Figures of the decision by name.
        chosen: What was done.
        alternatives: The best others that policy allowed, best first.
        prices: Shadow prices of the limits that bind in the cycle.
        steps: The comparison, a sentence each.
    """

    decision_id: str
    customer_id: str
    objective_id: str
    headline: str
    reason: str
    facts: dict[str, float]
    chosen: Weighed
    alternatives: tuple[Weighed, ...]
    prices: dict[str, float]
    steps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def why(
    decisions: pd.DataFrame,
    prices: Mapping[str, float],
    *,
    currency: str = "USD",
    active_hours: str | None = None,
    slots: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> list[Explanation]:
    """Explain a person's decisions.

    Args:
        decisions: Rows of the decisions frame.
        prices: Shadow price by limit of their cycle (`Allocation.prices`).
        currency: Of the workspace.
        active_hours: The person's hours of looking, as the customer view had them.
        slots: By channel, the local hours of each of its slots, bool [24]; those of other channels aren't explained.
    """
    looks, hours = looks_in(active_hours), slots or {}
    return [
        _explain(row, dict(prices), currency, _slot_steps(row, looks, hours.get(row["channel"], {})))
        for row in decisions.to_dict("records")
    ]


def _slot_steps(row: Mapping[Any, Any], looks: np.ndarray, hours: Mapping[str, np.ndarray]) -> list[str]:
    return [slot_reason(row["slot"], looks, hours)] if row["slot"] in hours else []


def _explain(row: Mapping[Any, Any], prices: dict[str, float], currency: str, slot_steps: Sequence[str]) -> Explanation:
    chosen = _chosen(row)
    others = tuple(
        Weighed(
            a["option"],
            a["net_value"],
            a["net_value"] - a["adjusted_value"],
            a["adjusted_value"],
            a.get("value_to_go", 0.0),
        )
        for a in json.loads(row["alternatives"])
    )
    return Explanation(
        decision_id=str(row["decision_id"]),
        customer_id=str(row["customer_id"]),
        objective_id=str(row["objective_id"]),
        headline=_headline(row),
        reason=str(row["reason"]),
        facts={name: float(row[name]) for name in _FACTS if name in row},
        chosen=chosen,
        alternatives=others,
        prices=prices,
        steps=(*_steps(row, chosen, others, prices, currency), *slot_steps),
    )


def _chosen(row: Mapping[Any, Any]) -> Weighed:
    option = NONE if row["channel"] == NONE else f"{row['channel']}:{row['offer_id']}"
    net, adjusted = float(row["net_value"]), float(row["adjusted_value"])
    return Weighed(option, net, net - adjusted, adjusted, _ahead(row))


def _headline(row: Mapping[Any, Any]) -> str:
    if row["channel"] == NONE:
        return f"Left alone for {row['objective_id']}: {row['reason']}."
    offer = "no offer" if row["offer_id"] == NONE else f"offer {row['offer_id']}"
    return (
        f"Contacted for {row['objective_id']} by {row['channel']} with {offer} ({row['creative_id']}, {row['slot']})."
    )


def _steps(
    row: Mapping[Any, Any], chosen: Weighed, others: Sequence[Weighed], prices: Mapping[str, float], currency: str
) -> list[str]:
    steps = []
    if chosen.option != NONE:
        worth = float(row["uplift"]) * float(row["unit_value"])
        steps.append(
            f"{chosen.option} raises the chance to act from {row['baseline']:.2%} to {row['propensity']:.2%}; at "
            f"{row['unit_value']:,.2f} {currency} a unit that is worth {worth:,.4f}, and {chosen.net_value:,.4f} after "
            f"contact, offer and wear{_and_ahead(row)}."
        )
    if row.get("expected_path"):
        steps.append(f"Expected path: {row['expected_path']}.")
    if chosen.price > 0:
        steps.append(
            f"It uses what others could use: {chosen.price:,.4f} at today's prices; "
            f"{chosen.adjusted_value:,.4f} is left."
        )
    steps += [_against(chosen, other) for other in others]
    if prices:
        told = ", ".join(f"{name} {price:,.4f}" for name, price in sorted(prices.items(), key=lambda p: -p[1]))
        steps.append(f"Scarce today, with the worth of one unit more: {told}.")
    steps.append(f"The policy chose this with probability {float(row['logging_propensity']):.4g} (arm {row['arm']}).")
    return steps


def _and_ahead(row: Mapping[Any, Any]) -> str:
    return f", with {_ahead(row):+,.4f} for what it makes possible" if _ahead(row) else ""


def _ahead(row: Mapping[Any, Any]) -> float:
    return float(row.get("value_to_go") or 0.0)  # decisions from before continuations were counted have none


def _against(chosen: Weighed, other: Weighed) -> str:
    gap = chosen.adjusted_value - other.adjusted_value
    verdict = (
        f"{gap:,.4f} less" if gap >= 0 else f"{-gap:,.4f} more, but the arm, a limit or the draw decided otherwise"
    )
    return f"{other.option} would be worth {other.net_value:,.4f}, {other.adjusted_value:,.4f} after prices: {verdict}."
