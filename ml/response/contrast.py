"""What contacts that were drawn brought, beyond what the same people were expected to do when left alone.

    residual_i = y_i - l_d m(x_i),   l_d: conversions of people left alone around that day over those that m expects

m is learned from people left alone, by folds of people so that nobody's own outcome is in their expectation. The mean residual
of contacts less that of people left alone, weighted by their odds to have been contacted, is the doubly robust effect on those
who were (Robins, Rotnitzky and Zhao 1994; cross-fitted after Chernozhukov et al. 2018): for all contacts together right where
either m or the odds are, for those of one option, whose people differ from the others', where m is. The odds are estimated even
where probabilities are logged: that is no less exact (Hirano, Imbens and Ridder 2003), and it makes people in the holdout arm,
whom their own arm would never have contacted, stand beside those who were. Contacts aren't weighted by the inverse of their
probability: near ties it varies so much that ten thousand contacts would tell as much as seven hundred.

A row whose horizon isn't over counts as far as it has matured (`ml.learning.delay`), on both sides. Who is left alone is looked
at until the next contact, as one whose horizon ends there: what that contact causes isn't what comes by itself. Contacts whose
horizons overlap share what comes anyway, and each adds what it causes: y is the part of a purchase that is the contact's own, m
times the part of the horizon.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import Option
from ml.features import Matrix
from ml.response.day_levels import day_levels, days_of
from ml.response.evidence import WEIGHT_LIMIT, is_drawn
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.logit import logit_of, smoothed_rate, unit_mean
from ml.response.person_days import PersonDays
from ml.response.rows import TrainingRows, at_most
from ml.response.split import person_bucket
from ml.response.trees import Rows, TreeSettings, chances

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ASSIGNED: Final = TreeSettings(trees=60, leaves=15, learning_rate=0.15, rows_per_leaf=100, l2=5.0)
MAXIMUM_ASSIGNED: Final = 50_000
"""Rows that the chance of a contact is learned from."""
SETTINGS: Final = TreeSettings(trees=60, leaves=4, learning_rate=0.05, rows_per_leaf=1000, l2=50.0)
FOLDS: Final = 2
MAXIMUM_ALONE: Final = 100_000
"""People left alone that an expectation is learned from; more take time and change it by less than its trees do."""
LEAST_APART: Final = 20
"""Conversions of people left alone on days apart from earlier contacts; with fewer, those on other days teach as well. As many
expected among people who are like the contacted ones outweigh what all of them say of the level."""
_STOP_SHARE: Final = 0.2
_LEAST_CHANCE: Final = 0.02


@dataclass(frozen=True)
class Contrast:
    """Drawn contacts and the people left alone beside them, as rows of a training frame of n rows.

    Attributes:
        contact: Rows of drawn contacts, [C].
        option: Position of each contact's option in `options`, [C].
        options: Distinct options with a drawn contact.
        habit: Rows of contacts that were chosen by habit beside drawn ones and tell whether they were clicked, [H].
        habit_option: Position of each one's option in `habit_options`, [H].
        habit_options: Distinct options of these.
        alone: Rows of people left alone, [A].
        expected: Chance to convert when left alone on that day, from other people's outcomes, [n].
        converted: 1 where a conversion came within the horizon, of people left alone before the next contact, [n].
        residual: Outcome beyond what was expected, of a contact the parts that are its own, [n]; of other rows it means nothing.
        weight: How much each row has to say, of people left alone x odds to have been contacted, mean 1 on each side, [n].
        told: How much each row says of the chance to convert, [n]: its maturity, unless it converted, and of people left alone
            at most the part of the horizon before the next contact.
        fold: Fold of each row's person, [n].
        person: Number of each row's person, [n].
        days: Which horizons overlap; None where it isn't known.
        purchase: Number of each converted row's purchase, [n]: rows of days whose horizons overlap share one.
        share: Part of each row's days that is its own, [n]: a day that m rows of the same person and side look at is a m-th each
            one's.
        counted: Part of each row's conversion that is its own, [n]: all rows that share a purchase count it once.
        base_rate: Conversions of people left alone, weighted.
        conversions: Of the contacts.
        is_drawn: False where no contact was drawn, and those chosen by habit stand in.
    """

    contact: Integers
    option: Integers
    options: tuple[Option, ...]
    habit: Integers
    habit_option: Integers
    habit_options: tuple[Option, ...]
    alone: Integers
    expected: Vector
    converted: Vector
    residual: Vector
    weight: Vector
    told: Vector
    fold: Integers
    person: Integers
    days: PersonDays | None
    purchase: Integers
    share: Vector
    counted: Vector
    base_rate: float
    conversions: int
    is_drawn: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not len(self.contact) or not len(self.alone)

    def thinned(self, most: int, seed: int) -> "Contrast":
        """The contrast with at most so many contacts, and at most so many people left alone, both drawn."""
        rng = np.random.default_rng(seed)
        contact, alone, habit = (
            at_most(np.arange(len(each)), most, rng) for each in (self.contact, self.alone, self.habit)
        )
        return replace(
            self,
            contact=self.contact[contact], option=self.option[contact], alone=self.alone[alone],
            habit=self.habit[habit], habit_option=self.habit_option[habit],
        )  # fmt: skip

    @property
    def contacts(self) -> Integers:
        """Rows of all contacts: of drawn ones, then of those chosen by habit, [C + H]."""
        return np.concatenate([self.contact, self.habit])

    @property
    def channel(self) -> npt.NDArray[np.object_]:
        """Channel of each of `contacts`, [C + H]."""
        drawn, habit = (
            np.array([each.channel for each in options], dtype=object)[place]
            for options, place in ((self.options, self.option), (self.habit_options, self.habit_option))
        )
        return np.concatenate([drawn, habit])


def contrast_of(
    training: pd.DataFrame,
    rows: TrainingRows,
    option: Integers,
    options: list[Option | None],
    features: FactorFeatures,
    *,
    seed: int,
    threads: int,
) -> Contrast:
    """The contrast in the rows that teach and tune.

    Args:
        training: The training frame, of n rows.
        rows: The same as arrays.
        option: Position of each row's action in `options`, [n].
        options: Distinct options; None is to be left alone.
        features: That expectations begin with.
        seed: Seeds everything random.
        threads: Cores that this process really owns.
    """
    used = rows.train | rows.tune
    if not used.any():
        used = np.ones_like(used)
    drawn = rows.contacted & is_drawn(training) & used
    contact = drawn if drawn.any() else rows.contacted & used
    person = pd.factorize(training["customer_id"])[0].astype(np.int64)
    alone = ~rows.contacted & used
    days, told = PersonDays.of(training, person), told_of(training)
    purchase, (share, counted) = np.arange(len(person)), (np.ones(len(person)), rows.is_converted)
    if days is not None:
        length = np.where(rows.contacted, days.horizon, days.until_contact(rows.contacted))
        rows = replace(rows, is_converted=np.where(days.sold < length, rows.is_converted, 0.0))
        told = np.where(rows.is_converted > 0, 1.0, np.minimum(told, length / days.horizon))
        purchase, (share, counted) = days.purchase, days.own_parts(rows.is_converted, rows.contacted, length)
        apart = alone & ~days.is_after(rows.contacted)
        alone = apart if rows.is_converted[apart].sum() >= LEAST_APART else alone
    weight = _weights(training, rows, told, contact, alone, seed, threads)
    fold = person_bucket(training["customer_id"]) % FOLDS
    habit = rows.contacted & used & ~contact & ~np.isnan(rows.is_traced)
    (option_of_contact, kept), (option_of_habit, by_habit) = (
        _renumbered(option[some], options) for some in (contact, habit)
    )
    expected, residual, rate = np.zeros(len(fold)), np.zeros(len(fold)), 0.0
    if alone.any() and contact.any():
        stops = _of_people(person, seed) < _STOP_SHARE
        expected = _expected(rows, alone, used, told, fold, stops, features, seed, threads)
        expected *= _levels(training, rows.is_converted, expected, told, weight, alone)
        residual = np.where(rows.contacted, counted - share * expected, rows.is_converted - expected)
        rate = smoothed_rate(float((unit_mean(weight[alone]) * rows.is_converted[alone]).sum()), float(alone.sum()))
    return Contrast(
        np.flatnonzero(contact), option_of_contact, kept, np.flatnonzero(habit), option_of_habit, by_habit,
        np.flatnonzero(alone), expected, rows.is_converted, residual, weight, told, fold, person, days, purchase, share, counted,
        rate, int(rows.is_converted[contact].sum()), bool(drawn.any()),
    )  # fmt: skip


def _renumbered(option: Integers, options: list[Option | None]) -> tuple[Integers, tuple[Option, ...]]:
    """The options that occur, in their order, and the position of each row's own among them."""
    kept = [place for place in np.unique(option).tolist() if options[place] is not None]
    position = np.full(len(options), -1)
    position[kept] = np.arange(len(kept))
    return position[option], tuple(done for place in kept if (done := options[place]) is not None)


def _weights(  # noqa: PLR0917 - everything that says who was contacted
    training: pd.DataFrame, rows: TrainingRows, told: Vector, contact: Mask, alone: Mask, seed: int, threads: int
) -> Vector:
    """Contacts as they are, people left alone by their odds to be contacted, mean 1 on each side, [n]."""
    weight = told.copy()
    weight[contact] = unit_mean(told[contact])
    if contact.any() and alone.any():
        chance = _chance_of_contact(training, rows, told, contact, alone, seed, threads)
        odds = chance / np.maximum(1 - chance, _LEAST_CHANCE)
        odds = np.minimum(odds, WEIGHT_LIMIT * np.average(odds, weights=told[alone]))
        weight[alone] = unit_mean(told[alone] * odds)
    return weight


def told_of(training: pd.DataFrame) -> Vector:
    """How much each row says of the chance to convert, [n]: of one whose horizon isn't over, its maturity, unless it converted.

    How many people a row stands for doesn't matter here, since who is thinned doesn't depend on what came of it.
    """
    if "maturity" not in training:
        return np.ones(len(training))
    maturity = training["maturity"].to_numpy(dtype=np.float64)
    return np.where(training["is_converted"].to_numpy(dtype=bool), 1.0, maturity)


def _chance_of_contact(  # noqa: PLR0917 - everything that says who was contacted
    training: pd.DataFrame, rows: TrainingRows, told: Vector, contact: Mask, alone: Mask, seed: int, threads: int
) -> Vector:
    """Chance of each row left alone to have been contacted, given what was known and the day, [A]."""
    day = pd.factorize(training["as_of_on"], sort=True)[0] if "as_of_on" in training else np.zeros(len(training))
    rng = np.random.default_rng(seed)
    both = contact | alone
    taken = both & (rng.random(len(both)) < MAXIMUM_ASSIGNED / max(int(both.sum()), 1))
    stops = rng.random(len(both)) < _STOP_SHARE
    target, weight = contact.astype(np.float64), told / told[taken].mean()
    start = np.full(len(both), logit_of(smoothed_rate(float((weight * target)[taken].sum()), float(taken.sum()))))

    def known(part: Mask) -> Matrix:
        return np.column_stack([rows.features[part], day[part].astype(np.float32)])

    learn, hold = (
        Rows(known(part), target[part], weight[part], start[part]) for part in (taken & ~stops, taken & stops)
    )
    return chances(learn, hold, known(alone), start[alone], ASSIGNED, seed, threads)


def _of_people(person: Integers, seed: int) -> Vector:
    """A number between 0 and 1 for each person, on all of their rows, [n].

    Rows of one person are alike and share purchases: where some of them say when to stop learning from the others, trees learn
    people by heart, and are too sure of everybody else.
    """
    return np.random.default_rng(seed).random(int(person.max(initial=-1)) + 1)[person]


def _expected(  # noqa: PLR0917 - everything that says who learns from whom
    rows: TrainingRows,
    alone: Mask,
    wanted: Mask,
    weight: Vector,
    fold: Integers,
    stops: Mask,
    features: FactorFeatures,
    seed: int,
    threads: int,
) -> Vector:
    """Chance to convert when left alone, learned from people of the other folds, [n]; 0 outside `wanted`."""
    expected = np.zeros(len(fold))
    weighted = replace(rows, weight=weight)
    for k in range(FOLDS):
        teach, asked = alone & (fold != k), wanted & (fold == k)
        if not teach.any():
            teach = alone
        if teach.sum() > MAXIMUM_ALONE:
            teach &= np.random.default_rng(seed + k).random(len(fold)) < MAXIMUM_ALONE / teach.sum()
        start = np.full(len(fold), np.nan)
        used = teach | asked
        line = LogLine.fit(features, rows.features[teach], rows.is_converted[teach], weight[teach])
        start[used] = line.logit(rows.features[used])
        learn, hold = (weighted.pick(teach & part, rows.is_converted, start) for part in (~stops, stops))
        expected[asked] = chances(learn, hold, rows.features[asked], start[asked], SETTINGS, seed + k, threads)
    return expected


def _levels(  # noqa: PLR0917 - conversions, those expected, and whose they are
    training: pd.DataFrame, converted: Vector, expected: Vector, told: Vector, weight: Vector, alone: Mask
) -> Vector:
    """What of people left alone on each row's day came over what was expected, [n], of those like the contacted ones.

    These are few where contacts go to the readiest, so what sets them apart is learned from all days together, and of too few
    it is drawn towards what holds for everybody left alone.
    """
    levels = day_levels(days_of(training), converted * alone, told * expected * alone)
    own = weight[alone] * (weight[alone].sum() / (weight[alone] ** 2).sum())  # as many as they say as much as
    came, awaited = float(own @ converted[alone]), float(own @ (expected * levels)[alone])
    return levels * (came + LEAST_APART) / (awaited + LEAST_APART)
