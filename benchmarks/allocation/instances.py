"""The instances: one family to compare on, and others that are harder for prices."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.kernel import F32, Bool
from ml.allocation.problem import Problem
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ConcaveResponse,
    ContactLimit,
    ContactVolume,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import CHANNELS, Channel, Option

COSTS: dict[Channel, float] = {
    "email": 0.002,
    "sms": 0.02,
    "direct_mail": 0.68,
    "voice": 2.5,
    "paid_social": 0.05,
    "display": 0.01,
    "web": 0.0005,
    "push": 0.001,
}
OFFERS = ("none", "five_off", "ten_off")
COLUMNS = Columns.of([("win_back", Option(c, o), COSTS[c]) for c in CHANNELS for o in OFFERS])
SEGMENTS = ("new", "regular", "lapsed")
_CHUNK = 250_000


@dataclass(frozen=True)
class Family:
    """How instances are made.

    Attributes:
        what: sets it apart from the first family.
        terms: of a number of people.
        eligible: share of all pairs that may be chosen.
        common: share of a value's variance that all of a person's contacts have in common.
        digits: values are rounded to so many decimals; None keeps them.
        contacts: k.
        segments: number of them.
    """

    what: str
    terms: Callable[[int], list[Term]]
    eligible: float = 0.6
    common: float = 0.0
    digits: int | None = None
    contacts: int = 1
    segments: int = len(SEGMENTS)


def instance(people: int, seed: int = 0, contacts: int = 1, family: str = "plain") -> Problem:
    """One instance; people are made in chunks, so that memory is the table's own."""
    kind = FAMILIES[family]
    kind = replace(kind, contacts=max(contacts, kind.contacts))
    parts = [_people(kind, min(_CHUNK, people - low), [seed, low]) for low in range(0, people, _CHUNK)]
    candidates = parts[0] if len(parts) == 1 else _joined(parts)
    return Problem(candidates, COLUMNS, [*kind.terms(people), ContactLimit(kind.contacts)])


def _people(kind: Family, people: int, seed: list[int]) -> Candidates:
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    margin = rng.lognormal(3.0, 1.2, people).astype(np.float32)[:, None]
    strength = np.log10(COLUMNS.unit_cost / 0.0001).astype(np.float32) * np.float32(0.004)
    noise = rng.standard_normal(shape, dtype=np.float32)
    if kind.common > 0:
        own = rng.standard_normal((people, 1), dtype=np.float32)
        noise = np.float32(kind.common**0.5) * own + np.float32((1 - kind.common) ** 0.5) * noise
    quantity = noise * np.float32(0.01) + strength
    value = margin * quantity - (COLUMNS.unit_cost + 0.02).astype(np.float32)
    if kind.digits is not None:
        value, quantity = np.round(value, kind.digits), np.round(quantity, 2)
    eligible = rng.random(shape, dtype=np.float32) < kind.eligible
    return _kept(kind, value, eligible, np.maximum(quantity, 0), rng)


def _kept(kind: Family, value: F32, eligible: Bool, quantity: F32, rng: np.random.Generator) -> Candidates:
    names = SEGMENTS if kind.segments == len(SEGMENTS) else tuple(f"s{number}" for number in range(kind.segments))
    segment = rng.integers(0, kind.segments, len(value)).astype(np.uint8 if kind.segments <= 256 else np.uint16)
    return Candidates.from_dense(value, eligible, quantity, segment=segment, segments=names)


def _joined(parts: list[Candidates]) -> Candidates:
    """All people in one table; each part is let go once it is copied."""
    segments = parts[0].segments
    ends = np.cumsum([len(part) for part in parts])
    people = np.cumsum([0, *(part.people_count for part in parts)])
    starts, segment = (
        np.zeros(people[-1] + 1, dtype=np.int64),
        np.empty(people[-1], dtype=np.asarray(parts[0].segment).dtype),
    )
    column, value = np.empty(ends[-1], dtype=np.uint16), np.empty(ends[-1], dtype=np.float32)
    quantity = np.empty(ends[-1], dtype=np.float32)
    for i in range(len(parts)):
        part, at = parts[i], slice(ends[i] - len(parts[i]), ends[i])
        starts[people[i] + 1 : people[i + 1] + 1] = part.starts[1:] + at.start
        segment[people[i] : people[i + 1]] = part.segment
        column[at], value[at], quantity[at] = part.column, part.value, part.quantity
        parts[i] = _NOTHING
    return Candidates(starts, column, value, quantity, segment, segments)


_NOTHING = Candidates(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint16), np.empty(0, dtype=np.float32))


def limits(people: int) -> list[Term]:
    """36 limits, of which some seven bind."""
    terms: list[Term] = [TotalBudget(0.026 * people)]
    terms += [ChannelBudget(channel, maximum=0.03 * people) for channel in CHANNELS]
    capacity = {"voice": 0.001, "email": 0.08}
    terms += [ChannelCapacity(channel, capacity.get(channel, 0.5) * people) for channel in CHANNELS]
    floor = {"display": 0.25}
    terms += [ContactVolume(channel=channel, minimum=floor.get(channel, 0.0005) * people) for channel in CHANNELS]
    terms += [ChannelSpendShare(channel, 0.3) for channel in CHANNELS]
    quota = {"new": 0.00755, "regular": 0.0076, "lapsed": 0.003}
    return terms + [ObjectiveQuota("win_back", quota[segment] * people, segment) for segment in SEGMENTS]


def _few_limits(people: int) -> list[Term]:
    """What one in ten pairs can bear of the 36."""
    floors: dict[Channel, float] = {"display": 0.08}
    terms: list[Term] = [TotalBudget(0.01 * people), ChannelCapacity("email", 0.03 * people)]
    terms += [ChannelCapacity("voice", 0.0005 * people), ChannelSpendShare("direct_mail", 0.3)]
    return terms + [ContactVolume(channel=name, minimum=share * people) for name, share in floors.items()]


def _loose_quotas(people: int) -> list[Term]:
    """Where a person's contacts are alike there is less to choose from: the 36 with quotas of a half."""
    others = [term for term in limits(people) if not isinstance(term, ObjectiveQuota)]
    return others + [ObjectiveQuota("win_back", 0.0038 * people, segment) for segment in SEGMENTS]


def _tight_quotas(people: int) -> list[Term]:
    """Quotas near the most that there is: value is given up for conversions, and little room is left."""
    others = [term for term in limits(people) if not isinstance(term, ObjectiveQuota)]
    return others + [ObjectiveQuota("win_back", 0.0076 * people, segment) for segment in SEGMENTS]


def _hundred_rows(people: int) -> list[Term]:
    """A quota for each of 67 segments beside the other 33."""
    others = [term for term in limits(people) if not isinstance(term, ObjectiveQuota)]
    quotas = [ObjectiveQuota("win_back", (0.00025 + 0.0000012 * s) * people, f"s{s}") for s in range(67)]
    return [*others, *quotas]


def _responses(segments: int) -> Callable[[int], list[Term]]:
    """Diminishing returns of every channel in every segment, beside a budget."""

    def terms(people: int) -> list[Term]:
        names = tuple(f"s{number}" for number in range(segments))
        ceiling = tuple(0.02 * people / segments * (1 + s % 7) for s in range(segments))
        curves = [ConcaveResponse(channel, 20.0, ceiling, names) for channel in CHANNELS]
        return [TotalBudget(0.026 * people), ChannelCapacity("email", 0.08 * people), *curves]

    return terms


FAMILIES = {
    "plain": Family("heavy-tailed values, 60 % of the pairs, 36 limits", limits),
    "correlated": Family("nine tenths of a value's variance are the person's own", _loose_quotas, common=0.9),
    "few eligible": Family("one pair in ten", _few_limits, eligible=0.1),
    "many ties": Family("values in whole money, conversions in hundredths", limits, digits=0),
    "tight quotas": Family("quotas near the most that there is", _tight_quotas),
    "two contacts": Family("up to two contacts a person", limits, contacts=2),
    "100 limits": Family("quotas of 67 segments beside 33 limits", _hundred_rows, segments=67),
    "responses": Family("8 channels saturating in 128 segments: 1,024 curves", _responses(128), segments=128),
}
