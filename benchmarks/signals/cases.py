"""How many cases it takes until the model sees a signal by itself: the same trial with more and more of them.

A trial over the market's own people on one day: a part of them is in the state in question (scanned a mailer three days
ago; was written to lately; said what speaks against buying), half are contacted by one channel, and who buys is drawn
from the market's law. The features are those of the customer view, with the state's own columns set to what the warehouse
would say of it; the model is the pipeline's, and its uplift in the state is put beside its uplift outside of it.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.signals.known import Known
from benchmarks.signals.lived import Lived, day_of
from market.effects import Messages, effect_when_reached, maturity, reach_chance
from market.truth import organic_chance
from market.words import CHANNELS, DAY_MS, HOUR_MS, OBJECTIONS
from market.world import State
from ml.configuration import Configuration
from ml.entities import NONE, Channel, Option
from ml.response.model import ResponseModel

IN_STATE = 0.25
"""Of the trial's people; half of them are contacted, so an eighth of its rows are cases."""
CASES = (400, 3200, 12800)


@dataclass(frozen=True)
class Planted:
    """A state that a trial plants.

    Attributes:
        channel: By which people are contacted.
        offer_id: With what.
        columns: What the customer view says of people in the state, and of the others.
        change: Puts persons into the state, in a copy of everybody's.
        among: Persons that the trial is about, bool [N]; everybody without it.
    """

    channel: Channel
    offer_id: str
    columns: Mapping[str, tuple[object, object]]
    change: Callable[[State, np.ndarray, int], None]
    among: Callable[[Lived], np.ndarray] | None = None


def _scanned(state: State, person: np.ndarray, day: int) -> None:
    state.scan_from, state.scan_until = state.scan_from.copy(), state.scan_until.copy()
    state.scan_from[:] = state.scan_until[:] = -100_000
    state.scan_from[person], state.scan_until[person] = day - 3, day + 7


def _tired(state: State, person: np.ndarray, _day: int) -> None:
    state.fatigue = np.zeros_like(state.fatigue)
    state.fatigue[person] = 3 * 0.8 * np.exp(-1 / 7)  # three texts yesterday


def _nothing(_state: State, _person: np.ndarray, _day: int) -> None:
    return


def _objects(name: str) -> Callable[[Lived], np.ndarray]:
    """People who object so, and those who object to nothing."""
    index = OBJECTIONS.index(name)
    return lambda lived: np.isin(lived.world.people.objection, [index, OBJECTIONS.index("none")])


_WEAR = float(3 * np.exp(-1 / 7))
STATES: Mapping[str, Planted] = {
    "scan, then a call": Planted("voice", "ten_off", {"days_since_last_scan": (3.0, np.nan)}, _scanned),
    "three texts yesterday, then an e-mail": Planted(
        "email", "ten_off",
        {"wear": (_WEAR, 0.0), "touch_7d_count": (3, 0), "touch_sms_30d_count": (3, 0),
         "days_since_last_touch": (1.0, np.nan), "last_touch_channel": ("sms", None)},
        _tired,
    ),
    "said: needs nothing, then a call": Planted(
        "voice", "ten_off", {"last_objection": ("no_need", None), "days_since_last_objection": (20.0, np.nan)}, _nothing,
        _objects("no_need"),
    ),
    "said: too dear, then a call without an offer": Planted(
        "voice", NONE, {"last_objection": ("price", None), "days_since_last_objection": (20.0, np.nan)}, _nothing,
        _objects("price"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """Uplift in a state against that outside of it.

    Attributes:
        cases: People contacted in the state.
        true: Uplift in it as a multiple of that outside, by the law.
        model: The same as the model has it.
        needed: Cases with which the trial's own four cells would tell the difference at three standard errors.
    """

    cases: int
    true: float
    model: float
    needed: float


def learned(
    lived: Lived, known: Known, configuration: Configuration, planted: Planted, cases: int, *, seed: int, threads: int
) -> Learned:
    """Runs one trial and asks the model that learns from it.

    Args:
        lived: The market.
        known: The customer view of its people.
        configuration: Horizon.
        planted: The state.
        cases: People contacted in it.
        seed: Of who is in the trial, and of what they do.
        threads: Cores.
    """
    rng = np.random.default_rng([seed, cases])
    days = configuration.policy.training.horizon_days
    able = lived.state.may_contact[known.person, CHANNELS.index(planted.channel)]
    if planted.among is not None:
        able &= planted.among(lived)[known.person]
    rows = rng.choice(np.flatnonzero(able), int(cases / IN_STATE * 2))
    is_in = _in_state(lived, known.person[rows], planted, rng)
    organic, chance = _chances(lived, known.person[rows], planted, is_in, days)
    is_contacted = rng.random(len(rows)) < 0.5
    buys = rng.random(len(rows)) < organic + is_contacted * chance
    frame = _as_seen(known.customers.iloc[rows], planted, is_in).assign(
        as_of_on=pd.Timestamp(day_of(lived.day)), channel=np.where(is_contacted, planted.channel, NONE),
        offer_id=np.where(is_contacted, planted.offer_id, NONE), sample_weight=1.0, propensity=0.5, arm="random",
        source="cycle", is_converted=buys, margin=np.where(buys, 20.0, np.nan),
    )  # fmt: skip
    option = Option(planted.channel, planted.offer_id)
    model = ResponseModel.fit(frame.reset_index(drop=True), [option], seed=seed, threads=threads)
    people = known.customers.iloc[np.unique(rows)]
    inside, outside = (
        float(model.score(_as_seen(people, planted, np.full(len(people), flag)), [option]).uplift.mean())
        for flag in (True, False)
    )
    true = chance[is_in].mean() / chance[~is_in].mean()
    found = inside / outside if outside > 0 else float("nan")
    return Learned(int((is_in & is_contacted).sum()), float(true), found, _needed(organic, chance, is_in, is_contacted))


def _needed(organic: np.ndarray, chance: np.ndarray, is_in: np.ndarray, is_contacted: np.ndarray) -> float:
    """Cases from which on a difference of differences is three standard errors, at this trial's shares."""
    difference = chance[is_in].mean() - chance[~is_in].mean()
    variance = 0.0
    for state in (is_in, ~is_in):
        for side in (is_contacted, ~is_contacted):
            cell = state & side
            rate = (organic[cell] + side[cell] * chance[cell]).mean()
            variance += rate * (1 - rate) / cell.sum()
    return float((is_in & is_contacted).sum() * variance * (3 / difference) ** 2)


def _in_state(lived: Lived, person: np.ndarray, planted: Planted, rng: np.random.Generator) -> np.ndarray:
    """Who is in the state: drawn, or, where it is what people are, who they are."""
    if planted.among is None:
        return np.asarray(rng.random(len(person)) < IN_STATE)
    return np.asarray(lived.world.people.objection[person] != OBJECTIONS.index("none"))


def _chances(
    lived: Lived, person: np.ndarray, planted: Planted, is_in: np.ndarray, days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Chance to buy without a contact, and what the contact adds to it, each [n]."""
    world, day, channel = lived.world, lived.day, CHANNELS.index(planted.channel)
    organic = organic_chance(world, lived.state, day, days)[person]
    chance = np.zeros(len(person))
    for flag in (True, False):
        state = copy(lived.state)
        planted.change(state, np.arange(world.people.count) if flag else np.zeros(0, dtype=np.int64), day)
        who = person[is_in == flag]
        full = np.full(len(who), channel)
        offer = np.full(len(who), state.catalogue.offer_index(planted.offer_id))
        sent, plain = np.full(len(who), day * DAY_MS + 17 * HOUR_MS), np.full(len(who), -1)
        m = Messages(who, full, offer, plain, sent, np.zeros(len(who), dtype=bool))
        effect = reach_chance(world, m, day) * effect_when_reached(world, state, m, day, with_hour=False)
        chance[is_in == flag] = effect * maturity(world.law, float(days))[channel] * (1 - organic[is_in == flag])
    return organic, np.maximum(chance, -organic)


def _as_seen(people: pd.DataFrame, planted: Planted, is_in: np.ndarray) -> pd.DataFrame:
    """The customer view with the state's columns set."""
    columns = {}
    for name, (inside, outside) in planted.columns.items():
        values = pd.Series(np.where(is_in, inside, outside), index=people.index)  # type: ignore[call-overload]
        columns[name] = values.astype("object" if isinstance(inside, str) else "float64")
    return people.assign(**columns)
