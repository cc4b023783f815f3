"""Collecting: what the watch API tells goes into the event store, by one collector at a time.

Who collects holds a lock, and leaves behind when the next call is allowed: so neither two copies at once nor one after
another ask more often than was agreed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from numpy.random import default_rng

from marquee.alone import alone
from marquee.data.events import EventStore
from marquee.data.rejects import Rejects
from marquee.data.watch_api import LONGEST_WAIT_S, Event, Pace, WatchApi
from marquee.params import Params
from marquee.stages.tables import known_titles


class KeptPace(Pace):
    """The pace of the one who collected before is kept: `file` holds when the next call is allowed, in seconds UTC."""

    def __init__(self, pause_s: float, file: Path, time: Callable[[], float], sleep: Callable[[float], None]) -> None:
        super().__init__(pause_s, time, sleep)
        self._file, self._time, self._agreed_s = file, time, pause_s
        with suppress(OSError, ValueError):
            left = float(file.read_text("utf-8")) - time()
            super().hold(min(max(left, 0.0), LONGEST_WAIT_S))

    def wait(self, at_least_s: float) -> None:
        super().wait(at_least_s)
        self._keep(self.last_call + self._agreed_s)

    def hold(self, seconds: float) -> None:
        super().hold(seconds)
        self._keep(max(self._time() + seconds, self.last_call + self._agreed_s))

    def _keep(self, allowed_from: float) -> None:
        self._file.write_text(f"{allowed_from}", "utf-8")


@dataclass(frozen=True)
class Collected:
    new: int
    known: int
    refused: int


@dataclass(frozen=True)
class Collector:
    api: WatchApi
    store: EventStore
    rejects: Rejects
    params: Params
    pace: Pace

    def collect(self) -> Collected:
        """One poll; WatchApiError if it brought nothing usable."""
        new, known, refused = appended(self.store, self.api.poll(), self.params.events.batch_limit)
        for event, reason in refused:
            self.rejects.add(self.params.watch_api.url, None, reason, json.dumps(event))
        return Collected(new, known, len(refused))


@contextmanager
def collector(
    params: Params, database_url: str, into: Path, state: Path, pace: Callable[[float, Path], Pace]
) -> Iterator[Collector | None]:
    """None where another one collects."""
    with ExitStack() as stack:
        if not stack.enter_context(alone(state / "collect.lock")):
            yield None
            return
        store = stack.enter_context(EventStore(database_url, params.events, known_titles(into)))
        rejects = stack.enter_context(Rejects(into / "rejects" / "watch_api.csv", append=True))
        own = pace(params.watch_api.pause_s, state / "next_call")
        api = WatchApi(params.watch_api, rejects, own, lambda: datetime.now(UTC), default_rng())
        yield Collector(stack.enter_context(api), store, rejects, params, own)


def appended(store: EventStore, events: Sequence[Event], size: int) -> tuple[int, int, list[tuple[Event, str]]]:
    """How many events were new, how many known; and the refused, with their reasons."""
    new, known, refused = 0, 0, []
    for first in range(0, len(events), size):
        batch = events[first : first + size]
        receipt = store.append(batch, datetime.now(UTC))
        new, known = new + receipt.accepted, known + receipt.duplicates
        refused += [(batch[refusal.index], refusal.reason) for refusal in receipt.refused]
    return new, known, refused
