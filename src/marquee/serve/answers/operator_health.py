"""Health now, for an operator: what is served, how much is asked, how long that takes, what comes in, what is away."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import psutil

from marquee.data.events.validity import moment_of
from marquee.errors import StoreError
from marquee.serve.pulse import EVERY_S, Beat, Counts, Pulse
from marquee.serve.schemas import operator as s
from marquee.serve.worker import Worker

_P50, _P99 = 0.5, 0.99


def health(worker: Worker, now: datetime) -> s.HealthReply:
    return s.HealthReply(
        at=now,
        ready=worker.live.is_ready,
        degraded=tuple(what for what, is_so in worker.faults().items() if is_so),
        refused_version=worker.live.refused,
        serving=worker.answers.model() if worker.live.is_ready else None,
        events=_events(worker),
        shown=s.ShownNow(waiting=worker.shown.waiting, dropped=worker.shown.dropped),
        listening=worker.streams.listening,
        memory_mb=psutil.Process().memory_info().rss / 1e6,
        every_s=EVERY_S,
        points=tuple(_point(beat) for beat in worker.pulse.beats()),
        endpoints=tuple(_endpoints(worker.pulse)),
    )


def _point(beat: Beat) -> s.Point:
    return s.Point(at=beat.at, seconds=beat.seconds, **_told(beat.counts), **_by_outcome(beat.events))


def _endpoints(pulse: Pulse) -> Iterator[s.EndpointNow]:
    busiest = sorted(pulse.by_endpoint().items(), key=lambda each: -each[1].requests)
    return (s.EndpointNow(endpoint=name, **_told(counts)) for name, counts in busiest)


def _told(counts: Counts) -> dict[str, Any]:
    whole = {name: int(getattr(counts, name)) for name in ("requests", "refused", "failed")}
    return {**whole, "p50_ms": counts.ms(_P50), "p99_ms": counts.ms(_P99)}


def _by_outcome(events: Mapping[str, float]) -> dict[str, int]:
    names = {"accepted": "accepted", "duplicates": "duplicate", "events_refused": "refused"}
    return {name: int(events.get(outcome, 0)) for name, outcome in names.items()}


def _events(worker: Worker) -> s.EventsNow:
    counts = worker.pulse.events()
    reasons = sorted(worker.pulse.refusals().items(), key=lambda each: -each[1])
    return s.EventsNow(
        position=worker.streams.position,
        last_at=_last_at(worker),
        accepted=int(counts.get("accepted", 0)),
        duplicates=int(counts.get("duplicate", 0)),
        refused=int(counts.get("refused", 0)),
        reasons=tuple(s.RefusedFor(reason=reason, count=int(count)) for reason, count in reasons),
    )


def _last_at(worker: Worker) -> datetime | None:
    """Of the last event that is still there; not known while the store is away."""
    recorded_at, position = worker.streams.recorded_at, worker.streams.position
    if recorded_at is None and position:
        try:
            recorded_at = next((event.recorded_at for event in worker.store.since(position - 1, 1)), None)
        except StoreError:
            return None
    return None if recorded_at is None else moment_of(recorded_at)
