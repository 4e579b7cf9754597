"""The response model: all heads behind one `fit` and one `score`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE, Option
from ml.features import FeatureSpec, Matrix
from ml.response.amount import Amount
from ml.response.averages import Average, Averages
from ml.response.baseline import Baseline
from ml.response.changes import UNCHANGED, Change
from ml.response.evidence import Evidence
from ml.response.exposure import Exposure
from ml.response.logit import Line, logit_of, sigmoid
from ml.response.person_factor import PersonFactor
from ml.response.personal import Personal
from ml.response.redemption import EVERY, Redemption, unknown
from ml.response.rows import distinct_options, timed
from ml.response.scores import Scores
from ml.response.trees import Forest
from ml.response.usual_discount import UsualDiscount

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """People whom a model is asked about.

    Attributes:
        features: float32 [n, F].
        alone: Chance to convert when left alone, [n].
    """

    features: Matrix
    alone: Float32


@dataclass(frozen=True)
class ResponseModel:
    """Baseline, effects of contacts, amounts and redemption, learned from one training frame.

    Example:
        >>> model = ResponseModel.fit(training, options, seed=1, threads=2)      # doctest: +SKIP
        >>> scores = model.score(customers, options)                             # doctest: +SKIP
        >>> model.save(folder); ResponseModel.load(folder)                       # doctest: +SKIP

    Attributes:
        spec: Which columns are features.
        baseline: Chance when left alone.
        averages: Average effect of each channel and offer.
        personal: How far a person's effect departs from it.
        exposure: Who looks at what comes by which channel.
        amount: Expected margin of a conversion.
        redemption: How each offer is redeemed, by offer, and by option where it was made.
        usual_discount: Expected discount of a conversion without an offer.
        evidence: What each channel's effect rests on.
        changes: What contacts of a channel move now, over what all that it was learned from say; the same without one.
        facts: Counts and settings of the training, for the card.
        threads: Cores to use.
    """

    spec: FeatureSpec
    baseline: Baseline
    averages: Averages
    personal: Personal
    exposure: Exposure
    amount: Amount
    redemption: Mapping[str, Redemption]
    usual_discount: UsualDiscount
    evidence: tuple[Evidence, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1

    @classmethod
    def fit(cls, training: pd.DataFrame, options: Sequence[Option], *, seed: int, threads: int) -> "ResponseModel":
        """Learns all heads.

        Args:
            training: One row a person and day: features, `customer_id`, `as_of_on`, `channel` and `offer_id` (`none`
                where not contacted), `sample_weight`, `propensity` (NaN where unknown), `is_converted`, `margin`.
            options: What can be done; its offers are rated even where history has none of them.
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
            FeatureSpec(()), Baseline(logit_of(conversion_rate), Forest(), Line(), "prior"),
            averages, Personal(), Exposure(), Amount(margin, Forest(), 1.0, margin),
            unknown(offers), UsualDiscount(),
            tuple(Evidence(channel, "none", 0, 0, 0.0, 0.0) for channel in channels), {}, {"rows": 0}, threads,
        )  # fmt: skip

    def score(self, customers: pd.DataFrame, options: Sequence[Option]) -> Scores:
        """Scores every person under every option, for the days that come after those that it learned from.

        Args:
            customers: One row a person with `customer_id` and the feature columns.
            options: Channels and offers; one that history doesn't have is scored as its neighbours are.

        Returns:
            The scores, finite everywhere, propensities within [0, 1].
        """
        seconds: dict[str, float] = {}
        with timed(seconds, "baseline"):
            asked = self.asked(customers)
        features, baseline = asked.features, np.clip(asked.alone * np.float32(self.baseline.recent), 0, 1)
        with timed(seconds, "effects"):
            shape = (len(customers), len(options))
            propensity, sd = (np.empty(shape, dtype=np.float32) for _ in range(2))
            exposure = self.exposure.ratios(features, options).astype(np.float32)
            for column, (effect, doubt) in enumerate(self._effects(features, options, exposure)):
                now = self.changes.get(options[column].channel, UNCHANGED)
                propensity[:, column] = np.clip(baseline + np.float32(now.times) * effect, 0, 1)
                sd[:, column] = np.hypot(np.float32(now.times) * doubt, np.float32(now.sd) * effect)
        with timed(seconds, "amount"):
            amount = self.amount.predict(features, self.threads)
            discount = self.usual_discount.of(features).astype(np.float32)
        redemption = tuple(
            self.redemption.get(str(option)) or self.redemption.get(option.offer_id, EVERY) for option in options
        )
        return Scores(
            customers["customer_id"].to_numpy(), tuple(options), baseline, propensity - baseline[:, None], sd, propensity,
            amount, redemption, exposure, discount, seconds,
        )  # fmt: skip

    @property
    def as_learned(self) -> "ResponseModel":
        """The same for the days that it learned from, as if no channel had changed since."""
        return replace(self, changes={})

    def has_changed(self, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Rows of contacts since the likeliest day of a likely change of their channel (`channel`, `as_of_on`), [n]."""
        found = np.zeros(len(rows), dtype=bool)
        for channel, change in self.changes.items():
            if change.is_likely:
                since = pd.to_datetime(rows["as_of_on"]) >= pd.Timestamp(change.since)
                found |= ((rows["channel"] == channel) & since).to_numpy(dtype=bool)
        return found

    def asked(self, rows: pd.DataFrame) -> Asked:
        """The people of these rows, as their chances under whatever action are worked out from."""
        features = self.spec.matrix(rows)
        return Asked(features, sigmoid(self.baseline.logit(features, self.threads).astype(np.float32)))

    def propensity_of(self, rows: pd.DataFrame, asked: Asked | None = None) -> Float32:
        """Chance to convert under each row's own action (`channel`, `offer_id`; `none`: left alone), float32 [n].

        Args:
            rows: n rows.
            asked: Their people, where they are at hand.
        """
        asked = asked or self.asked(rows)
        chance = asked.alone.copy()
        option, options = distinct_options(rows)
        for position, done in enumerate(options):
            if done is not None:
                index = np.flatnonzero(option == position)
                own = asked.features[index]
                ((effect, _),) = self._effects(own, [done], self.exposure.ratios(own, [done]).astype(np.float32))
                chance[index] = np.clip(chance[index] + effect, 0, 1)
        return chance

    def mean_uplift(self, asked: Asked, options: Sequence[Option]) -> Float32:
        """What contacts with these options add to each person's chance, mean over O >= 1 options, float32 [n]."""
        exposure = self.exposure.ratios(asked.features, options).astype(np.float32)
        total = np.zeros(len(asked.alone), dtype=np.float32)
        for effect, _ in self._effects(asked.features, options, exposure):
            total += np.clip(asked.alone + effect, 0, 1) - asked.alone
        return np.asarray(total / np.float32(len(options)))

    def _effects(
        self, features: Matrix, options: Sequence[Option], exposure: Float32
    ) -> Iterator[tuple[Float32, Float32]]:
        """Effect of each option and its standard deviation, [n], given the ratios of who looks, [n, O]."""
        personal, learner = self.personal, self.personal.learner
        if isinstance(learner, PersonFactor):
            factor = learner.of(features).astype(np.float32)
            for option, ratio in zip(options, exposure.T, strict=True):
                level, moved = learner.levels.of(option), factor * ratio
                effect = np.float32(level.mean) * moved
                yield effect, np.hypot(np.float32(level.sd) * moved, np.float32(personal.slope_sd) * effect)
            return
        said = np.zeros(len(features), dtype=np.float32)
        if learner is not None and not personal.is_silent:
            said = learner.answer(features).effects[:, 0].astype(np.float32)
        for option, ratio in zip(options, exposure.T, strict=True):
            average = self.averages.of(option)
            apart = said - np.float32(0 if learner is None or personal.is_silent else personal.centre(option))
            effect = np.float32(average.mean) * ratio + np.float32(personal.slope) * apart
            yield effect, np.hypot(np.float32(average.sd) * ratio, np.float32(personal.slope_sd) * apart)

    def save(self, folder: Path) -> None:
        """Writes the model into an empty or new folder as LightGBM text and JSON (no pickle)."""
        from ml.response.store import save  # noqa: PLC0415 - the store builds models and so imports this module

        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> "ResponseModel":
        """Reads the model that `save` wrote; scores are the same to the bit."""
        from ml.response.store import load  # noqa: PLC0415 - the store builds models and so imports this module

        return load(folder)
