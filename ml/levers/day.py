"""What the operator's numbers meant on a day: what of them remains for a plan, after all that stands outside of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

NO_CAP: Final = "none"
PER_DAY: Final = "policy.spend_caps.per_day"
PER_CHANNEL: Final = "policy.spend_caps.per_channel_per_day"
SPEND_SHARE: Final = "policy.guardrails.channel_spend_share"
SPEND_CHANGE: Final = "policy.guardrails.spend_change_per_day"
CONTACTS: Final = "policy.max_contacts_per_cycle"

Numbers = Mapping[str, float | None]
"""Numbers by the operator's key; None for no cap."""


class LeverError(ValueError):
    """A key that isn't a lever, or a value that it can't have; says what would be right."""


@dataclass(frozen=True)
class ObjectiveDay:
    """What an objective's budget means today.

    Attributes:
        budget: Of the period, as the operator states it.
        left: Of the budget, before today.
        room: Money for today, before the randomized arms.
        day_share: Share of what is left that pacing gives to today.
        rise_reference: Mean spend of a day that `spend_change_per_day` holds against, once there are days enough.
        even_days: Days left, where that guardrail holds against the even split of what is left. Neither where it is off.
        today: Money that is spent or bound today already.
    """

    budget: float
    left: float
    room: float
    day_share: float
    rise_reference: float | None = None
    even_days: int | None = None
    today: float = 0.0

    def room_at(self, budget: float, rise: float) -> float:
        """Today's money under another budget or another bound on the rise of a day's spend."""
        left = max(0.0, self.left + budget - self.budget)
        usual = left / self.even_days if self.even_days else self.rise_reference
        day = self.day_share * left
        return max(0.0, (day if usual is None else min(day, (1 + rise) * usual)) - self.today)

    @property
    def is_rise_bounded(self) -> bool:
        """Whether `spend_change_per_day` holds for it."""
        return self.rise_reference is not None or self.even_days is not None


@dataclass(frozen=True)
class Day:
    """What the operator's numbers were on the day of a problem, and what stands outside of it.

    Attributes:
        cycle_id: Whose problem it is.
        currency: Of the workspace.
        numbers: The operator's numbers by key; None where no cap is set.
        objectives: What each objective's budget means today.
        spent: Money by channel that is spent or bound today outside of the problem, randomized arms included.
        carried: Contacts by channel, likewise.
        randomized: Money by objective that today's randomized arms spend.
    """

    cycle_id: str
    currency: str
    numbers: Mapping[str, float | None]
    objectives: Mapping[str, ObjectiveDay] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    carried: Mapping[str, float] = field(default_factory=dict)
    randomized: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Day":
        """From what `to_dict` gave."""
        objectives = {name: ObjectiveDay(**each) for name, each in values["objectives"].items()}
        return cls(**{**values, "objectives": objectives})
