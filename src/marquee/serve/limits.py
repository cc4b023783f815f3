"""Limits: how often a caller may ask. How much one request may hold is in schemas/, how many bytes in door.py.

Each worker counts for itself, so of several workers a caller gets several times the rate at most.
"""

from collections.abc import Callable
from threading import Lock

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
