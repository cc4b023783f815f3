"""Shown: what was shown becomes `shown` events, written by a thread of its own, off the path of any request.

One event a title: its detail names the list, the shelf and the model, and holds rank, score, propensity and features.
"""

import logging
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from threading import Condition, Thread
from time import monotonic

import numpy as np
import orjson
from numpy.typing import NDArray

from marquee.data.events.validity import epoch_ms
from marquee.errors import StoreError
from marquee.model.histories import Floats, Ints
from marquee.serve.storing import Store

ROOM = 64_000_000  # bytes that may wait: a quarter of a million titles and more
_BESIDE = 1_000  # bytes of a list beside its arrays
_AT_ONCE = 1_000  # titles in one batch
_WAIT_S = 1.0  # while the store is away
_GATHER_S = 0.25  # for more of the same batch: alone, a list costs five times what it does among ten
_TOLD_EVERY_S = 5.0  # of what is lost
_LASTS_S = 30.0  # after the last loss it is still said that some is lost, for whoever looks now and then
_LARGEST = np.float32(65_504)  # that 16 bits hold

Halves = NDArray[np.float16]

_log = logging.getLogger("marquee.serve")


@dataclass(frozen=True, eq=False)
class Note:
    """A list as it was answered, in as few bytes as it may take to wait."""

    list_id: str
    user_id: int
    at: datetime
    shelf: str
    model: str
    title_ids: Ints
    score: Floats
    propensity: NDArray[np.float64]
    features: Halves | None  # titles x features; None where none were looked at

    @property
    def size(self) -> int:
        arrays = (self.title_ids, self.score, self.propensity, self.features)
        return _BESIDE + sum(array.nbytes for array in arrays if array is not None)


class Shown:
    """`put` never waits; a list that finds no room is dropped, counted and told of."""

    def __init__(self, store: Store, room: int = ROOM) -> None:
        self._store, self._room = store, room
        self._notes: deque[Note] = deque()
        self._changed = Condition()
        self._ends_at: float | None = None
        self._thread = Thread(target=self._write, name="shown", daemon=True)
        self._size = 0  # of what waits, in bytes
        self._lost_at = self._told_at = -inf
        self.waiting = 0  # titles
        self.written = 0
        self.dropped = 0

    @property
    def is_losing(self) -> bool:
        return monotonic() - self._lost_at < _LASTS_S

    def put(self, note: Note) -> None:
        with self._changed:
            has_room = self._size + note.size <= self._room and self._ends_at is None
            if has_room:
                self._notes.append(note)
                self._size += note.size
                self.waiting += len(note.title_ids)
                if len(self._notes) == 1 or self.waiting >= _AT_ONCE:
                    self._changed.notify()
        if not has_room:
            self._lose(len(note.title_ids))

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Writes what is left, as long as that may take at most, and ends; what is then left is dropped."""
        with self._changed:
            self._ends_at = monotonic() + timeout_s
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _write(self) -> None:
        while notes := self._next():
            try:
                self._write_all(notes)
            except Exception:
                _log.exception("what was shown is not written")
                self._lose(_titles(notes))
            self._make_room(notes)
        self._drop_rest()

    def _write_all(self, notes: list[Note]) -> None:
        events = [event for note in notes for event in events_of(note)]
        while not self._append(events):
            if not self._may_wait():
                self._lose(len(events))
                break

    def _next(self) -> list[Note]:
        """The next batch, and no pause before one that is full; none at the end, or when it is too late."""
        notes, titles = list[Note](), 0
        with self._changed:
            self._changed.wait_for(lambda: self._notes or self._ends_at is not None)
            self._changed.wait_for(lambda: self.waiting >= _AT_ONCE or self._ends_at is not None, _GATHER_S)
            while self._notes and titles < _AT_ONCE and not self._is_late():
                notes.append(self._notes.popleft())
                titles += len(notes[-1].title_ids)
        return notes

    def _append(self, events: list[dict[str, object]]) -> bool:
        try:
            receipt = self._store.append(events, datetime.now(UTC))
        except StoreError as error:
            _log.warning("what was shown waits: %s", error)
            return False
        self.written += receipt.accepted + receipt.duplicates
        if receipt.refused:
            _log.error("%d shown events were refused: %s", len(receipt.refused), receipt.refused[0].reason)
            self._lose(len(receipt.refused))
        return True

    def _may_wait(self) -> bool:
        """After a while; false if the end is near."""
        with self._changed:
            end = self._ends_at
            if end is None:
                self._changed.wait_for(lambda: self._ends_at is not None, _WAIT_S)
                return True
            self._changed.wait(max(min(_WAIT_S, end - monotonic()), 0))
            return monotonic() < end

    def _is_late(self) -> bool:
        return self._ends_at is not None and monotonic() > self._ends_at

    def _drop_rest(self) -> None:
        rest = list(self._notes)
        if rest:
            self._lose(_titles(rest))
        self._make_room(rest)

    def _make_room(self, notes: list[Note]) -> None:
        with self._changed:
            self.waiting -= _titles(notes)
            self._size -= sum(note.size for note in notes)

    def _lose(self, titles: int) -> None:
        with self._changed:
            now = self._lost_at = monotonic()
            self.dropped += titles
            is_told = now - self._told_at >= _TOLD_EVERY_S
            self._told_at = now if is_told else self._told_at
        if is_told:
            _log.warning("%d shown titles are lost: the event store takes them too slowly, or not at all", self.dropped)


def _titles(notes: Iterable[Note]) -> int:
    return sum(len(note.title_ids) for note in notes)


def events_of(note: Note) -> Iterator[dict[str, object]]:
    """Named by list and rank: written twice, each counts once."""
    at, ids = epoch_ms(note.at), note.title_ids.tolist()
    features = [None] * len(ids) if note.features is None else packed(note.features)
    of_titles = zip(ids, note.propensity.tolist(), note.score.tolist(), features, strict=True)
    for rank, (title_id, propensity, score, packed_features) in enumerate(of_titles, 1):
        detail = {
            "list": note.list_id,
            "rank": rank,
            "shelf": note.shelf,
            "model": note.model,
            "propensity": propensity,
            "score": score,
            "features": packed_features,
        }
        yield {
            "event_id": f"{note.list_id}-{rank}",
            "user_id": note.user_id,
            "title_id": title_id,
            "kind": "shown",
            "happened_at": at,
            "source": "service",
            "detail": orjson.dumps(detail).decode(),  # NaN, as of a title that fills up, is null
        }


def halved(features: Floats) -> Halves:
    return np.clip(features, -_LARGEST, _LARGEST).astype("<f2")


def packed(rows: Halves) -> list[str | None]:
    """Numbers of 16 bits as text, for few bytes, a row each; None where none was looked at."""
    is_unseen = np.asarray(np.isnan(rows).all(axis=1))
    return [None if unseen else b64encode(row).decode() for row, unseen in zip(rows, is_unseen, strict=True)]


def unpacked(text: str) -> Floats:
    """What was packed, to three digits."""
    return np.frombuffer(b64decode(text), "<f2").astype(np.float32)
