"""The stand-in for the watch API speaks the API's format, walks through the stream, and fails as it is told."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from marquee.data.watch_simulator import BODIES, COLUMNS, NAMES, STATUSES, TABLES, Faults, WatchSimulator
from marquee.errors import ParamsError, SourceError, WatchApiError

NOW = datetime(2006, 1, 1, 12, tzinfo=UTC)
HTTP = httpx.Client()  # one for all: each new one reads the certificates again
Start = Callable[[Faults, Callable[[], datetime]], WatchSimulator]


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def world(folder: Path, viewers: int = 25) -> Path:
    """Viewer 100+n watches title n, one after the other, between events of other kinds."""
    titles = [f"{n},{'NULL' if n == 3 else 1980 + n},Title {n}, the Café" for n in range(1, viewers + 1)]
    (folder / "movie_titles.csv").write_bytes("\n".join([*titles, ""]).encode("latin-1"))
    events = [
        {"event_id": f"{kind}-{n}", "user_id": 100 + n, "title_id": n, "kind": kind, "happened_at": NOW.isoformat()}
        for n in range(1, viewers + 1)
        for kind in ("opened", "watch_progress" if n % 2 else "watch_started", "rated")
    ]
    (folder / "live_events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulators of the small world; they end with the test."""
    world(tmp_path)
    with ExitStack() as stack:

        def started(faults: Faults, now: Callable[[], datetime]) -> WatchSimulator:
            return stack.enter_context(WatchSimulator(tmp_path, faults, now))

        yield started


def always(*names: str) -> Faults:
    return Faults(dict.fromkeys(names, 1.0))


def table_of(response: httpx.Response) -> dict[str, Any]:
    return dict(json.loads(response.json()))


def test_an_answer_is_a_json_string_that_holds_a_table_in_pandas_split_orientation(start: Start) -> None:
    response = HTTP.get(start(Faults(), Clock()).url)
    assert response.headers["Content-Type"] == "application/json"
    assert isinstance(response.json(), str)
    table = table_of(response)
    assert list(table) == ["columns", "index", "data"]
    assert table["columns"] == ["YearRelease", "Name", "current_time", "customerID"]
    assert table["index"] == list(range(1, 11))
    now_ms = int(NOW.timestamp() * 1000)
    assert table["data"][0] == [1981, "Title 1, the Café", now_ms, 101]
    assert table["data"][2] == [None, "Title 3, the Café", now_ms, 103]


def test_the_stream_is_walked_through_and_starts_over(start: Start) -> None:
    simulator = start(Faults(), Clock())
    indexes = [table_of(HTTP.get(simulator.url))["index"] for _ in range(3)]
    assert indexes == [list(range(1, 11)), list(range(11, 21)), [21, 22, 23, 24, 25, 1, 2, 3, 4, 5]]


def test_whoever_asks_too_soon_is_told_how_long_to_wait(start: Start) -> None:
    clock = Clock()
    simulator = start(Faults(limit_s=12), clock)
    assert HTTP.get(simulator.url).status_code == 200
    clock.at += timedelta(seconds=4.5)
    refused = HTTP.get(simulator.url)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "8")
    clock.at += timedelta(seconds=8)
    assert HTTP.get(simulator.url).status_code == 200


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_is_answered_as_told(start: Start, name: str) -> None:
    assert HTTP.get(start(always(name), Clock()).url).status_code == STATUSES[name]


def test_every_fault_of_the_table_shows(start: Start) -> None:
    tables = {name: table_of(HTTP.get(start(always(name), Clock()).url)) for name in TABLES}
    assert {type(row[0]) for row in tables["null_year"]["data"]} == {float, type(None)}
    assert all(row[2].startswith("2006-01-01T12:00:00.000") for row in tables["iso_time"]["data"])
    assert len(tables["nonsense_row"]["data"]) == 11
    assert tables["text_index"]["index"][0] == "1"
    assert tables["shuffled_columns"]["columns"] != COLUMNS
    assert sorted(tables["shuffled_columns"]["columns"]) == sorted(COLUMNS)
    assert set(tables) == set(TABLES)


def test_every_fault_of_the_body_shows(start: Start) -> None:
    bodies = {name: HTTP.get(start(always(name), Clock()).url) for name in BODIES}
    assert bodies["plain_object"].json()["columns"] == COLUMNS
    assert bodies["html"].text.startswith("<!DOCTYPE html>")
    assert bodies["html"].headers["Content-Type"] == "text/html"
    assert bodies["empty"].content == b""
    assert set(bodies) == set(BODIES)


def test_a_cut_body_ends_before_its_length(start: Start) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        HTTP.get(start(always("cut"), Clock()).url)


def test_repeated_rows_carry_the_same_time(start: Start) -> None:
    clock = Clock()
    simulator = start(always("repeated"), clock)
    first = table_of(HTTP.get(simulator.url))
    clock.at += timedelta(seconds=12)
    assert table_of(HTTP.get(simulator.url)) == first


def test_a_hanging_answer_never_comes_and_a_slow_one_does(start: Start) -> None:
    with pytest.raises(httpx.ReadTimeout):
        HTTP.get(start(always("hang"), Clock()).url, timeout=0.1)
    assert HTTP.get(start(Faults({"slow": 1.0}, slow_s=0.01), Clock()).url).status_code == 200


def test_the_same_seed_shows_the_same_faults(start: Start) -> None:
    def statuses(seed: int) -> list[int]:
        url = start(Faults(dict.fromkeys(STATUSES, 0.3), seed), Clock()).url
        return [HTTP.get(url).status_code for _ in range(20)]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)
    assert set(statuses(1)) == {200, *STATUSES.values()}


def test_another_address_of_the_server_is_not_found(start: Start) -> None:
    assert HTTP.get(start(Faults(), Clock()).url + "s").status_code == 404


def test_serving_logs_a_line_a_call_until_the_simulator_ends(tmp_path: Path) -> None:
    lines: list[str] = []
    with WatchSimulator(world(tmp_path), always("plain_object"), Clock()) as simulator:
        serving = threading.Thread(target=simulator.serve_forever, args=(lines.append,))
        serving.start()
        while not lines:
            HTTP.get(simulator.url)
    serving.join()
    assert lines[0] == "12:00:00  200   10 rows  plain_object"


def test_ctrl_c_ends_serving_also_beside_polars_and_hanging_answers(tmp_path: Path) -> None:
    code = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
import polars
from datetime import UTC, datetime
from pathlib import Path
from marquee.data.watch_simulator import Faults, WatchSimulator
with WatchSimulator(Path({str(world(tmp_path))!r}), Faults({{"hang": 1.0}}), lambda: datetime.now(UTC)) as simulator:
    print(simulator.url, flush=True)
    simulator.serve_forever(print)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        with pytest.raises(httpx.ReadTimeout):
            HTTP.get(serving.stdout.readline().strip(), timeout=0.1)
        serving.send_signal(signal.SIGINT)
        try:
            _, told = serving.communicate(timeout=30)
        finally:
            serving.kill()
    assert told.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("shares", "says"),
    [({"htlm": 0.1}, "is called htlm; there are status_429,.*html"), ({"html": 1.1}, "html=1.1 is no share.*0 to 1")],
)
def test_a_fault_that_does_not_exist_is_refused(shares: dict[str, float], says: str) -> None:
    with pytest.raises(ParamsError, match=says):
        Faults(shares)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("live_events.jsonl", None, "live_events.jsonl: cannot be read .*marquee demo-world"),
        ("live_events.jsonl", "", "live_events.jsonl: nobody watches anything"),
        ("live_events.jsonl", "{", "live_events.jsonl:1: no event"),
        ("live_events.jsonl", "[]", "live_events.jsonl:1: no event"),
        ("live_events.jsonl", '{"kind": "watch_started", "title_id": 99, "user_id": 1}', "live_events.jsonl:1"),
        ("movie_titles.csv", None, "movie_titles.csv: cannot be read"),
        ("movie_titles.csv", "1,2003,A\n2;2003;B\n", "movie_titles.csv:2: '2;2003;B' is not id,year,title"),
    ],
)
def test_a_folder_that_is_no_demo_world_is_named(tmp_path: Path, name: str, content: str | None, says: str) -> None:
    path = world(tmp_path) / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(SourceError, match=says):
        WatchSimulator(tmp_path, Faults(), Clock())


def test_a_port_in_use_is_named(start: Start, tmp_path: Path) -> None:
    port = httpx.URL(start(Faults(), Clock()).url).port
    assert port is not None
    with pytest.raises(WatchApiError, match=f"127.0.0.1:{port}: cannot listen there"):
        WatchSimulator(world(tmp_path), Faults(), Clock(), port=port)


def test_every_fault_together_still_answers(tmp_path: Path) -> None:
    shares = {name: 0.5 for name in NAMES if name not in ("hang", "slow")}
    with WatchSimulator(world(tmp_path), Faults(shares, seed=3), Clock()) as simulator:
        for _ in range(30):
            with suppress(httpx.RemoteProtocolError):  # cut
                assert HTTP.get(simulator.url).status_code in {200, *STATUSES.values()}
