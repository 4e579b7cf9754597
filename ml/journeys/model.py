"""What was learned of conversations, as it is kept beside the response model and used in a decision."""

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.configuration.journeys import Journeys
from ml.entities import CHANNELS, NONE
from ml.journeys.factors import Factors, Logged, fit_factors
from ml.journeys.signals import COLUMNS, SIGNALS, Conversation, Kind, factor, kinds_of
from ml.response.evidence import is_contacted, row_weights
from ml.response.model import ResponseModel
from ml.response.scores import Scores

SCAN_PRIOR: Final = (1.0, 19.0)
"""Scans and mailers not scanned that the scan rate starts from: one in twenty, held as loosely as twenty mailers hold it."""


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
                contacts of channels that have a trial (`training.trustworthy`).
            response: The response model in use.
            terms: How conversations are read.
            scans: Of mailers.
            facts: To keep with it.
        """
        if training.empty:
            return replace(cls.assumed(terms), scans=scans, facts={**facts, "rows": 0})
        alone = response.propensity_of(training.assign(channel=NONE, offer_id=NONE)).astype(float)
        resting = at_rest(training)
        seen, rest = (response.propensity_of(rows).astype(float) for rows in (training, resting))
        calm = response.propensity_of(resting.assign(channel=NONE, offer_id=NONE)).astype(float)
        contacted = is_contacted(training)
        return cls(
            fit_factors(logged_of(training, terms, alone, np.where(contacted, seen - alone, 0.0)), terms),
            fit_factors(logged_of(training, terms, alone, np.where(contacted, rest - calm, 0.0)), terms),
            scans,
            {**facts, "rows": len(training), "contacts": int(contacted.sum())},
        )

    def corrected(self, scores: Scores, customers: pd.DataFrame, terms: Journeys) -> Scores:
        """The scores with each effect times what the person's state makes of it.

        Args:
            scores: Of N people.
            customers: The same people as the view has them.
            terms: How conversations are read.
        """
        now, (kinds, kind) = Conversation.of(customers, terms), kinds_of(scores.options)
        by_kind = np.stack([factor(now.signals(each), self.present.deltas) for each in kinds] or [now.wear], axis=1)
        if not kinds or (by_kind == 1).all():
            return scores
        propensity = np.clip(scores.baseline[:, None] + scores.uplift * by_kind[:, kind], 0, 1)
        return replace(scores, propensity=propensity, uplift=propensity - scores.baseline[:, None])

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


def logged_of(training: pd.DataFrame, terms: Journeys, baseline: np.ndarray, uplift: np.ndarray) -> Logged:
    """Rows of a training frame as the factors are fitted on.

    Args:
        training: n rows, as `JourneyModel.fit` takes them.
        terms: How conversations are read.
        baseline: Chance to convert when left alone, [n].
        uplift: Expected of the contact that was made, 0 where there was none, [n].
    """
    now, contacted = Conversation.of(training, terms), is_contacted(training)
    signals = np.zeros((len(training), len(SIGNALS)), np.float32)
    keys = pd.MultiIndex.from_arrays(
        [training["channel"].fillna(NONE), training["offer_id"].fillna(NONE).ne(NONE).to_numpy()]
    )
    codes, distinct = pd.factorize(keys)
    for code, (channel, has_offer) in enumerate(distinct):
        if channel != NONE:
            rows = np.flatnonzero(codes == code)
            signals[rows] = now.take(rows).signals(Kind(CHANNELS.index(channel), bool(has_offer)))
    person, _ = pd.factorize(training["customer_id"])
    converted = training["is_converted"].to_numpy(dtype=float)
    return Logged(converted, baseline, uplift, signals, now.state(), row_weights(training), person, contacted)
