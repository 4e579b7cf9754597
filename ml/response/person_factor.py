r"""How much readier one person is for any contact than another: one factor, shared by all channels and offers.

    uplift_o(x) = level_o e_c(x) s(x),   log s(x) = w'z(x),   w ~ N(0, sd^2)

e is how likely the person looks at what comes by the channel, over those it was sent to (`ml.response.exposure`).

A channel alone has too few contacts to say who differs: factors of its own, drawn towards the shared one, explain what a month of
daily contacts to 20,000 people told no better, and plans by them are worth no more (`benchmarks.value`). And a free regression of
residuals drowns in the noise of regular buyers. Here each contact counts as what it is: a conversion with the chance
m(x) + uplift_o(x), m of people left alone (`ml.response.contrast`), as a Poisson count, so that those who hardly ever buy unasked,
whose conversions tell most, weigh most. Levels (`ml.response.levels`) are learned with the factor: an option that went to the
readiest looks better than one that went to others, until who they were is taken into account.

Where clicks are known, a contact is two counts: of conversions that followed a click on its message, and of others. Of what comes
anyway about as many follow a click as people click, of what a message caused most do, so the former tell of effects with a
fraction of the noise (`ml.response.traces`).

How far weights may lie from 0 is averaged over, each choice weighing as well as it explains the conversions (marginal
likelihoods after Laplace; MacKay, Neural Computation 1992). Their mean against that of "everybody alike" is the evidence.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.averages import Averages
from ml.response.contrast import Contrast
from ml.response.factor_features import FactorFeatures
from ml.response.levels import Levels
from ml.response.poisson import Fitted, Term, fit_poisson
from ml.response.rows import at_most
from ml.response.traces import TracedRows
from ml.response.trial import Trial

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FACTOR: Final = "factor"
"""Name of the learner."""
DISMISSED: Final = float(-np.log(3.0))
"""Log Bayes factor below which differences between people are dismissed: positive evidence against them (Kass and Raftery 1995).
Above, they are weighed by how likely they are, so being wrong costs little."""
WEIGHT_SDS: Final = (0.05, 0.1, 0.2, 0.4)
"""Standard deviations of weights that are thought possible, besides 0; features have standard deviation 1."""
RECALIBRATION_SD: Final = 0.2
TRACED_SD: Final = 0.5
"""Standard deviation, in logs, of the shares that follow a click, of what comes anyway and of what is caused, beyond what the counts
themselves say of them: some buy without the click that moved them, and some would have bought and clicked."""
MOST_ROWS: Final = 100_000
_LEAST_SHARE: Final = 0.02
_LARGEST_LOG: Final = 3.0


@dataclass(frozen=True, eq=False)
class PersonFactor:
    """The factor.

    Attributes:
        features: What it depends on, K of them.
        weights: Of each, [K].
        levels: Effect of each option on people whose factor is 1.
        log_sd: Standard deviation of what is known of its logarithm, mean over contacts.
        evidence: Log Bayes factor against "everybody alike".
    """

    features: FactorFeatures
    weights: Vector
    levels: Averages
    log_sd: float
    evidence: float
    name: str = FACTOR

    def of(self, matrix: Matrix) -> Vector:
        """The factor of people, [n], 1 for those in the middle."""
        if not len(self.weights):
            return np.ones(len(matrix))
        return np.asarray(np.exp(np.clip(self.features.of(matrix) @ self.weights, -_LARGEST_LOG, _LARGEST_LOG)))

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {
            "learner": FACTOR,
            "features": self.features.to_dict(),
            "weights": self.weights.tolist(),
            "levels": self.levels.to_dict(),
            "log_sd": self.log_sd,
            "evidence": self.evidence,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PersonFactor":
        """The factor that `to_dict` wrote."""
        features = FactorFeatures.from_dict(values["features"])
        levels = Averages.from_dict(values["levels"])
        return cls(features, np.array(values["weights"]), levels, values["log_sd"], values["evidence"])


@dataclass(frozen=True, eq=False)
class _Contacts:
    """Drawn contacts, then those chosen by habit, A of them.

    Attributes:
        at: Their rows, [A].
        channel: [A].
        told: How much of its outcome has come, [A].
        usual: Conversions that come anyway within the horizon, as far as it's over, [A].
        level: Scale of those that a contact causes whose person looks as likely as others that the channel reached, [A].
        moved: The same as far as the person looks, [A].
        columns: Of levels and features, float32 [A, L + K].
        usual_columns: Of what comes anyway, float32 [A, 1 + K].
    """

    at: Integers
    channel: npt.NDArray[Any]
    told: Vector
    usual: Vector
    level: Vector
    moved: Vector
    columns: Matrix
    usual_columns: Matrix


@dataclass(frozen=True, eq=False)
class DrawnContacts:
    """What is regressed: counts of conversions of drawn contacts with what their people do anyway.

    Of each contact one, and once split a second one of those whose clicks are known: C counts, first the former. Contacts that
    were chosen by habit have the second alone: what their people do anyway is in doubt, but hardly any of it follows a click.

    Attributes:
        levels: Of all options.
        features: What a factor may depend on.
        count: Conversions, [C]; less than 1 each where people are contacted again before the horizon is over.
        usual: The part of the mean that comes anyway; its level is known as well as conversions of people left alone tell.
        scale: Of the part that contacts cause, [C].
        columns: Of levels and features, and once split of each channel's shares that follow a click, float32 [C, L + K + T].
        row: Of the contact, among the training rows, [C].
        told: How much of the contact's outcome has come, [C].
        caused: Part of what the contact causes that is counted, [C].
        is_traced: Whether conversions are counted that followed a click on the contact's message, [C].
        contacts: What the counts are made of.
        begin: Weights of a regression of nearly the same counts, for this one to begin with.
    """

    levels: Levels
    features: FactorFeatures
    count: Vector
    usual: Term
    scale: Vector
    columns: Matrix
    row: Integers
    told: Vector
    caused: Vector
    is_traced: Mask
    contacts: _Contacts
    begin: Vector | None = None

    @classmethod
    def of(  # noqa: PLR0917 - the rows, and all that is known of them
        cls,
        trial: Trial,
        contrast: Contrast,
        levels: Levels,
        features: FactorFeatures,
        mask: Mask,
        seed: int,
    ) -> "DrawnContacts":
        """The contacts of a contrast.

        Args:
            trial: Training rows, n of them, with who looks at what comes by which channel.
            contrast: The same rows' contrast.
            levels: Of all options, those of the contrast among them.
            features: What the factor may depend on.
            mask: Rows to learn from, [n].
            seed: Draws the contacts where there are more than `MOST_ROWS`.
        """
        drawn, habit = (
            at_most(np.flatnonzero(mask[some]), MOST_ROWS, seed) for some in (contrast.contact, contrast.habit)
        )
        count = len(drawn)
        kept = np.concatenate([drawn, len(contrast.contact) + habit])
        at = contrast.contacts[kept]
        alone = contrast.alone[mask[contrast.alone]]
        asked, taught = (features.of(trial.rows.features[some]) for some in (at, alone))
        told = contrast.told[at]
        usual, doubt = _recalibrated(contrast, alone, taught, at, asked)
        of_drawn, of_habit = (
            np.array([levels.options.index(each) for each in known], dtype=np.int64)
            for known in (contrast.options, contrast.habit_options)
        )
        place = np.concatenate([of_drawn[contrast.option[drawn]], of_habit[contrast.habit_option[habit]]])
        level_sd = 1 / np.sqrt(max(float(contrast.counted[alone].sum()), 1.0))
        level = told * levels.scale[place]
        contacts = _Contacts(
            at,
            contrast.channel[kept],
            told,
            told * usual,
            level,
            level * trial.own_ratio[at],
            np.hstack([levels.columns.astype(np.float32)[place], asked]),
            np.column_stack([np.ones(len(at), dtype=np.float32), asked]),
        )
        # Days whose horizons overlap share purchases, and what comes anyway on them; each contact adds what it causes. Left out,
        # people who are contacted day after day would be heard several times, and what they do anyway pass for being moved.
        return cls(
            levels,
            features,
            contrast.counted[at[:count]],
            Term(
                (contrast.share[at] * contacts.usual)[:count],
                contacts.usual_columns[:count],
                np.append(level_sd, doubt),
            ),
            contacts.moved[:count],
            contacts.columns[:count],
            at[:count],
            told[:count],
            np.ones(count),
            np.zeros(count, dtype=bool),
            contacts,
        )

    def seen_by(self, trial: Trial) -> "DrawnContacts":
        """The same contacts, which aren't split yet, with what another trial of the same rows says of who looks."""
        moved = self.contacts.level * trial.own_ratio[self.contacts.at]
        contacts = replace(self.contacts, moved=moved)
        return replace(self, scale=moved[: len(self.count)], contacts=contacts, begin=self.alike.all_weights)

    def split(self, traces: TracedRows, before: "DrawnContacts | None" = None) -> "DrawnContacts":
        """The same contacts, of which one is two counts where it is known what share of conversions follows a click.

        A purchase that followed a click is its message's, all of it: no other contact with the person counts it. The shares
        themselves are in doubt, by `TRACED_SD` and alike for all of a channel's contacts: clicks tell which of them move more, and
        of how much they move together no more than the shares are known. What is more of one count is less of the other: of the
        share f exp(e) the rest is 1 - f exp(e), about (1 - f) exp(-e f / (1 - f)).

        Args:
            traces: What clicks tell of the training rows that these contacts, which aren't split yet, are of.
            before: The same contacts as other traces split them, to begin with what was found of them.
        """
        of, count = self.contacts, len(self.count)
        drawn = of.at[:count]
        caused, anyway = traces.caused[of.at], traces.anyway[of.at]
        parts = np.flatnonzero(caused)
        kept = np.concatenate([np.arange(count), parts])
        names, place = np.unique(of.channel[parts].astype(str), return_inverse=True)
        shares = np.zeros((len(kept), len(names)), dtype=np.float32)
        shares[np.arange(count, len(kept)), place] = 1.0
        rest, own = shares.copy(), parts < count
        rest[parts[own], place[own]] = -(caused / (1 - caused))[parts[own]]
        doubt, columns = np.full(len(names), TRACED_SD), np.hstack([of.columns[kept], rest])
        return replace(
            self,
            count=np.concatenate([np.where(traces.is_followed[drawn], 0.0, self.count), traces.traced[of.at[parts]]]),
            usual=Term(
                np.concatenate([self.usual.scale * traces.left[drawn], (of.usual * anyway)[parts]]),
                np.hstack([of.usual_columns[kept], shares]),
                np.append(self.usual.sds, doubt),
            ),
            scale=np.concatenate([self.scale * (1 - caused[:count]), (of.moved * caused)[parts]]),
            columns=columns,
            row=of.at[kept],
            told=of.told[kept],
            caused=np.concatenate([1 - caused[:count], caused[parts]]),
            is_traced=np.arange(len(kept)) >= count,
            begin=before.alike.all_weights if before and before.columns.shape == columns.shape else None,
        )

    def fitted(self, sd: float, begin: Vector | None = None) -> Fitted:
        """The regression where weights of features have this prior standard deviation; 0: everybody alike."""
        sds = np.append(self.levels.sds, np.full(len(self.features.made), sd))
        shares = np.full(self.columns.shape[1] - len(sds), TRACED_SD)
        moved = Term(self.scale, self.columns, np.append(sds, shares))
        return fit_poisson(self.count, self.usual, moved, begin=begin)

    @cached_property
    def alike(self) -> Fitted:
        """The regression where everybody is alike."""
        return self.fitted(0.0, self.begin)

    def anyway(self) -> Vector:
        """Conversions that come anyway, [C], as the counts themselves make them right where everybody is alike."""
        weights = self.alike.all_weights[: len(self.usual.sds)]
        return np.asarray(self.usual.scale * np.exp(self.usual.columns @ weights))

    def averages(self) -> Averages:
        """Levels where everybody is alike."""
        count = len(self.levels.sds)
        return self.levels.averages(self.alike.weights[:count], self.alike.covariance[:count, :count])


def fit_factor(contacts: DrawnContacts) -> PersonFactor:
    """Learns the factor, and the levels of all options beside it."""
    alike, count = contacts.alike, len(contacts.levels.sds)
    found: list[Fitted] = []
    for sd in WEIGHT_SDS:
        found.append(contacts.fitted(sd, (found[-1] if found else alike).all_weights))
    gain = np.array([one.evidence - alike.evidence for one in found])
    evidence = float(np.logaddexp.reduce(gain) - np.log(len(gain)))
    # "Everybody alike" is as likely beforehand as all other choices together.
    share = np.exp(gain - np.log(len(gain)) - np.logaddexp(0.0, evidence))
    weights = sum((w * one.weights for w, one in zip(share, found, strict=True)), (1 - share.sum()) * alike.weights)
    best, of_features = found[int(gain.argmax())].covariance, slice(count, count + len(contacts.features.made))
    columns = contacts.columns[:, of_features]
    doubt = float(np.sqrt(np.einsum("ij,jk,ik->i", columns, best[of_features, of_features], columns)).mean())
    averages = contacts.levels.averages(weights[:count], best[:count, :count])
    return PersonFactor(contacts.features, np.asarray(weights[of_features]), averages, min(doubt, 1.0), evidence)


def _recalibrated(
    contrast: Contrast, alone: Integers, taught: Matrix, at: Integers, asked: Matrix
) -> tuple[Vector, Vector]:
    """Chance to convert when left alone of the rows `at`: the contrast's, made right along the features, [len(at)].

    And the standard deviations, in logs along the features, of what people left alone say of it, [K].

    And along itself, below the base rate and above: where the chance of regular buyers is drawn too far apart, a contact of the
    rarer ones seems to have caused what they would have bought, and the chance of all seems too high.
    """
    expected = np.maximum(contrast.expected, _LEAST_SHARE * contrast.base_rate)
    apart = np.log(expected / contrast.base_rate).astype(np.float32)
    above = np.maximum(apart, np.float32(0))
    taught, asked = (
        np.column_stack([np.ones(len(some), dtype=np.float32), columns, apart[some], above[some]])
        for columns, some in ((taught, alone), (asked, at))
    )
    sds = np.append(1.0, np.full(taught.shape[1] - 1, RECALIBRATION_SD))
    part = contrast.share[alone]
    usual = Term(part * contrast.told[alone] * expected[alone], taught, sds)
    line = fit_poisson(contrast.counted[alone], usual)
    found = expected[at] * np.exp(np.clip(asked @ line.weights, -_LARGEST_LOG, _LARGEST_LOG))
    return np.asarray(found), np.sqrt(np.diag(line.covariance)[1:-2])
