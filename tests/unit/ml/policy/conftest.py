from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from ml.configuration.actions import Actions
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.entities import CHANNELS
from ml.policy.delivery import Windows, windows
from ml.policy.offers import offer_prices
from ml.policy.prices import ShadowPrices
from ml.policy.reasons import Reason
from ml.policy.value import ValueTable, contact_costs, wear_costs

DAY, AT = date(2026, 1, 5), datetime(2026, 1, 5, 5, tzinfo=UTC)

ACTIONS = Actions.model_validate(
    {
        "channels": {
            "email": {"cost": 0.01, "capacity_per_day": 10, "slots": ["morning", "evening"]},
            "direct_mail": {"cost": 0.7, "capacity_per_day": 10, "lead_time_hours": 72.0},
        },
        "offers": {"none": {"cost_when_redeemed": 0}, "ten_off": {"cost_when_redeemed": 10}},
        "creatives": {
            "hello": {"channel": "email", "offer": "none", "template": "x.j2", "subject": "x"},
            "ten": {"channel": "email", "offer": "ten_off", "template": "x.j2", "subject": "x"},
            "ten_again": {"channel": "email", "offer": "ten_off", "template": "x.j2", "subject": "x"},
            "card": {"channel": "direct_mail", "offer": "none", "template": "x.j2"},
        },
        "slots": {"morning": "08:00-11:00", "evening": "17:00-20:00"},
    }
)


def objective(name: str, **changed: object) -> Objective:
    stated: dict[str, object] = {
        "id": name, "description": name, "owner": "a@b", "metric": "reactivations", "target": {"count": 1}, "audience": {"where": "true"},
        "starts_on": date(2026, 1, 1), "ends_on": date(2026, 3, 1), "budget": 100.0,
    }  # fmt: skip
    return Objective.model_validate(stated | changed)


@dataclass
class World:
    """A small market: N people, two objectives, three options."""

    customers: pd.DataFrame
    table: ValueTable
    objectives: list[Objective]
    day: Windows
    reasons: np.ndarray
    actions: Actions = ACTIONS

    @property
    def zero_price(self) -> ShadowPrices:
        return ShadowPrices(np.zeros((len(self.objectives), len(self.table.options))))


def world(n: int, seed: int = 1) -> World:
    rng = np.random.default_rng(seed)
    options = tuple(ACTIONS.options())
    baseline = rng.beta(1, 20, n).astype(np.float32)
    uplift = rng.normal(0.01, 0.02, (n, len(options))).astype(np.float32)
    propensity = np.clip(baseline[:, None] + uplift, 0, 1).astype(np.float32)
    uplift = propensity - baseline[:, None]
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "time_zone": rng.choice(["America/New_York", "Asia/Kolkata", "Pacific/Honolulu"], n),
            "preferred_hour": pd.array(rng.choice([9, 18, 3, None], n), dtype="Int64"),
            "lifecycle": rng.choice(["lapsed", "active"], n),
        }
    )
    arm = rng.choice(4, (n, 2), p=[0.1, 0.1, 0.1, 0.7]).astype(np.int8)
    arm[rng.random((n, 2)) < 0.4] = -1
    in_use = np.isin(CHANNELS, list(ACTIONS.channels))
    reasons = np.where(in_use, np.where(rng.random((n, 8)) < 0.2, Reason.NO_CONSENT, 0), Reason.CHANNEL_NOT_IN_USE)
    table = ValueTable(
        objectives=("first", "second"),
        options=options,
        uplift=uplift,
        propensity=propensity,
        baseline=baseline,
        unit_value=np.broadcast_to(np.array([40, 60], dtype=np.float32), (n, 2)),
        contact_cost=contact_costs(options, ACTIONS),
        redemptions=propensity,
        offer_price=offer_prices(options, ACTIONS),
        offer_saved=np.zeros_like(uplift),
        wear_cost=wear_costs(rng.gamma(2, 20, n), options, Policy().wear),
        arm=arm,
        allowed=np.stack([reasons == 0] * 2),
    )
    day = windows(customers, ACTIONS, Policy(), DAY, AT)
    return World(customers, table, [objective("first"), objective("second")], day, reasons.astype(np.uint8))


@pytest.fixture
def small_world() -> World:
    return world(4000)


@pytest.fixture
def make_world() -> Callable[[int], World]:
    return world
