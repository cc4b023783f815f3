"""The event store when its database is away, is something else, or is busy: one sentence, and no secret in it."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, bindparam, func, select

from marquee.data.events import EventStore, impatient
from marquee.data.events.database import Database, _use_wal
from marquee.errors import StoreError
from tests.data.conftest import NOW, PARAMS, TITLES, an_event, ids
from tests.silence import silent


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


@pytest.mark.timeout(20)
def test_a_server_that_takes_connections_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        said = failure(f"postgresql://me@127.0.0.1:{listening.getsockname()[1]}/events")
    assert "connection timeout expired" in said


@pytest.mark.timeout(60)
def test_a_server_that_falls_silent_is_given_up_and_asked_again_when_it_speaks(
    postgres_url: str, postgres: URL
) -> None:
    with EventStore(postgres_url, PARAMS, TITLES) as store:
        store.append([an_event("a")], NOW)
        with silent(postgres):
            for question in (store.deeds, store.history):
                with pytest.raises(StoreError, match="timeout expired"):
                    question(7, 10)
        assert ids(store.deeds(7, 10).events) == ["a"]


def test_a_question_of_every_request_is_not_waited_for_and_all_others_are(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(impatient, "SILENCE_S", 0.2)
    slow = select(func.pg_sleep(bindparam("seconds"))), {"seconds": 1}
    with closing(Database(postgres_url)) as place:
        for _ in range(2):
            with place.read() as connection:
                connection.execute(*slow)
            with pytest.raises(StoreError, match=r"no answer within 0\.2 s"):
                place.ask(*slow)
    assert not caplog.records


def test_who_writes_is_waited_for_no_longer_than_asked(store_url: str) -> None:
    with closing(Database(store_url)) as one, closing(Database(store_url, patience_s=0.2)) as other:
        with one.write(), pytest.raises(StoreError, match=r"lock.*; end the program that holds it"), other.write():
            pass
        with other.write():
            pass


def test_a_file_that_another_process_is_just_turning_to_wal_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        other.executescript("CREATE TABLE events (number); BEGIN IMMEDIATE")
        connection.set_trace_callback(lambda said: other.rollback() if said.startswith("BEGIN") else None)
        _use_wal(connection)
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
