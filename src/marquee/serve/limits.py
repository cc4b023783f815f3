"""Limits: how often a caller may ask, and how many may wait. How much one request may hold is in schemas/, how many
bytes in door.py, how many streams a viewer may have in stream.py.

Each worker counts for itself, so of several workers a caller gets several times the rate at most.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from marquee.errors import CrowdedError

Reply = TypeVar("Reply")

_MOST = 10_000  # buckets remembered before the full ones are let go


class Rates:
    """A bucket of tokens for each caller: a request takes one, and they come back at a fixed rate."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._lock = Lock()
        self._left: dict[str, tuple[float, float]] = {}  # by caller: tokens, and when that was counted

    def wait_s(self, caller: str) -> float:
        """0, and one token less; or how long until there is one."""
        with self._lock:
            now = self._clock()
            tokens = self._tokens(caller, now)
            if tokens < 1:
                return (1 - tokens) / self._rate
            if len(self._left) >= _MOST:
                self._let_go(now)
            self._left[caller] = tokens - 1, now
            return 0

    def _tokens(self, caller: str, now: float) -> float:
        tokens, at = self._left.get(caller, (self._burst, now))
        return min(tokens + (now - at) * self._rate, self._burst)

    def _let_go(self, now: float) -> None:
        """A full bucket says no more than one that is not there."""
        self._left = {name: left for name, left in self._left.items() if self._tokens(name, now) < self._burst}


class Line:
    """Threads, and who waits for one of them. Its methods are for the event loop.

    Without an end to it, a service that is asked for more than it can answer answers nobody in time: each waits longer
    than the one before, gives up, and has been in the way of the next.
    """

    def __init__(self, name: str, threads: int, room: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._pushing = asyncio.Semaphore(threads)
        self._most = threads + room
        self._within = 0

    def require_room(self) -> None:
        if self._within >= self._most:
            raise CrowdedError(f"{self._within} others are waiting for an answer already; ask again in a moment")

    async def answer(self, work: Callable[[], Reply]) -> Reply:
        """Who gives up while waiting leaves the line; once a thread has begun, it goes on to the end of its work."""
        self._within += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._within -= 1

    async def push(self, work: Callable[[], Reply]) -> Reply:
        """As `answer`, for who does not ask again: as many as there are threads may be in the line at once, and all
        others wait outside of it, where they take nobody's room.
        """
        async with self._pushing:
            return await self.answer(work)

    def close(self) -> None:
        self._threads.shutdown()
