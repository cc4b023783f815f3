"""Streams: viewers who listen get their new list as soon as an event of theirs is in the store, however it came there,
or is taken back.

One thread of each worker reads what was recorded after the last position and wakes whom it concerns: at once after
what this worker wrote, and every so often for what others did. What was `shown` wakes nobody: a list that was pushed
would push the next one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event as Signal
from threading import Lock, Thread

from marquee.data.events import EventStore
from marquee.data.events.store import Change
from marquee.errors import StoreError
from marquee.serve import metrics

_EVERY_S, _AWAY_S = 0.05, 1.0  # between two looks; between two tries while the store is away
_GATHER_S = 0.005  # before a look, for what is written at the same time
_IDLE_S = 0.5  # between two looks while nobody listens: lists are waiting for the same interpreter
_AT_ONCE = 1_000
MOST = 10  # streams of one viewer, in each worker
BEAT_S = 15.0  # between two signs of life, so that nobody on the way closes a silent connection
_BEAT = b": still here\n\n"

_log = logging.getLogger("marquee.serve")


class Listener:
    """One open stream. Several events before it wakes are one new list."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.woken = asyncio.Event()
        self.has_ended = False

    def end(self) -> None:
        self.has_ended = True
        self.woken.set()


class Streams:
    """All the listeners of a worker. Its methods are for the event loop, its thread only reads the store."""

    def __init__(self, store: EventStore, loop: asyncio.AbstractEventLoop) -> None:
        self._store, self._loop = store, loop
        self._lock = Lock()
        self._listeners: dict[int, list[Listener]] = {}  # of each viewer the oldest first
        self.position = 0
        self.recorded_at: int | None = None  # of the last event that was seen, in milliseconds since 1970
        self._has_begun = False
        self.store_is_away = False
        self._ended, self._stirred = Signal(), Signal()
        self._thread = Thread(target=self._follow, name="streams", daemon=True)

    @property
    def listening(self) -> int:
        return sum(map(len, self._listeners.values()))

    def start(self) -> None:
        self._try(self._begin)
        self._thread.start()

    def close_all(self) -> None:
        """Ends every stream; from any thread, also from a signal."""
        self._end()
        self._loop.call_soon_threadsafe(self._end_listeners)

    def stop(self) -> None:
        self._end()
        self._thread.join()

    def _end(self) -> None:
        self._ended.set()
        self._stirred.set()

    def stir(self) -> None:
        """Something was written by this worker. What others write is seen at the next look."""
        if self._listeners:
            self._stirred.set()

    @contextmanager
    def listener(self, user_id: int) -> Iterator[Listener]:
        """Of a viewer who has as many as they may, one more ends the oldest."""
        listener = Listener(user_id)
        with self._lock:
            theirs = self._listeners.setdefault(user_id, [])
            theirs.append(listener)
            for old in [each for each in theirs if not each.has_ended][:-MOST]:
                old.end()
        self._stirred.set()
        try:
            yield listener
        finally:
            self._remove(listener)

    def _remove(self, listener: Listener) -> None:
        with self._lock:
            theirs = self._listeners[listener.user_id]
            theirs.remove(listener)
            if not theirs:
                del self._listeners[listener.user_id]

    def _end_listeners(self) -> None:
        for listener in self._of(None):
            listener.end()

    def _of(self, user_ids: set[int] | None) -> list[Listener]:
        with self._lock:
            wanted = self._listeners.keys() if user_ids is None else self._listeners.keys() & user_ids
            return [listener for user_id in wanted for listener in self._listeners[user_id]]

    def _follow(self) -> None:
        while not self._stirred_to_end():
            self._try(self._look if self._has_begun else self._begin)

    def _stirred_to_end(self) -> bool:
        """After a pause; who comes to listen cuts it short, and what this worker wrote."""
        idle_s = _EVERY_S if self._listeners else _IDLE_S
        if self._stirred.wait(_AWAY_S if self.store_is_away else idle_s):
            self._stirred.clear()
            return self._ended.wait(_GATHER_S)
        return self._ended.is_set()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            self._note_away(error)
        else:
            self.store_is_away = False

    def _begin(self) -> None:
        """Whoever listened before that may have missed something."""
        self.position = self._store.position()
        self._has_begun = True
        self._wake(self._of(None))

    def _look(self) -> None:
        """Again at once after as many changes as a look may bring: who is behind would never catch up with pauses."""
        is_behind = True
        while is_behind and not self._ended.is_set():
            changes = self._store.changes(self.position, _AT_ONCE)
            is_behind = len(changes) == _AT_ONCE
            if changes:
                self._note(changes)

    def _note(self, changes: Sequence[Change]) -> None:
        self.position = changes[-1].position
        self.recorded_at = next((each.recorded_at for each in changes[::-1] if each.recorded_at), self.recorded_at)
        self._wake(self._of({change.user_id for change in changes if change.concerns_lists}))

    def _wake(self, listeners: Iterable[Listener]) -> None:
        for listener in listeners:
            self._loop.call_soon_threadsafe(listener.woken.set)

    def _note_away(self, error: Exception) -> None:
        """Of a defect the log tells where it is; who listens waits for its end as for the store's return."""
        if not self.store_is_away:
            _log.warning("%s", error, exc_info=None if isinstance(error, StoreError) else error)
        self.store_is_away = True


async def told(
    streams: Streams,
    user_id: int,
    seen: int | None,
    list_of: Callable[[], Awaitable[bytes]],
    still_may: Callable[[], bool],
) -> AsyncGenerator[bytes]:
    """Server-sent events: the list of now, unless all of it was `seen` up to that position, then each new one, as long
    as who listens still may.
    """
    with streams.listener(user_id) as listener:
        if seen is None or seen != streams.position:
            yield _event(streams.position, await list_of())
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await listener.woken.wait()
            if listener.has_ended or not still_may():
                return
            if not listener.woken.is_set():
                yield _BEAT
                continue
            listener.woken.clear()
            yield _event(streams.position, await list_of())
            metrics.LISTS_PUSHED.inc()


def _event(position: int, data: bytes) -> bytes:
    return b"id: %d\nevent: list\ndata: %s\n\n" % (position, data)
