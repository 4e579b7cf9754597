"""What the solve needs of the people, wherever they are: prices go out, sums and a few people's candidates come back.

Totals are summed as whole numbers (contacts, and money and conversions in fixed point), so partitions' totals add up to
the same bits however people were divided.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.allocation.kernel import F32, F64, I64, Bool
from ml.allocation.pruning import Classes, Measures, Table


@dataclass(frozen=True, eq=False)
class ClassPrices:
    """What a limit's price makes of each class.

    Attributes:
        contact: charged for a contact [T].
        conversion: paid for an expected conversion [S, T].
        value_weight: 1, or 0 to look for any feasible plan whatever it is worth.
    """

    contact: F64
    conversion: F64
    value_weight: float = 1.0

    @classmethod
    def of(cls, measures: Measures, prices: F64, value_weight: float = 1.0) -> "ClassPrices":
        r"""\(a_t = \sum_r \lambda_r A_{rt}\), \(m_{st} = -\sum_r \lambda_r A^q_{rst}\) for prices \(\lambda\) [R]."""
        conversion = -np.einsum("r,rst->st", prices, measures.classes.conversions)
        return cls(prices @ measures.classes.contacts, np.ascontiguousarray(conversion), value_weight)

    def equals(self, other: "ClassPrices") -> bool:
        """Whether both charge the same to the bit."""
        return (
            self.value_weight == other.value_weight
            and np.array_equal(self.contact, other.contact)
            and np.array_equal(self.conversion, other.conversion)
        )


@dataclass(frozen=True, eq=False)
class RangeTotals:
    """What the best contacts of a range of people add up to, in whole units of the table's scales.

    Attributes:
        value: money.
        contacts: per class [T].
        conversions: per segment and class [S, T].
    """

    value: int
    contacts: I64
    conversions: I64

    def __add__(self, other: "RangeTotals") -> "RangeTotals":
        """The totals of both ranges together."""
        return RangeTotals(
            self.value + other.value, self.contacts + other.contacts, self.conversions + other.conversions
        )

    def __sub__(self, other: "RangeTotals") -> "RangeTotals":
        """The totals without those of a part."""
        return RangeTotals(
            self.value - other.value, self.contacts - other.contacts, self.conversions - other.conversions
        )

    def money(self, measures: Measures) -> float:
        """The value in money."""
        return self.value / measures.value_scale

    def use(self, measures: Measures) -> F64:
        """Use of every limit [R]."""
        use = measures.classes.contacts @ self.contacts.astype(np.float64)
        if measures.has_quantity:
            quantity = self.conversions / measures.quantity_scale
            use += np.einsum("rst,st->r", measures.classes.conversions, quantity)
        return np.asarray(use, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Mixture:
    """A range of people and the plans that are mixed there.

    Attributes:
        people: first and one past the last, by place among the engine's people.
        prices: of each plan; None stands for the empty plan [J].
        weight: of each plan, over 0; their sum is 1 [J].
    """

    people: tuple[int, int]
    prices: list[ClassPrices | None]
    weight: F64


Asked = list[tuple[tuple[int, int], ClassPrices | None]]
"""Ranges of people, each with prices; None stands for the empty plan."""


@dataclass(frozen=True, eq=False)
class OpenPeople:
    """The people whose contacts are left open, n of them, and what everybody else adds up to.

    Attributes:
        table: their part of the value table.
        chosen: what one of their plans chooses for them, candidates of `table` [n, k].
        margin: loss of each one's cheapest change [n].
        is_tied: who was asked for by name; the others differ between the plans that the master mixes [n].
        others: candidates of `table` that these plans give them.
        settled: totals of everybody else.
    """

    table: Table
    chosen: I64
    margin: F32
    is_tied: Bool
    others: I64
    settled: RangeTotals


@dataclass(frozen=True, eq=False)
class Decision:
    """Everybody's contacts in few words: what the engine was last told to settle, but for some people.

    Attributes:
        people: whose contacts are given, by their place in the problem, ascending [n].
        source: their candidates by place in the problem's table, -1 where there is none [n, k].
    """

    people: I64
    source: I64


class Engine(Protocol):
    """The people, in one table (`Lookup`) or in partitions elsewhere.

    Attributes:
        ranges: the groups of people whose totals are kept apart.
        passes: full passes over the table so far.
        contacts: k.
    """

    ranges: list[tuple[int, int]]
    passes: float
    contacts: int

    @property
    def measures(self) -> Measures:
        """What the limits see of a candidate, and the units of the totals."""

    @property
    def people_count(self) -> int:
        """P, people with a candidate."""

    @property
    def candidate_count(self) -> int:
        """Candidates that are left after pruning."""

    @property
    def largest_value(self) -> float:
        """The largest value of a candidate in size, money."""

    def classified(self, classes: Classes) -> "Engine":
        """The same people where the limits' numbers have changed, but not which candidates they could favour."""

    def totals(self, prices: ClassPrices) -> list[RangeTotals]:
        """Totals of each group at the prices: one pass."""

    def totals_within(self, asked: Asked) -> list[RangeTotals]:
        """Totals of each range at its prices."""

    def sampled(self, share: float) -> "Engine":
        """About this share of the people, in this process, drawn alike however people are divided."""

    def nearest_ties(self, prices: ClassPrices, count: int) -> I64:
        """The people of the `count` smallest margins, by place in the problem, ascending."""

    def settle(self, prices: ClassPrices, mixed: list[Mixture]) -> int:
        """Gives everybody their range's plan; those whose contacts differ between several, one of these.

        Each of the latter takes one in proportion to the weights, by place. Says how many they are. At `prices` the
        open people's margins are taken.
        """

    def open_people(self, people: I64, share: float) -> OpenPeople:
        """The given people, and about this share of those whose contacts differ between the mixed plans."""

    def everybody(self) -> Table:
        """All people's table; for few people only."""

    def chosen(self, decision: Decision, shape: tuple[int, int]) -> I64:
        """The candidates of all the problem's people by place in its table, -1 where there is none [N, k]."""
