"""A batch as a driver gets it: a sequence that lets each message out only while its intent is fresh."""

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from assets.channels.contract import Message


class Offer(Sequence[Message]):
    """Messages whose hand-over may begin now.

    Iterating asks before each message whether there is still time, and ends where there isn't: what a driver never got
    from here, it never sent. A driver that goes through the batch as it sends so keeps to the deadline by itself; one
    that takes all at once keeps to it by the size of its batches.

    Args:
        messages: The batch.
        is_fresh: Whether a hand-over may begin at this moment.
    """

    def __init__(self, messages: Sequence[Message], is_fresh: Callable[[], bool]) -> None:
        self._messages = messages
        self._is_fresh = is_fresh
        self._given = 0

    def __iter__(self) -> Iterator[Message]:
        for position, message in enumerate(self._messages, start=1):
            if not self._is_fresh():
                return
            self._given = max(self._given, position)
            yield message

    def __len__(self) -> int:
        return len(self._messages)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        """A message or a slice, given out whatever the time."""
        taken = range(len(self._messages))[index]
        last = taken if isinstance(taken, int) else max(taken, default=-1)
        self._given = max(self._given, last + 1)
        return self._messages[index]

    @property
    def given(self) -> Sequence[Message]:
        """What the driver got: it may have left."""
        return self._messages[: self._given]

    @property
    def kept(self) -> Sequence[Message]:
        """What it never got: it surely hasn't."""
        return self._messages[self._given :]
