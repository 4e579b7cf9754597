"""Hands a batch over on several connections at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import TypeVar

from assets.channels.contract import Message, Receipt, Unsendable

T = TypeVar("T")


class Lanes:
    """Threads that each send their share of a batch, one message after the other; kept between batches.

    Args:
        count: How many at most.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[int, Sequence[T]], list[Receipt]], items: Sequence[T]) -> list[Receipt]:
        """Receipts of all items.

        Args:
            work: Sends items on the lane of that number. Raises only for what nobody foresaw.
            items: What is to be sent.

        Raises:
            Exception: What a lane raised, once all lanes have ended.
        """
        count = min(self.count, len(items))
        if count <= 1:
            return work(0, items) if items else []
        self._pool = self._pool or ThreadPoolExecutor(self.count, thread_name_prefix="lane")
        futures = [self._pool.submit(work, lane, items[lane::count]) for lane in range(count)]
        wait(futures)
        return [receipt for future in futures for receipt in future.result()]


def hand_over(
    messages: Sequence[Message],
    *,
    at: datetime,
    lanes: Lanes,
    prepare: Callable[[Message], T],
    send: Callable[[int, Message, T], Receipt],
) -> list[Receipt]:
    """Prepare every message, then send those that can be sent.

    Nothing has left while messages are prepared, so a mistake there can't leave a batch half sent.

    Args:
        messages: The batch; a message that stands twice in it is sent once.
        at: Business time, for the receipts.
        lanes: Where they are sent.
        prepare: Makes what is sent of a message; raises `Unsendable`.
        send: Sends it on a lane and tells what came of it.
    """
    ready: list[tuple[Message, T]] = []
    receipts: list[Receipt] = []
    for message in {message.message_id: message for message in messages}.values():
        try:
            ready.append((message, prepare(message)))
        except Unsendable as refusal:
            receipts.append(Receipt(message.message_id, "failed", at, detail=refusal.detail))
    return receipts + lanes.run(lambda lane, items: [send(lane, message, made) for message, made in items], ready)
