"""What was learned of conversations, as it is kept beside the response model and used in a decision."""

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.configuration.journeys import Journeys
from ml.entities import NONE, Option
from ml.journeys.factors import Factors, Logged, fit_factors
from ml.journeys.signals import COLUMNS, SIGNALS, Conversation, Kind
from ml.response.evidence import is_contacted, row_weights
from ml.response.model import Asked, ResponseModel
from ml.response.rows import distinct_options
from ml.response.scores import Scores

SCAN_PRIOR: Final = (1.0, 19.0)
"""Scans and mailers not scanned that the scan rate starts from: one in twenty, held as loosely as twenty mailers hold it."""

MOST_OPTIONS: Final = 8
"""Options whose mean uplift says how much contacts move somebody: more tell little more, and each is a scoring."""


@dataclass(frozen=True)
class Scans:
    """Mailers that had time to be scanned, and how many were.

    The chance is the mean of its Beta posterior less so many of its standard deviations.
    """

    mailers: int
    scanned: int

    def chance(self, deviations: float = 0.0) -> float:
        """Chance that a mailer is scanned, at least 0."""
        a, b = SCAN_PRIOR[0] + self.scanned, SCAN_PRIOR[1] + self.mailers - self.scanned
        deviation = math.sqrt(a * b / (a + b + 1)) / (a + b)
        return max(0.0, a / (a + b) - deviations * deviation)


@dataclass(frozen=True)
class JourneyModel:
    """Factors of the conversation's state, twice, and the chance of a scan.

    Attributes:
        present: Factors beyond what the response model sees of the state by itself: they correct its effects today.
        whole: Factors on the effect at rest, the state's columns taken from the response model: by these a state to come
            is valued.
        scans: Of mailers.
        facts: Rows, days, and the response model that they were fitted with.
    """

    present: Factors
    whole: Factors
    scans: Scans
    facts: dict[str, Any]

    @classmethod
    def assumed(cls, terms: Journeys) -> "JourneyModel":
        """Before any training: what is held without evidence."""
        return cls(Factors.assumed(terms), Factors.assumed(terms), Scans(0, 0), {"rows": 0})

    @classmethod
    def fit(
        cls, training: pd.DataFrame, response: ResponseModel, terms: Journeys, scans: Scans, facts: dict[str, Any]
    ) -> "JourneyModel":
        """Learn from the rows that response models learn from.

        Args:
            training: Rows (person, day): features, `channel`, `offer_id`, `propensity`, `is_converted`; without the chosen
                contacts of channels that have a trial (`training.trustworthy`). Contacts since a likely change of their channel
                are left out: what was commoner since would seem to have caused the change, and count once more.
            response: The response model in use.
            terms: How conversations are read.
            scans: Of mailers.
            facts: To keep with it.
        """
        if len(training):
            training = training[~response.has_changed(training)]
        if training.empty:
            return replace(cls.assumed(terms), scans=scans, facts={**facts, "rows": 0})
        contacted, asked = is_contacted(training), response.asked(training)
        resting = at_rest(training[contacted])
        calm = response.asked(resting)
        now = np.where(contacted, response.propensity_of(training, asked).astype(float) - asked.alone, 0.0)
        rest = np.zeros(len(training))
        rest[contacted] = response.propensity_of(resting, calm).astype(float) - calm.alone
        moved = _responsiveness(response, training, asked)
        logged = logged_of(training, terms, asked.alone.astype(float), now, moved)
        return cls(
            fit_factors(logged, terms),
            fit_factors(replace(logged, uplift=rest), terms),
            scans,
            {**facts, "rows": len(training), "contacts": int(contacted.sum())},
        )

    def corrected(self, scores: Scores, customers: pd.DataFrame, terms: Journeys) -> Scores:
        """The scores with each effect times what the person's state makes of it, as far as evidence supports that.

        A factor that is learned too high or too low costs more than one that is left out (`benchmarks.journeys`).

        Args:
            scores: Of N people.
            customers: The same people as the view has them.
            terms: How conversations are read.
        """
        now, kinds = Conversation.of(customers, terms), list(map(Kind.of, scores.options))
        held = self.present.held(terms.deviations)
        if not kinds or not held.any():
            return scores
        times = np.stack([now.factor(each, held) for each in kinds], axis=1)
        propensity = np.clip(scores.baseline[:, None] + scores.uplift * times, 0, 1)
        uplift, doubt = propensity - scores.baseline[:, None], scores.uplift_sd * np.abs(times).astype(np.float32)
        return replace(scores, propensity=propensity, uplift=uplift, uplift_sd=doubt)

    @property
    def sha256(self) -> str:
        """Its identity: SHA-256 of its document, 64 hex digits."""
        return hashlib.sha256(self.document().encode()).hexdigest()

    def document(self) -> str:
        """The model as JSON text."""
        values = {
            "format": 1,
            "present": self.present.to_list(),
            "whole": self.whole.to_list(),
            "scans": vars(self.scans),
            "facts": self.facts,
        }
        return json.dumps(values, indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def read(cls, document: str) -> "JourneyModel":
        """The model that `document` wrote.

        Raises:
            ValueError: It has another format or knows other signals than this version.
        """
        values = json.loads(document)
        named = [each["signal"] for each in values["present"]]
        if values["format"] != 1 or named != list(SIGNALS):
            raise ValueError(
                "what was learned of journeys is of another version: materialize `journeys` again (job `train`)"
            )
        present, whole = (Factors.from_list(values[name]) for name in ("present", "whole"))
        return cls(present, whole, Scans(**values["scans"]), values["facts"])


def at_rest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as if nobody had been contacted, scanned or objected lately."""
    known = [name for name in COLUMNS if name in rows]
    nothing = {name: np.nan if pd.api.types.is_numeric_dtype(rows[name].dtype) else None for name in known}
    return rows.assign(**nothing | ({"wear": 0.0} if "wear" in rows else {}))


def _responsiveness(response: ResponseModel, training: pd.DataFrame, asked: Asked) -> np.ndarray:
    """Mean uplift of each row over the options that were used most, contacted or not, float64 [n]."""
    used = (
        training.loc[is_contacted(training), ["channel", "offer_id"]].fillna(NONE).value_counts().index[:MOST_OPTIONS]
    )
    options = [Option(*each) for each in used]
    if not options:
        return np.zeros(len(training))
    return response.mean_uplift(asked, options).astype(np.float64)


def logged_of(
    training: pd.DataFrame, terms: Journeys, baseline: np.ndarray, uplift: np.ndarray, responsiveness: np.ndarray
) -> Logged:
    """Rows of a training frame as the factors are fitted on.

    Args:
        training: n rows, as `JourneyModel.fit` takes them.
        terms: How conversations are read.
        baseline: Chance to convert when left alone, [n].
        uplift: Expected of the contact that was made, 0 where there was none, [n].
        responsiveness: How much contacts move the person at all, [n].
    """
    now, contacted = Conversation.of(training, terms), is_contacted(training)
    signals = np.zeros((len(training), len(SIGNALS)), np.float32)
    option, options = distinct_options(training)
    for place, each in enumerate(options):
        if each is not None:
            rows = np.flatnonzero(option == place)
            signals[rows] = now.take(rows).signals(Kind.of(each))
    person, _ = pd.factorize(training["customer_id"])
    converted = training["is_converted"].to_numpy(dtype=float)
    return Logged(
        converted, baseline, uplift, signals, now.state(), row_weights(training), person, contacted, responsiveness
    )
