"""The client of the watch API against real HTTP servers: the simulator, and a raw one for what is beyond its faults."""

import csv
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marquee.data.rejects import Rejects
from marquee.data.watch_api import Event, Pace, WatchApi
from marquee.data.watch_simulator import COLUMNS, Faults, WatchSimulator
from marquee.errors import WatchApiError
from marquee.params import WatchApiParams, read_params
from marquee.tables import KINDS_OF_EVENT

NOW = datetime(2006, 1, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
PARAMS = read_params(Path(__file__).parents[2] / "params.yaml").watch_api
Send = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    passed_s: float = 0.0
    naps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.passed_s

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.passed_s += seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)


@dataclass
class Raw:
    """A server that sends its answers one after the other, then the last one for ever; it keeps when it was asked."""

    clock: Clock
    answers: list[Send] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    url: str = ""

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked_at.append(self.clock.passed_s)
        self.answers[min(len(self.asked_at), len(self.answers)) - 1](handler)


class Handler(BaseHTTPRequestHandler):
    def __init__(self, raw: Raw, *server: Any) -> None:
        self.raw = raw
        super().__init__(*server)

    def do_GET(self) -> None:
        self.raw.send(self)

    def log_message(self, *_: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The client may leave before the answer's end."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def raw(clock: Clock) -> Iterator[Raw]:
    raw = Raw(clock)
    with Quiet(("127.0.0.1", 0), partial(Handler, raw)) as server:
        raw.url = f"http://127.0.0.1:{server.server_port}/users-currently-watching-movie"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield raw
        server.shutdown()
        thread.join()


@pytest.fixture
def rejects(tmp_path: Path) -> Iterator[Rejects]:
    with Rejects(tmp_path / "rejects" / "watch_api.csv") as rejects:
        yield rejects


@pytest.fixture
def api(raw: Raw, rejects: Rejects, clock: Clock) -> Iterator[WatchApi]:
    with client(raw.url, rejects, clock) as api:
        yield api


def client(url: str, rejects: Rejects, clock: Clock, **changes: Any) -> WatchApi:
    params = WatchApiParams(**{**PARAMS.model_dump(), "url": url, **changes})
    pace = Pace(params.pause_s, clock.monotonic, clock.sleep)
    return WatchApi(params, rejects, pace, clock.now, np.random.default_rng(7))


def answer(body: bytes, status: int = 200, **headers: str) -> Send:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


def split(*rows: tuple[Any, Any], columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    return {"columns": columns, "index": [index for index, _ in rows], "data": [cells for _, cells in rows]}


def as_string(table: object) -> Send:
    return answer(json.dumps(json.dumps(table)).encode())


def set_aside(rejects: Rejects) -> list[tuple[str, str, str]]:
    rejects.close()
    with rejects.path.open(encoding="utf-8", newline="") as file:
        return [(row["line"], row["reason"], row["text"]) for row in csv.DictReader(file)]


GOOD = (7, [1999, "The Café", NOW_MS, 42])


def test_a_row_becomes_the_event_of_a_viewer_who_started_watching(raw: Raw, api: WatchApi, rejects: Rejects) -> None:
    raw.answers = [as_string(split(GOOD))]
    (event,) = api.poll()
    assert event.pop("event_id") == "watch-" + str(event_id_of(api.poll()))[6:]
    assert event == {
        "user_id": 42,
        "title_id": 7,
        "kind": "watch_started",
        "value": None,
        "happened_at": "2006-01-01T12:00:00.000+00:00",
        "source": "watch_api",
        "detail": None,
    }
    assert event["kind"] in KINDS_OF_EVENT
    assert rejects.total == 0


def event_id_of(events: list[Event]) -> object:
    (event,) = events
    return event["event_id"]


def test_the_same_row_in_two_calls_is_one_event_and_another_viewer_title_or_time_is_another(
    raw: Raw, api: WatchApi
) -> None:
    rows = [GOOD, (8, GOOD[1]), (7, [1999, "The Café", NOW_MS, 43]), (7, [1999, "The Café", NOW_MS + 1, 42])]
    raw.answers = [as_string(split(row)) for row in [GOOD, *rows]]
    ids = [event_id_of(api.poll()) for _ in raw.answers]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert all(len(str(name)) <= 64 for name in ids)


def test_a_row_twice_in_one_answer_is_handed_on_once(raw: Raw, api: WatchApi) -> None:
    raw.answers = [as_string(split(GOOD, GOOD))]
    assert len(api.poll()) == 1


def test_no_rows_are_no_events(raw: Raw, api: WatchApi, rejects: Rejects) -> None:
    raw.answers = [as_string(split())]
    assert api.poll() == []
    assert rejects.total == 0


# --- any form of the same table ---------------------------------------------------------------------------------

times = st.integers(900_000_000_000, NOW_MS).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
watched = st.tuples(st.integers(1, 2**31), st.integers(1, 2**62), times)
years = st.sampled_from([None, 1999, 1999.0, "1999", "NULL", float("nan")])
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def iso(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


TIMES: list[Callable[[datetime], Any]] = [
    milliseconds,
    lambda at: float(milliseconds(at)),
    lambda at: str(milliseconds(at)),
    lambda at: f"{milliseconds(at)}.0",
    iso,
    lambda at: iso(at).replace("T", " "),
    lambda at: iso(at) + "Z",
    lambda at: at.astimezone(timezone(timedelta(hours=-7, minutes=-30))).isoformat(),
]
INDEXES: list[Callable[[int], Any]] = [int, str, float]
BODIES: list[Callable[[object], bytes]] = [
    lambda table: json.dumps(json.dumps(table)).encode(),
    lambda table: json.dumps(json.dumps(table, ensure_ascii=False), ensure_ascii=False).encode(),
    lambda table: json.dumps(table).encode(),
    lambda table: b"\xef\xbb\xbf" + json.dumps(json.dumps(table)).encode(),
    lambda table: json.dumps("\ufeff" + json.dumps(table)).encode(),
    lambda table: json.dumps(table).encode("utf-16"),
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), rows=st.lists(watched, max_size=12))
def test_the_same_table_in_any_tolerated_form_gives_the_same_events(
    data: st.DataObject, rows: list[tuple[int, int, datetime]], raw: Raw, api: WatchApi, rejects: Rejects
) -> None:
    columns = data.draw(st.permutations(["YearRelease", "Name", "current_time", "customerID", "more"]))
    time_of, index_of = data.draw(st.sampled_from(TIMES)), data.draw(st.sampled_from(INDEXES))
    cells = [
        {
            "YearRelease": data.draw(years),
            "Name": data.draw(names),
            "current_time": time_of(at),
            "customerID": viewer,
            "more": [],
        }
        for _, viewer, at in rows
    ]
    table = {
        "columns": columns,
        "index": [index_of(title_id) for title_id, _, _ in rows],
        "data": [[row[name] for name in columns] for row in cells],
    }
    plain = split(*((title_id, [None, "", milliseconds(at), viewer]) for title_id, viewer, at in rows))
    raw.answers = [answer(data.draw(st.sampled_from(BODIES))(table))]
    told = api.poll()
    raw.answers = [as_string(plain)]
    assert told == api.poll()
    assert {(event["title_id"], event["user_id"], event["happened_at"]) for event in told} == {
        (title_id, viewer, at.isoformat(timespec="milliseconds")) for title_id, viewer, at in rows
    }
    assert rejects.total == 0


# --- rows that make no sense ------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewer", [None, True, 0, -3, 7.5, "nobody", "", "²", 2**63, [42], float("inf")])
def test_a_row_without_a_viewer_is_set_aside_with_its_text(
    raw: Raw, api: WatchApi, rejects: Rejects, viewer: object
) -> None:
    wrong = (7, [1999, "The Café", NOW_MS, viewer])
    raw.answers = [as_string(split(GOOD, wrong))]
    assert len(api.poll()) == 1
    text = json.dumps([wrong[0], wrong[1]], ensure_ascii=False)
    assert set_aside(rejects) == [("2", "customerID is no viewer", text)]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (None, "unreadable"),
        (True, "unreadable"),
        ("soon", "unreadable"),
        ("", "unreadable"),
        ({}, "unreadable"),
        (float("nan"), "unreadable"),
        ("2006-13-01T00:00:00", "unreadable"),
        (0, "out of range"),
        (-1, "out of range"),
        (NOW_MS // 1000, "out of range"),
        (NOW_MS * 1000, "out of range"),
        (1e300, "out of range"),
        pytest.param(10**400, "out of range", id="400 digits"),
        ("9" * 20, "out of range"),
        pytest.param("9" * 400, "unreadable", id="400 digits in text"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
        ("9999-12-31T23:59:59-14:00", "out of range"),
        (NOW_MS + 90_000_000, "out of range"),
    ],
)
def test_a_row_at_no_possible_time_is_set_aside(
    raw: Raw, api: WatchApi, rejects: Rejects, at: object, reason: str
) -> None:
    raw.answers = [as_string(split((7, [1999, "The Café", at, 42]), GOOD))]
    assert len(api.poll()) == 1
    assert rejects.counts == {f"current_time is {reason}": 1}


def test_a_clock_that_is_hours_ahead_is_believed(raw: Raw, api: WatchApi) -> None:
    raw.answers = [as_string(split((7, [1999, "The Café", NOW_MS + 2 * 3_600_000, 42])))]
    assert [event["happened_at"] for event in api.poll()] == ["2006-01-01T14:00:00.000+00:00"]


@pytest.mark.parametrize("title_id", [None, 0, -1, 1.5, "tt0111161", False])
def test_a_row_of_no_title_is_set_aside(raw: Raw, api: WatchApi, rejects: Rejects, title_id: object) -> None:
    raw.answers = [as_string(split(GOOD, (title_id, GOOD[1])))]
    assert len(api.poll()) == 1
    assert rejects.counts == {"index is no title id": 1}


@pytest.mark.parametrize("cells", [[], GOOD[1][:3], [*GOOD[1], 1], None, "row", {"customerID": 1}])
def test_a_row_with_too_few_or_too_many_cells_is_set_aside(
    raw: Raw, api: WatchApi, rejects: Rejects, cells: Any
) -> None:
    raw.answers = [as_string(split(GOOD, (7, cells)))]
    assert len(api.poll()) == 1
    assert rejects.counts == {"wrong number of cells": 1}


def test_characters_that_no_file_holds_are_set_aside_all_the_same(raw: Raw, api: WatchApi, rejects: Rejects) -> None:
    raw.answers = [as_string(split((7, [1999, "half \ud83d", NOW_MS, None])))]
    assert api.poll() == []
    assert set_aside(rejects)[0][2] == rf'[7, [1999, "half \ud83d", {NOW_MS}, null]]'


# --- answers that cannot be used --------------------------------------------------------------------------------

BAD_BODIES = {
    "a body that is no JSON": [b"", b"<html>", b'"{', b"\xff\xfe\x00", b"[" * 100_000, b'"not json"', b"1" * 5_000],
    "a body that is no table": [b"[]", b"null", b'"[1]"', b"3"],
    "a body without columns, index and data": [
        b"{}",
        b'{"error": "limit"}',
        b'{"columns": 1, "index": [], "data": []}',
    ],
    "a body without the column customerID": [json.dumps(split(columns=("Name", "current_time"))).encode()],
    "a body whose index and data differ in length": [json.dumps({**split(GOOD), "index": []}).encode()],
}


@pytest.mark.parametrize(
    ("reason", "body"), [(reason, body) for reason, bodies in BAD_BODIES.items() for body in bodies]
)
def test_a_body_that_is_no_table_is_set_aside_whole_and_asked_for_again(
    raw: Raw, api: WatchApi, rejects: Rejects, reason: str, body: bytes
) -> None:
    raw.answers = [answer(body), as_string(split(GOOD))]
    assert len(api.poll()) == 1
    assert set_aside(rejects) == [("", reason, body[:2_000].decode("utf-8", "replace"))]


def test_a_body_past_the_limit_is_not_read_on(raw: Raw, clock: Clock, rejects: Rejects) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"[" * 10_000)

    raw.answers = [endless, as_string(split(GOOD))]
    with client(raw.url, rejects, clock, body_limit_bytes=1_000) as api:
        assert len(api.poll()) == 1
    assert rejects.counts == {"a body of more than 1,000 bytes": 1}


def drip(head: bytes) -> Send:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    return send


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"])
def test_a_server_that_drips_bytes_holds_nobody(raw: Raw, clock: Clock, rejects: Rejects, head: bytes) -> None:
    raw.answers = [drip(head), as_string(split(GOOD))]
    with client(raw.url, rejects, clock, timeout_s=0.3) as api:
        assert len(api.poll()) == 1
    assert len(raw.asked_at) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_asked_again(raw: Raw, api: WatchApi, status: int) -> None:
    raw.answers = [answer(b"<html>later</html>", status), as_string(split(GOOD))]
    assert len(api.poll()) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_a_status_that_no_second_try_mends_fails_at_once(raw: Raw, api: WatchApi, status: int) -> None:
    raw.answers = [answer(b"", status, Location="https://elsewhere.example/")]
    says = f"{raw.url}: answered {status} .* to https://elsewhere.example/, .*correct watch_api.url"
    with pytest.raises(WatchApiError, match=says):
        api.poll()
    assert len(raw.asked_at) == 1


def test_after_all_attempts_the_last_cause_and_the_way_out_are_told(raw: Raw, api: WatchApi) -> None:
    raw.answers = [answer(b"", 500), answer(b"", 500), answer(b"", 503)]
    with pytest.raises(WatchApiError) as error:
        api.poll()
    assert str(error.value) == (
        f"{raw.url}: no usable answer in 5 attempts, at last 503 Service Unavailable; "
        "see whether it is up, or change watch_api in params.yaml (`marquee watch-api` starts a stand-in)"
    )
    assert len(raw.asked_at) == PARAMS.attempts


def test_a_server_that_is_not_there_is_asked_for_again_and_named(rejects: Rejects, clock: Clock) -> None:
    with Quiet(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
    with client(url, rejects, clock) as api, pytest.raises(WatchApiError, match="5 attempts, at last ConnectError"):
        api.poll()
    assert len(clock.naps) == 4


@pytest.mark.parametrize("url", ["http://", "http://x:99999/", "http://[::/", "https:///path", "http://xn--/"])
def test_an_address_that_is_none_is_refused_at_once(rejects: Rejects, clock: Clock, url: str) -> None:
    with pytest.raises(WatchApiError, match=r"correct watch_api\.url in params\.yaml"):
        client(url, rejects, clock)


# --- pace and patience ------------------------------------------------------------------------------------------


def test_calls_start_the_pause_apart_also_after_errors_and_retries(raw: Raw, api: WatchApi) -> None:
    raw.answers = [as_string(split(GOOD)), answer(b"", 500), answer(b"nothing"), as_string(split(GOOD))]
    for _ in range(3):
        api.poll()
    apart = [later - earlier for earlier, later in pairwise(raw.asked_at)]
    assert len(apart) >= 4
    assert min(apart) == PARAMS.pause_s


def test_clients_that_share_a_pace_share_its_pause(raw: Raw, rejects: Rejects, clock: Clock) -> None:
    params = PARAMS.model_copy(update={"url": raw.url})
    pace = Pace(params.pause_s, clock.monotonic, clock.sleep)
    raw.answers = [as_string(split(GOOD))]
    for _ in range(3):
        with WatchApi(params, rejects, pace, clock.now, np.random.default_rng(7)) as api:
            api.poll()
    assert raw.asked_at == [0, 12, 24]
    assert pace.last_call == 24


def test_a_pace_that_has_been_kept_by_other_work_is_not_waited_for(clock: Clock) -> None:
    pace = Pace(12, clock.monotonic, clock.sleep)
    pace.wait(0)
    clock.passed_s = 11
    pace.wait(0)
    clock.passed_s = 100
    pace.wait(0)
    assert clock.naps == [1]


def test_a_sleep_that_ends_early_is_slept_on() -> None:
    clock = Clock()
    pace = Pace(12, clock.monotonic, lambda seconds: clock.sleep(seconds / 2 if seconds > 1 else seconds))
    pace.wait(0)
    pace.wait(0)
    assert clock.passed_s == 12


def waits(raw: Raw, rejects: Rejects, clock: Clock, **changes: Any) -> list[float]:
    """Between the calls of one poll that never succeeds, with no pause of its own."""
    with client(raw.url, rejects, clock, pause_s=0.0, **changes) as api, pytest.raises(WatchApiError):
        api.poll()
    return [later - earlier for earlier, later in pairwise(raw.asked_at)]


def test_the_back_off_doubles_up_to_its_limit_with_full_jitter(raw: Raw, rejects: Rejects, clock: Clock) -> None:
    raw.answers = [answer(b"", 500)]
    waited = waits(raw, rejects, clock, attempts=12, backoff_s=1.0, backoff_limit_s=60.0)
    ceilings = [min(60.0, 2.0**n) for n in range(11)]
    assert all(0 <= wait <= ceiling for wait, ceiling in zip(waited, ceilings, strict=True))
    assert max(waited) > 20
    assert any(wait < ceiling / 2 for wait, ceiling in zip(waited, ceilings, strict=True))


@pytest.mark.parametrize(
    ("retry_after", "least_and_most"),
    [
        ("30", (30, 30)),
        ("0", (0, 1)),
        (format_datetime(NOW + timedelta(seconds=40), usegmt=True), (40, 40)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), (0, 1)),
        ("Sun, 01 Jan 2006 12:00:20 -0000", (20, 20)),
        ("Sun, 01 Jan 2006 14:00:20 +0200", (20, 20)),
        ("60", (60, 60)),
        ("a while", (0, 1)),
        ("-5", (0, 1)),
        ("Mon, 99 Foo 2006 12:00:20 GMT", (0, 1)),
    ],
)
def test_retry_after_is_waited_for_up_to_the_limit(
    raw: Raw, rejects: Rejects, clock: Clock, retry_after: str, least_and_most: tuple[float, float]
) -> None:
    raw.answers = [answer(b"", 429, Retry_After=retry_after)]
    (wait,) = waits(raw, rejects, clock, attempts=2, backoff_s=1.0, backoff_limit_s=60.0)
    least, most = least_and_most
    assert least <= wait <= most


YEAR_S = 31_536_000


@pytest.mark.parametrize(
    ("retry_after", "asks_s"),
    [
        ("61", 61),
        ("86400", 86_400),
        (format_datetime(NOW + timedelta(minutes=30), usegmt=True), 1_800),
        ("9" * 400, YEAR_S),
        ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR_S),
    ],
)
def test_a_server_that_asks_for_more_than_the_limit_ends_the_call_and_is_left_alone_as_long(
    raw: Raw, api: WatchApi, clock: Clock, retry_after: str, asks_s: int
) -> None:
    raw.answers = [answer(b"", 429, Retry_After=retry_after), as_string(split(GOOD))]
    with pytest.raises(WatchApiError) as error:
        api.poll()
    assert str(error.value) == (
        f"{raw.url}: answered 429 Too Many Requests and asks to wait {asks_s:,} s; "
        "call again then, or have a call wait as long with watch_api.backoff_limit_s in params.yaml"
    )
    assert clock.passed_s == 0
    clock.passed_s = 20
    api.poll()
    assert raw.asked_at == [0, asks_s]


def test_the_last_attempt_too_is_followed_by_the_wait_that_was_asked_for(
    raw: Raw, rejects: Rejects, clock: Clock
) -> None:
    raw.answers = [answer(b"", 429, Retry_After="50"), as_string(split(GOOD))]
    with client(raw.url, rejects, clock, attempts=1) as api:
        with pytest.raises(WatchApiError, match="1 attempts, at last 429"):
            api.poll()
        api.poll()
    assert raw.asked_at == [0, 50]


def test_a_hold_is_shared_with_the_pace_and_never_shortened(clock: Clock) -> None:
    pace = Pace(12, clock.monotonic, clock.sleep)
    pace.hold(100)
    pace.hold(5)
    pace.wait(0)
    pace.wait(0)
    assert clock.naps == [100, 12]


def test_a_hold_also_keeps_back_the_one_whose_turn_it_is(clock: Clock) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        if not naps:
            pace.hold(100)
        naps.append(seconds)
        clock.sleep(seconds)

    pace = Pace(12, clock.monotonic, sleep)
    pace.wait(10)
    assert naps == [10, 90]


# --- against the simulator --------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "movie_titles.csv").write_bytes(
        "".join(f"{n},2001,T\xe9 {n}\n" for n in range(1, 31)).encode("latin-1")
    )
    events = ({"kind": "watch_started", "title_id": n, "user_id": 100 + n} for n in range(1, 31))
    (tmp_path / "live_events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return tmp_path


def test_every_watcher_arrives_whatever_goes_wrong_on_the_way(world: Path, rejects: Rejects, clock: Clock) -> None:
    certain = dict.fromkeys(("status_429", "status_500", "html", "empty", "cut", "repeated", "plain_object"), 0.2)
    odd = dict.fromkeys(("iso_time", "null_year", "text_index", "nonsense_row", "shuffled_columns"), 0.5)
    with (
        WatchSimulator(world, Faults({**certain, **odd}, seed=1), clock.now) as simulator,
        client(simulator.url, rejects, clock, attempts=20) as api,
    ):
        polls = [api.poll() for _ in range(12)]
    seen = {(event["user_id"], event["title_id"]) for events in polls for event in events}
    assert seen <= {(100 + n, n) for n in range(1, 31)}
    assert len(seen) >= 20
    assert all(10 <= len(events) <= 11 for events in polls)
    assert {"a body that is no JSON", "index is no title id"} <= set(rejects.counts)


def test_the_limit_of_the_real_api_is_never_hit_at_its_agreed_pace(world: Path, rejects: Rejects, clock: Clock) -> None:
    with (
        WatchSimulator(world, Faults(limit_s=PARAMS.pause_s), clock.now) as simulator,
        client(simulator.url, rejects, clock, attempts=1) as api,
    ):
        assert [len(api.poll()) for _ in range(5)] == [10] * 5
    assert clock.naps == [12] * 4


def test_asked_too_often_the_client_waits_as_long_as_it_is_told(world: Path, rejects: Rejects, clock: Clock) -> None:
    with (
        WatchSimulator(world, Faults(limit_s=30), clock.now) as simulator,
        client(simulator.url, rejects, clock) as api,
    ):
        api.poll()
        api.poll()
    assert clock.passed_s == 30


def test_an_answer_that_never_comes_is_given_up(world: Path, rejects: Rejects, clock: Clock) -> None:
    with (
        WatchSimulator(world, Faults({"hang": 1.0}), clock.now) as simulator,
        client(simulator.url, rejects, clock, timeout_s=0.1, attempts=2) as api,
        pytest.raises(WatchApiError, match=r"2 attempts, at last (ReadTimeout|no whole answer within 0.1 s)"),
    ):
        api.poll()
