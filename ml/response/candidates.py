r"""Chooses how personal effects are learned: by what a policy that trusts a learner would have been worth.

The policy contacts each person through the best option with the chance that a budget anywhere between nobody and everybody
reaches them: 1 less their rank by value. Its value over leaving everybody alone is doubly robust,

    mean over people of g (amount a_o - cost_o)  +  mean over contacts of o of g 1{chosen} amount (r - a_o)
                                                    -  mean over people left alone of g amount r

with a the average effect of who is as likely to look, r the residual and the weights of `ml.response.contrast` (people are those
like the contacted ones) and g the chance above. Each person is judged by what was
learned from others, each half's slope is the other half's. Policies are compared pairwise on the same people; of those that
the best one doesn't beat, the simplest is used. The best of many is best by chance: it beats another one where the error of
all comparisons together is at most `ERROR` (Bonferroni). What a person is expected to buy unasked is off by as much as contacts
cause, and a policy that seeks out whom it is off by most looks rich; so beside a learner that the evidence proves, another one is
used only where its differences between people explain the conversions of held-out contacts as well, as Poisson counts of what comes
anyway, made right along the features, and what it says. Differences are compared at the same levels: what each option moves on
average is learned from all people where a learner leaves it alone, and from half of them where it's part of the learner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from ml.entities import Option
from ml.evaluation.policy_value import Estimate
from ml.response.averages import Averages
from ml.response.contrast import FOLDS, Contrast
from ml.response.person_factor import DISMISSED
from ml.response.personal import CONSTANT
from ml.response.personal_fit import HeldOut, Learn, Slope, held_out, sides, slope_of
from ml.response.spoken import SaysNothing
from ml.response.trial import Trial

Vector = npt.NDArray[np.float64]
ERROR: Final = 0.02
"""Chance that a learner is used that is no better than a simpler one. Models are trained anew every few days: with one in ten, a
shop would be led by chance once a month."""
_Z95: Final = 1.959964
_LEAST_SHARE: Final = 0.02
"""Of the base rate: no contact's conversion is held for rarer, or one that nobody expected would outweigh all others."""


@dataclass(frozen=True)
class Candidate:
    """A learner and what held-out people say of it.

    Attributes:
        name: Of the learner.
        slope: Share of its differences that they support.
        gain: Value of its policy per person over leaving everybody alone, money.
        over_constant: The same less that of giving everybody the average.
        seconds: That learning and judging took.
        is_chosen: Whether it's the one in use.
        evidence: Log Bayes factor against "everybody alike", of a learner that has one; NaN of others.
        explained: Log likelihood of held-out contacts' conversions under its differences between people, over that without any.
    """

    name: str
    slope: Slope
    gain: Estimate
    over_constant: Estimate
    seconds: float
    is_chosen: bool = False
    evidence: float = float("nan")
    explained: float = 0.0


@dataclass(frozen=True)
class Judged:
    """A candidate before the choice.

    Attributes:
        candidate: As far as it's known.
        terms: Each row's contribution to its policy's value, for the comparison in pairs.
        likelihood: Of the counts of held-out contacts' conversions under its differences, in logs, less what all share.
    """

    candidate: Candidate
    terms: Vector
    likelihood: float


class Judge:
    """Values policies on one contrast."""

    def __init__(  # noqa: PLR0917 - all that a policy's value is made of
        self,
        trial: Trial,
        contrast: Contrast,
        averages: Averages,
        anyway: Vector,
        amount: Vector,
        costs: Mapping[Option, float],
        options: Sequence[Option],
        seed: int,
    ) -> None:
        """Stores what all candidates are judged by.

        Args:
            trial: The training rows, n of them.
            contrast: Their contrast.
            averages: Average effects.
            anyway: Conversions of contacts that come anyway within their horizons, as far as these are over, [n].
            amount: Expected margin of a conversion, [n].
            costs: Of a contact, by option; 0 where it isn't given.
            options: To choose among; those without a drawn contact are left out, since nothing could value them.
            seed: Seeds everything random.

        Of m rows, `usual` is what the averages say of who is as likely to look, of the contrast's O options [m, O], and
        `usual_of_own` of each row's own, [m].
        """
        self.trial, self.contrast, self.anyway, self.amount, self.seed = trial, contrast, anyway, amount, seed
        self.places = [o for o, done in enumerate(contrast.options) if done in set(options)]
        self.costs = np.array([costs.get(contrast.options[o], 0.0) for o in self.places])
        rows, option = sides(contrast, seed)  # the same for every candidate
        average = np.array([averages.of(done).mean for done in contrast.options])
        self.usual = average * trial.exposure.ratios(trial.rows.features[rows], contrast.options)
        self.usual_of_own = self.usual[np.arange(len(rows)), option]

    def of(self, name: str, learn: Learn) -> Judged:
        """Learns by folds and judges."""
        begun = perf_counter()
        held = held_out(self.trial, self.contrast, learn, seed=self.seed)
        slope = slope_of(self.contrast, held, self.usual_of_own) if name != CONSTANT else Slope(0.0, 0.0)
        effects = self.usual.copy()
        if name != CONSTANT:
            for k in range(FOLDS):
                at = held.fold == k
                said = held.effects[at]
                if held.is_whole[k]:
                    effects[at] = said
                    continue
                share = slope_of(self.contrast, held, self.usual_of_own, ~at).used
                effects[at] += share * (said - self._share_of_contacts(held, at) @ said)
        terms = self._terms(held, effects[:, self.places])
        nothing = Estimate(float("nan"), float("nan"), float("nan"), 0)
        candidate = Candidate(name, slope, self._estimate(held, terms), nothing, perf_counter() - begun)
        return Judged(candidate, terms, self._likelihood(held, effects))

    def difference(self, one: Judged, other: Judged) -> Estimate:
        """Value of one policy less that of another, paired by person."""
        return self._estimate(self._constant_rows, one.terms - other.terms)

    @cached_property
    def _constant_rows(self) -> HeldOut:
        return held_out(self.trial, self.contrast, lambda _mask, _seed: SaysNothing(), seed=self.seed)

    def _share_of_contacts(self, held: HeldOut, at: npt.NDArray[np.bool_]) -> Vector:
        """Weight of each of these rows among the contacts in them, [m]; 0 of people left alone."""
        contacted = at.nonzero()[0] < len(self.contrast.contact)
        share = np.where(contacted, self.contrast.weight[held.rows[at]], 0.0)
        return np.asarray(share / share.sum())

    def _terms(self, held: HeldOut, effects: Vector) -> Vector:
        """Each row's contribution to its own mean, [m]: contacts and people left alone have means of their own.

        Args:
            held: The rows.
            effects: What the policy thinks that each option adds, [m, O].
        """
        contacts = len(self.contrast.contact)
        amount, residual = self.amount[held.rows], self.contrast.residual[held.rows]
        value = amount[:, None] * effects - self.costs
        best = value.argmax(axis=1)
        worth = value[np.arange(len(best)), best]
        alone = np.arange(len(best)) >= contacts
        rank = np.empty(len(best))
        for side in (alone, ~alone):
            rank[side] = rankdata(worth[side]) / max(side.sum(), 1)
        chance = np.where(worth > 0, rank, 0.0)
        average = self.usual[np.arange(len(best)), np.array(self.places)[best]]
        of_contact = chance * (np.array(self.places)[best] == held.option) * amount * (residual - average)
        of_alone = chance * (amount * average - self.costs[best]) - chance * amount * residual
        return np.asarray(np.where(alone, of_alone, of_contact))

    def _likelihood(self, held: HeldOut, effects: Vector) -> float:
        """Log likelihood of the contacts' own conversions under the differences in these effects, [m, O]."""
        at, count = self.contrast.contact, len(self.contrast.contact)
        option, usual = held.option[:count], self.usual_of_own[:count]
        own = effects[np.arange(count), option]
        said = _at_levels_of(usual, own, option * FOLDS + held.fold[:count], held.is_whole)
        mean = self.contrast.share[at] * self.anyway[at] + self.contrast.told[at] * said
        mean = np.maximum(mean, _LEAST_SHARE * self.contrast.base_rate)
        return float(self.contrast.counted[at] @ np.log(mean) - mean.sum())

    def _estimate(self, held: HeldOut, terms: Vector) -> Estimate:
        """Sum over options of the mean over their contacts, and the mean over people left alone; interval over people."""
        contacts = len(self.contrast.contact)
        cell = np.where(np.arange(len(terms)) < contacts, held.option, len(self.contrast.options))
        weight = self.contrast.weight[held.rows]
        mass = np.bincount(cell, weight)
        share = weight / mass[cell]
        mean = np.bincount(cell, share * terms)
        _, person = np.unique(self.contrast.person[held.rows], return_inverse=True)
        influence = np.bincount(person, share * (terms - mean[cell]))
        value, error = float(mean.sum()), float(np.sqrt((influence**2).sum()))
        return Estimate(value, value - _Z95 * error, value + _Z95 * error, len(terms))


def choose(judge: Judge, judged: Sequence[Judged], evidence: Mapping[str, float]) -> list[Candidate]:
    """The candidates with the one in use marked.

    Args:
        judge: That valued them.
        judged: From the simplest to the least simple; the first is the constant.
        evidence: Log Bayes factors against it, of learners that have one. Below `DISMISSED` such a learner isn't used;
            from there on the constant isn't, nor what explains held-out contacts less well: a test of policies in money has less
            power than the likelihood, since regular buyers' chance drowns it.
    """
    proven = {name for name, told in evidence.items() if told >= DISMISSED}
    nothing = judged[0].likelihood
    least = max([nothing, *(one.likelihood for one in judged if one.candidate.name in proven)]) if proven else -np.inf
    # Beside what the evidence proves, who says the same as the constant is out with it; nobody may be worth a contact under any.
    open_still = [
        one
        for one in judged
        if one.candidate.name in proven
        or (
            one.candidate.name not in evidence
            and not (proven and np.array_equal(one.terms, judged[0].terms))
            and one.likelihood >= least
        )
    ]
    best = max(open_still, key=lambda one: one.candidate.gain.value)
    z = float(norm.isf(ERROR / max(len(judged) - 1, 1)))
    chosen = next(one for one in open_still if one is best or not _is_above(judge.difference(best, one), z))
    return [
        replace(
            one.candidate,
            over_constant=judge.difference(one, judged[0]),
            is_chosen=one is chosen,
            evidence=evidence.get(one.candidate.name, float("nan")),
            explained=one.likelihood - nothing,
        )
        for one in judged
    ]


def _at_levels_of(usual: Vector, said: Vector, cell: npt.NDArray[np.int64], is_whole: Sequence[bool]) -> Vector:
    """What was said of contacts, [C], with the mean of what is usual in each cell: of one option and the fold `cell % FOLDS`.

    What a whole learner says is multiplied, since its differences grow with its levels; what others say is moved.
    """
    count = np.bincount(cell)
    wanted, own = (np.bincount(cell, each) / np.maximum(count, 1) for each in (usual, said))
    times = np.divide(wanted, own, out=np.ones(len(own)), where=(wanted > 0) & (own > 0))
    times = np.where(np.array(is_whole)[np.arange(len(own)) % FOLDS], times, 1.0)
    return np.asarray(said * times[cell] + (wanted - own * times)[cell])


def _is_above(difference: Estimate, z: float) -> bool:
    """Whether a difference is above 0 by so many standard errors."""
    return difference.value - z * (difference.high - difference.value) / _Z95 > 0
