"""What an allocation is, and how it is put together from the pruned table."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.kernel import F32, F64, I64
from ml.allocation.problem import Problem, Rows
from ml.entities import CHANNELS

Status = Literal["certified", "gap_not_met", "empty"]


@dataclass(frozen=True, eq=False)
class Allocation:
    """The contacts chosen, and what proves them.

    Attributes:
        chosen: index of each person's candidates in the problem's table, -1 where there is none [N, k].
        value: total net value, money, less what is lost to saturation.
        bound: no allocation within the limits is worth more.
        gap: (bound - value) / bound.
        spend: money.
        spend_by_channel: money; channels without contacts are left out.
        contacts_by_channel: likewise.
        prices: shadow price of each binding limit: what one more unit of it would be worth, money; and by the name of
            each response that diminishes, the share lost of one more unit of its effect.
        binding: names of the limits with a price.
        passes: passes over the table.
        seconds: by phase.
        status: `gap_not_met` says that the plan keeps all limits but its gap is larger than was asked.
    """

    chosen: I64
    value: float
    bound: float
    gap: float
    spend: float
    spend_by_channel: dict[str, float]
    contacts_by_channel: dict[str, int]
    prices: dict[str, float]
    passes: float
    status: Status
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def binding(self) -> list[str]:
        """Names of the limits that hold the value back, dearest total first in the order of the terms."""
        return list(self.prices)


def relative_gap(value: float, bound: float) -> float:
    """(bound - value) over the larger of the two; 0 where both are 0."""
    size = max(abs(value), abs(bound))
    return max(0.0, bound - value) / size if size > 0 else 0.0


def allocation(
    problem: Problem, chosen: I64, *, bound: float, prices: dict[str, float], passes: float, gap: float
) -> Allocation:
    """The allocation of the chosen candidates, with all sums taken anew from the problem's own table."""
    candidates, columns = problem.candidates, problem.columns
    picked = np.sort(chosen[chosen >= 0])
    value = float(candidates.value[picked].astype(np.float64).sum()) - saturation_loss(problem, picked)
    contacts = np.bincount(candidates.column[picked], minlength=len(columns))
    by_channel = np.bincount(columns.channel, weights=contacts, minlength=len(CHANNELS))
    spend = np.bincount(columns.channel, weights=contacts * columns.unit_cost, minlength=len(CHANNELS))
    bound = max(bound, value)
    found = relative_gap(value, bound)
    return Allocation(
        chosen=chosen,
        value=value,
        bound=bound,
        gap=found,
        spend=float(spend.sum()),
        spend_by_channel={name: float(spend[c]) for c, name in enumerate(CHANNELS) if by_channel[c]},
        contacts_by_channel={name: int(by_channel[c]) for c, name in enumerate(CHANNELS) if by_channel[c]},
        prices=prices,
        passes=passes,
        status="certified" if found <= gap else "gap_not_met",
    )


def saturation_loss(problem: Problem, picked: I64) -> float:
    """Money by which the effects of the picked candidates fall short of adding up."""
    if not problem.curves:
        return 0.0
    candidates, (per_contact, per_conversion) = problem.candidates, problem.effects()
    column = candidates.column[picked].astype(np.int64)
    effect = per_contact @ np.bincount(column, minlength=len(problem.columns))
    if candidates.quantity is not None:
        person = np.searchsorted(candidates.starts, picked, side="right") - 1
        segment = np.zeros(len(picked), dtype=np.int64) if candidates.segment is None else candidates.segment[person]
        at = segment.astype(np.int64) * len(problem.columns) + column
        weights = candidates.quantity[picked].astype(np.float64)
        effect = effect + per_conversion @ np.bincount(at, weights=weights, minlength=per_conversion.shape[1])
    return float(Losses.of(problem.curves, np.maximum(effect, 0.0)).loss(effect).sum())


def adjusted_values(problem: Problem, prices: dict[str, float]) -> F32:
    r"""Value less what the prices charge, \(v_j - \sum_r \lambda_r \mathrm{use}_{rj}\), per candidate [M]."""
    rows = problem.rows().followed_by(problem.curve_rows())
    return _adjusted(problem, rows, rows.prices(prices)).astype(np.float32)


def _adjusted(problem: Problem, rows: Rows, prices: F64) -> F64:
    candidates = problem.candidates
    adjusted = candidates.value - (prices @ rows.contacts)[candidates.column]
    if candidates.quantity is not None and rows.uses_conversions:
        charge = np.einsum("r,rsc->sc", prices, rows.conversions)
        person = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
        segment = np.zeros(len(person), dtype=np.int64) if candidates.segment is None else candidates.segment[person]
        adjusted = adjusted - charge[segment, candidates.column] * candidates.quantity
    return np.asarray(adjusted, dtype=np.float64)
