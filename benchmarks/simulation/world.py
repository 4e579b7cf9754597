"""Virtual time, actors that give way at each step, and the history of what happened."""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 13, tzinfo=UTC)


class Crash(BaseException):
    """A process dies here: nothing after this line of it ever runs."""


@dataclass
class History:
    """What the outside world saw.

    Times are true seconds since the start. `starts`: message, when its send began. `accepted`: how often a message
    became a new delivery. `revoked`: kind, subject, from when, until when.
    """

    starts: list[tuple[str, float]] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    revoked: list[tuple[str, str, float, float]] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    steps: Counter[str] = field(default_factory=Counter)
    caps_broken: list[str] = field(default_factory=list)


class World:
    """The clock and the chance of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.seconds = 0.0
        self.history = History()
        self.calm = False

    def now(self, skew: float = 0.0) -> datetime:
        """True time, or what a clock shows that is wrong by so many seconds."""
        return START + timedelta(seconds=self.seconds + skew)


class Actor:
    """A process: a thread that runs only when it is told to, up to its next step.

    Args:
        world: Its world.
        name: For messages.
        work: What it does; given the actor.
    """

    def __init__(self, world: World, name: str, work: Callable[["Actor"], None]) -> None:
        self.world, self.name, self.skew, self.wakes_at = world, name, 0.0, 0.0
        self.error: BaseException | None = None
        self._go, self._gave_way = threading.Lock(), threading.Lock()  # each is passed on like a baton
        self._go.acquire()
        self._gave_way.acquire()
        self._is_doomed = False
        self.is_over = False
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def step(self, name: str) -> None:
        """Give way; die here if that is what was decided."""
        self.world.history.steps[name] += 1
        self._gave_way.release()
        self._go.acquire()
        if self._is_doomed:
            raise Crash

    def sleep(self, seconds: float) -> None:
        """Sleep in virtual time."""
        self.wakes_at = self.world.seconds + seconds
        self.step("sleep")

    def go_on(self) -> None:
        """Run to the next step."""
        self._go.release()
        self._gave_way.acquire()
        if self.error is not None:
            raise self.error

    def crash(self) -> None:
        """Die at this step."""
        self._is_doomed = True
        self.go_on()
        self._thread.join()

    def _run(self, work: Callable[["Actor"], None]) -> None:
        self._go.acquire()
        try:
            if not self._is_doomed:
                work(self)
        except Crash:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the scheduler
            self.error = error
        self.is_over = True
        self._gave_way.release()


def by_message(starts: list[tuple[str, float]]) -> dict[str, list[float]]:
    """When sends of each message began."""
    found: dict[str, list[float]] = defaultdict(list)
    for message_id, at in starts:
        found[message_id].append(at)
    return found
