"""Memory: what was learned is kept as findings, each with its evidence and the day until which it is believed.

A finding that is learned again replaces the one that is held; where their intervals have nothing in common it contradicts
it, and that is said. The findings of the past are where the next campaign starts from (`prior_uplift`), and what they
leave open says which experiment would tell most (`experiments`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import erf, exp, pi, sqrt
from typing import Any, Final, Literal

from ml.learning.contrasts import Z95, ChannelEffect
from ml.learning.creatives import CreativeLook

Unit = Literal["share", "money"]
Verdict = Literal["new", "sharper", "confirmed", "contradicted"]

BELIEVED: Final[Mapping[str, timedelta]] = {
    "lift": timedelta(days=180),
    "channel": timedelta(days=180),
    "creative": timedelta(days=90),
    "trial": timedelta(days=365),
}
"""How long a finding is believed without being learned again: creatives wear out first."""
SHARPER: Final = 0.9
LEARNED_AGAIN: Final = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """Something learned.

    Attributes:
        key: What it is about: `channel/email`, `trial/email/<table>`, `lift/<objective>/<measure>/<against>`, `creative/<id>`.
        statement: In words.
        unit: `share` (of people who convert) or `money`, per person or contact.
        effect: What was caused.
        low: Lower end of the 95 % interval.
        high: Upper end.
        sample: People whose outcomes it rests on.
        source: The cycle that learned it.
        learned_on: Its day.
        expires_on: From this day on it isn't believed without having been learned again.
    """

    key: str
    statement: str
    unit: Unit
    effect: float
    low: float
    high: float
    sample: int
    source: str
    learned_on: date
    expires_on: date

    @property
    def sd(self) -> float:
        """Standard deviation that the interval stands for."""
        return (self.high - self.low) / (2 * Z95)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"learned_on": self.learned_on.isoformat(), "expires_on": self.expires_on.isoformat()}


@dataclass(frozen=True)
class Learned:
    """A finding of today beside the one that was held."""

    finding: Finding
    verdict: Verdict
    held: Finding | None


@dataclass(frozen=True)
class Experiment:
    """What contacting more people by chance would tell.

    Attributes:
        channel: Through which.
        net: What a contact is expected to bring, money.
        low: Lower end of its 95 % interval.
        high: Upper end.
        worth: Money a cycle that knowing it exactly would bring (expected value of perfect information).
    """

    channel: str
    net: float
    low: float
    high: float
    worth: float


def of_channels(effects: Iterable[ChannelEffect], cycle_id: str, on: date) -> list[Finding]:
    """Findings about channels; those for which it's too early are none."""
    found = []
    for one in effects:
        if one.effect is None or one.interval is None:
            continue
        low, high = one.interval
        words = f"a contact by {one.channel.replace('_', ' ')} {_caused(one.effect, low, high)}"
        sample = one.contacted.people + one.alone.people
        found.append(_finding("channel", one.channel, words, "share", (one.effect, low, high), sample, cycle_id, on))
    return found


def of_trial(channel: str, figures: tuple[float, float, float], sample: int, table: str, on: date) -> Finding:
    """Finding of a trial outside of the product.

    Args:
        channel: Whose contacts it was about.
        figures: What a contact added to the chance of a conversion, with its 95 % interval.
        sample: People.
        table: Name of the file.
        on: Day on which it was learned from.
    """
    words = f"by the trial in {table}, a contact by {channel.replace('_', ' ')} {_caused(*figures)}"
    return _finding("trial", f"{channel}/{table}", words, "share", figures, sample, f"{on.isoformat()} {table}", on)


def of_lifts(lifts: Iterable[Mapping[str, Any]], cycle_id: str, on: date) -> list[Finding]:
    """Findings about objectives' lifts, from plain facts of `lift.Lift`."""
    found = []
    for one in lifts:
        if one["difference"] is None:
            continue
        about = f"{one['objective_id']}/{one['measure']}/{one['against']}"
        unit: Unit = "money" if one["measure"] == "margin" else "share"
        sample = int(one["system"]["people"]) + int(one["other"]["people"])
        figures = (one["difference"], one["low"], one["high"])
        found.append(
            _finding("lift", about, f"{one['objective_id']}: {one['words']}", unit, figures, sample, cycle_id, on)
        )
    return found


def of_creatives(looks: Iterable[CreativeLook], cycle_id: str, on: date) -> list[Finding]:
    """Findings about creatives: those that lose for certain."""
    found = []
    for one in looks:
        if one.state != "retired" or one.difference is None or one.low is None or one.high is None:
            continue
        words = (
            f"creative {one.creative_id} of {one.option} loses {-one.difference:.2%} a contact against the leading one"
        )
        figures = (one.difference, one.low, one.high)
        found.append(_finding("creative", one.creative_id, words, "share", figures, one.people, cycle_id, on))
    return found


def learn(found: Iterable[Finding], held: Mapping[str, Finding], on: date) -> list[Learned]:
    """What of today's findings is worth keeping.

    Args:
        found: Today's.
        held: By key the newest kept, expired or not.
        on: Today.

    Returns:
        Each that is new, contradicts, is sharper by a tenth, or confirms what was learned a week ago or has expired.
    """
    kept = []
    for one in found:
        before = held.get(one.key)
        verdict = _verdict(one, before)
        stale = before is not None and (before.expires_on <= on or before.learned_on + LEARNED_AGAIN <= on)
        if verdict != "confirmed" or stale:
            kept.append(Learned(one, verdict, before))
    return kept


def believed(held: Iterable[Finding], on: date) -> list[Finding]:
    """Findings that were there on a day and haven't expired: a past day that is run again knows no later ones."""
    return [one for one in held if one.learned_on <= on < one.expires_on]


def prior_uplift(held: Iterable[Finding], thought: Mapping[str, float]) -> dict[str, float]:
    """What a contact adds to the chance of a conversion, by channel, before a campaign has data of its own.

    What is thought, as unsure as it is large, is combined with what campaigns and trials found by the inverse of their
    variances; an effect below 0 stays one.

    Args:
        held: Findings that are believed.
        thought: By channel, where nothing was found; above 0.
    """
    found = {one.key: one for one in held}
    return {channel: _combined(_about(found, channel), before)[0] for channel, before in thought.items()}


def of_trials(held: Iterable[Finding]) -> list[Finding]:
    """Findings of trials outside of the product."""
    return [one for one in held if one.key.startswith("trial/")]


def experiments(
    held: Iterable[Finding],
    people: Mapping[str, int],
    costs: Mapping[str, float],
    *,
    value: float,
    thought: Mapping[str, float],
) -> list[Experiment]:
    """Channels of which most is to be learned, the best first.

    What a contact brings is taken as normal with mean m and standard deviation s. Knowing it, one would contact where
    it's positive and not where it isn't, which beats the better of the two by s phi(m / s) - |m| Phi(-|m| / s) a person
    (expected value of perfect information; Raiffa and Schlaifer 1961).

    Args:
        held: Findings that are believed.
        people: People a cycle who may be contacted, by channel.
        costs: Of a contact, by channel.
        value: Of a conversion, money.
        thought: Effect of a channel of which nothing was found, above 0; its standard deviation is as large.
    """
    found = {one.key: one for one in held}
    made = []
    for channel, count in people.items():
        effect, sd = _combined(_about(found, channel), thought[channel])
        net, spread = effect * value - costs[channel], sd * value
        worth = count * _regret(net, spread)
        made.append(Experiment(channel, net, net - Z95 * spread, net + Z95 * spread, worth))
    return sorted(made, key=lambda one: (-one.worth, one.channel))


def _about(found: Mapping[str, Finding], channel: str) -> list[Finding]:
    return [one for key, one in found.items() if key == f"channel/{channel}" or key.startswith(f"trial/{channel}/")]


def _combined(found: Sequence[Finding], thought: float) -> tuple[float, float]:
    told = [(thought, thought), *((one.effect, max(one.sd, 1e-9)) for one in found)]
    precision = sum(1 / sd**2 for _, sd in told)
    return sum(effect / sd**2 for effect, sd in told) / precision, 1 / sqrt(precision)


def _regret(mean: float, sd: float) -> float:
    if sd <= 0:
        return 0.0
    z = abs(mean) / sd
    return sd * (exp(-z * z / 2) / sqrt(2 * pi)) - abs(mean) * (1 - erf(z / sqrt(2))) / 2


def _verdict(one: Finding, before: Finding | None) -> Verdict:
    if before is None:
        return "new"
    if one.high < before.low or one.low > before.high:
        return "contradicted"
    return "sharper" if one.high - one.low < SHARPER * (before.high - before.low) else "confirmed"


def _finding(  # noqa: PLR0917 - a record's columns
    kind: str,
    about: str,
    words: str,
    unit: Unit,
    figures: tuple[float, float, float],
    sample: int,
    cycle_id: str,
    on: date,
) -> Finding:
    effect, low, high = figures
    return Finding(f"{kind}/{about}", words, unit, effect, low, high, sample, cycle_id, on, on + BELIEVED[kind])


def _caused(effect: float, low: float, high: float) -> str:
    shown = f"{effect:+.2%} ({low:+.2%} to {high:+.2%}) to the chance of a conversion"
    return f"adds {shown}" if low > 0 else f"takes {shown}" if high < 0 else f"may add nothing: {shown}"
