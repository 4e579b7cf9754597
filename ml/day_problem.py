"""The allocation problem of a day: what each contact is worth, and the limits and wishes of the operator as terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ConcaveResponse,
    ContactLimit,
    ExclusiveOffers,
    MinimumEffect,
    ObjectiveBudget,
    ObjectiveQuota,
    PosteriorDraw,
    RiskAversion,
    SpendChange,
    Term,
    TotalBudget,
)
from ml.configuration import Configuration
from ml.configuration.actions import Response
from ml.configuration.policy import ChangeBounds
from ml.entities import CHANNELS, OTHER, Channel
from ml.objectives.audience import parse
from ml.policy.value import ValueTable


@dataclass(frozen=True)
class Room:
    """What may still be spent and carried today, and what today has to bring.

    Attributes:
        total: Money over all channels; None where nothing caps it.
        objectives: Money by objective id.
        channels: Money by channel, where capped.
        capacity: Contacts by channel.
        spend_share: Largest share of the day's spend for one channel.
        spent: Money by channel that is bound or spent today already.
        yesterday: Money by channel that the day before took; empty where nothing was spent.
        quotas: Conversions (money where the metric is margin) that the system's contacts of today have to cause for the
            target to stay in reach, by objective, where value alone would miss it.
        earlier: Money that earlier days' contacts were expected to cause, by `objective:channel`: the latest day first,
            each by segment.
    """

    total: float | None
    objectives: Mapping[str, float]
    channels: Mapping[str, float]
    capacity: Mapping[str, float]
    spend_share: float
    spent: Mapping[str, float] = field(default_factory=dict)
    yesterday: Mapping[str, float] = field(default_factory=dict)
    quotas: Mapping[str, float] = field(default_factory=dict)
    earlier: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Segmented:
    """Which segment each person is in.

    Attributes:
        of: Position in `names` [N].
        names: As the policy states them, then `other`.
    """

    of: np.ndarray
    names: tuple[str, ...]


def segments_of(customers: pd.DataFrame, stated: Mapping[str, str]) -> Segmented:
    """The first stated segment that holds for each person.

    Args:
        customers: `dim_customers`, N rows.
        stated: Predicates by name, in order.

    Raises:
        AudienceError: A predicate is over a column that `customers` lacks.
    """
    found = np.full(len(customers), len(stated), dtype=np.uint16)
    for position, where in reversed(list(enumerate(stated.values()))):
        found[parse(where).mask(customers)] = position
    return Segmented(found, (*stated, OTHER))


def limits_of(table: ValueTable, configuration: Configuration, room: Room) -> list[Term]:
    """What the day's plan must keep: contacts of a person, money, capacity, shares, and its change against yesterday."""
    used = {option.channel for option in table.options}
    terms: list[Term] = [ContactLimit(configuration.policy.max_contacts_per_cycle)]
    if room.total is not None:
        terms.append(TotalBudget(room.total))
    terms += [ObjectiveBudget(name, amount) for name, amount in room.objectives.items() if name in table.objectives]
    terms += [ChannelBudget(name, maximum=cap) for name, cap in room.channels.items() if name in used]  # type: ignore[arg-type]
    terms += [ChannelCapacity(name, cap) for name, cap in room.capacity.items() if name in used]  # type: ignore[arg-type]
    if table.objectives and len(used) > 1:
        spent = sum(room.spent.values())
        terms += [
            # What is bound already may be over the share: the rest keeps to it, and that isn't a conflict.
            ChannelSpendShare(name, room.spend_share, max(0.0, room.spend_share * spent - room.spent.get(name, 0.0)))
            for name in CHANNELS
            if name in used and room.spend_share < 1
        ]
    return terms


def changes_of(table: ValueTable, configuration: Configuration, room: Room) -> list[Term]:
    """How far the day's spend may move from yesterday's; nothing where yesterday spent nothing."""
    bounds, used = configuration.policy.spend_change, {option.channel for option in table.options}
    if not table.objectives:
        return []
    whole = _change(bounds, sum(room.yesterday.values()), sum(room.spent.values()))
    parts = [
        _change(each, room.yesterday.get(name, 0.0), room.spent.get(name, 0.0), name)
        for name, each in bounds.channels.items()
        if name in used
    ]
    return [term for term in (whole, *parts) if term is not None]


def _change(bounds: ChangeBounds, before: float, spent: float, channel: Channel | None = None) -> Term | None:
    if before <= 0 or (bounds.rise is None and bounds.fall is None):
        return None
    # What is bound already may be over the rise: then nothing more may be spent, and that isn't a conflict.
    most = spent if bounds.rise is None else min(spent, (1 + bounds.rise) * before)
    return SpendChange(before, bounds.rise, bounds.fall, channel, outside=most)


def quotas_of(table: ValueTable, configuration: Configuration, room: Room) -> list[Term]:
    """What the day has to bring: by objective its part of the target, by segment what its owner asks for."""
    stated = [each for each in configuration.objectives if each.id in table.objectives]
    terms: list[Term] = [
        ObjectiveQuota(name, units) for name, units in room.quotas.items() if name in table.objectives and units > 0
    ]
    return terms + [ObjectiveQuota(o.id, units, name) for o in stated for name, units in o.segment_quotas.items()]


def wishes_of(table: ValueTable, configuration: Configuration, room: Room, *, draw_seed: int) -> list[Term]:
    """What changes a contact's worth or bars it: least effects, offers that exclude each other, risk, diminishing returns."""
    offers = {option.offer_id for option in table.options}
    stated = [each for each in configuration.objectives if each.id in table.objectives]
    terms: list[Term] = [MinimumEffect(each.minimum_effect, each.id) for each in stated if each.minimum_effect > 0]
    groups = [tuple(name for name in group if name in offers) for group in configuration.actions.exclusive_offers]
    terms += [ExclusiveOffers(group) for group in groups if len(group) > 1 and table.objectives]
    risk = configuration.policy.risk
    if risk.value != "mean":
        terms.append(RiskAversion(risk.deviations) if risk.value == "cautious" else PosteriorDraw(draw_seed))
    names = (*configuration.policy.segments, OTHER)
    used = {option.channel for option in table.options}
    for channel, channel_terms in configuration.actions.channels.items():
        if channel_terms.response is not None and channel in used:
            terms += [
                _response(channel, channel_terms.response, name, unit, names, room)
                for name, unit in zip(table.objectives, _unit_values(table), strict=True)
                if unit > 0
            ]
    return terms


def _response(  # noqa: PLR0917 - what the curve is made of
    channel: str, stated: Response, objective: str, unit_value: float, names: tuple[str, ...], room: Room
) -> Term:
    return ConcaveResponse(
        channel,  # type: ignore[arg-type]
        unit_value,
        tuple(stated.by_segment.get(name, stated.ceiling) for name in names),
        names if len(names) > 1 else (),
        stated.shape,
        tuple(tuple(float(e) for e in day) for day in room.earlier.get(f"{objective}:{channel}", ())),
        stated.retention,
        objective,
    )


def _unit_values(table: ValueTable) -> list[float]:
    """Money for one of each objective's quantity: 1 where that is money already."""
    counts_money = np.zeros(len(table.objectives), dtype=bool) if table.counts_money is None else table.counts_money
    mean = table.unit_value.mean(axis=0, dtype=np.float64) if len(table.unit_value) else counts_money
    return [1.0 if is_money else float(each) for is_money, each in zip(counts_money, mean, strict=True)]


def columns_of(table: ValueTable) -> Columns:
    """Objective by objective, options within."""
    return Columns.of(
        [
            (objective, option, float(cost))
            for objective in table.objectives
            for option, cost in zip(table.options, table.contact_cost, strict=True)
        ]
    )


def candidates_of(  # noqa: PLR0917 - everything about the people
    table: ValueTable,
    is_free: np.ndarray,
    left: np.ndarray,
    terms: Sequence[Term],
    segmented: Segmented,
    effect_sd: np.ndarray,
) -> Candidates:
    """The system arm's candidates, with as much beside their values as the terms ask for.

    Args:
        table: Values.
        is_free: bool [N], people who may still be contacted in this cycle.
        left: Contacts that the frequency caps leave each person [N].
        terms: Of the problem.
        segmented: Segments of the same people.
        effect_sd: Standard deviation of what contacts cause, as a multiple of what the model expects, by objective [J]; a
            candidate's own is at least that.
    """
    values, is_candidate = table.dense("system", is_free)
    j = range(len(table.objectives))
    # Counted only where a term asks: a draw leaves room for the largest quantity of all, and one in money would be huge.
    counted = {term.objective for term in terms if isinstance(term, ObjectiveQuota | ConcaveResponse | MinimumEffect)}
    by_segment = any(getattr(term, "segment", None) or getattr(term, "segments", ()) for term in terms)
    uncertain = any(isinstance(term, RiskAversion | PosteriorDraw) for term in terms)
    none = table.uplift[:, :0]
    parts = [table.quantity(each) if table.objectives[each] in counted else np.zeros_like(table.uplift) for each in j]
    quantity = np.concatenate([none, *parts], axis=1) if counted else None
    sd = [table.effect_sd(each, float(effect_sd[each])) for each in j] if uncertain else []
    return Candidates.from_dense(
        values,
        is_candidate,
        quantity,
        segment=segmented.of if by_segment else None,
        segments=segmented.names if by_segment else ("all",),
        contacts_left=left,
        value_sd=np.concatenate([none, *sd], axis=1) if uncertain else None,
    )
