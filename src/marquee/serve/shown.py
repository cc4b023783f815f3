"""Shown: what was shown becomes `shown` events, written by a thread of its own, off the path of any request.

One event a title: its detail names the list, the shelf and the model, and holds rank, score, propensity and features.
"""

import logging
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition, Thread
from time import monotonic

import numpy as np
import orjson

from marquee.data.events.validity import epoch_ms
from marquee.errors import StoreError
from marquee.model.histories import Floats
from marquee.model.listing import Listed
from marquee.serve.storing import Store

ROOM = 10_000  # titles that may wait
_AT_ONCE = 500  # in one batch
_WAIT_S = 1.0  # while the store is away
_GATHER_S = 0.25  # for more of the same batch: alone, a list costs five times what it does among ten
_LARGEST = np.float32(65_504)  # that 16 bits hold

_log = logging.getLogger("marquee.serve")


@dataclass(frozen=True, eq=False)
class Note:
    """A list as it was answered."""

    list_id: str
    user_id: int
    at: datetime
    shelf: str
    model: str
    title_ids: tuple[int, ...]
    listed: Listed


class Shown:
    """`put` never waits; a list that finds no room is dropped and counted."""

    def __init__(self, store: Store, room: int = ROOM) -> None:
        self._store, self._room = store, room
        self._notes: deque[Note] = deque()
        self._changed = Condition()
        self._ends_at: float | None = None
        self._thread = Thread(target=self._write, name="shown", daemon=True)
        self.waiting = 0  # titles
        self.written = 0
        self.dropped = 0

    def put(self, note: Note) -> None:
        titles = len(note.title_ids)
        with self._changed:
            if self.waiting + titles > self._room or self._ends_at is not None:
                self.dropped += titles
                return
            self._notes.append(note)
            self.waiting += titles
            self._changed.notify()

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
                self._drop(sum(len(note.title_ids) for note in notes))

    def _write_all(self, notes: list[Note]) -> None:
        events = [event for note in notes for event in events_of(note)]
        while not self._append(events):
            if not self._may_wait():
                self._drop(len(events))
                break

    def _next(self) -> list[Note]:
        """The next batch; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._notes or self._ends_at is not None)
            self._changed.wait_for(lambda: self._ends_at is not None, _GATHER_S)
            notes: list[Note] = []
            while self._notes and sum(len(note.title_ids) for note in notes) < _AT_ONCE:
                notes.append(self._notes.popleft())
            return notes

    def _append(self, events: list[dict[str, object]]) -> bool:
        try:
            receipt = self._store.append(events, datetime.now(UTC))
        except StoreError as error:
            _log.warning("what was shown waits: %s", error)
            return False
        if receipt.refused:
            _log.error("%d shown events were refused: %s", len(receipt.refused), receipt.refused[0].reason)
        with self._changed:
            self.waiting -= len(events)
            self.written += receipt.accepted + receipt.duplicates
            self.dropped += len(receipt.refused)
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

    def _drop(self, events: int) -> None:
        with self._changed:
            self.waiting -= events
            self.dropped += events


def events_of(note: Note) -> Iterator[dict[str, object]]:
    """Named by list and rank: written twice, each counts once."""
    listed, at = note.listed, epoch_ms(note.at)
    of_titles = zip(listed.propensity.tolist(), listed.score.tolist(), packed(listed.features), strict=True)
    for rank, (title_id, (propensity, score, features)) in enumerate(zip(note.title_ids, of_titles, strict=True), 1):
        detail = {
            "list": note.list_id,
            "rank": rank,
            "shelf": note.shelf,
            "model": note.model,
            "propensity": propensity,
            "score": score,
            "features": features,
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


def packed(features: Floats) -> list[str | None]:
    """Numbers of 16 bits as text, for few bytes, a row each; None where none was looked at."""
    rows = np.clip(features, -_LARGEST, _LARGEST).astype("<f2")
    is_unseen = np.asarray(np.isnan(features).all(axis=1))
    return [None if unseen else b64encode(row).decode() for row, unseen in zip(rows, is_unseen, strict=True)]


def unpacked(text: str) -> Floats:
    """What was packed, to three digits."""
    return np.frombuffer(b64decode(text), "<f2").astype(np.float32)
