"""Leads a shop through cycles by the product's own values, continuations and allocation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.journeys.shop import Shop
from market.sales import MARGIN_SHARE, expected_amount
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, TotalBudget
from ml.configuration.policy import FrequencyCap, Policy
from ml.entities import ARMS, CHANNELS
from ml.journeys.deciding import ahead_of
from ml.journeys.model import JourneyModel
from ml.policy.value import ValueTable
from ml.response.redemption import EVERY
from ml.response.scores import Scores

OBJECTIVE = "sell"
CAPS = [
    FrequencyCap.model_validate(each)
    for each in (
        {"channels": "all", "max": 3, "days": 7},
        {"channels": ["voice"], "max": 1, "days": 30},
        {"channels": ["direct_mail"], "max": 1, "days": 21},
        {"channels": ["sms"], "max": 1, "days": 7},
    )
]
BUDGET, CALLS, MAILERS = 0.02, 0.004, 0.015
"""Money, calls and mailers of a day, a person: the project's own configuration has 0.025, 0.002 and 0.0075."""


@dataclass(frozen=True)
class Way:
    """One way to decide.

    Attributes:
        name: For the table.
        model: What is known of conversations; None for the scores alone.
        policy: Whether continuations count, and on how much evidence.
    """

    name: str
    model: JourneyModel | None
    policy: Policy


def policy_of(*, value_to_go: bool, deviations: float = 1.64) -> Policy:
    """The default policy, with continuations counted or not."""
    journeys = Policy().journeys.model_copy(update={"value_to_go": value_to_go, "deviations": deviations})
    return Policy(frequency_caps=CAPS, journeys=journeys)


def table_of(shop: Shop, blurred: np.ndarray, way: Way) -> ValueTable:
    """Values of the next response, as the product makes them from scores."""
    baseline = shop.organic().astype(np.float32)
    uplift = (shop.at_rest() * blurred).astype(np.float32)
    everyone = np.arange(len(baseline))
    margin = (MARGIN_SHARE * expected_amount(shop.world, everyone)).astype(np.float32)
    known = baseline[:, None] + uplift
    scores = Scores(
        everyone,
        shop.options,
        baseline,
        uplift,
        np.zeros_like(uplift),
        known,
        margin,
        (EVERY,) * len(shop.options),
        np.ones_like(uplift),
        np.zeros_like(baseline),
        {},
    )
    if way.model is not None:
        scores = way.model.corrected(scores, shop.view(), way.policy.journeys)
    off = np.array([shop.state.catalogue.costs.get(o.offer_id, 0.0) for o in shop.options], dtype=np.float32)
    law = shop.world.law
    redeemed = law.redeem_caused * np.maximum(scores.uplift, 0) + law.redeem_organic * baseline[:, None]
    by_channel = np.zeros((1, len(baseline), len(CHANNELS)), dtype=bool)
    by_channel[0][:, [CHANNELS.index(o.channel) for o in shop.options]] = shop.allowed()
    return ValueTable(
        objectives=(OBJECTIVE,), options=shop.options, uplift=scores.uplift, propensity=scores.propensity, baseline=baseline,
        unit_value=margin[:, None], contact_cost=np.array([shop.contact_cost[o.channel] for o in shop.options], dtype=np.float32),
        redemptions=redeemed.astype(np.float32), offer_price=off, offer_saved=np.zeros_like(uplift), wear_cost=np.zeros_like(uplift),
        arm=np.full((len(baseline), 1), ARMS.index("system"), dtype=np.int8),
        allowed=by_channel,
    )  # fmt: skip


def decide(
    shop: Shop,
    blurred: np.ndarray,
    way: Way,
    prices: Mapping[str, Mapping[str, float]],
    among: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, dict[str, float]], float]:
    """One cycle's contacts within its money, calls and mailers.

    Returns:
        People, their options, prices of contacts by option, and the money of value-to-go that the contacts were credited with.
    """
    table = table_of(shop, blurred, way)
    ahead = ahead_of(table, shop.view(), way.model, prices, way.policy.journeys, way.policy.frequency_caps)
    table = replace(table, ahead=ahead)
    values, allowed = table.dense("system", np.ones(len(shop.wear), dtype=bool) if among is None else among)
    people = len(values) if among is None else int(among.sum())
    columns = Columns.of([(OBJECTIVE, o, shop.contact_cost[o.channel]) for o in shop.options])
    limits = [
        TotalBudget(BUDGET * people),
        ChannelCapacity("voice", CALLS * people),
        ChannelCapacity("direct_mail", MAILERS * people),
    ]
    problem = Problem(Candidates.from_dense(np.ascontiguousarray(values), allowed), columns, limits)
    found = solve(problem, threads=1)
    at = found.chosen[:, 0] if found.chosen.ndim > 1 else found.chosen
    who = np.flatnonzero(at >= 0)
    option = problem.candidates.column[at[who]].astype(np.int64)
    price = problem.rows().prices(dict(found.prices)) @ problem.rows().contacts
    credited = 0.0 if ahead is None else float(ahead.value[who, option].sum())
    return who, option, {OBJECTIVE: dict(zip(map(str, shop.options), map(float, price), strict=True))}, credited


def lead(
    shop: Shop, blurred: np.ndarray, way: Way, cycles: int, prices: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Lead a copy of the shop through cycles; true incremental value, contacts and what was credited."""
    shop, value, contacts, credited = shop.another(), 0.0, 0, 0.0
    calls_after_scan = 0
    for _ in range(cycles):
        who, option, prices, more = decide(shop, blurred, way, prices)
        is_call = np.array([o.channel == "voice" for o in shop.options])[option]
        calls_after_scan += int(
            (is_call & (shop.day - shop.last_scan[who] <= 10) & (shop.last_scan[who] <= shop.day)).sum()
        )
        value += float(shop.send(who, option).value.sum())
        contacts, credited = contacts + len(who), credited + more
        shop.live()
    return {
        "value": value,
        "contacts": float(contacts),
        "credited": credited,
        "calls_after_scan": float(calls_after_scan),
    }
