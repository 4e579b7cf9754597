"""The sandbox's time: the wall clock, or a business time that runs on from where it was set."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time.

    Args:
        at: Business time now; the wall clock without one.
    """

    def __init__(self, at: datetime | None = None) -> None:
        self._ahead = timedelta()
        if at is not None:
            self.set(at)

    def set(self, at: datetime) -> None:
        """Makes it ``at`` now; time runs on from there."""
        self._ahead = at.astimezone(UTC) - self.wall()

    def now(self) -> datetime:
        """The time, UTC."""
        return self.wall() + self._ahead

    @staticmethod
    def wall() -> datetime:
        """The wall clock: what tokens expire by and signatures are dated with."""
        return datetime.fromtimestamp(time.time(), tz=UTC)
