"""The event store on both databases: what it takes, what it keeps, and what it answers."""

import itertools
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from marquee.data.events import Event, EventStore, Receipt
from marquee.data.events.database import _use_wal
from marquee.data.events.validity import RULES
from marquee.errors import StoreError
from marquee.params import EventParams
from marquee.tables import EVENTS, KINDS_OF_EVENT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = 1_772_366_400_000
PARAMS = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=1_000, partition_rows=1_000)
TITLES = range(1, 100)


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with EventStore(store_url, PARAMS, TITLES) as store:
        yield store


@pytest.fixture
def store_on_sqlite(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, TITLES) as store:
        yield store


def an_event(event_id: str = "a", **changes: object) -> dict[str, object]:
    event = {"event_id": event_id, "user_id": 7, "title_id": 5, "kind": "watch_finished", "source": "page"}
    return event | {"happened_at": "2026-03-01T11:00:00Z"} | changes


def ids(events: Sequence[Event]) -> list[str]:
    return [event.event_id for event in events]


def reasons(receipt: Receipt) -> list[str]:
    return [refusal.reason for refusal in receipt.refused]


# What it takes


def test_an_accepted_event_is_in_the_history_as_it_was_said(store: EventStore) -> None:
    said = an_event(kind="rated", value=4, detail="again – 再び", happened_at="2026-03-01T12:30:00.250+02:00")
    assert store.append([said], NOW) == Receipt(1, 0, ())
    at = NOW_MS - 5_400_000 + 250
    assert store.history(7, 10) == (Event(1, "a", 7, 5, "rated", 4.0, at, NOW_MS, "page", "again – 再び"),)


def test_a_row_of_the_store_has_the_columns_of_the_table() -> None:
    assert Event._fields == tuple(EVENTS.columns)


def test_every_kind_of_event_has_its_rule() -> None:
    assert set(RULES) == set(KINDS_OF_EVENT)


def test_one_event_of_each_kind_is_taken(store: EventStore) -> None:
    special: dict[str, dict[str, object]] = {"rated": {"value": 0.5}, "searched": {"title_id": None, "detail": "noir"}}
    events = [an_event(kind, kind=kind, **special.get(kind, {})) for kind in KINDS_OF_EVENT]
    assert store.append(events, NOW) == Receipt(len(KINDS_OF_EVENT), 0, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "bought"}, "kind is none of"),
        ({"kind": ["liked"]}, "kind is none of"),
        ({"kind": None}, "kind is none of"),
        ({"kind": "rated"}, "rated needs value"),
        ({"kind": "rated", "value": 5.5}, "value of rated is not a number from 0.5 to 5"),
        ({"kind": "rated", "value": 0}, "value of rated"),
        ({"kind": "rated", "value": "4"}, "value of rated"),
        ({"kind": "rated", "value": True}, "value of rated"),
        ({"kind": "rated", "value": float("nan")}, "value of rated"),
        ({"kind": "watch_progress", "value": float("inf")}, "value of watch_progress is not a number from 0 to 1"),
        ({"kind": "watch_progress", "value": 10**400}, "value of watch_progress"),
        ({"kind": "liked", "value": 1}, "liked takes no value"),
        ({"kind": "searched"}, "searched needs detail"),
        ({"title_id": None}, "watch_finished needs title_id"),
        ({"title_id": 100}, "title_id is of no known title"),
        ({"title_id": "5"}, "title_id is not a positive whole number"),
        ({"title_id": True}, "title_id is not a positive whole number"),
        ({"title_id": 2**63}, "title_id is not a positive whole number"),
        ({"user_id": None}, "user_id is not a positive whole number"),
        ({"user_id": 0}, "user_id is not a positive whole number"),
        ({"user_id": -1}, "user_id is not a positive whole number"),
        ({"user_id": True}, "user_id is not a positive whole number"),
        ({"user_id": "7"}, "user_id is not a positive whole number"),
        ({"user_id": 7.0}, "user_id is not a positive whole number"),
        ({"user_id": 2**63}, "user_id is not a positive whole number"),
        ({"happened_at": None}, "happened_at is neither"),
        ({"happened_at": True}, "happened_at is neither"),
        ({"happened_at": 1.5}, "happened_at is neither"),
        ({"happened_at": str(NOW_MS)}, "happened_at is not a time in ISO 8601"),
        ({"happened_at": "yesterday"}, "happened_at is not a time in ISO 8601"),
        ({"happened_at": "2026-03-01T11:00:00"}, "happened_at has no time zone"),
        ({"happened_at": NOW_MS + 300_001}, "happened_at is more than 300 s in the future"),
        ({"happened_at": 10**30}, "happened_at is more than 300 s in the future"),
        ({"happened_at": "1989-12-31T23:59:59Z"}, "happened_at is before 1990"),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, "happened_at is before 1990"),
        ({"detail": "x" * 201}, "detail is longer than 200 characters"),
        ({"detail": "a\0b"}, "detail has a NUL or half a character"),
        ({"detail": "\ud800"}, "detail has a NUL or half a character"),
        ({"detail": 5}, "detail is not text"),
        ({"event_id": None}, "event_id is not text"),
        ({"event_id": ""}, "event_id is empty"),
        ({"event_id": "x" * 65}, "event_id is longer than 64 characters"),
        ({"source": None}, "source is not text"),
        ({"source": "  "}, "source is empty"),
        ({"rating": 4}, "unknown key; an event has event_id, user_id"),
    ],
)
def test_an_invalid_event_is_refused_with_its_reason_and_the_rest_kept(
    store_on_sqlite: EventStore, changes: dict[str, object], reason: str
) -> None:
    receipt = store_on_sqlite.append([an_event("first"), an_event("wrong") | changes, an_event("last")], NOW)
    assert (receipt.accepted, receipt.duplicates) == (2, 0)
    assert [refusal.index for refusal in receipt.refused] == [1]
    assert reasons(receipt)[0].startswith(reason)
    assert ids(store_on_sqlite.history(7, 10)) == ["first", "last"]


def test_the_limits_themselves_are_taken(store: EventStore) -> None:
    edges: list[dict[str, object]] = [
        {"kind": "rated", "value": 5},
        {"kind": "abandoned", "value": 0},
        {"happened_at": NOW_MS + 300_000},
        {"happened_at": "1990-01-01T00:00:00Z"},
        {"detail": "x" * 200},
        {"source": "s" * 64},
        {"user_id": 2**63 - 1},
    ]
    events = [an_event(str(number).rjust(64, "x"), **edge) for number, edge in enumerate(edges)]
    assert store.append(events, NOW) == Receipt(len(edges), 0, ())


def test_a_refusal_names_the_event_but_no_more_of_it_than_fits(store: EventStore) -> None:
    receipt = store.append(["no mapping", an_event("x" * 1_000), {"event_id": 5}], NOW)
    assert [refusal.event_id for refusal in receipt.refused] == [None, "x" * 64, None]


def test_without_a_list_of_titles_every_title_is_known(store_url: str) -> None:
    with EventStore(store_url, PARAMS, None) as store:
        assert store.append([an_event(title_id=12_345)], NOW).accepted == 1


def test_a_batch_over_the_limit_says_how_to_split_it(store: EventStore) -> None:
    with pytest.raises(StoreError, match=r"1,001 events in one batch; send at most 1,000 .*events\.batch_limit"):
        store.append([an_event(str(number)) for number in range(1_001)], NOW)
    assert store.position() == 0


def test_an_empty_batch_changes_nothing(store: EventStore) -> None:
    assert store.append([], NOW) == Receipt(0, 0, ())
    assert store.position() == 0


junk: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
)
half_right = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=70) | junk,
        "user_id": st.integers(-1, 2**64) | junk,
        "title_id": st.integers(0, 120) | junk,
        "kind": st.sampled_from(KINDS_OF_EVENT) | junk,
        "value": st.floats(0, 5) | junk,
        "happened_at": st.integers(0, 2 * NOW_MS) | st.datetimes().map(lambda at: f"{at.isoformat()}Z") | junk,
        "source": st.sampled_from(["page", ""]) | junk,
        "detail": st.text(st.characters()) | junk,
        "else": junk,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(half_right | junk, max_size=8))
def test_whatever_is_sent_is_either_kept_or_refused(store: EventStore, batch: list[Any]) -> None:
    receipt = store.append(batch, NOW)
    assert receipt.accepted + receipt.duplicates + len(receipt.refused) == len(batch)


# Once, in any order


def test_an_event_sent_again_is_a_duplicate_however_it_is_spelt(store: EventStore) -> None:
    first = an_event(kind="rated", value=4, happened_at="2026-03-01T11:00:00+00:00")
    again = an_event(kind="rated", value=4.0, happened_at=NOW_MS - 3_600_000, detail=None)
    assert store.append([first, again], NOW) == Receipt(1, 1, ())
    assert store.append([again], NOW + timedelta(days=1)) == Receipt(0, 1, ())
    assert len(store.history(7, 10)) == 1


def test_an_id_never_names_two_events(store: EventStore) -> None:
    receipt = store.append([an_event("a"), an_event("a", title_id=6)], NOW)
    assert (receipt.accepted, reasons(receipt)) == (1, ["event_id already names another event"])
    receipt = store.append([an_event("a", kind="liked"), an_event("b")], NOW)
    assert (receipt.accepted, reasons(receipt)) == (1, ["event_id already names another event"])
    assert [event.title_id for event in store.history(7, 10)] == [5, 5]


def test_a_history_is_in_the_order_it_happened_not_in_which_it_came(store: EventStore) -> None:
    arrived = [("noon", 12), ("Dawn", 6), ("dawn", 6), ("night", 0)]
    for name, hour in arrived:
        store.append([an_event(name, happened_at=f"2026-02-01T{hour:02}:00:00Z")], NOW)
    assert ids(store.history(7, 10)) == ["night", "Dawn", "dawn", "noon"]
    assert ids(store.history(7, 2)) == ["dawn", "noon"]
    assert ids(store.since(0, 10)) == ["noon", "Dawn", "dawn", "night"]


viewings = st.builds(
    lambda name, user_id, minute, title_id: (name, user_id, minute, title_id),
    st.text("aAbBzZ09-_é", min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 99),
)
example = itertools.count()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(viewings=st.lists(viewings, max_size=25, unique_by=lambda viewing: viewing[0]), data=st.data())
def test_any_prefix_replayed_twice_and_shuffled_gives_the_same_state(
    store: EventStore, viewings: list[tuple[str, int, int, int]], data: st.DataObject
) -> None:
    # Every example has its own viewers and ids, so that all of them can share one database.
    mark, base = f"{next(example)}.", 10 * next(example)
    events = [
        an_event(mark + name, user_id=base + user_id, title_id=title_id, happened_at=NOW_MS - 60_000 * minute)
        for name, user_id, minute, title_id in viewings
    ]
    prefix = events[: data.draw(st.integers(0, len(events)))]
    sent = data.draw(st.permutations(events + prefix + prefix))
    accepted = 0
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        receipt = store.append(sent[:size], NOW)
        accepted += receipt.accepted
        assert not receipt.refused
        sent = sent[size:]
    assert accepted == len(events)
    for user_id in range(base + 1, base + 4):
        theirs = sorted((e["happened_at"], e["event_id"], e["title_id"]) for e in events if e["user_id"] == user_id)
        assert [(e.happened_at, e.event_id, e.title_id) for e in store.history(user_id, 100)] == theirs


# Following


def test_positions_count_what_was_accepted_and_nothing_else(store: EventStore) -> None:
    store.append([an_event("a"), an_event("a"), an_event("b", user_id=0), an_event("c")], NOW)
    assert [(event.position, event.event_id) for event in store.since(0, 10)] == [(1, "a"), (2, "c")]
    assert store.position() == 2
    assert ids(store.since(1, 10)) == ["c"]
    assert ids(store.since(0, 1)) == ["a"]


@pytest.mark.parametrize("number", [-(2**70), -1, 0, 2**63, 2**70])
def test_a_number_no_viewer_or_position_can_have_finds_nothing(store: EventStore, number: int) -> None:
    store.append([an_event()], NOW)
    assert store.history(number, 10) == ()
    assert list(store.export(number)) == []
    assert store.forget(number, NOW) == 0
    assert store.since(number, 10) == (store.history(7, 1) if number == 0 else ())
    assert len(store.history(7, number)) == len(store.since(0, number)) == (number > 0)


# Export and forget


def test_an_export_is_everything_a_viewer_did_in_words(store: EventStore) -> None:
    store.append([an_event("b"), an_event("other", user_id=8), an_event("a", kind="rated", value=3.5)], NOW)
    common = {"user_id": 7, "title_id": 5, "source": "page"}
    times = {"happened_at": "2026-03-01T11:00:00.000+00:00", "recorded_at": "2026-03-01T12:00:00.000+00:00"}
    assert list(store.export(7)) == [
        {"position": 3, "event_id": "a", "kind": "rated", "value": 3.5} | common | times,
        {"position": 1, "event_id": "b", "kind": "watch_finished"} | common | times,
    ]


def test_an_export_left_half_way_holds_nobody_up(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b")], NOW)
    export = store.export(7)
    assert isinstance(export, Generator)
    assert next(export)["event_id"] == "a"
    assert store.append([an_event("c")], NOW).accepted == 1
    export.close()


def test_a_forgotten_viewer_is_gone_and_the_others_are_not(store: EventStore) -> None:
    store.append([an_event("a"), an_event("b", user_id=8), an_event("c")], NOW)
    assert store.forget(7, NOW) == 2
    assert store.history(7, 10) == ()
    assert list(store.export(7)) == []
    assert ids(store.since(0, 10)) == ["b"]
    assert store.forget(7, NOW) == 0


def test_what_was_forgotten_is_refused_when_it_is_sent_again(store: EventStore) -> None:
    ahead = an_event("ahead", happened_at=NOW_MS + 200_000)
    store.append([an_event("a"), ahead], NOW)
    store.forget(7, NOW)
    late = [an_event("a"), ahead, an_event("never came before"), an_event("b", user_id=8)]
    receipt = store.append(late, NOW + timedelta(hours=1))
    assert receipt.accepted == 1
    assert set(reasons(receipt)) == {"its viewer asked to be forgotten after it happened"}
    assert store.history(7, 10) == ()


def test_a_viewer_who_comes_back_begins_anew(store: EventStore) -> None:
    store.append([an_event("a")], NOW)
    store.forget(7, NOW)
    later = NOW + timedelta(days=1)
    assert store.append([an_event("b", happened_at=later.isoformat())], later).accepted == 1
    assert ids(store.history(7, 10)) == ["b"]


def test_a_position_is_never_given_twice_not_even_after_its_event_is_forgotten(store: EventStore) -> None:
    store.append([an_event("a", user_id=8), an_event("b")], NOW)
    store.forget(7, NOW)
    assert store.position() == 2
    store.append([an_event("c", user_id=8)], NOW)
    assert [event.position for event in store.since(0, 10)] == [1, 3]


def test_no_byte_of_a_forgotten_viewer_stays_in_an_sqlite_file(tmp_path: Path) -> None:
    with EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, TITLES) as store:
        store.append([an_event(f"e{n}", user_id=7 + n % 2, detail=f"secret{n % 2}-{n}") for n in range(900)], NOW)
        assert store.forget(7, NOW) == 450
        there = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert b"secret1-" in there
    assert b"secret0-" not in there


# Many at once, and the worst


WRITER = """
import sys
from datetime import UTC, datetime
from marquee.data.events import EventStore
from marquee.params import EventParams
url, name, batches, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
params = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=1000, partition_rows=1000)
print("ready", flush=True)
sys.stdin.readline()
with EventStore(url, params, None) as store:
    for batch in range(batches):
        ids = [f"{name}-{batch}-{n}" for n in range(size)] + [f"shared-{batch}"]
        common = dict(user_id=7, title_id=5, kind="opened", source="page", happened_at="2026-03-01T11:00:00Z")
        receipt = store.append([dict(common, event_id=event_id) for event_id in ids], now)
        assert not receipt.refused, receipt
        print(*ids, flush=True)
"""


class Writer:
    """Another process: it writes batches once it is told to, and says which ids were acknowledged."""

    def __init__(self, url: str, name: str, batches: int, size: int) -> None:
        command = [sys.executable, "-W", "error", "-c", WRITER, url, name, str(batches), str(size)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def begin(self) -> None:
        assert self.process.stdin is not None
        assert self.line() == "ready\n"
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> str:
        """Answers what it had still said."""
        self.process.kill()
        return self.process.communicate()[0]


Start = Callable[[Sequence[str], int, int], list[Writer]]


@pytest.fixture
def writers(store_url: str) -> Iterator[Start]:
    started: list[Writer] = []

    def start(names: Sequence[str], batches: int, size: int) -> list[Writer]:
        started.extend(Writer(store_url, name, batches, size) for name in names)
        return started

    yield start
    for writer in started:
        writer.kill()


def test_an_acknowledged_event_survives_the_killing_of_its_writer(store_url: str, writers: Start) -> None:
    chance = random.Random(7)
    for writer in writers(["first", "second", "third"], 1_000_000, 5):
        writer.begin()
        said = "".join(writer.line() for _ in range(chance.randint(1, 40))) + writer.kill()
        acknowledged = {
            event_id for line in said.splitlines(keepends=True) if line[-1] == "\n" for event_id in line.split()
        }
        with EventStore(store_url, PARAMS, TITLES) as store:
            kept = store.since(0, 1_000_000)
        assert acknowledged
        assert acknowledged <= set(ids(kept))
        assert [event.position for event in kept] == list(range(1, len(kept) + 1))


def test_several_processes_create_the_store_and_write_at_once_and_a_follower_misses_nothing(
    store_url: str, writers: Start
) -> None:
    started = writers("abcd", 40, 3)
    for writer in started:
        writer.begin()
    followed: list[Event] = []
    with EventStore(store_url, PARAMS, TITLES) as store:
        while len(followed) < 4 * 40 * 3 + 40:
            followed += store.since(followed[-1].position if followed else 0, 50)
            failed = [writer.kill() for writer in started if writer.process.poll()]
            assert not failed, failed[0]
        said = [writer.process.communicate()[0] for writer in started]
        assert [writer.process.returncode for writer in started] == [0] * 4, said
        assert followed == list(store.since(0, 10_000))
    assert [event.position for event in followed] == list(range(1, len(followed) + 1))


def test_reading_does_not_wait_for_a_writer(store: EventStore) -> None:
    store.append([an_event("a")], NOW)
    with store._database.write():
        assert ids(store.history(7, 10)) == ["a"]
        assert store.position() == 1


def test_many_may_open_a_store_that_is_not_there_yet(store_url: str) -> None:
    at_once = threading.Barrier(8)

    def accepted(number: int) -> int:
        at_once.wait()
        with EventStore(store_url, PARAMS, TITLES) as store:
            return store.append([an_event(str(number))], NOW).accepted

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(accepted, range(8))) == [1] * 8


def test_a_file_that_another_process_is_just_turning_to_wal_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        other.executescript("CREATE TABLE events (number); BEGIN IMMEDIATE")
        connection.set_trace_callback(lambda said: other.rollback() if said.startswith("BEGIN") else None)
        _use_wal(connection)
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_threads_share_a_store(store: EventStore) -> None:
    def accepted(name: int) -> int:
        batches = ([an_event(f"{name}-{batch}"), an_event(f"shared-{batch}")] for batch in range(10))
        return sum(store.append(batch, NOW).accepted for batch in batches)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(accepted, range(4))) == 50
    assert store.position() == 50
    assert len(store.history(7, 100)) == 50


# When the database is not there


def failure(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        EventStore(url, PARAMS, TITLES)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_text("user,rating\n" * 1_000)
    assert f"event store sqlite:///{path}: file is not a database; name another" in failure(f"sqlite:///{path}")
    assert path.read_text() == "user,rating\n" * 1_000


def test_a_path_that_cannot_be_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert "name a file in a folder that can be written" in failure(f"sqlite:///{tmp_path}")
    assert "taken" in failure(f"sqlite:///{tmp_path}/taken/events.db")


@pytest.mark.parametrize("url", ["", "events.db", "://", "postgresql://host:port/x"])
def test_a_url_that_cannot_be_read_is_refused_with_an_example(url: str) -> None:
    assert failure(url) == "event store: its URL cannot be read; write sqlite:///state/events.db"


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "mysql://me:pw@host/x"]
)
def test_a_place_that_keeps_no_events_is_refused_with_examples(url: str) -> None:
    assert "write sqlite:///state/events.db or postgresql://" in failure(url)


@pytest.mark.parametrize("secret", ["me:hunter2@127.0.0.1:1/events", "me:x@127.0.0.1:1/events?sslpassword=hunter2"])
def test_a_server_that_is_away_is_named_without_its_password(secret: str) -> None:
    said = failure(f"postgresql://{secret}")
    assert said.startswith("event store postgresql+psycopg://me:***@127.0.0.1:1/events: ")
    assert "hunter2" not in said


def test_a_wrong_password_says_so_without_showing_it(postgres: URL) -> None:
    url = postgres.set(username="guarded", password="wr%ng/pass")
    said = failure(url.render_as_string(hide_password=False))
    assert "correct the user and the password" in said
    assert "wr%ng" not in said
    assert "wr%25ng" not in said
    right = url.set(password="right", query=dict(url.query) | {"options": "-csearch_path=no_such_schema"})
    assert "password" not in failure(right.render_as_string(hide_password=False)).replace("***", "")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_a_postgresql_url_is_understood(postgres_url: str, scheme: str) -> None:
    with EventStore(postgres_url.replace("postgresql", scheme, 1), PARAMS, TITLES) as store:
        assert store.position() == 0


def test_a_connection_that_was_cut_is_replaced(postgres_url: str, postgres: URL) -> None:
    with EventStore(postgres_url, PARAMS, TITLES) as store:
        store.append([an_event("a")], NOW)
        with psycopg.connect(postgres.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        assert ids(store.history(7, 10)) == ["a"]
