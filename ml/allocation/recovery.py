"""From prices to a plan: whole contacts that keep every limit, found where people are nearly tied."""

from dataclasses import dataclass

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.divided import divided
from ml.allocation.engine import ClassPrices, Decision, Engine, OpenPeople
from ml.allocation.kernel import F64, I64
from ml.allocation.pricing import Priced
from ml.allocation.pruning import Table
from ml.allocation.restricted import Restricted, person_of

_FEW_CANDIDATES = 1500
"""Up to so many, whole contacts are chosen among all of them at once."""
_ATTEMPTS = ((150, False), (150, True), (900, True), (5400, True))
"""How many people nearest to a tie are open, and whether to all candidates that lose no more than the plan may.

Where values are in whole money the nearest ties lose nothing at all, and no whole contacts among these alone may keep
every limit: the fraction in the bound has to be given up somewhere.
"""
_MOST_OPEN = 3000
"""Of more people whose contacts differ between the mixed plans the rest take one plan each: a program stays small."""
_WIDTH = 4.0
"""How far from the nearest ties' loss a candidate of an open person may lie to stay in the pool."""
_DIVIDED = 1e-7


@dataclass(frozen=True, eq=False)
class Plan:
    """Everybody's contacts, within all limits.

    Attributes:
        decision: who gets what.
        value: money.
        bound: of the integer program, where all candidates were in it; else infinite.
        prices: of the limits among the people who were open [R]; None where they weren't asked for.
    """

    decision: Decision
    value: float
    bound: float = np.inf
    prices: F64 | None = None


class Recovery:
    """Looks for a plan near the prices' own choice.

    People are fixed to what the prices choose for them, but for those whose choice is not settled: it differs between
    the plans that the master mixes (a feasible mixture exists among these), or is nearly tied. Among them a linear
    program finds the split, then an integer program over the few still divided and the nearest ties makes it whole.

    Args:
        engine: the people.
        limits: b [R].
        loss: money that each integer program may stay below the best it could find.
        seconds: time limit of each integer program.
        losses: of the last limits, those with diminishing effects.
    """

    def __init__(self, engine: Engine, limits: F64, *, loss: float, seconds: float, losses: Losses | None = None):
        self._engine, self._limits, self._loss, self._seconds = engine, limits, loss, seconds
        self._losses = losses

    def plan(self, priced: Priced, enough: float = -np.inf) -> Plan | None:
        """The best plan found near the prices; None where none was.

        Args:
            priced: prices and the mixture.
            enough: a plan worth less, money, is sought once more among more people.
        """
        if self._engine.candidate_count <= _FEW_CANDIDATES:
            return self.whole()
        prices = ClassPrices.of(self._engine.measures, priced.prices)
        mixed = divided(self._engine, self._limits, priced, self._losses)
        differing = self._engine.settle(prices, mixed)
        best: Plan | None = None
        for attempt, (ties, is_wide) in enumerate(_ATTEMPTS):
            share = min(1.0, max(_MOST_OPEN, ties) / max(differing, 1))
            few = self._engine.open_people(self._engine.nearest_ties(prices, ties), share)
            plan, is_last = self._repair(prices, few, is_wide=is_wide), best is not None
            if plan is not None and (best is None or plan.value > best.value):
                best = plan
            if best is not None and (is_last or best.value >= enough):
                break
            if attempt and ties >= self._engine.people_count:
                break
        return best

    def whole(self) -> Plan | None:
        """Whole contacts chosen among all candidates, with the integer program's own bound."""
        table = self._engine.everybody()
        people = table.people_count
        nothing = np.full((people, self._engine.contacts), -1, dtype=np.int64)
        everything = np.arange(len(table.value), dtype=np.int64)
        everyone = np.ones(people, dtype=np.bool_)
        program = Restricted(table, self._limits, nothing, everyone, everything, losses=self._losses)
        found = program.whole(self._loss, self._seconds)
        if found is None:
            return None
        return Plan(_decision(table, found.chosen), found.value, found.bound)

    def _repair(self, prices: ClassPrices, few: OpenPeople, *, is_wide: bool) -> Plan | None:
        table, measures = few.table, self._engine.measures
        beside = few.settled.use(measures)
        width = _WIDTH * float(np.max(few.margin[few.is_tied], initial=0.0))
        if is_wide:
            width = max(width, 2.0 * self._loss)
        pool = np.unique(np.concatenate([_near(prices, few, width), few.others, few.chosen[few.chosen >= 0]]))
        everyone = np.ones(table.people_count, dtype=np.bool_)
        linear = Restricted(table, self._limits, few.chosen, everyone, pool, settled=beside, losses=self._losses)
        split = linear.shares()
        if split is None:
            return None
        owner = person_of(table, pool)
        divided = np.zeros(table.people_count, dtype=np.bool_)
        divided[owner[(split.share > _DIVIDED) & (split.share < 1 - _DIVIDED)]] = True
        still_open = divided | few.is_tied
        settled = linear.settled(split.share, ~still_open)
        left = pool[still_open[owner]]
        rest = Restricted(table, self._limits, settled, still_open, left, settled=beside, losses=self._losses)
        found = rest.whole(self._loss, self._seconds, has_subtrees=is_wide)
        if found is None:
            return None
        value = few.settled.money(measures) + found.value
        return Plan(_decision(table, found.chosen), value, prices=split.prices)


def _decision(table: Table, chosen: I64) -> Decision:
    return Decision(table.person, np.where(chosen >= 0, table.source[chosen], -1))


def _near(prices: ClassPrices, few: OpenPeople, width: float) -> I64:
    """Candidates of open people that lose at most `width` against the last contact chosen, or against none."""
    table = few.table
    candidates = np.arange(len(table.value), dtype=np.int64)
    owner = person_of(table, candidates)
    last = few.chosen[owner, -1]
    floor = np.where(last >= 0, _reduced(prices, table, last, owner), 0.0)
    reduced = _reduced(prices, table, candidates, owner)
    near: I64 = candidates[reduced >= floor - width - 1e-12 * np.abs(floor)]
    return near


def _reduced(prices: ClassPrices, table: Table, candidates: I64, owner: I64) -> F64:
    """Value less price of candidates [n]."""
    klass = table.klass[candidates]
    reduced = table.value[candidates].astype(np.float64) - prices.contact[klass]
    if table.has_quantity:
        reduced += prices.conversion[table.segment[owner], klass] * table.quantity[candidates]
    return np.asarray(reduced, dtype=np.float64)
