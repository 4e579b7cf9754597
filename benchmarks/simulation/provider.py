"""A provider with faults on demand, as one delivery class of it would behave."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from assets.channels.contract import Delivery, Message, Receipt
from benchmarks.simulation.world import World

FAULTS = ("throttled", "refused", "error_before", "error_after", "broken_before", "broken_after")

PATIENCE_S = 30.0
"""A provider hangs up on a caller that says nothing for so long."""


class LineDeadError(ConnectionError):
    """The channel as a whole is gone."""


class Provider:
    """What the other side does with what it gets.

    Args:
        world: Its world.
        delivery: Its delivery class; a keyed one remembers keys for `horizon_s`.
        horizon_s: Seconds, None for ever.
        fault_share: Of the calls.
    """

    def __init__(self, world: World, delivery: Delivery, horizon_s: float | None, fault_share: float) -> None:
        self.world, self.delivery, self.fault_share = world, delivery, fault_share
        self.horizon_s = horizon_s
        self._keys: dict[str, float] = {}

    def accept(self, message_id: str) -> None:
        """Take a message on: a key that is still known has no second effect."""
        first = self._keys.get(message_id)
        known = first is not None and (self.horizon_s is None or self.world.seconds - first < self.horizon_s)
        if self.delivery == "keyed" and known:
            return
        self._keys[message_id] = self.world.seconds
        self.world.history.accepted[message_id] += 1

    def fault(self) -> str:
        """What goes wrong with this call, if anything."""
        if self.world.calm or self.world.random.random() >= self.fault_share:
            return ""
        return self.world.random.choice(FAULTS)


class SimulatedDriver:
    """Hands messages to a provider, one at a time or all in one call, giving way before and after each.

    Args:
        provider: The other side.
        step: Gives way.
        is_batch: Whether it takes all of a batch at once.
    """

    def __init__(self, provider: Provider, step: Callable[[str], None], *, is_batch: bool) -> None:
        self._provider, self._step, self._is_batch = provider, step, is_batch

    @property
    def delivery(self) -> Delivery:
        """The provider's class."""
        return self._provider.delivery

    @property
    def key_horizon(self) -> timedelta | None:
        """As the provider documents it, with a minute's margin."""
        horizon = self._provider.horizon_s
        return None if horizon is None else timedelta(seconds=horizon - 60)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Send."""
        if self._is_batch:
            return self._call(list(self._begun(messages)), at)
        return [receipt for message in self._begun(messages) for receipt in self._call([message], at)]

    def _begun(self, messages: Sequence[Message]) -> Iterator[Message]:
        for message in messages:
            self._provider.world.history.starts.append((message.message_id, self._provider.world.seconds))
            yield message

    def _call(self, messages: Sequence[Message], at: datetime) -> list[Receipt]:
        fault, begun = self._provider.fault(), self._provider.world.seconds
        self._step("driver.before")
        if fault == "broken_before" or self._provider.world.seconds - begun > PATIENCE_S:
            raise LineDeadError
        if fault in ("", "error_after", "broken_after"):
            for message in messages:
                self._provider.accept(message.message_id)
        self._step("driver.after")
        if fault == "broken_after":
            raise LineDeadError
        status = {"": "sent", "throttled": "retry", "refused": "failed"}.get(fault, "unknown")
        wait = timedelta(seconds=90) if fault == "throttled" else None
        return [Receipt(message.message_id, status, at, detail=fault, retry_after=wait) for message in messages]  # type: ignore[arg-type]
