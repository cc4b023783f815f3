"""How soon a list is pushed: viewers listen, and each event finishes the title that stands first in the list of one."""

import json
import socket
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from threading import Condition

from benchmarks.serving.load import Figures, listed

_PATIENCE_S = 10.0
_DATA = b"data: "


class Listening:
    """A viewer's open stream, and the list that came last."""

    def __init__(self, port: int, user_id: int) -> None:
        self.user_id = user_id
        self._titles: list[int] = []
        self._changed = Condition()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", f"/viewers/{user_id}/stream")
        self._answer = self._connection.getresponse()

    def read(self) -> None:
        try:
            while line := self._answer.readline():
                if line.startswith(_DATA):
                    self._take(listed(line.removeprefix(_DATA)))
        except (OSError, HTTPException):
            pass  # it was closed

    def _take(self, titles: list[int]) -> None:
        with self._changed:
            self._titles = titles
            self._changed.notify_all()

    def first(self) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: self._titles, _PATIENCE_S), "no list came"
            return self._titles[0]

    def has_lost(self, title_id: int) -> bool:
        """As soon as a list without that title came; false if none comes."""
        with self._changed:
            return self._changed.wait_for(lambda: title_id not in self._titles, _PATIENCE_S)

    def close(self) -> None:
        assert self._connection.sock is not None
        self._connection.sock.shutdown(socket.SHUT_RDWR)


def pushed(port: int, user_ids: Sequence[int], rate: float, events: int) -> Figures:
    """From the moment of each event until a list without its title has come."""
    figures, every = Figures(), [Listening(port, user_id) for user_id in user_ids]
    with ThreadPoolExecutor(len(every)) as reading, ThreadPoolExecutor(len(every)) as writing:
        for listening in every:
            reading.submit(listening.read)
        for listening in every:
            listening.first()
        began = time.perf_counter()
        told = [
            writing.submit(_one, figures, port, every[number % len(every)], began + number / rate)
            for number in range(events)
        ]
        for each in told:
            each.result()
        figures.seconds = time.perf_counter() - began
        for listening in every:
            listening.close()
    return figures


def _one(figures: Figures, port: int, listening: Listening, due: float) -> None:
    time.sleep(max(0.0, due - time.perf_counter()))
    figures.late_ms.append(1e3 * (time.perf_counter() - due))
    title_id = listening.first()
    event = finished(listening.user_id, title_id)
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/events", json.dumps({"events": [event]}), {"content-type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    if status != 200 or not listening.has_lost(title_id):
        figures.errors.append(f"an event of viewer {listening.user_id}: {status}, and no new list")
        return
    figures.ms.append(1e3 * (time.perf_counter() - due))


def finished(user_id: int, title_id: int) -> dict[str, object]:
    """The event, of this moment."""
    told = {"event_id": uuid.uuid4().hex, "user_id": user_id, "title_id": title_id, "kind": "watch_finished"}
    return {**told, "happened_at": datetime.now(UTC).isoformat(), "source": "benchmark"}
