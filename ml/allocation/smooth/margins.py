r"""How far limits must be tightened so that no draw breaks them.

The draw holds every total of a limit that could be broken at its expected value until only a few people are undecided
(`draw`). Settling these moves a class's contacts, with one contact a person, to the next whole number up or down;
with more, by less than its place in the order in which totals are let go; expected conversions by less than what the
last few people could add.
"""

from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.kernel import F64, I64, Bool
from ml.allocation.smooth.table import SmoothTable

_ROUNDING = 1e-7
"""Share of a limit that is left for the rounding of sums."""


@dataclass(frozen=True, eq=False)
class Margins:
    """What the draw will hold, and what that leaves of the limits.

    Attributes:
        held: totals that the draw conserves, in the order in which it lets them go [H].
        deviation: by how much each total can differ from its expected value in the end [D].
        limits: b, tightened [R].
        scale: one unit of each limit [R].
    """

    held: I64
    deviation: F64
    limits: F64
    scale: F64


def with_spend(table: SmoothTable, held: Margins, most: float) -> tuple[SmoothTable, Margins]:
    """A table whose contacts take at most so much money in expectation, and its limits.

    A draw needs no room in it, so nothing is tightened by it: it may take a little more, or less.
    """
    limited = table.spending(most)
    return limited, replace(held, limits=np.append(held.limits, most), scale=_scale(limited))


def margins(table: SmoothTable) -> Margins:
    """The tightened limits of a table."""
    held = _held(table)
    deviation = np.zeros(table.use.shape[1])
    people = max(table.people_count, 1)
    contacts = held[held < table.classes]
    undecided = min(len(held), people)
    each = 1 if table.is_single else int(table.most.max(initial=1))
    deviation[held] = undecided * each * table.largest_quantity[held]
    places = np.arange(len(contacts), 0, -1)
    deviation[contacts] = 1.0 if table.is_single else np.minimum(places, people)
    use = np.where(table.can_break[:, None], np.abs(table.use), 0.0)
    scale = _scale(table)
    limits = table.limits - use @ deviation
    # Whole contacts that end up less than d over their expected number keep a whole limit that is d - 1 further off.
    whole, unit = _whole_limits(table, use)
    limits[whole] = (unit * (np.floor(table.limits / unit + 1e-9) + 1) - use @ deviation)[whole]
    limits = np.where(table.can_break, limits - _ROUNDING * scale, table.limits)
    return Margins(held, deviation, limits, scale)


def _held(table: SmoothTable) -> I64:
    """Totals that some limit in reach speaks of: conversions first, then classes from the cheapest contact up."""
    asked = (table.use[table.can_break] != 0).any(axis=0)
    possible = table.reach.sum(axis=0) > 0
    possible[: table.classes] &= ~table.is_closed
    contacts = np.flatnonzero((asked & possible)[: table.classes])
    conversions = np.flatnonzero((asked & possible)[table.classes :]) + table.classes
    return np.concatenate([conversions, contacts[np.argsort(table.cost[contacts], kind="stable")]]).astype(np.int64)


def _whole_limits(table: SmoothTable, use: F64) -> tuple[Bool, F64]:
    """Limits on a number of contacts held by the draw: which [R], and what one contact counts [R]."""
    usable = use.copy()
    usable[:, : table.classes][:, table.is_closed] = 0.0
    largest = usable.max(axis=1, initial=0.0)
    counts = np.isclose(usable, largest[:, None], rtol=1e-12) | (usable == 0)
    same_sign = (table.use >= 0).all(axis=1) | (table.use <= 0).all(axis=1)
    no_conversions = ~table.use[:, table.classes :].any(axis=1)
    whole = (largest > 0) & counts.all(axis=1) & same_sign & no_conversions
    return np.asarray(whole, dtype=np.bool_), np.where(largest > 0, largest, 1.0)


def _scale(table: SmoothTable) -> F64:
    """One unit of each limit: its number, or where that is 0 what contacts could use of it."""
    reach = np.abs(table.use) @ table.reach.sum(axis=0)
    scale = np.maximum(np.abs(table.limits), 1e-3 * reach)
    return np.asarray(np.where(scale > 0, scale, 1.0))
