"""PostgreSQL's months: where events lie, what is read of them, and how what was shown is let go."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from marquee.data.events import EventStore
from marquee.data.events.database import Database
from marquee.data.events.months import months_ago
from marquee.errors import StoreError
from marquee.loop import retraining
from marquee.params import EventParams, read_params

PARAMS = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=10_000, partition_rows=1_000)
JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 28, 12, tzinfo=UTC) for month in (1, 2, 3))
ROOT = Path(__file__).parents[2]
KINDS = ("shown", "shown", "shown", "liked")  # three of four


@pytest.fixture
def store(postgres_url: str) -> Iterator[EventStore]:
    with EventStore(postgres_url, PARAMS, None) as store:
        yield store


@pytest.fixture
def database(postgres_url: str, store: EventStore) -> Iterator[Database]:  # noqa: ARG001 - which makes the tables
    database = Database(postgres_url)
    yield database
    database.close()


def events(name: str, count: int, at: datetime, user_ids: Sequence[int] = (7, 8)) -> list[dict[str, object]]:
    common = {"source": "page", "title_id": 5, "happened_at": (at - timedelta(hours=1)).isoformat()}
    told = [
        {"event_id": f"{name}{n}", "user_id": user_ids[n % len(user_ids)], "kind": KINDS[n % 4]} for n in range(count)
    ]
    return [{**each, **common} for each in told]


def append(store: EventStore, name: str, count: int, at: datetime) -> None:
    assert store.append(events(name, count, at), at).accepted == count


def tables(database: Database) -> dict[str, int]:
    """The months and how many events are in each."""
    counts = text("SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1")
    leaves = text("SELECT relid::regclass::text FROM pg_partition_tree('events') WHERE isleaf")
    with database.read() as connection:
        found = {row[0]: row[1] for row in connection.execute(counts)}
        return {name: found.get(name, 0) for name in connection.execute(leaves).scalars()}


def plan(database: Database, question: str) -> str:
    with database.read() as connection:
        for way in ("seqscan", "bitmapscan", "sort"):  # a small table would rather be read as a whole
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        return "\n".join(connection.execute(text(f"EXPLAIN {question}")).scalars())


def test_an_event_lies_in_the_month_it_was_recorded_in_and_what_was_shown_apart(
    store: EventStore, database: Database
) -> None:
    append(store, "a", 8, JANUARY)
    append(store, "b", 4, MARCH)
    assert tables(database) == {
        "events_shown_2026_01": 6,
        "events_deeds_2026_01": 2,
        "events_shown_2026_03": 3,
        "events_deeds_2026_03": 1,
    }
    assert [event.position for event in store.since(0, 100)] == list(range(1, 13))


@pytest.mark.parametrize(
    "at", ["2026-01-31T23:59:59.999+00:00", "2026-02-01T00:00:00+00:00", "2026-12-31T12:00:00+00:00"]
)
def test_the_first_and_the_last_moment_of_a_month_are_in_it(store: EventStore, database: Database, at: str) -> None:
    append(store, "a", 4, datetime.fromisoformat(at))
    assert tables(database) == {f"events_shown_{at[:4]}_{at[5:7]}": 3, f"events_deeds_{at[:4]}_{at[5:7]}": 1}


def test_an_event_that_is_sent_again_months_later_counts_once(store: EventStore) -> None:
    append(store, "a", 8, JANUARY)
    again = store.append(events("a", 8, JANUARY), MARCH)
    assert (again.accepted, again.duplicates) == (0, 8)


def test_what_a_viewer_did_is_read_by_the_index_of_each_month_and_nothing_that_was_shown_is_looked_at(
    store: EventStore, database: Database
) -> None:
    for name, at in (("a", JANUARY), ("b", FEBRUARY), ("c", MARCH)):
        append(store, name, 8, at)
    told = plan(
        database,
        "SELECT * FROM events WHERE user_id = 7 AND kind != 'shown' ORDER BY happened_at DESC, position DESC LIMIT 200",
    )
    assert told.count("Index Scan Backward using events_deeds_") == 3
    assert "events_shown" not in told
    assert "Sort  " not in told


def test_whoever_writes_looks_into_no_month_that_was_over_before(store: EventStore, database: Database) -> None:
    append(store, "a", 4, JANUARY)
    with ThreadPoolExecutor() as pool, database.read() as connection:
        for table in tables(database):
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        pool.submit(append, store, "b", 4, MARCH).result(30)
    assert store.position() == 8


def test_a_month_begins_while_somebody_reads_and_neither_waits(store: EventStore, database: Database) -> None:
    append(store, "a", 4, JANUARY)
    with ThreadPoolExecutor() as pool, database.read() as reading:
        assert reading.execute(text("SELECT count(*) FROM events")).scalar() == 4
        pool.submit(append, store, "b", 4, FEBRUARY).result(30)
        assert pool.submit(store.history, 7, 10).result(30)
        assert reading.execute(text("SELECT count(*) FROM events")).scalar() == 4
    assert store.position() == 8


def three_months(store: EventStore, folder: Path) -> None:
    """January has 1,600 events, 1,200 of them shown, and lies in full partitions; February does not."""
    append(store, "a", 1_600, JANUARY)
    append(store, "b", 1_000, FEBRUARY)
    store.snapshot(folder, 2_600)


def test_months_that_a_snapshot_holds_are_let_go_and_what_viewers_did_stays(
    store: EventStore, database: Database, tmp_path: Path
) -> None:
    three_months(store, tmp_path)
    before = pl.read_parquet(tmp_path / "*.parquet")
    deeds = store.deeds(8, 10_000)
    gone = store.let_go(tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    assert (gone.months, gone.events) == (1, 1_200)
    assert tables(database) == {"events_deeds_2026_01": 400, "events_shown_2026_02": 750, "events_deeds_2026_02": 250}
    assert store.deeds(8, 10_000) == deeds
    append(store, "c", 4, MARCH)
    files = store.snapshot(tmp_path, 2_604)
    assert len(files) == 3
    assert pl.read_parquet(tmp_path / "*.parquet").head(2_600).equals(before)


def test_what_is_not_yet_in_a_full_partition_stays(store: EventStore, database: Database, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    assert store.let_go(tmp_path, datetime(2026, 3, 1, tzinfo=UTC)).months == 1
    assert tables(database)["events_shown_2026_02"] == 750


def test_a_month_that_has_not_ended_stays(store: EventStore, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    assert store.let_go(tmp_path, JANUARY).months == 0


def test_a_snapshot_that_lacks_events_lets_nothing_go(store: EventStore, database: Database, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    partition = min(tmp_path.glob("*.parquet"))
    pl.read_parquet(partition).filter(pl.col("position") != 42).write_parquet(partition)
    with pytest.raises(StoreError, match="lacks some of what was shown at positions 1 to"):
        store.let_go(tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    assert tables(database)["events_shown_2026_01"] == 1_200


def test_who_is_forgotten_leaves_also_what_was_let_go(store: EventStore, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    store.let_go(tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    store.forget(8, MARCH)
    files = store.snapshot(tmp_path, 2_600)
    left = pl.read_parquet(tmp_path / "*.parquet")
    assert (left["user_id"].unique().to_list(), left.height) == ([7], 1_300)
    assert len(list(tmp_path.glob("*.parquet"))) == len(files)
    assert [path.name.partition("without")[2] for path in files] == ["-500.parquet", "-500.parquet", "-300.parquet"]
    names = {path: path.stat().st_mtime_ns for path in files}
    assert {path: path.stat().st_mtime_ns for path in store.snapshot(tmp_path, 2_600)} == names


def test_who_is_forgotten_may_have_more_events_in_a_partition_than_a_question_has_room_for(
    store: EventStore, database: Database, postgres_url: str, tmp_path: Path
) -> None:
    append(store, "a", 1, JANUARY)
    (partition,) = store.snapshot(tmp_path, 1)
    store.forget(7, MARCH)
    count = 70_000  # PostgreSQL takes 65,535 values at once
    one, many = pl.read_parquet(partition), pl.int_range(1, count + 1, eager=True)
    pl.concat([one] * count).with_columns(position=many).write_parquet(
        tmp_path / f"events-{1:012d}-{count:012d}.parquet"
    )
    with database.write() as connection:
        connection.execute(text(f"UPDATE last_position SET position = {count}"))
        connection.execute(text(f"UPDATE let_go SET position = {count}"))
    with EventStore(postgres_url, PARAMS.model_copy(update={"partition_rows": count}), None) as large:
        (left,) = large.snapshot(tmp_path, count)
    assert left.name.endswith(f"-without-{count}.parquet")


def test_a_partition_that_is_lost_after_its_events_were_let_go_is_asked_for(store: EventStore, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    store.let_go(tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(StoreError, match=r"lacks positions 1 to 1,000, which were let go .* from a copy"):
        store.snapshot(tmp_path / "elsewhere", 2_600)


def test_a_partition_of_another_store_is_refused_also_of_what_was_let_go(store: EventStore, tmp_path: Path) -> None:
    three_months(store, tmp_path)
    store.let_go(tmp_path, datetime(2026, 2, 1, tzinfo=UTC))
    partition = min(tmp_path.glob("*.parquet"))
    pl.read_parquet(partition).with_columns(source=pl.lit("other")).write_parquet(partition)
    with pytest.raises(StoreError, match="it holds events of another store"):
        store.snapshot(tmp_path, 2_600)


def test_it_is_one_command_that_keeps_so_many_whole_months(
    store: EventStore, database: Database, postgres_url: str, tmp_path: Path
) -> None:
    three_months(store, tmp_path)
    store.close()
    told = (
        "events.partition_rows=1000",
        "events",
        "let-go",
        str(tmp_path),
        "--months",
        "1",
        "--database",
        postgres_url,
    )
    code = "from marquee.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "-S", *told], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("let go: 1,200 events of 1 months;")
    assert "events_shown_2026_01" not in tables(database)


def test_the_nightly_snapshot_lets_go_by_the_rule(
    store: EventStore, database: Database, postgres_url: str, tmp_path: Path
) -> None:
    three_months(store, tmp_path / "snapshot")
    known = tables(database)
    changes = ("events.partition_rows=1000", "loop.keep_shown_months={}")
    for kept, expected in ((0, known), (1, known.keys() - {"events_shown_2026_01"})):
        params = read_params(ROOT / "params.yaml", [each.format(kept) for each in changes])
        assert retraining.snapshot(postgres_url, params, tmp_path) == 2_600
        assert tables(database).keys() == set(expected)
    assert retraining.snapshot(f"sqlite:///{tmp_path}/events.db", params, tmp_path / "other") == 0


def test_an_sqlite_file_has_no_months(tmp_path: Path) -> None:
    with (
        EventStore(f"sqlite:///{tmp_path}/events.db", PARAMS, None) as store,
        pytest.raises(StoreError, match="on PostgreSQL alone"),
    ):
        store.let_go(tmp_path, JANUARY)


@pytest.mark.parametrize(
    ("now", "months", "first"),
    [("2026-03-31", 1, "2026-02-01"), ("2026-01-15", 1, "2025-12-01"), ("2026-01-15", 13, "2024-12-01")],
)
def test_whole_months_are_counted(now: str, months: int, first: str) -> None:
    assert months_ago(datetime.fromisoformat(f"{now}T12:30:00+00:00"), months).isoformat() == f"{first}T00:00:00+00:00"
