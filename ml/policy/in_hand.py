"""What people can redeem already, and how often offers are made to them: what a contact of today adds to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.objective import Objective
from ml.entities import NONE
from ml.policy.lookup import positions, text

KNOWN_DAYS: Final = 7.0
"""Days of contacts from which a person's own rate counts as much as that of all: who was contacted yesterday isn't daily."""


@dataclass(frozen=True, eq=False)
class InHand:
    """What N people can redeem of F offers, and how often these are made again.

    Attributes:
        days: For which each person can still redeem each offer, float32 [N, F].
        rate: Contacts a day that make an offer to who holds one, float32 [N].
        days_to_come: In which there will be more of them, float32 [N].
    """

    days: np.ndarray
    rate: np.ndarray
    days_to_come: np.ndarray


@dataclass(frozen=True, eq=False)
class Spans:
    """The days in which each of N people is contacted as today.

    Attributes:
        begun: Days since the first of their objectives began, 0 where they are in no audience, int64 [N].
        left: Days until the last of these ends, likewise.
        most_a_day: Contacts of a person a day that frequency caps allow in the long run.
    """

    begun: np.ndarray
    left: np.ndarray
    most_a_day: float

    @classmethod
    def of(cls, arm: np.ndarray, objectives: Sequence[Objective], on: date, most_a_day: float) -> "Spans":
        """By whose audience each person is in.

        Args:
            arm: Positions of arms, -1 where the person isn't in the objective's audience, [N, J].
            objectives: J active objectives.
            on: The cycle's day.
            most_a_day: As above.
        """
        begun, left = (
            np.array([max(days, 0) for days in each], dtype=np.int64)
            for each in ([(on - o.starts_on).days for o in objectives], [(o.ends_on - on).days for o in objectives])
        )
        is_in = arm >= 0
        return cls((is_in * begun).max(axis=1, initial=0), (is_in * left).max(axis=1, initial=0), most_a_day)


def in_hand(
    people: pd.Series,
    contacts: pd.DataFrame,
    actions: Actions,
    horizon_days: int,
    *,
    spans: Spans,
    on: date,
    time_zone: str,
) -> InHand:
    """What people have in hand by what was sent to them, and how often offers are made again.

    Contacts are counted since the person's first objective began, at most in the days that the longest offer is valid. Only
    those to people who held an offer tell whether it is made again: before it's made for the first time, none could be.

    Args:
        people: N customer ids.
        contacts: Contacts lately, as `frequency.all_contacts` gives them.
        actions: F offers, in their order.
        horizon_days: For which an offer is valid that doesn't say how long.
        spans: Of the people's objectives.
        on: The cycle's day.
        time_zone: Of the workspace: where a day begins.
    """
    valid = np.array(
        [0 if name == NONE else terms.valid_days or horizon_days for name, terms in actions.offers.items()]
    )
    person = positions(text(contacts["customer_id"]), text(people))
    given = positions(text(contacts["offer_id"]), text(actions.offers))
    sent_at = pd.to_datetime(contacts["sent_at"], utc=True).dt.tz_convert(time_zone)
    age = (pd.Timestamp(on) - sent_at.dt.tz_localize(None).dt.normalize()).dt.days.to_numpy()
    known = person >= 0
    person, given, age = person[known], given[known], age[known]
    lasts = np.where(given >= 0, valid[given], 0)
    days, kept = np.zeros((len(people), len(valid)), dtype=np.float32), lasts > 0
    np.maximum.at(days, (person[kept], given[kept]), np.clip(lasts - age, 0, lasts)[kept].astype(np.float32))
    lately = np.minimum(spans.begun, valid.max())
    counted = (age >= 1) & (age <= lately[person])
    count = np.bincount(person[counted], minlength=len(people))
    mean = count.sum() / max(lately.sum(), 1)
    rate = np.where(lately > 0, (count + KNOWN_DAYS * mean) / (lately + KNOWN_DAYS), 0.0)
    rate = np.minimum(rate, spans.most_a_day) * _made_again(person, age, lasts, counted)
    return InHand(days, rate.astype(np.float32), spans.left.astype(np.float32))


def _made_again(person: np.ndarray, age: np.ndarray, lasts: np.ndarray, counted: np.ndarray) -> float:
    """Share of the counted contacts to people who held an offer that made one; 1 where nobody held any.

    Args:
        person: Of each contact, [C].
        age: Days since it, [C].
        lasts: Days that its offer is valid, 0 without one, [C].
        counted: Which contacts count, [C].
    """
    order = np.lexsort((lasts, -age, person))
    person, age, lasts, counted = person[order], age[order], lasts[order], counted[order]
    place = np.arange(len(order))
    offered = np.maximum.accumulate(np.where(lasts > 0, place, -1))
    before = np.concatenate([[-1], offered])[:-1]
    held = (before >= 0) & (person[before] == person) & (age[before] - age < lasts[before])
    asked = held & counted
    return float((lasts[asked] > 0).mean()) if asked.any() else 1.0
