"""Whether a plan may be released: the level, the guardrails, and the policy, which always holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ml.configuration.policy import SpendCaps
from ml.entities import Autonomy, Channel, PlanState
from ml.policy.guardrails import Guardrail, PlanFigures, Reading


@dataclass(frozen=True)
class Authorization:
    """What the rules say about a part of a plan.

    Attributes:
        state: `released`, `waiting` for a person, or `rejected`, which no person can lift.
        reasons: In words; empty where it is released without remark.
        readings: Every guardrail with its distance.
    """

    state: PlanState
    reasons: tuple[str, ...]
    readings: tuple[Reading, ...]


def authorize(
    figures: PlanFigures, level: Autonomy, guardrails: Sequence[Guardrail], *, caps: SpendCaps | None = None
) -> Authorization:
    """Decide on one objective's part of a plan as a whole.

    assisted: every plan waits. supervised: released where all guardrails hold. autonomous: released. A spend cap of the
    policy rejects at every level. An action's first use is announced in an objective's first cycle, escalated later.

    Args:
        figures: What the plan adds up to.
        level: The objective's level in force.
        guardrails: The bounds.
        caps: Hard caps; the caller's figures are then those of the whole day, all objectives together.
    """
    readings = tuple(guardrail.read(figures) for guardrail in guardrails)
    broken = over_caps(figures, caps) if caps else []
    if broken:
        return Authorization("rejected", tuple(broken), readings)
    return _judged(level, "the objective", readings, _announced(figures))


def authorize_channels(
    figures: PlanFigures,
    levels: Mapping[Channel, Autonomy],
    guardrails: Sequence[Guardrail],
) -> dict[Channel, Authorization]:
    """Decide on one objective's part of a plan, channel by channel: what is within goes, the rest waits.

    The figures are the whole part's, so a crossing holds every supervised channel, unless it is about some channels
    alone (`Reading.channels`): then those wait and the others go.

    Args:
        figures: What the objective's part adds up to.
        levels: Level in force by channel that the part uses.
        guardrails: The bounds.
    """
    readings = tuple(guardrail.read(figures) for guardrail in guardrails)
    return {
        channel: _judged(
            level,
            channel,
            tuple(each for each in readings if each.channels is None or channel in each.channels),
            _announced(figures, channel),
        )
        for channel, level in levels.items()
    }


def over_caps(figures: PlanFigures, caps: SpendCaps) -> list[str]:
    """The policy's spend caps that the figures exceed, in words."""
    broken = []
    if caps.per_day is not None and figures.total_spend > caps.per_day * (1 + 1e-9):
        broken.append(f"spend {figures.total_spend:,.2f} is over the policy's cap of {caps.per_day:,.2f} a day")
    for channel, cap in caps.per_channel_per_day.items():
        spend = figures.spend.get(channel, 0.0)
        if spend > cap * (1 + 1e-9):
            broken.append(f"{channel} spend {spend:,.2f} is over the policy's cap of {cap:,.2f} a day")
    return broken


def _announced(figures: PlanFigures, channel: str | None = None) -> list[str]:
    """New actions of an objective's first cycle: said, and nothing more."""
    if not figures.is_first_cycle:
        return []
    own: Iterable[str] = (a for a in figures.new_actions if channel is None or a.partition(":")[0] == channel)
    return [f"{action} is used for the first time" for action in own]


def _judged(level: Autonomy, who: str, readings: tuple[Reading, ...], announced: Sequence[str]) -> Authorization:
    crossed = [reading.words for reading in readings if reading.is_crossed]
    reasons = (*crossed, *announced)
    if level == "assisted":
        return Authorization("waiting", (f"{who} is assisted: every plan waits for a person", *reasons), readings)
    if level == "supervised" and crossed:
        return Authorization("waiting", reasons, readings)
    return Authorization("released", reasons, readings)
