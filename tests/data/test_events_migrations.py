"""The versions of the store's schema: each leads to the newest with its data, and an unknown one is refused."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from marquee.data.events import EventStore, migrate, months
from marquee.data.events.database import Database
from marquee.data.events.schema import METADATA
from marquee.data.events.version import VERSION_TABLE, upgrade, versions
from marquee.errors import StoreError
from marquee.params import EventParams

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = 1_772_366_400_000
PARAMS = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=1_000, partition_rows=1_000)
AN_EVENT = (1, "a", 7, 5, "rated", 4.5, NOW_MS - 1, NOW_MS, "page", "again")


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    with closing(Database(store_url)) as database:
        yield database


@pytest.mark.parametrize("version", versions())
def test_every_version_becomes_the_newest_with_its_events_in_it(
    database: Database, store_url: str, version: str
) -> None:
    upgrade(database, version)
    with database.write() as connection:
        if connection.dialect.name == "postgresql" and version >= "0005":
            months.make(connection, NOW_MS)
        # In the words of the first version: what a later one adds is filled by its own migration.
        columns = "position, event_id, user_id, title_id, kind, value, happened_at, recorded_at, source, detail"
        values = ", ".join(repr(value) for value in AN_EVENT)
        connection.execute(text(f"INSERT INTO events ({columns}) VALUES ({values})"))
        connection.execute(text("UPDATE last_position SET position = 1"))
    assert migrate(store_url) == versions()[-1]
    with EventStore(store_url, PARAMS, None) as store:
        assert store.history(7, 10) == (AN_EVENT,)
        said = {"event_id": "b", "user_id": 7, "title_id": 6, "kind": "liked", "happened_at": NOW_MS, "source": "page"}
        assert store.append([said], NOW).accepted == 1
        assert store.position() == 2
        assert store.forget(7, NOW) == 2


def test_the_migrations_make_the_tables_of_the_schema(database: Database, store_url: str) -> None:
    migrate(store_url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, METADATA)
    assert [each for each in differences if not _is_of_months(each)] == []


def _is_of_months(difference: tuple[Any, ...]) -> bool:
    """PostgreSQL's months are tables besides, and no index spans them that could be unique."""
    what, of = difference[:2]
    if what in ("add_index", "remove_index"):
        return of.name in ("events_by_event_id", "events_by_position") or of.table.name.startswith("events_")
    return bool(what == "remove_table" and of.name.startswith(("events_shown", "events_deeds")))


def test_migrating_the_newest_changes_nothing(store_url: str) -> None:
    assert migrate(store_url) == migrate(store_url) == versions()[-1]


def test_an_older_store_says_how_to_bring_it_here(database: Database, store_url: str) -> None:
    upgrade(database, versions()[0])
    with pytest.raises(
        StoreError, match=f"is of version {versions()[0]}, this Marquee needs .*; run `marquee events migrate`"
    ):
        EventStore(store_url, PARAMS, None)


def test_a_store_of_a_version_nobody_here_knows_is_refused_and_left_alone(database: Database, store_url: str) -> None:
    migrate(store_url)
    with database.write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for attempt in (lambda: EventStore(store_url, PARAMS, None), lambda: migrate(store_url)):
        with pytest.raises(StoreError, match=r"is of version 9999, this Marquee knows none after .*; update Marquee"):
            attempt()


def test_a_migration_that_fails_leaves_the_version_it_found(database: Database, store_url: str) -> None:
    upgrade(database, versions()[0])
    with database.write() as connection:
        connection.execute(text("CREATE TABLE forgotten_positions (mine INTEGER)"))
    with pytest.raises(StoreError, match="already exists"):
        migrate(store_url)
    with database.write() as connection:
        connection.execute(text("DROP TABLE forgotten_positions"))
    assert migrate(store_url) == versions()[-1]


def test_the_migrations_come_with_the_package(tmp_path_factory: pytest.TempPathFactory, store_url: str) -> None:
    """From any working folder, in a process of its own."""
    code = "import sys; from marquee.data.events import migrate; print(migrate(sys.argv[1]))"
    command = [sys.executable, "-W", "error", "-c", code, store_url]
    folder = tmp_path_factory.mktemp("elsewhere")
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == (f"{versions()[-1]}\n", "")
