"""Group commit: posts that come together share a transaction, and each is answered after it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from assets.ledger.inbox import Delivery, Inbox, Taken

MOST_DELIVERIES: Final = 500
MOST_WAITING: Final = 10_000

_log = logging.getLogger(__name__)


class Overloaded(Exception):  # noqa: N818 - a domain noun
    """More waits than will be stored in good time: the provider should come again."""


class Writer:
    """The one that writes to the inbox, in a thread of its own.

    While a transaction is under way the next posts gather; so the disk's rate of commits doesn't limit that of posts.

    Args:
        inbox: Where deliveries are stored.
        clock: When they were received.
    """

    def __init__(self, inbox: Inbox, clock: Callable[[], datetime]) -> None:
        self._inbox, self._clock = inbox, clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._waiting: list[tuple[Delivery, asyncio.Future[Taken]]] = []
        self._refused: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def put(self, delivery: Delivery) -> Taken:
        """Store a delivery; it is committed when this returns.

        Raises:
            Overloaded: Too many wait already.
            Exception: The ledger's own, where it can't be written. Nothing of the delivery is stored then.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        self._start()
        return await future

    def count_refused(self, provider: str) -> None:
        """Count a post that was turned away. Nobody waits for it: it costs no more than its share of a transaction."""
        self._refused[provider] += 1
        self._start()

    async def settle(self) -> None:
        """Wait until everything is stored."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Store what waits, then end the thread."""
        await self.settle()
        self._pool.shutdown()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        while self._waiting or self._refused:
            batch, self._waiting = self._waiting[:MOST_DELIVERIES], self._waiting[MOST_DELIVERIES:]
            refused, self._refused = self._refused, Counter()
            counts = [Delivery(name, "", refused=count) for name, count in refused.items()]
            await self._commit(batch, counts)

    async def _commit(self, batch: Sequence[tuple[Delivery, "asyncio.Future[Taken]"]], counts: list[Delivery]) -> None:
        try:
            taken = await self._take([*(delivery for delivery, _ in batch), *counts])
        except Exception as error:  # noqa: BLE001 - each waiting post hears of it below
            _log.warning("%d posts could not be stored together (%s)", len(batch), type(error).__name__)
            if len(batch) == 1:
                _answer(batch[0][1], error)
            for one in batch if len(batch) > 1 else ():  # one post must not stop the others
                await self._commit([one], [])
            return
        for (_, future), each in zip(batch, taken, strict=False):
            _answer(future, each)

    async def _take(self, deliveries: list[Delivery]) -> list[Taken]:
        def take() -> list[Taken]:
            return self._inbox.take(deliveries, at=self._clock())

        return await asyncio.get_running_loop().run_in_executor(self._pool, take)


def _answer(future: "asyncio.Future[Taken]", result: Taken | Exception) -> None:
    if future.done():  # whoever waited has gone
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
