"""A load on a service, from a process of its own: so many calls, one after another on each lane or at a fixed rate.

At a fixed rate every call has its moment, and is counted from then on, also if no lane was free: a service that falls
behind cannot hide it. How late calls were sent is told beside; much of that would be the generator's own doing.
"""

import gc
import json
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from threading import Barrier
from typing import Any

import numpy as np

_JSON, _END = "content-type: application/json\r\n", b"\r\n\r\n"


@dataclass(frozen=True)
class Step:
    path: str
    body: bytes


@dataclass(frozen=True)
class Call:
    """Steps one after another, as one; the title that is `gone` must not be in what the last of them answers."""

    steps: tuple[Step, ...]
    gone: int | None = None


@dataclass(frozen=True)
class Load:
    port: int
    calls: Sequence[Call]
    lanes: int
    rate: float | None = None  # calls a second; none: as fast as answers come


@dataclass
class Figures:
    ms: list[float] = field(default_factory=list)  # of each call
    late_ms: list[float] = field(default_factory=list)  # sent after its moment
    errors: list[str] = field(default_factory=list)
    stale: int = 0  # calls that answered the title that was to be gone
    seconds: float = 0

    def p(self, percent: float) -> float:
        return float(np.percentile(self.ms, percent)) if self.ms else float("nan")

    @property
    def rate(self) -> float:
        return len(self.ms) / self.seconds

    @property
    def late(self) -> float:
        return float(np.percentile(self.late_ms, 99)) if self.late_ms else 0.0


def step(path: str, body: object) -> Step:
    return Step(path, json.dumps(body).encode())


class Generator:
    """The process; its imports are done before anything is measured."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, get_context("spawn"))
        self._pool.submit(gc.disable).result()

    def put(self, load: Load) -> Figures:
        return self.begin(load).result()

    def begin(self, load: Load) -> "Future[Figures]":
        return self._pool.submit(_put, load)

    def call(self, work: Callable[..., Figures], *told: object) -> Figures:
        return self._pool.submit(work, *told).result()

    def close(self) -> None:
        self._pool.shutdown()


def _put(load: Load) -> Figures:
    figures, numbers, ready = Figures(), count(), Barrier(load.lanes + 1)
    with ThreadPoolExecutor(load.lanes) as pool:
        # All lanes wait for one another, so that none has begun before the moment of the first call is set.
        lanes = [pool.submit(_Lane(load, figures, numbers, ready).run) for _ in range(load.lanes)]
        ready.wait()
        began = time.perf_counter()
        for lane in lanes:
            lane.result()
    figures.seconds = time.perf_counter() - began
    return figures


class _Lane:
    """One connection. Lanes take the next call in turn: which one takes it is nobody's plan."""

    def __init__(self, load: Load, figures: Figures, numbers: "count[int]", ready: Barrier) -> None:
        self._load, self._figures, self._numbers, self._ready = load, figures, numbers, ready
        self._connection = Connection(load.port)

    def run(self) -> None:
        self._connection.open()
        self._ready.wait()
        began = time.perf_counter()
        while (number := next(self._numbers)) < len(self._load.calls):
            self._one(self._load.calls[number], None if self._load.rate is None else began + number / self._load.rate)
        self._connection.close()

    def _one(self, call: Call, due: float | None) -> None:
        if due is not None:
            time.sleep(max(0.0, due - time.perf_counter()))
            self._figures.late_ms.append(1e3 * (time.perf_counter() - due))
        since = time.perf_counter() if due is None else due
        try:
            told = [self._asked(each) for each in call.steps][-1]
        except (OSError, ValueError) as error:
            self._figures.errors.append(f"{type(error).__name__}: {error}")
            self._connection.close()  # the next call opens it again
            return
        self._figures.ms.append(1e3 * (time.perf_counter() - since))
        self._figures.stale += call.gone is not None and call.gone in listed(told)

    def _asked(self, asked: Step) -> bytes:
        status, told = self._connection.post(asked)
        if status != 200:
            raise ValueError(f"{asked.path} {status} {told[:200].decode(errors='replace')}")
        return told


class Connection:
    """As much of HTTP as is spoken here: to read a head, Python's own client takes a fifth of a millisecond, which
    would be counted as the service's."""

    def __init__(self, port: int) -> None:
        self._port, self._socket = port, socket.socket()
        self.close()

    def open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def post(self, step: Step) -> tuple[int, bytes]:
        """The status of the answer, and what it says."""
        head = f"POST {step.path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{_JSON}content-length: {len(step.body)}\r\n\r\n"
        if self._socket.fileno() < 0:
            self.open()
        self._socket.sendall(head.encode() + step.body)
        told = b""
        while _END not in told:
            told += self._received()
        answered, _, body = told.partition(_END)
        length = int(answered.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._received()
        return int(answered.split(maxsplit=2)[1]), body

    def _received(self) -> bytes:
        told = self._socket.recv(1 << 16)
        if not told:
            raise ConnectionResetError("the service closed the connection")
        return told


def listed(told: bytes | str) -> list[int]:
    """The titles of a list, the best first."""
    reply: dict[str, Any] = json.loads(told)
    return [int(title["title_id"]) for title in reply["titles"]]
