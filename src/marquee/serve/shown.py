"""Shown: what was shown becomes `shown` events, written by a thread of its own, off the path of any request."""

from datetime import datetime
from typing import Any

from marquee.serve.storing import Store


class Shown:
    """`put` never waits; what does not fit into the queue is dropped and counted."""

    written: int  # events in the store
    dropped: int  # events that were lost

    def __init__(self, store: Store) -> None:
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Events in the queue."""
        raise NotImplementedError

    def put(self, user_id: int, at: datetime, listed: Any) -> None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def stop(self, timeout_s: float) -> None:
        """Writes what is left, as long as it may take at most, and ends."""
        raise NotImplementedError
