"""The client of the watch API: what people are watching right now, as events.

Tolerant in what it reads (`_table`, `_milliseconds`), strict in what it hands on (`_event`). Another form of a body or
of a time is one more case there; another status worth a second try is one more line in `_fault_of`.
"""

import asyncio
import json
import math
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from marquee.data.rejects import Rejects
from marquee.errors import WatchApiError
from marquee.params import WatchApiParams

COLUMNS = ("customerID", "current_time")  # what an event needs; the name and the year stand in the catalogue
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
FIRST_DAY = datetime(1997, 8, 29, tzinfo=UTC)  # Netflix was founded: nobody watched before
CLOCKS_APART = timedelta(days=1)  # a zone mistaken is still a time; the event store refuses what is in its future
LONGEST_WAIT_S = 365 * 86_400.0  # nothing sleeps until the year 9999
LONGEST_TEXT = 2_000  # of a body that is set aside

Event = dict[str, object]
Now = Callable[[], datetime]


class Pace:
    """Calls start at least `pause_s` apart, whoever makes them: clients that share a Pace share its patience."""

    def __init__(self, pause_s: float, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.last_call = -math.inf
        self._held_until = -math.inf
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._turn = threading.Lock()

    def wait(self, at_least_s: float) -> None:
        """Returns when the next call may start, and counts it as started."""
        with self._turn:
            not_before = self._monotonic() + at_least_s
            while (left := max(not_before, self._due()) - self._monotonic()) > 0:
                self._sleep(left)
            self.last_call = self._monotonic()

    def turns(self, seconds: float) -> Iterator[None]:
        """One, and then those that can start within so many seconds: who comes after finds nobody still waiting."""
        ends_at = self._monotonic() + seconds
        yield
        while max(self._monotonic(), self._due()) < ends_at:
            yield

    def _due(self) -> float:
        return max(self.last_call + self._pause_s, self._held_until)

    def hold(self, seconds: float) -> None:
        """No call starts sooner than in so many seconds, not even one that is waiting for its turn already."""
        self._held_until = max(self._held_until, self._monotonic() + seconds)


@dataclass(frozen=True)
class _Table:
    columns: Sequence[Any]
    index: Sequence[Any]
    data: Sequence[Any]


@dataclass(frozen=True)
class _Fault:
    """Why an answer cannot be used, though the next one may; `after_s` is what the API asks us to wait."""

    cause: str
    after_s: float = 0.0


class WatchApi:
    """`with WatchApi(...) as api: api.poll()`; a poll is one call, or as many as it takes up to `params.attempts`."""

    def __init__(
        self, params: WatchApiParams, rejects: Rejects, pace: Pace, now: Now, jitter: np.random.Generator
    ) -> None:
        self._params = params
        self._rejects = rejects
        self._pace = pace
        self._now = now
        self._jitter = jitter
        # A connection kept for longer than the pause is one that the API has closed by then.
        unkept = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(verify=_trust(), timeout=params.timeout_s, limits=unkept)
        self._request = _request(self._client, params.url)
        self._runner = asyncio.Runner()

    def poll(self) -> list[Event]:
        """What is being watched now; WatchApiError if no attempt brought a usable answer, or the API asks for patience.

        The next poll waits what is left of the time that the API asked for.
        """
        cause, wait_s = "", 0.0
        for attempt in range(self._params.attempts):
            self._pace.wait(wait_s)
            answer = self._call()
            if isinstance(answer, _Table):
                return self._events(answer)
            self._pace.hold(answer.after_s)
            cause, limit_s = answer.cause, self._params.backoff_limit_s
            if answer.after_s > limit_s:
                raise WatchApiError(
                    f"{self._params.url}: answered {cause} and asks to wait {math.ceil(answer.after_s):,} s; "
                    "call again then, or have a call wait as long with watch_api.backoff_limit_s in params.yaml"
                )
            wait_s = self._jitter.uniform(0, min(limit_s, self._params.backoff_s * 2**attempt))
        raise WatchApiError(
            f"{self._params.url}: no usable answer in {self._params.attempts} attempts, at last {cause}; "
            "see whether it is up, or change watch_api in params.yaml (`marquee watch-api` starts a stand-in)"
        )

    def _call(self) -> _Table | _Fault:
        try:
            response, body = self._runner.run(self._fetch())
        except TimeoutError:
            return _Fault(f"no whole answer within {self._params.timeout_s:g} s")
        except httpx.RequestError as error:
            return _Fault(f"{type(error).__name__} {error}".strip())
        if fault := _fault_of(response, self._now()):
            return fault
        if not response.is_success:
            raise WatchApiError(
                f"{self._params.url}: answered {_status(response)}, which no second try mends; "
                "correct watch_api.url in params.yaml"
            )
        return self._read(body)

    async def _fetch(self) -> tuple[httpx.Response, bytes]:
        """The answer, with its body up to one byte past the limit. One deadline: a server that drips holds nobody."""
        async with asyncio.timeout(self._params.timeout_s):
            response = await self._client.send(self._request, stream=True)
            try:
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > self._params.body_limit_bytes:
                        break
            finally:
                await response.aclose()
        return response, bytes(body)

    def _read(self, body: bytes) -> _Table | _Fault:
        limit = self._params.body_limit_bytes
        table = f"a body of more than {limit:,} bytes" if len(body) > limit else _table(body)
        if isinstance(table, str):
            text = body[: LONGEST_TEXT * 4].decode("utf-8", "replace")
            self._rejects.add(self._params.url, None, table, text[:LONGEST_TEXT])
            return _Fault(table)
        return table

    def _events(self, table: _Table) -> list[Event]:
        """The rows that make sense, each once; the others go to the rejects."""
        events: dict[object, Event] = {}
        latest = self._now() + CLOCKS_APART
        for number, (title_id, row) in enumerate(zip(table.index, table.data, strict=True), start=1):
            try:
                event = _event(title_id, _cells(table.columns, row), latest)
            except ValueError as error:
                self._rejects.add(self._params.url, number, str(error), _text([title_id, row]))
            else:
                events[event["event_id"]] = event
        return list(events.values())

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@cache
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes longer than a call."""
    return httpx.create_ssl_context()


def _request(client: httpx.AsyncClient, url: str) -> httpx.Request:
    try:
        request = client.build_request("GET", url, headers={"Accept": "application/json"})
        reachable = request.url.host and (request.url.port or 0) < 2**16
    except (httpx.InvalidURL, ValueError) as error:
        raise WatchApiError(f"{url}: {error}; correct watch_api.url in params.yaml") from error
    if not reachable:
        raise WatchApiError(f"{url}: names no host and port; correct watch_api.url in params.yaml")
    return request


def _fault_of(response: httpx.Response, now: datetime) -> _Fault | None:
    """A status that may be another one in a while."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        asked_s = _retry_after_s(response.headers.get("Retry-After", "").strip(), now)
        return _Fault(_status(response), min(LONGEST_WAIT_S, asked_s))
    return None


def _status(response: httpx.Response) -> str:
    to = f" to {response.headers['Location']}" if "Location" in response.headers else ""
    return f"{response.status_code} {response.reason_phrase}".strip() + to


def _retry_after_s(value: str, now: datetime) -> float:
    """Seconds or an HTTP date; what is neither asks for nothing."""
    if re.fullmatch(r"[0-9]+", value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    return (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()


def _table(body: bytes) -> _Table | str:
    """The table in pandas' `split` orientation, as an object or a string that holds one; or what is wrong with it."""
    try:
        answer = json.loads(body)
        if isinstance(answer, str):
            answer = json.loads(answer.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return "a body that is no JSON"
    if not isinstance(answer, Mapping):
        return "a body that is no table"
    parts: list[Any] = [answer.get(part) for part in ("columns", "index", "data")]
    if not all(isinstance(part, list) for part in parts):
        return "a body without columns, index and data"
    columns, index, data = parts
    if missing := [name for name in COLUMNS if name not in columns]:
        return f"a body without the column {', '.join(missing)}"
    if len(index) != len(data):
        return "a body whose index and data differ in length"
    return _Table(columns, index, data)


def _cells(columns: Sequence[Any], row: object) -> dict[str, object]:
    if not isinstance(row, list) or len(row) != len(columns):
        raise ValueError("wrong number of cells")
    return {str(name): cell for name, cell in zip(columns, row, strict=True)}


def _event(title_id: object, cells: Mapping[str, object], latest: datetime) -> Event:
    title = _whole(title_id, "index is no title id")
    viewer = _whole(cells["customerID"], "customerID is no viewer")
    at = _milliseconds(cells["current_time"])
    if not _since_epoch(FIRST_DAY) <= at <= _since_epoch(latest):
        raise ValueError("current_time is out of range")
    digest = blake2b(f"{viewer} {title} {at}".encode(), digest_size=16).hexdigest()
    return {
        "event_id": f"watch-{digest}",
        "user_id": viewer,
        "title_id": title,
        "kind": "watch_started",
        "value": None,
        "happened_at": (EPOCH + at * MILLISECOND).isoformat(timespec="milliseconds"),
        "source": "watch_api",
        "detail": None,
    }


def _whole(value: object, otherwise: str) -> int:
    """A positive whole number that a database holds, also as digits or as 7.0 (pandas' way with gaps in a column)."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise ValueError(otherwise)
    return value


def _milliseconds(value: object) -> int:
    """Since 1970, from a number or its digits, or from ISO text; text without a zone is UTC."""
    if isinstance(value, str):
        return _milliseconds_of_text(value.strip())
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):  # of any length, which no float may hold
        return value
    raise ValueError("current_time is unreadable")


def _milliseconds_of_text(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,20}(\.[0-9]*)?", text):
        return int(text.partition(".")[0])
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("current_time is unreadable") from None
    return _since_epoch(when.replace(tzinfo=when.tzinfo or UTC))


def _since_epoch(when: datetime) -> int:
    return (when - EPOCH) // MILLISECOND


def _text(row: object) -> str:
    """As it came, in characters that a file can hold."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()[:LONGEST_TEXT]
