"""The parts that the configuration's models share: strictness, and the few kinds of value that recur."""

import re
from datetime import time
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ANY_SLOT: Final = "any"
"""The slot of a channel that names none: whenever quiet hours allow."""


class Model(BaseModel):
    """A part of the configuration: typed strictly, unknown keys refused, unchanged once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Window(NamedTuple):
    """A stretch of the recipient's local day, from `start` up to `end`; over midnight where `end` is not later."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read `"08:00-11:00"`; `24:00` is the end of the day.

        Raises:
            ValueError: It isn't such a window.
        """
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", text)
        if not match:
            raise ValueError('a window is written "HH:MM-HH:MM" in 24 hours, such as "08:00-11:00"')
        start, end = time(int(match[1]), int(match[2])), time(int(match[3] or 0), int(match[4] or 0))
        if start == end and match[3]:
            raise ValueError("the window is empty: its end is its start")
        return cls(start, end)

    def covers(self, moment: time) -> bool:
        """Whether a local time of day is inside."""
        end = self.end if self.end != time(0) else time.max
        return self.start <= moment < end if self.start < end else moment >= self.start or moment < end


def _window(text: str) -> str:
    Window.parse(text)
    return text


def _slot(text: str) -> str:
    window = Window.parse(text)
    if window.end != time(0) and window.end < window.start:
        raise ValueError("a send slot ends after it starts, within one day")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("an IANA time zone, such as America/New_York") from error
    return name


Identifier = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="lower-case letters, digits and _, from a letter")
]
Share = Annotated[float, Field(ge=0, le=1, description="a share from 0 to 1")]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False, description="an amount of money, 0 or more")]
PositiveMoney = Annotated[float, Field(gt=0, allow_inf_nan=False, description="an amount of money above 0")]
Count = Annotated[int, Field(ge=0, description="a whole number, 0 or more")]
Days = Annotated[int, Field(ge=1, le=3650, description="whole days, 1 or more")]
WindowText = Annotated[str, AfterValidator(_window)]
SlotText = Annotated[str, AfterValidator(_slot)]
ZoneName = Annotated[str, AfterValidator(_zone)]
NoWindow = Literal["none"]
