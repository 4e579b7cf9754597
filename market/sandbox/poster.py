"""Posts webhooks to a receiver as providers do: several at a time, again with backoff until it takes them.

On demand some come twice, late or out of order.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from market.sandbox.accounts import Accounts
from market.sandbox.clock import Clock
from market.sandbox.events import Post
from market.words import MarketError

_ATTEMPTS = 6
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True)
class Disorder:
    """How unreliably webhooks come.

    Attributes:
        twice: Share that is posted twice.
        late: Share that waits ``late_s``.
        shuffled: Share that waits a little, so that others overtake it.
        late_s: Seconds.
    """

    twice: float = 0.0
    late: float = 0.0
    shuffled: float = 0.0
    late_s: float = 5.0


def disorder_of(words: str) -> Disorder:
    """Reads ``twice=0.05,late=0.02,shuffled=0.1,late_s=3``.

    Raises:
        MarketError: Another form.
    """
    try:
        values = {
            name.strip(): float(text) for name, _, text in (part.partition("=") for part in words.split(",") if part)
        }
        return Disorder(**values)
    except (TypeError, ValueError):
        raise MarketError(f"--disorder {words!r}: write twice=0.05,late=0.02,shuffled=0.1,late_s=5") from None


class Poster:
    """Posts what it is given, until it is closed.

    Args:
        accounts: Secrets to sign with.
        disorder: How unreliably.
        seed: Of the disorder.
        lanes: Posts at a time.
        signed_at: Instant that signatures are dated with; the wall clock without one.
        attempts: Tries of one post before it is given up; six where not given.

    Attributes:
        counts: ``posted`` by status, ``given_up``.
    """

    def __init__(
        self,
        accounts: Accounts,
        disorder: Disorder,
        seed: int,
        *,
        lanes: int = 16,
        signed_at: datetime | None = None,
        attempts: int | None = None,
    ) -> None:
        self._accounts = accounts
        self._disorder = disorder
        self._dice = random.Random(f"{seed}/webhooks")  # noqa: S311 - no secret
        self._attempts = _ATTEMPTS if attempts is None else attempts
        self._signed_at = signed_at
        self._lanes = asyncio.Semaphore(lanes)
        limits = httpx.Limits(max_connections=lanes, max_keepalive_connections=lanes)
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def post(self, one: Post, after_s: float = 0.0) -> None:
        """Posts one, some time from now."""
        disorder = self._disorder
        if self._dice.random() < disorder.late:
            after_s += disorder.late_s
        if self._dice.random() < disorder.shuffled:
            after_s += 0.05 + self._dice.random() * 0.2
        times = 2 if self._dice.random() < disorder.twice else 1
        for _ in range(times):
            task = asyncio.create_task(self._send(one, after_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, one: Post, after_s: float) -> None:
        await asyncio.sleep(after_s)
        for attempt in range(self._attempts):
            async with self._lanes:
                status = await self._try(one)
            self.counts[f"posted_{status}"] += 1
            if status < 500 and status not in {0, 408, 429}:
                return
            await asyncio.sleep(0.1 * 2**attempt)
        self.counts["given_up"] += 1

    async def _try(self, one: Post) -> int:
        """The receiver's status; 0 where there was none."""
        at = self._signed_at or Clock.wall()
        url, headers, body = one.signed(self._accounts, at)
        try:
            answer = await self._client.post(url, content=body, headers=dict(headers))
        except httpx.TransportError:
            return 0
        return answer.status_code

    async def drained(self) -> None:
        """Waits until all was posted."""
        while self._tasks:
            await asyncio.gather(*list(self._tasks))

    async def close(self) -> None:
        """Gives up what waits."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*list(self._tasks), return_exceptions=True)
        await self._client.aclose()


def post_all(posts: Sequence[Post], accounts: Accounts, **settings: Any) -> dict[str, int]:
    """Posts a batch and waits for it.

    Args:
        posts: In their order.
        accounts: Secrets to sign with.
        settings: Of the ``Poster``: ``disorder``, ``seed``, ``signed_at``.

    Returns:
        ``posted_<status>`` and ``given_up``.
    """

    async def run() -> dict[str, int]:
        poster = Poster(accounts, **settings)
        for number, one in enumerate(posts):
            poster.post(one)
            if number % 500 == 499:
                await poster.drained()
        await poster.drained()
        await poster.close()
        return dict(poster.counts)

    return asyncio.run(run())


def aware(text: str) -> datetime:
    """An ISO 8601 time, UTC where it has no zone."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
