"""Every small instance, however odd, is decided as an integer program over all pairs decides it, and keeps its limits.

The other side is written from the limits' definitions, per pair: it shares no code with the allocation.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    ObjectiveQuota,
    TotalBudget,
)
from ml.entities import Option

COSTS = {"email": 0.25, "sms": 1.0, "voice": 4.0}
ENTRIES = [("win", Option(channel, offer), COSTS[channel]) for channel in COSTS for offer in ("none", "ten_off")]
COLUMNS = Columns.of(ENTRIES)
CHANNEL = np.array([list(COSTS).index(option.channel) for _, option, _ in ENTRIES])
COST = COLUMNS.unit_cost
VALUES = {
    "ties": lambda rng, shape: rng.integers(-2, 4, shape).astype(float),
    "all alike": lambda _, shape: np.ones(shape),
    "heavy-tailed": lambda rng, shape: rng.lognormal(0, 2, shape) * rng.choice([-1, 1, 1], shape),
    "huge": lambda rng, shape: 1e12 * rng.normal(0.3, 1, shape),
    "tiny": lambda rng, shape: 1e-9 * rng.normal(0.3, 1, shape),
    "huge and tiny": lambda rng, shape: 10.0 ** rng.integers(-6, 7, shape) * rng.choice([-1, 1], shape),
    "all losses": lambda rng, shape: -rng.random(shape) - 0.1,
}


@dataclass
class Case:
    """People with values, who may get what, and limits: low <= sum of use over the chosen pairs <= high."""

    value: np.ndarray
    eligible: np.ndarray
    quantity: np.ndarray
    segment: np.ndarray
    contacts: int
    limits: list

    @property
    def problem(self) -> Problem:
        table = Candidates.from_dense(
            self.value, self.eligible, self.quantity, segment=self.segment, segments=("a", "b")
        )
        return Problem(table, COLUMNS, [term for term, *_ in self.limits] + [ContactLimit(self.contacts)])

    def optimum(self) -> float | None:
        people, columns = self.value.shape
        rows, low, high = [use.reshape(-1) for _, use, _, _ in self.limits], [], []
        low += [at_least for _, _, at_least, _ in self.limits]
        high += [at_most for _, _, _, at_most in self.limits]
        for person in range(people):
            for group in [np.ones(columns, dtype=bool)] + [channel == CHANNEL for channel in range(len(COSTS))]:
                row = np.zeros((people, columns))
                row[person, group] = 1
                rows.append(row.reshape(-1))
                low.append(-np.inf)
                high.append(self.contacts if group.all() else 1)
        scale = np.abs(self.value[self.eligible]).max(initial=0.0) or 1.0
        found = milp(
            -np.where(self.eligible, self.value, 0).reshape(-1) / scale,
            constraints=LinearConstraint(np.array(rows), low, high),
            bounds=Bounds(0, self.eligible.reshape(-1).astype(float)),
            integrality=np.ones(self.value.size),
            options={"mip_rel_gap": 0.0},
        )
        return None if found.x is None else float(-found.fun * scale)

    def assert_kept(self, chosen: np.ndarray) -> None:
        pair = np.flatnonzero(self.eligible.reshape(-1))[chosen[chosen >= 0]]
        x = np.zeros(self.value.size)
        np.add.at(x, pair, 1)
        x = x.reshape(self.value.shape)
        assert x.max(initial=0) <= 1
        assert (x.sum(axis=1) <= self.contacts).all()
        assert all((x[:, channel == CHANNEL].sum(axis=1) <= 1).all() for channel in range(len(COSTS)))
        for term, use, at_least, at_most in self.limits:
            total = (use * x).sum()
            room = 1e-6 * max(1.0, np.abs(use * x).sum())
            assert at_least - room <= total <= at_most + room, term


def made(seed: int, people: int, kind: str, contacts: int, limits: list[str]) -> Case:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    case = Case(
        VALUES[kind](rng, shape).astype(np.float32),
        rng.random(shape) < rng.choice([0.0, 0.1, 0.5, 1.0], p=[0.05, 0.15, 0.5, 0.3]),
        (rng.integers(0, 5, shape) / 4).astype(np.float32),
        rng.integers(0, 2, people).astype(np.uint8),
        contacts,
        [],
    )
    for name in dict.fromkeys(limits):
        case.limits += LIMITS[name](rng, case)
    return case


def _per_column(case: Case, use: np.ndarray) -> np.ndarray:
    return np.broadcast_to(use.astype(float), case.value.shape)


def _budget(rng, case):
    amount = float(rng.choice([0.0, 0.25, 3.0, 0.7 * len(case.value)]))
    return [(TotalBudget(amount), _per_column(case, COST), -np.inf, amount)]


def _channel_budget(rng, case):
    amount = float(rng.choice([0.0, 3.9, 8.0]))
    return [(ChannelBudget("voice", maximum=amount), _per_column(case, COST * (CHANNEL == 2)), -np.inf, amount)]


def _capacity(rng, case):
    most = float(rng.integers(0, len(case.value) + 2))
    return [(ChannelCapacity("email", most), _per_column(case, CHANNEL == 0), -np.inf, most)]


def _floor(rng, case):
    least = float(rng.integers(0, len(case.value) // 2 + 2))
    return [(ContactVolume(channel="sms", minimum=least), _per_column(case, CHANNEL == 1), least, np.inf)]


def _share(rng, case):
    share = float(rng.choice([0.0, 0.25, 0.5]))
    use = COST * (CHANNEL == 2) - share * COST
    return [(ChannelSpendShare("voice", share), _per_column(case, use), -np.inf, 0.0)]


def _quota(rng, case):
    least = float(rng.choice([0.0, 0.25, 2.0, 0.3 * len(case.value)]))
    use = case.quantity.astype(float) * (case.segment == 0)[:, None]
    return [(ObjectiveQuota("win", least, "a"), use, least, np.inf)]


LIMITS = {
    "budget": _budget,
    "channel budget": _channel_budget,
    "capacity": _capacity,
    "floor": _floor,
    "share": _share,
    "quota": _quota,
}

cases = st.builds(
    made,
    st.integers(0, 2**32 - 1),
    st.one_of(st.just(1), st.integers(1, 30)),
    st.sampled_from(sorted(VALUES)),
    st.sampled_from([1, 2]),
    st.lists(st.sampled_from(sorted(LIMITS)), max_size=6),
)
large_cases = st.builds(
    made,
    st.integers(0, 2**32 - 1),
    st.integers(31, 300),
    st.sampled_from(sorted(VALUES)),
    st.sampled_from([1, 2]),
    st.lists(st.sampled_from(sorted(LIMITS)), max_size=6),
)


def assert_exact(case: Case) -> None:
    best = case.optimum()
    event("no plan" if best is None else "a plan")
    if best is None:
        with pytest.raises(Infeasible):
            solve(case.problem)
        return
    found = solve(case.problem)
    largest = np.abs(case.value[case.eligible]).max(initial=0.0)
    case.assert_kept(found.chosen)
    assert found.value <= best + 1e-6 * max(abs(best), largest)
    assert found.bound >= best - 1e-6 * max(abs(best), largest)
    if found.status == "certified":
        assert found.value >= best - max(1e-4 * abs(best), 1e-6 * largest)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases)
def test_up_to_30_people_are_decided_as_by_an_integer_program(case):
    assert_exact(case)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(large_cases)
def test_up_to_300_people_are_decided_as_by_an_integer_program(case):
    assert_exact(case)


def test_whoever_nothing_may_be_sent_to_leaves_an_empty_plan():
    case = made(0, 12, "ties", 2, ["budget", "capacity"])
    case.eligible[:] = False
    assert solve(case.problem).status == "empty"
    assert case.optimum() == 0.0


def test_limits_that_exclude_each_other_are_refused_with_both_named():
    case = made(1, 10, "ties", 1, [])
    case.eligible[:] = True
    case.limits = [
        (TotalBudget(2.0), _per_column(case, COST), -np.inf, 2.0),
        (ContactVolume(channel="sms", minimum=3), _per_column(case, CHANNEL == 1), 3.0, np.inf),
    ]
    assert case.optimum() is None
    with pytest.raises(Infeasible) as refused:
        solve(case.problem)
    assert set(refused.value.conflicts) == {"budget", "contacts:sms:minimum"}
