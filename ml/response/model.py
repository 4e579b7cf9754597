"""The response model: all heads behind one `fit` and one `score`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE, Option
from ml.features import FeatureSpec, Matrix
from ml.response.amount import Amount
from ml.response.averages import Average, Averages
from ml.response.baseline import Baseline
from ml.response.effects import Effects, Shifts
from ml.response.evidence import Evidence
from ml.response.logit import Line, logit_of, sigmoid
from ml.response.person_factor import PersonFactor
from ml.response.personal import Personal
from ml.response.redemption import EVERY, Redemption, unknown
from ml.response.rows import distinct_options, timed
from ml.response.scores import Scores
from ml.response.trees import Forest

Float32 = npt.NDArray[np.float32]

_FLOOR: Final = np.float32(1e-6)


@dataclass(frozen=True)
class ResponseModel:
    """Baseline, effects of contacts, amounts and redemption, learned from one training frame.

    Example:
        >>> model = ResponseModel.fit(training, options, seed=1, threads=2)      # doctest: +SKIP
        >>> scores = model.score(customers, options)                             # doctest: +SKIP
        >>> model.save(folder); ResponseModel.load(folder)                       # doctest: +SKIP

    Attributes:
        spec: Which columns are features.
        offers: Offers in the order of their codes.
        baseline: Chance when left alone.
        effects: What a contact adds to it, on the logit scale: trees that may say who differs.
        averages: Average effect of each channel and offer.
        personal: How far a person's effect departs from it.
        amount: Expected margin of a conversion.
        redemption: Shares of conversions that redeem it, by offer.
        evidence: What each channel's effect rests on.
        facts: Counts and settings of the training, for the card.
        threads: Cores to use.
    """

    spec: FeatureSpec
    offers: tuple[str, ...]
    baseline: Baseline
    effects: Effects
    averages: Averages
    personal: Personal
    amount: Amount
    redemption: Mapping[str, Redemption]
    evidence: tuple[Evidence, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1

    @classmethod
    def fit(cls, training: pd.DataFrame, options: Sequence[Option], *, seed: int, threads: int) -> "ResponseModel":
        """Learns all heads.

        Args:
            training: One row a person and day: features, `customer_id`, `as_of_on`, `channel` and `offer_id` (`none`
                where not contacted), `sample_weight`, `propensity` (NaN where unknown), `is_converted`, `margin`.
            options: What can be done; its offers are coded even where history has none of them.
            seed: Seeds everything random.
            threads: Cores that this process really owns.

        Returns:
            The model.

        Raises:
            ValueError: No row at all; `cold_start` is for that.
        """
        from ml.response.fit import fit  # noqa: PLC0415 - what fits models imports this module

        return fit(training, options, seed=seed, threads=threads).model

    @classmethod
    def cold_start(
        cls,
        options: Sequence[Option],
        *,
        conversion_rate: float,
        margin: float,
        uplift: Mapping[str, float],
        assumed: Mapping[str, float] | None = None,
        threads: int,
    ) -> "ResponseModel":
        """A model without history: the same for everyone, and it says so.

        Args:
            options: What can be done.
            conversion_rate: Share of people who convert within the horizon when left alone, in (0, 1).
            margin: Mean margin of a conversion.
            uplift: Assumed difference in that share by channel, in doubt by as much; 0 for a channel that isn't in it.
            assumed: By offer, how many times as much a contact with it adds; once without it.
            threads: Cores to use when scoring.

        Returns:
            The model, with evidence `none` for every channel.

        Raises:
            ValueError: A rate or a resulting probability outside (0, 1).
        """
        channels: dict[str, Average] = {}
        for channel in dict.fromkeys(option.channel for option in options):
            probability = conversion_rate + uplift.get(channel, 0.0)
            if not 0 < conversion_rate < 1 or not 0 < probability < 1:
                raise ValueError(
                    f"cold start of {channel}: conversion rate {conversion_rate} and with a contact {probability} "
                    "must lie strictly between 0 and 1"
                )
            channels[channel] = Average(uplift.get(channel, 0.0), abs(uplift.get(channel, 0.0)))
        made = {}
        for option in options:
            plain = channels[option.channel].mean
            times = (assumed or {}).get(option.offer_id, 1.0) if plain > 0 else 1.0
            mean = min(times * plain, max(plain, 0.9 * (1 - conversion_rate)))
            made[str(option)] = Average(mean, abs(mean))
        averages = Averages(made, channels, Average(0.0, conversion_rate))
        offers = tuple(dict.fromkeys([NONE, *(option.offer_id for option in options)]))
        return cls(
            FeatureSpec(()), offers, Baseline(logit_of(conversion_rate), Forest(), Line(), "prior"),
            Effects(Shifts(0.0, {}, {}), Forest(), {}, {}), averages, Personal(), Amount(margin, Forest(), 1.0, margin),
            unknown(offers),
            tuple(Evidence(channel, "none", 0, 0, 0.0, 0.0) for channel in channels), {"rows": 0}, threads,
        )  # fmt: skip

    def score(self, customers: pd.DataFrame, options: Sequence[Option]) -> Scores:
        """Scores every person under every option.

        Args:
            customers: One row a person with `customer_id` and the feature columns.
            options: Channels and offers; one that history doesn't have is scored as its neighbours are.

        Returns:
            The scores, finite everywhere, propensities within [0, 1].
        """
        seconds: dict[str, float] = {}
        with timed(seconds, "features"):
            matrix = self.spec.matrix(customers, extra_columns=1)
        features = matrix[:, :-1]
        with timed(seconds, "baseline"):
            baseline = sigmoid(self.baseline.logit(features, self.threads).astype(np.float32))
        with timed(seconds, "effects"):
            propensity, sd = (np.empty((len(customers), len(options)), dtype=np.float32) for _ in range(2))
            for column, (effect, doubt) in enumerate(self._effects(matrix, baseline, options)):
                propensity[:, column], sd[:, column] = np.clip(baseline + effect, 0, 1), doubt
        with timed(seconds, "amount"):
            amount = self.amount.predict(features, self.threads)
        redemption = tuple(self.redemption.get(option.offer_id, EVERY) for option in options)
        return Scores(
            customers["customer_id"].to_numpy(), tuple(options), baseline, propensity - baseline[:, None], sd, propensity,
            amount, redemption, seconds,
        )  # fmt: skip

    def propensity_of(self, rows: pd.DataFrame) -> Float32:
        """Chance to convert under each row's own action (`channel`, `offer_id`; `none`: left alone), float32 [n]."""
        matrix = self.spec.matrix(rows, extra_columns=1)
        chance: Float32 = sigmoid(self.baseline.logit(matrix[:, :-1], self.threads).astype(np.float32))
        option, options = distinct_options(rows)
        for position, done in enumerate(options):
            index = np.flatnonzero(option == position)
            if done is not None:
                ((effect, _),) = self._effects(matrix[index], chance[index], [done])
                chance[index] = np.clip(chance[index] + effect, 0, 1)
        return chance

    def _effects(self, matrix: Matrix, baseline: Float32, options: Sequence[Option]) -> Iterator[tuple[Any, Any]]:
        """Effect of each option and its standard deviation, [n] or one for everybody."""
        if isinstance(self.personal.learner, PersonFactor):
            yield from self._in_shares(self.personal.learner.of(matrix[:, :-1]).astype(np.float32), options)
            return
        said: Iterator[Float32 | None] = iter([None] * len(options))
        if not self.personal.is_silent:
            said = self._said(matrix, baseline, options)
        for option, says in zip(options, said, strict=True):
            average = self.averages.of(option)
            if says is None:
                yield np.float32(average.mean), np.float32(average.sd)
            else:
                apart = says - np.float32(self.personal.centre(option))
                effect = np.float32(average.mean) + np.float32(self.personal.slope) * apart
                yield effect, np.hypot(np.float32(average.sd), np.float32(self.personal.slope_sd) * apart)

    def _in_shares(self, factor: Float32, options: Sequence[Option]) -> Iterator[tuple[Float32, Float32]]:
        """Each option's average times the factor, whose mean over those whom its channel reached is 1."""
        for option in options:
            average, share = self.averages.of(option), factor / np.float32(self.personal.centre(option))
            effect = np.float32(average.mean) * share
            yield effect, np.hypot(np.float32(average.sd), np.float32(self.personal.slope_sd) * effect)

    def _said(self, matrix: Matrix, baseline: Float32, options: Sequence[Option]) -> Iterator[Float32]:
        """What the learner says that each option changes, [n] each."""
        learner = self.personal.learner
        if learner is not None and not isinstance(learner, PersonFactor):
            pooled = learner.answer(matrix[:, :-1]).effects[:, 0].astype(np.float32)
            yield from (pooled for _ in options)
            return
        chance = np.clip(baseline, _FLOOR, 1 - _FLOOR)
        logit = np.log(chance / (1 - chance))
        for _, difference in self._differences(matrix, options):
            yield sigmoid(logit + difference) - chance

    def _differences(self, matrix: Matrix, options: Sequence[Option]) -> Iterator[tuple[int, Float32]]:
        """Column and difference in logits of each option; trees that don't split on the offer are asked once."""
        offer_column = matrix.shape[1] - 1
        answers: dict[tuple[str, str], Float32] = {}
        for column, option in enumerate(options):
            matrix[:, offer_column] = self.offers.index(option.offer_id) if option.offer_id in self.offers else np.nan
            trees = np.zeros(len(matrix), dtype=np.float32)
            for name, forest in (("", self.effects.pooled), (option.channel, self.effects.channel(option.channel))):
                key = (name, option.offer_id if forest.depends_on(offer_column) else "")
                if key not in answers:
                    answers[key] = forest.answer(matrix, self.threads).astype(np.float32)
                trees = trees + answers[key]
            yield column, self.effects.calibrate(option, trees)

    def save(self, folder: Path) -> None:
        """Writes the model into an empty or new folder as LightGBM text and JSON (no pickle)."""
        from ml.response.store import save  # noqa: PLC0415 - the store builds models and so imports this module

        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> "ResponseModel":
        """Reads the model that `save` wrote; scores are the same to the bit."""
        from ml.response.store import load  # noqa: PLC0415 - the store builds models and so imports this module

        return load(folder)
