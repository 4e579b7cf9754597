"""One seed, from an empty ledger to the verdict."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event, exists, select

from assets.channels.dispatch import DEADLINE, DispatchFailed, dispatch
from assets.channels.guards import frequency_guard
from assets.channels.runtime import Runtime
from assets.ledger.engine import reading
from assets.ledger.ledger import Ledger
from assets.ledger.tables import outbox
from benchmarks.simulation.checker import CapWatch, violations
from benchmarks.simulation.people import CHANNELS, Around
from benchmarks.simulation.provider import Provider, SimulatedDriver
from benchmarks.simulation.world import Actor, World
from ml.configuration.policy import FrequencyCap

LEASE_S = 60.0
STEPS = 160
DRAIN_STEPS = 3_000
PEOPLE = 8
_UNFINISHED = select(exists().where(outbox.c.state.in_(("pending", "leased", "sending"))))


class Simulator:
    """Runs seeds, each from an empty, migrated ledger in memory.

    One engine and its connections serve all of them, so that statements are compiled once. A process dies between
    statements here, never under a write: nothing waits for a disk.
    """

    def __init__(self) -> None:
        memory = Path("/dev/shm")  # noqa: S108 - ledgers that needn't survive
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        file = Path(self._folder.name) / "ledger.db"
        self.ledger = Ledger(f"sqlite:///{file}")
        event.listen(self.ledger.engine, "connect", _without_disk)
        self.ledger.upgrade()
        self._own = sqlite3.connect(file, isolation_level=None)
        self._empty = sqlite3.connect(":memory:")
        self._own.backup(self._empty)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
        self._own.close()
        self._empty.close()
        self._folder.cleanup()

    def run(self, seed: int) -> list[str]:
        """Run one seed. Returns what it broke."""
        self._empty.backup(self._own)
        return _Simulation(seed, self.ledger, CapWatch(self._own)).run()


def _without_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class _Simulation:
    def __init__(self, seed: int, ledger: Ledger, caps: CapWatch) -> None:
        self.world, self.ledger, self.caps = World(seed), ledger, caps
        chance = self.world.random
        self.contact_cap = chance.choice((1, 2, 9))
        self.money_cap = float(chance.choice((PEOPLE, PEOPLE + 3, 4 * PEOPLE)))
        self.around = Around(self.world, ledger, people=PEOPLE, cap=self.money_cap)
        share = chance.choice((0.0, 0.1, 0.4))
        self.providers = {
            "email": Provider(self.world, "keyed", chance.choice((None, 130.0)), share),
            "sms": Provider(self.world, chance.choice(("blind", "reconcilable")), None, share),
        }
        self.is_batch = chance.random() < 0.3
        seats = chance.choice((("a", "b", "c"), ("a", "a", "b")))
        self.actors = [self._worker(f"w{number}", seat) for number, seat in enumerate(seats)]
        self.actors += [Actor(self.world, f"r{number}", self.around.replan) for number in range(2)]

    def run(self) -> list[str]:
        self.around.first_plan()
        for _ in range(STEPS):
            self._move()
            if self.caps.is_broken():
                self.world.history.caps_broken.append(f"I3: beyond a cap at {self.world.seconds:.1f}")
        self._drain()
        return violations(
            self.world,
            self.ledger,
            deadline_s=DEADLINE.total_seconds(),
            contact_cap=self.contact_cap,
            money_cap=self.money_cap,
        )

    def _move(self) -> None:
        """One turn of the scheduler: somebody goes on, or something goes wrong."""
        chance = self.world.random
        self.world.seconds += chance.expovariate(2.0)
        luck = chance.random()
        if luck < 0.06:
            self.around.disturb()
            return
        actor = self._next()
        if luck < 0.10:
            self._crash(actor)
        elif luck < 0.15:
            actor.wakes_at = self.world.seconds + chance.uniform(3, 3 * LEASE_S)  # stopped, as by SIGSTOP
        elif luck < 0.17:
            actor.skew += chance.choice((-3600, -90, 90, 3600))
        else:
            actor.go_on()

    def _next(self) -> Actor:
        """Somebody who is awake; time goes on until there is."""
        awake = [each for each in self.actors if each.wakes_at <= self.world.seconds and not each.is_over]
        if not awake:
            alive = [each for each in self.actors if not each.is_over]
            self.world.seconds = max(self.world.seconds, min(each.wakes_at for each in alive))
            awake = [each for each in alive if each.wakes_at <= self.world.seconds]
        return self.world.random.choice(awake)

    def _crash(self, actor: Actor) -> None:
        actor.crash()
        if actor.name.startswith("w"):
            seat = actor.name.split("/")[1]
            self.actors[self.actors.index(actor)] = self._worker(actor.name.split("/")[0], seat)
        else:
            self.actors[self.actors.index(actor)] = Actor(self.world, actor.name, self.around.replan)

    def _drain(self) -> None:
        """No more faults: everything must come to its end."""
        self.world.calm = True
        self.around.resume()
        for actor in self.actors:
            actor.skew = 0.0
        for _ in range(DRAIN_STEPS):
            alive = [each for each in self.actors if not each.is_over]
            if not alive:
                break
            self.world.seconds += 0.05
            self._next().go_on()

    def _worker(self, name: str, seat: str) -> Actor:
        return Actor(self.world, f"{name}/{seat}", lambda actor: self._dispatches(actor, seat))

    def _dispatches(self, actor: Actor, seat: str) -> None:
        """A dispatcher's life: one channel after the other, until nothing is left to do."""
        chance = self.world.random
        runtime = Runtime(
            now=lambda: self.world.now(actor.skew),
            elapsed=lambda: self.world.seconds,
            sleep=actor.sleep,
            random=chance.random,
            step=actor.step,
        )
        drivers = {
            channel: SimulatedDriver(provider, actor.step, is_batch=self.is_batch)
            for channel, provider in self.providers.items()
        }
        guards = [frequency_guard(self.ledger, [FrequencyCap(max=self.contact_cap, days=7)])]
        actor.step("worker.begin")
        while True:
            for channel in chance.sample(CHANNELS, 2):
                try:
                    dispatch(
                        self.ledger,
                        drivers,
                        at=self.world.now(),
                        channel=channel,
                        owner=seat,
                        lease_s=LEASE_S,
                        batch_size=chance.randrange(1, 6),
                        guards=guards,
                        runtime=runtime,
                    )
                except DispatchFailed:
                    actor.step("worker.failed")
            if self.world.calm and self._is_done():
                return
            actor.sleep(chance.uniform(5, 60))

    def _is_done(self) -> bool:
        with reading(self.ledger.engine) as connection:
            return not connection.execute(_UNFINISHED).scalar()
