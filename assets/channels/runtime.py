"""What a dispatch takes from outside: clocks, waiting, chance, and a name called at each step.

Nothing else below the assets reads a clock or draws a number: what depends on either gets it from here, so that a test
can stop time, jump it, or break off at any step.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

STEPS = (
    "dispatch.begin",  # before anything of a dispatch
    "dispatch.ready",  # after take-over and expiry
    "outbox.claimed",  # a batch is leased
    "outbox.intended",  # its intent is committed
    "driver.returned",  # the channel has answered, nothing is recorded
    "driver.failed",  # the channel as a whole failed, nothing is recorded
    "outbox.acked",  # what it said is committed
)
"""The points at which a process may be lost: `Runtime.step` is called with each."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The outside of a dispatch.

    Args:
        now: What leases and retries run by.
        elapsed: Seconds since some moment; never jumps. Deadlines, rate limits and the progress of business time.
        sleep: Waits for so many seconds.
        random: A number in [0, 1), for jitter.
        step: Told each step of `STEPS`; does nothing in production.
    """

    now: Callable[[], datetime]
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]
    step: Callable[[str], None]


def running(at: datetime, *, seed: int) -> Runtime:
    """Real time, counted from a moment of business time.

    The clock counts a machine's sleep too, and setting the machine's date doesn't move it.

    Args:
        at: Business time now.
        seed: Of the jitter.
    """
    started = _seconds()

    def elapsed() -> float:
        return _seconds() - started

    def now() -> datetime:
        return at + timedelta(seconds=elapsed())

    return Runtime(now, elapsed, time.sleep, random.Random(seed).random, _nothing)  # noqa: S311 - jitter


def still(at: datetime) -> Runtime:
    """Time stands, but for what is slept: for a replay, and for tests."""
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    def now() -> datetime:
        return at + timedelta(seconds=slept[0])

    return Runtime(now, lambda: slept[0], sleep, lambda: 0.5, _nothing)


def _seconds() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _nothing(_step: str) -> None:
    """No fault."""
