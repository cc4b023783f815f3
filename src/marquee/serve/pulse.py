"""The pulse: what the service counted, looked at every few seconds and remembered for a while, for a page to draw it.

Counts only rise, so the difference of two looks is what happened between them, in all workers together.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import inf
from threading import Event, Thread

from prometheus_client import CollectorRegistry

EVERY_S = 5.0
_REMEMBERED = 181  # looks: a quarter of an hour between the first and the last
_NOBODYS = frozenset({"other", "/", "/web/{of}/{name:path}"})  # no answer to anybody's question
_PROBES = frozenset({"/metrics", "/readyz", "/livez", "/healthz", "/docs.json", "/openapi.json"})
_OPERATOR = "/operator/"  # who looks at the charts is not in them


_log = logging.getLogger("marquee.serve")


@dataclass
class Counts:
    """Of one endpoint, or of several together, since the first worker began."""

    requests: float = 0
    refused: float = 0  # 4xx
    failed: float = 0  # 5xx
    within: dict[float, float] = field(default_factory=dict)  # seconds, and how many answers took no longer

    def since(self, before: "Counts") -> "Counts":
        within = {limit: count - before.within.get(limit, 0) for limit, count in self.within.items()}
        told = (self.requests - before.requests, self.refused - before.refused, self.failed - before.failed)
        return Counts(*told, within)

    def and_of(self, other: "Counts") -> "Counts":
        limits = self.within.keys() | other.within.keys()
        within = {limit: self.within.get(limit, 0) + other.within.get(limit, 0) for limit in limits}
        told = (self.requests + other.requests, self.refused + other.refused, self.failed + other.failed)
        return Counts(*told, within)

    def ms(self, share: float) -> float | None:
        """Within how many milliseconds that share was answered, as near as the limits tell; none without an answer."""
        total = self.within.get(inf, 0)
        if total <= 0:
            return None
        below, before = 0.0, 0.0
        for limit, count in sorted(self.within.items()):
            if count >= share * total and limit < inf:
                return (below + (limit - below) * (share * total - before) / max(count - before, 1)) * 1000
            below, before = (limit, count) if limit < inf else (below, before)
        return below * 1000


@dataclass(frozen=True)
class Look:
    at: datetime
    endpoints: Mapping[str, Counts]
    events: Mapping[str, float]  # by outcome
    refusals: Mapping[str, float]  # of events, by reason

    @property
    def all(self) -> Counts:
        total = Counts()
        for counts in self.endpoints.values():
            total = total.and_of(counts)
        return total


@dataclass(frozen=True)
class Beat:
    """What happened between two looks."""

    at: datetime
    seconds: float
    counts: Counts
    events: Mapping[str, float]


class Pulse:
    """A thread of its own keeps it going."""

    def __init__(self, collected: Callable[[], CollectorRegistry], now: Callable[[], datetime]) -> None:
        self._collected, self._now = collected, now
        self._looks: deque[Look] = deque(maxlen=_REMEMBERED)
        self._ended = Event()
        self._thread = Thread(target=self._follow, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        self._looks.append(look(self._collected(), self._now()))

    def beats(self) -> Iterator[Beat]:
        """The oldest first."""
        for before, after in pairwise(tuple(self._looks)):
            events = {outcome: count - before.events.get(outcome, 0) for outcome, count in after.events.items()}
            seconds = (after.at - before.at).total_seconds()
            yield Beat(after.at, seconds, after.all.since(before.all), events)

    def events(self) -> Mapping[str, float]:
        """By outcome, since the first worker began."""
        looks = tuple(self._looks)
        return looks[-1].events if looks else {}

    def refusals(self) -> Mapping[str, float]:
        """Why events were refused, and how many, since the first worker began."""
        looks = tuple(self._looks)
        return looks[-1].refusals if looks else {}

    def by_endpoint(self) -> Mapping[str, Counts]:
        """Of all the time that is remembered; what nobody asked is left out."""
        looks = tuple(self._looks)
        if not looks:
            return {}
        first, last = looks[0].endpoints, looks[-1].endpoints
        told = {name: counts.since(first.get(name, Counts())) for name, counts in last.items()}
        return {name: counts for name, counts in told.items() if counts.requests}

    def _follow(self) -> None:
        """A look that fails is one fewer."""
        is_over = False
        while not is_over:
            try:
                self.look()
            except Exception:
                _log.exception("what the service counts was not looked at")
            is_over = self._ended.wait(EVERY_S)


def look(registry: CollectorRegistry, at: datetime) -> Look:
    endpoints: dict[str, Counts] = {}
    told: dict[str, dict[str, float]] = {"marquee_events": {}, "marquee_events_refused": {}}
    for family in registry.collect():
        if family.name in told:
            totals = (of for of in family.samples if of.name.endswith("_total"))
            told[family.name] = {next(iter(of.labels.values())): of.value for of in totals}
        if family.name not in ("marquee_requests", "marquee_request_seconds"):
            continue
        for of in family.samples:
            name = of.labels["endpoint"]
            if name in _NOBODYS or name in _PROBES or name.startswith(_OPERATOR):
                continue
            _count(endpoints.setdefault(name, Counts()), of.name, of.labels, of.value)
    return Look(at, endpoints, *told.values())


def _count(counts: Counts, name: str, labels: Mapping[str, str], value: float) -> None:
    if name == "marquee_requests_total":
        counts.requests += value
        counts.refused += value if labels["status"].startswith("4") else 0
        counts.failed += value if labels["status"].startswith("5") else 0
    elif name == "marquee_request_seconds_bucket":
        limit = float(labels["le"])
        counts.within[limit] = counts.within.get(limit, 0) + value
