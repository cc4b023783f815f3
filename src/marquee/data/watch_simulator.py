"""A stand-in for the watch API: a real HTTP server that tells the live events of a demo world in the API's own format.

Every way in which the real one may fail or differ is a fault with a share of the answers that show it. A new fault is
one line in STATUSES, TABLES or BODIES.
"""

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from marquee.errors import ParamsError, SourceError, WatchApiError

PATH = "/users-currently-watching-movie"
COLUMNS = ["YearRelease", "Name", "current_time", "customerID"]
KINDS = ("watch_started", "watch_progress")
ROWS = 10
LONGEST_HANG_S = 300.0

Table = dict[str, list[Any]]
Random = np.random.Generator


def _null_year(table: Table, random: Random) -> Table:
    """One year that nobody knows makes the others decimal numbers, as in pandas."""
    unknown = random.integers(len(table["data"]))
    rows = [[None if n == unknown else float(year or 0), *rest] for n, (year, *rest) in enumerate(table["data"])]
    return {**table, "data": rows}


def _iso_time(table: Table, random: Random) -> Table:
    zone = random.choice(["", "Z", "+00:00"])
    rows = [[year, name, _iso(at) + zone, viewer] for year, name, at, viewer in table["data"]]
    return {**table, "data": rows}


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _nonsense_row(table: Table, random: Random) -> Table:
    index, row = table["index"][0], table["data"][0]
    nonsense: list[tuple[Any, list[Any]]] = [
        (index, row[:2]),
        (index, [*row[:3], "nobody"]),
        (index, [*row[:2], "soon", row[3]]),
        (index, [*row[:2], 7, row[3]]),
        ("tt0111161", row),
    ]
    wrong, cells = nonsense[random.integers(len(nonsense))]
    return {**table, "index": [*table["index"], wrong], "data": [*table["data"], cells]}


def _text_index(table: Table, _: Random) -> Table:
    return {**table, "index": [str(title_id) for title_id in table["index"]]}


def _shuffled_columns(table: Table, random: Random) -> Table:
    order = random.permutation(len(COLUMNS))
    shuffled = [[cells[n] if n < len(cells) else None for n in order] for cells in table["data"]]
    return {**table, "columns": [COLUMNS[n] for n in order], "data": shuffled}


def _string(table: Table) -> bytes:
    return json.dumps(json.dumps(table, separators=(",", ":"))).encode()


def _html(_: Table) -> bytes:
    return b"<!DOCTYPE html><html><body><h1>Application error</h1></body></html>"


STATUSES: Mapping[str, int] = {"status_429": 429, "status_500": 500, "status_503": 503}
TABLES: Mapping[str, Callable[[Table, Random], Table]] = {
    "null_year": _null_year,
    "iso_time": _iso_time,
    "nonsense_row": _nonsense_row,
    "text_index": _text_index,
    "shuffled_columns": _shuffled_columns,
}
BODIES: Mapping[str, Callable[[Table], bytes]] = {
    "plain_object": lambda table: json.dumps(table).encode(),
    "html": _html,
    "empty": lambda _: b"",
}
MANNERS = ("repeated", "slow", "hang", "cut")
NAMES = (*STATUSES, *TABLES, *BODIES, *MANNERS)


@dataclass(frozen=True)
class Faults:
    """`shares`: which part of the answers shows a fault, by its name. `limit_s`: whoever asks sooner gets a 429."""

    shares: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    limit_s: float = 0.0
    slow_s: float = 3.0

    def __post_init__(self) -> None:
        for name, share in self.shares.items():
            if name not in NAMES:
                raise ParamsError(f"no fault of the watch API is called {name}; there are {', '.join(NAMES)}")
            if not 0 <= share <= 1:
                raise ParamsError(f"{name}={share} is no share of the answers (allowed: from 0 to 1)")


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes = b""
    rows: int = 0
    faults: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class WatchSimulator:
    """`with WatchSimulator(...) as simulator:` serves at `simulator.url` until the end of the block."""

    def __init__(
        self, folder: Path, faults: Faults, now: Callable[[], datetime], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._stream = _stream(folder)
        self._faults = faults
        self._now = now
        self._random = np.random.default_rng(faults.seed)
        self._position = 0
        self._last: Table | None = None
        self._answered_at: datetime | None = None
        self._log: Callable[[str], None] = lambda _: None
        self._turn = threading.Lock()
        self.closing = threading.Event()
        try:
            self._server = _Server((host, port), partial(_Handler, self))
        except (OSError, OverflowError) as error:
            raise WatchApiError(f"{host}:{port}: cannot listen there ({error}); choose another port") from error
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{PATH}"

    def serve_forever(self, log: Callable[[str], None]) -> None:
        """Until Ctrl-C, or the end of the block in another thread; `log` gets one line a call."""
        self._log = log
        # Polars lets the system restart a wait that Ctrl-C interrupts: only a wait that ends by itself hears of it.
        while self._thread.is_alive():
            self._thread.join(timeout=0.2)

    def answer(self) -> _Answer:
        with self._turn:
            answer = self._answer()
        what = " ".join(answer.faults)
        self._log(f"{self._now():%H:%M:%S}  {answer.status}  {answer.rows:>3} rows  {what}".rstrip())
        return answer

    def _answer(self) -> _Answer:
        if wait_s := self._too_soon_s():
            return _Answer(429, b'{"error": "5 per 1 minute"}', faults=("limit",), headers={"Retry-After": str(wait_s)})
        faults = tuple(name for name in NAMES if self._random.random() < self._faults.shares.get(name, 0))
        if status := next((STATUSES[name] for name in faults if name in STATUSES), None):
            return _Answer(status, b"<html><body>Try again later</body></html>", faults=faults)
        self._answered_at = self._now()
        table = self._last if "repeated" in faults and self._last else self._next_table()
        self._last = table
        for name in faults:
            table = TABLES[name](table, self._random) if name in TABLES else table
        body = next((BODIES[name] for name in faults if name in BODIES), _string)(table)
        return _Answer(200, body, len(table["data"]), faults)

    def _too_soon_s(self) -> int:
        """Whole seconds that a caller has to wait, rounded up; 0 when it may have its answer."""
        if self._answered_at is None:
            return 0
        left = timedelta(seconds=self._faults.limit_s) - (self._now() - self._answered_at)
        return max(0, math.ceil(left.total_seconds()))

    def _next_table(self) -> Table:
        """The next rows of the stream, which starts over at its end; they are being watched now."""
        count = min(ROWS, len(self._stream))
        rows = [self._stream[(self._position + n) % len(self._stream)] for n in range(count)]
        self._position = (self._position + count) % len(self._stream)
        at = int(self._now().timestamp() * 1000)
        return {
            "columns": COLUMNS,
            "index": [title_id for title_id, *_ in rows],
            "data": [[year, name, at, viewer] for _, year, name, viewer in rows],
        }

    def pause_s(self, answer: _Answer) -> float:
        if "hang" in answer.faults:
            return LONGEST_HANG_S
        return self._faults.slow_s if "slow" in answer.faults else 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left before its answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, simulator: WatchSimulator, *server: Any) -> None:
        self._simulator = simulator
        super().__init__(*server)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._send(_Answer(404, b'{"detail": "Not Found"}'))
            return
        answer = self._simulator.answer()
        if pause_s := self._simulator.pause_s(answer):
            self._simulator.closing.wait(pause_s)
        self._send(answer)

    def _send(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html" if answer.body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if "cut" in answer.faults else answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """The simulator's own line says more."""


def _stream(folder: Path) -> list[tuple[int, int | None, str, int]]:
    """Who watches what, in order: title_id, year, name, user_id."""
    titles = _titles(folder / "movie_titles.csv")
    path = folder / "live_events.jsonl"
    stream = []
    for number, line in enumerate(_lines(path, "utf-8"), start=1):
        try:
            event = json.loads(line)
            if event["kind"] in KINDS:
                title_id = event["title_id"]
                stream.append((title_id, *titles[title_id], int(event["user_id"])))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{path}:{number}: no event of this world ({error!r}); write the world anew") from error
    if not stream:
        raise SourceError(f"{path}: nobody watches anything in it; write it anew with `marquee demo-world`")
    return stream


def _titles(path: Path) -> dict[int, tuple[int | None, str]]:
    titles = {}
    for number, line in enumerate(_lines(path, "latin-1"), start=1):
        try:
            title_id, year, name = line.split(",", 2)
            titles[int(title_id)] = (None if year == "NULL" else int(year), name)
        except ValueError as error:
            raise SourceError(f"{path}:{number}: '{line}' is not id,year,title; write the world anew") from error
    return titles


def _lines(path: Path, encoding: str) -> list[str]:
    try:
        return [line for line in path.read_text(encoding).split("\n") if line]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); write it with `marquee demo-world`") from error
