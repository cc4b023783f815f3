"""A worker: everything that one process of the service holds, opened together and closed together.

Lists are computed on few threads: many at once take turns at the interpreter, and all are late. What is written
waits for the disk rather than for the interpreter, on threads of its own, so that neither waits for the other.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.resources import as_file, files
from time import monotonic
from typing import TypeVar

from opentelemetry.trace import get_current_span
from prometheus_client import CollectorRegistry

from marquee.data.api_keys import ApiKeys
from marquee.data.events import EventStore
from marquee.params import Params, read_params
from marquee.serve import metrics, tracing
from marquee.serve import schemas as s
from marquee.serve.access import Access, Tokens, token_secret
from marquee.serve.answers import Answers
from marquee.serve.answers.operator_models import Models
from marquee.serve.limits import Line, Rates
from marquee.serve.live_model import Champion, LiveModel
from marquee.serve.pulse import Pulse
from marquee.serve.served import Served, open_served
from marquee.serve.settings import Settings
from marquee.serve.shown import Shown
from marquee.serve.storing import WorkersStore
from marquee.serve.stream import Streams
from marquee.tables import ID_LIMIT

_WRITERS = 4
_STRANGER = ID_LIMIT
_PATIENCE_S = 10.0  # with what was shown and is not written yet, at the end

Reply = TypeVar("Reply")


class Worker:
    def __init__(self, settings: Settings, params: Params) -> None:
        self.settings, self.params = settings, params
        self.store = WorkersStore(settings.database_url, params.events, settings.timeout_s)
        self._keys = ApiKeys(settings.database_url)
        self.tokens = Tokens(_secret(settings))
        self.access = Access(self._keys, self.tokens)
        self.rates = Rates(settings.rate, settings.burst, monotonic)
        champion = Champion(settings.registry_url) if settings.registry_url else None
        self.live = LiveModel(open_served, partial(warm, self.store), champion)
        self.shown = Shown(self.store)
        self.answers = Answers(self.live.served, self.store, self.shown)
        self.streams = Streams(self.store, asyncio.get_running_loop())
        self.models = Models(settings.registry_url)
        self.pulse = Pulse(self._measured, now)
        self._reading = Line("read", settings.lists_at_once, settings.line)
        self._writing = Line("write", _WRITERS, settings.line)

    def begin(self) -> None:
        self.live.begin(self.settings.model, "model" in self.settings.model_fields_set)
        self.shown.start()
        self.access.start()
        self.streams.start()
        self.pulse.start()

    def end(self) -> None:
        """The order matters: who is being answered first, then what came of it, then what all of it needs."""
        self.pulse.stop()
        self.streams.stop()
        self._reading.close()
        self._writing.close()
        self.shown.stop(_PATIENCE_S)
        self.live.end()
        self.access.stop()
        self._keys.close()
        self.store.close()

    async def read(self, answer: Callable[..., Reply], *asked: object) -> Reply:
        """On a thread of the worker; CrowdedError if too many wait for one."""
        self._reading.require_room()
        return await self._reading.answer(_traced(answer, *asked))

    async def write(self, answer: Callable[..., Reply], *asked: object) -> Reply:
        """The same, of what is written: whoever listens hears of it before the next look into the store."""
        self._writing.require_room()
        reply = await self._writing.answer(_traced(answer, *asked))
        self.streams.stir()
        return reply

    async def push(self, answer: Callable[..., Reply], *asked: object) -> Reply:
        """As `read`, however many wait: who listens to a stream does not ask again."""
        return await self._reading.push(_traced(answer, *asked))

    def faults(self) -> dict[str, bool]:
        """What is away or broken; whatever it is, what can be answered without it is."""
        return {
            "registry": self.live.registry_is_away,
            "champion": self.live.refused is not None,
            "store": self.streams.store_is_away or self.store.takes_nothing,
            "shown": self.shown.is_losing,
        }

    def _measured(self) -> CollectorRegistry:
        """A scrape is answered by one worker, which knows of the others what they measured themselves."""
        self.store.try_again()
        self.measure()
        return metrics.collected()

    def measure(self) -> None:
        """Brings up to date what Prometheus is told of this moment."""
        for what, is_so in self.faults().items():
            metrics.DEGRADED.labels(what).set(is_so)
        metrics.SHOWN_WAITING.set(self.shown.waiting)
        metrics.SHOWN_DROPPED.set(self.shown.dropped)
        metrics.STREAMS.set(self.streams.listening)
        metrics.STORE_POSITION.set(self.streams.position)
        if self.streams.recorded_at is not None:
            metrics.STORE_SEEN.set(self.streams.recorded_at / 1000)
        if self.live.is_ready:
            told = self.answers.model()
            metrics.MODEL_SINCE.set(told.since.timestamp())
            metrics.MODEL_UNTIL.set(told.until.timestamp())


def _traced(answer: Callable[..., Reply], *asked: object) -> Callable[[], Reply]:
    traced = get_current_span().is_recording()
    return tracing.carried(answer, *asked) if traced else partial(answer, *asked)


def warm(store: EventStore, served: Served) -> None:
    """Whatever takes longer the first time is done before the first viewer asks; and whether it answers at all."""
    answers = Answers(lambda: served, store, _Unseen(store))
    for user_id in (*_viewers(served), _STRANGER):
        answers.recommend(s.RecommendRequest(user_id=user_id, explain=True), now())
        answers.shelves(s.ShelvesRequest(user_id=user_id, explain=True), now())
        answers.search(s.SearchRequest(query="the", user_id=user_id), now())


class _Unseen(Shown):
    """Lists that nobody sees are not shown."""

    def put(self, *_: object) -> None:
        pass


def _viewers(served: Served) -> list[int]:
    known: list[int] = [user_id for user_id in served.recommender.histories.user_ids[:100].tolist() if user_id > 0]
    return known[:1]


def _secret(settings: Settings) -> str:
    given = settings.token_secret
    return given.get_secret_value() if given else token_secret(settings.state)


def shipped_params() -> Params:
    with as_file(files("marquee") / "params.yaml") as shipped:
        return read_params(shipped)


def now() -> datetime:
    return datetime.now(UTC)
