"""What Prometheus may know of a worker. Endpoints are told by their route, never by an address somebody typed.

Of several workers each writes files of its own, in the folder that BentoML names; `collected` adds them up.
"""

import logging
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import REGISTRY as OWN
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.012, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_OF_PROCESS = re.compile(r"gauge_live\w*_(\d+)\.db")

REQUESTS = Counter("marquee_requests", "Requests answered", ["endpoint", "status"])
SECONDS = Histogram("marquee_request_seconds", "From the request to the first byte", ["endpoint"], buckets=_SECONDS)
EVENTS = Counter("marquee_events", "Events that came by HTTP", ["outcome"])
REFUSALS = Counter("marquee_events_refused", "Events that came by HTTP and were refused", ["reason"])
LISTS_PUSHED = Counter("marquee_lists_pushed", "Lists sent by streams")
STREAMS = Gauge("marquee_streams", "Viewers listening now", multiprocess_mode="livesum")
SHOWN_WAITING = Gauge("marquee_shown_waiting", "Shown events not yet written", multiprocess_mode="livesum")
SHOWN_DROPPED = Gauge("marquee_shown_dropped", "Shown events that were lost", multiprocess_mode="livesum")
MODEL_SINCE = Gauge("marquee_model_since_seconds", "When the served model began", multiprocess_mode="liveall")
MODEL_UNTIL = Gauge("marquee_model_until_seconds", "Until when it knows", multiprocess_mode="liveall")
DEGRADED = Gauge("marquee_degraded", "1 while it is away or broken", ["what"], multiprocess_mode="livemax")
STORE_SEEN = Gauge("marquee_store_event_seconds", "When the last event seen was recorded", multiprocess_mode="livemax")
STORE_POSITION = Gauge("marquee_store_position", "The last event seen", multiprocess_mode="livemax")


_log = logging.getLogger("marquee.serve")


def told() -> bytes:
    return generate_latest(collected())


def collected() -> CollectorRegistry:
    """Of all workers together."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return OWN
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    registry.register(_Workers(Path(folder)))
    return registry


class _Workers(Collector):
    """Without files that cannot be read: of a worker that is just making it, or of a disk that was full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in self._folder.glob("*.db")]
        try:
            return _merged(files)
        except Exception:
            return _merged([file for file in files if _is_whole(file)])


def _merged(files: list[str]) -> Iterable[Metric]:
    metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return metrics


def _is_whole(file: str) -> bool:
    try:
        _merged([file])
    except Exception as error:
        _log.warning("%s is not counted: %s", file, error)
        return False
    return True


def _forget_the_dead(folder: Path) -> None:
    """What a worker is now, it is no longer when it was killed; what it counted stays."""
    for path in folder.glob("gauge_live*.db"):
        process = _OF_PROCESS.fullmatch(path.name)
        if process and not Path("/proc", process[1]).exists() and Path("/proc/self").exists():
            with suppress(FileNotFoundError):
                path.unlink()
