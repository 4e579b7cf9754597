"""Whether a plan may be released: the objective's level, the guardrails, and the policy, which always holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ml.configuration.policy import SpendCaps
from ml.entities import Autonomy, PlanState
from ml.policy.guardrails import Guardrail, PlanFigures, Reading


@dataclass(frozen=True)
class Authorization:
    """What the rules say about one objective's part of a plan.

    Attributes:
        state: `released`, `waiting` for a person, or `rejected`, which no person can lift.
        reasons: In words; empty where it is released without remark.
        readings: Every guardrail with its distance.
    """

    state: PlanState
    reasons: tuple[str, ...]
    readings: tuple[Reading, ...]


def authorize(
    figures: PlanFigures,
    level: Autonomy,
    guardrails: Sequence[Guardrail],
    *,
    caps: SpendCaps | None = None,
    first_uses: Iterable[str] = (),
    is_first_cycle: bool = False,
) -> Authorization:
    """Decide on one objective's part of a plan.

    assisted: every plan waits. supervised: released where all guardrails hold and nothing is used for the first time
    outside an objective's first cycle. autonomous: released. A spend cap of the policy rejects at every level.

    Args:
        figures: What the plan adds up to.
        level: The objective's level in force.
        guardrails: The bounds.
        caps: Hard caps; the caller's figures are then those of the whole day, all objectives together.
        first_uses: Actions of the plan that were never used before.
        is_first_cycle: Whether it's the objective's first; first uses are then announced, not escalated.
    """
    readings = tuple(guardrail.read(figures) for guardrail in guardrails)
    broken = over_caps(figures, caps) if caps else []
    if broken:
        return Authorization("rejected", tuple(broken), readings)
    new = [f"{action} is used for the first time" for action in first_uses]
    if level == "assisted":
        return Authorization("waiting", ("the objective is assisted: every plan waits for a person", *new), readings)
    crossed = [reading.words for reading in readings if reading.is_crossed]
    if level == "supervised" and (crossed or (new and not is_first_cycle)):
        return Authorization("waiting", (*crossed, *new), readings)
    return Authorization("released", (*crossed, *new), readings)


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
