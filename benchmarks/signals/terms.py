"""What each term of the market's law is worth to a choice that knows it exactly, against one that ignores it.

Both choose by the true margin; the second sees the term at its mean over everybody allowed that channel. It is the most
that any model can gain from the signal, whatever it learns from: nothing hidden, no noise, all people.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.signals.ablation import Field
from benchmarks.signals.known import Known
from benchmarks.signals.lived import Lived
from market.effects import Messages, journey_factor, life_factor, offer_factor
from market.words import CHANNELS, OBJECTIONS, VOICE
from market.world import State, World
from ml.entities import Option

RECENT_SCAN_DAYS = 10
Factor = Callable[[World, State, Messages, int], np.ndarray]


def _fatigue(world: World, state: State, m: Messages, _day: int) -> np.ndarray:
    return np.asarray(np.exp(-world.law.fatigue_loss * state.fatigue[m.person].astype(np.float64)))


def _scan(world: World, state: State, m: Messages, day: int) -> np.ndarray:
    scanned = (state.scan_from[m.person] <= day) & (day <= state.scan_until[m.person]) & (m.channel == VOICE)
    return np.where(scanned, world.law.scan_call, 1.0)


def _journey(world: World, state: State, m: Messages, day: int) -> np.ndarray:
    return np.asarray(journey_factor(world, state, m, day) / _scan(world, state, m, day))


def _objection(world: World, state: State, m: Messages, _day: int) -> np.ndarray:
    silent = replace(world.people, objection=np.full_like(world.people.objection, OBJECTIONS.index("none")))
    without = offer_factor(replace(world, people=silent), state.catalogue, m.person, m.offer)
    return np.asarray(offer_factor(world, state.catalogue, m.person, m.offer) / without)


def _life(world: World, state: State, m: Messages, day: int) -> np.ndarray:
    return np.asarray(life_factor(world, state, m.person, day))


def told_of(known: Known) -> dict[str, np.ndarray]:
    """By signal, of whom the customer view tells something, bool [N]."""
    customers = known.customers
    return {
        "voice readings": customers["last_objection"].notna().to_numpy(),
        "scans": (customers["days_since_last_scan"] <= RECENT_SCAN_DAYS).fillna(value=False).to_numpy(dtype=bool),
    }


TERMS: Mapping[str, Factor] = {
    "voice readings": _objection,
    "scans": _scan,
    "fatigue": _fatigue,
    "conversation": _journey,
    "life and interest": _life,
}
"""Terms by the signal that tells of them."""


def factors(term: Factor, lived: Lived, known: Known, field: Field) -> np.ndarray:
    """A term of each person under each option, float64 [N, O]."""
    offers = [lived.state.catalogue.offer_index(option.offer_id) for option in field.options]
    return np.stack(
        [_of(term, lived, known, option, offer) for option, offer in zip(field.options, offers, strict=True)], axis=1
    )


def ignoring(field: Field, factor: np.ndarray) -> np.ndarray:
    """True margins [N, O] as they seem to who doesn't know of a term: it is at its mean over everybody allowed.

    Margins that a contact takes away are left as they are: the law's terms are about what it adds.
    """
    gross = field.truth + field.cost
    mean = np.array([factor[field.allowed[:, o], o].mean() if field.allowed[:, o].any() else 1.0
                     for o in range(factor.shape[1])])  # fmt: skip
    return np.asarray(np.where(gross > 0, gross / np.maximum(factor, 1e-9) * mean, gross) - field.cost)


def worth(
    lived: Lived, known: Known, field: Field, term: Factor, told: np.ndarray | None = None
) -> tuple[float, float]:
    """True net margin of 1,000 people with the term known, and without.

    Args:
        lived: The market.
        known: The customers.
        field: The day's money, and the truth.
        term: The term.
        told: bool [N], people of whom the customer view tells it: it is known of them alone, and they alone are judged.
    """
    unknowing = ignoring(field, factors(term, lived, known, field))
    knowing = field.truth if told is None else np.where(told[:, None], field.truth, unknowing)
    return field.brings(field.choose(knowing), told), field.brings(field.choose(unknowing), told)


def _of(term: Factor, lived: Lived, known: Known, option: Option, offer: int) -> np.ndarray:
    count = len(known.person)
    channel = np.full(count, CHANNELS.index(option.channel))
    plain, sent = np.full(count, -1), np.full(count, lived.day * 86_400_000)
    m = Messages(known.person, channel, np.full(count, offer), plain, sent, np.zeros(count, dtype=bool))
    return np.asarray(term(lived.world, lived.state, m, lived.day), dtype=np.float64)
