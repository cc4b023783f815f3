"""The BentoML service: `bentoml serve marquee.serve.service:marquee`, and `marquee serve`, which is the same.

Three habits of BentoML's cost more than our answers and are changed here: a timer for each request that is never
cancelled (door.py keeps the time), several spans of each request (tracing.py has better ones), and a garbage collector
that walks through all of it.
"""

import gc
import logging
import os
import signal
import time
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING

import bentoml
import click
from bentoml._internal.server.http import traffic

from marquee import logs
from marquee.errors import MarqueeError
from marquee.serve import tracing
from marquee.serve.door import App, Door, Receive, Scope, Send
from marquee.serve.settings import Settings, read_settings

if TYPE_CHECKING:
    from marquee.serve.worker import Worker


def _settings() -> Settings:
    try:
        return read_settings(os.environ)
    except MarqueeError as error:
        raise click.ClickException(str(error)) from None


_LOOK_S, _PATIENCE_S = 1.0, 30.0  # between two looks for who began a worker; with its end in good order
_BENTOMLS = frozenset({"/schema.json"})

_BEGUN_BY = os.getppid()  # of a worker: who watches over all of them
_log = logging.getLogger("marquee.serve")
SETTINGS = _settings()
TRACED = tracing.is_wanted(os.environ)


class _Endpoints:
    """Our app, once there is one: the process that only watches over the workers needs neither it nor the model."""

    app: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


ENDPOINTS = _Endpoints()


class _NoTimer:
    """In the place of BentoML's TimeoutMiddleware."""

    def __init__(self, app: App, timeout: float) -> None:  # noqa: ARG002 - as BentoML calls it
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _OursFirst:
    """To BentoML goes what is its own; what is ours goes past all that it does for endpoints of its own."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"] not in _BENTOMLS
        await (ENDPOINTS if is_ours else self._app)(scope, receive, send)


class Marquee:
    def __init__(self) -> None:
        from marquee.serve.app import create_app  # noqa: PLC0415 - in a worker alone, see _Endpoints
        from marquee.serve.worker import Worker, shipped_params  # noqa: PLC0415

        Thread(target=_end_with, args=(_BEGUN_BY,), name="watched over", daemon=True).start()
        self._end_traces = tracing.begin() if TRACED else None
        self._worker = Worker(_with_own_model(SETTINGS), shipped_params())
        self._worker.begin()
        ENDPOINTS.app = create_app(self._worker)
        _end_streams_first(self._worker)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def end(self) -> None:
        self._worker.end()
        if self._end_traces:
            self._end_traces()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Once, before any worker starts: what would be wrong for all of them."""
        from marquee.data.api_keys import ApiKeys  # noqa: PLC0415 - workers do without this
        from marquee.serve.access import check_address, token_secret  # noqa: PLC0415

        try:
            with ApiKeys(SETTINGS.database_url) as keys:
                check_address(_host(), keys)
            if SETTINGS.token_secret is None:
                token_secret(SETTINGS.state)
        except MarqueeError as error:
            raise click.ClickException(str(error)) from None


def _with_own_model(settings: Settings) -> Settings:
    """The Bento's, if this runs from one and nobody names another."""
    if marquee.bento is None or "model" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"model": Path(bentoml.models.get("served").path_of("model"))})


def _host() -> str:
    """Where `bentoml serve --host` says, if it does."""
    context = click.get_current_context(silent=True)
    return (context and context.params.get("host")) or SETTINGS.host


def _end_streams_first(worker: "Worker") -> None:
    """Who stops the server waits for every open answer, and a stream stays open as long as it may."""
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def ended(number: int, frame: FrameType | None, before: object = before) -> None:
            worker.streams.close_all()
            if callable(before):
                before(number, frame)

        signal.signal(number, ended)


def _end_with(beginner: int) -> None:
    """Who watches over the workers may be killed: one that lives on would keep the port from the next start."""
    while os.getppid() == beginner:
        time.sleep(_LOOK_S)
    _log.warning("the process that began this worker is gone, so it ends")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os.kill(os.getpid(), signal.SIGKILL)


traffic.TimeoutMiddleware = _NoTimer  # type: ignore[assignment, misc]
logging.getLogger("uvicorn.access").propagate = False  # else a line of each request is made, and then not written
logging.getLogger("marquee").setLevel(logging.INFO)
logs.use(SETTINGS.log)

marquee = bentoml.service(
    bentoml.asgi_app(ENDPOINTS, path="/")(Marquee),
    name="marquee",
    workers=SETTINGS.workers,
    http={"host": SETTINGS.host, "port": SETTINGS.port},
    traffic={"timeout": SETTINGS.timeout_s},
    tracing={"excluded_urls": ".*"},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
_LIMITS = {"body_limit": SETTINGS.body_limit, "file_limit": SETTINGS.file_limit}
marquee.add_asgi_middleware(Door, timeout_s=SETTINGS.timeout_s, **_LIMITS)
marquee.add_asgi_middleware(_OursFirst)
