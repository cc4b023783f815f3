"""What the service needs of the event store, and the store as a worker has it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Lock
from typing import Protocol

from marquee.data.events import Deeds, EventStore, Receipt
from marquee.errors import StoreError
from marquee.params import EventParams

_PATIENCE_S = 3.0  # with whoever else writes, at most
_SHARE = 0.3  # of the time that a request has: it may wait for a turn, then for other processes, and then has to answer

_log = logging.getLogger("marquee.serve")


class Store(Protocol):
    """`EventStore` is one. Each method may raise StoreError."""

    def append(self, events: Sequence[object], now: datetime) -> Receipt: ...

    def deeds(self, user_id: int, limit: int) -> Deeds: ...

    def forgotten(self) -> Mapping[int, int]: ...

    def export(self, user_id: int) -> Iterator[dict[str, object]]: ...

    def undo(self, user_id: int, event_ids: Sequence[str]) -> int: ...

    def allow_again(self, user_id: int, event_ids: Sequence[str]) -> None: ...

    def forget(self, user_id: int, now: datetime) -> int: ...


class WorkersStore(EventStore):
    """Of the threads of a worker one writes at a time, and it is known whether anything can be written."""

    def __init__(self, url: str, params: EventParams, timeout_s: float) -> None:
        """`timeout_s`: what a request may take."""
        self._wait_s = min(_PATIENCE_S, timeout_s * _SHARE)
        super().__init__(url, params, None, self._wait_s)
        self._turn = Lock()
        self.takes_nothing = False  # what was to be written last was not

    def append(self, events: Sequence[object], now: datetime) -> Receipt:
        with self._writing():
            return super().append(events, now)

    def undo(self, user_id: int, event_ids: Sequence[str]) -> int:
        with self._writing():
            return super().undo(user_id, event_ids)

    def allow_again(self, user_id: int, event_ids: Sequence[str]) -> None:
        with self._writing():
            super().allow_again(user_id, event_ids)

    def forget(self, user_id: int, now: datetime) -> int:
        with self._writing():
            return super().forget(user_id, now)

    def try_again(self) -> None:
        """Whether anything can be written by now, where nothing could."""
        if self.takes_nothing:
            with suppress(StoreError), self._writing():
                self.touch()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """While nothing can be written, one tries it, and all others are refused at once: they would wait in vain."""
        if not self._turn.acquire(timeout=0 if self.takes_nothing else self._wait_s):
            raise StoreError("event store: nothing can be written just now; try again in a moment")
        try:
            yield
        except StoreError as error:
            if not self.takes_nothing:
                _log.warning("nothing can be written: %s", error)
            self.takes_nothing = True
            raise
        else:
            if self.takes_nothing:
                _log.warning("the event store can be written again")
            self.takes_nothing = False
        finally:
            self._turn.release()
