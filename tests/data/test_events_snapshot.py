"""Snapshots: partitions that never change, and the same position that always gives the same bytes."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marquee.data.events import EventStore, snapshot
from marquee.errors import StoreError
from marquee.params import EventParams
from marquee.tables import EVENTS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARAMS = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=10_000, partition_rows=1_000)


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with EventStore(store_url, PARAMS, None) as store:
        yield store


@pytest.fixture
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with EventStore(f"sqlite:///{tmp_path_factory.mktemp('another')}/events.db", PARAMS, None) as store:
        yield store


def append(store: EventStore, count: int, user_id: int = 7, at: datetime = NOW) -> None:
    first = store.position() + 1
    common = {"user_id": user_id, "source": "page", "happened_at": "2026-03-01T11:00:00Z"}
    kinds = ({"kind": "rated", "title_id": 5, "value": 3.5}, {"kind": "searched", "detail": "noir – ノワール"})
    events = [{"event_id": f"e{first + n}", **common, **kinds[n % 2]} for n in range(count)]
    assert store.append(events, at).accepted == count


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(*spans: tuple[int, int]) -> set[str]:
    return {f"events-{first:012d}-{last:012d}.parquet" for first, last in spans}


def test_a_snapshot_is_the_table_of_all_events_up_to_its_position(store: EventStore, tmp_path: Path) -> None:
    append(store, 2_500)
    written = store.snapshot(tmp_path / "snapshot", 2_345)
    assert {path.name for path in written} == names((1, 1_000), (1_001, 2_000), (2_001, 2_345))
    table = EVENTS.check(pl.read_parquet(tmp_path / "snapshot"))
    in_numbers = table.with_columns(pl.col("happened_at", "recorded_at").to_physical())
    assert in_numbers.rows() == list(store.since(0, 2_345))


def test_a_partition_is_read_in_pages_and_loses_nothing(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, 1_500)
    store.snapshot(tmp_path / "one", 1_500)
    monkeypatch.setattr(snapshot, "_PAGE_ROWS", 7)
    store.snapshot(tmp_path / "many", 1_500)
    assert pl.read_parquet(tmp_path / "many").equals(pl.read_parquet(tmp_path / "one"))


def test_full_partitions_are_never_written_again_and_a_new_tail_replaces_the_old(
    store: EventStore, tmp_path: Path
) -> None:
    append(store, 2_100)
    store.snapshot(tmp_path, 2_100)
    for path in tmp_path.iterdir():
        os.utime(path, ns=(1, 1))
    before = contents(tmp_path)
    append(store, 1_000)
    store.snapshot(tmp_path, 3_100)
    assert set(contents(tmp_path)) == names((1, 1_000), (1_001, 2_000), (2_001, 3_000), (3_001, 3_100))
    kept = names((1, 1_000), (1_001, 2_000))
    assert {path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns == 1} == kept
    assert all(contents(tmp_path)[name] == before[name] for name in kept)


def test_the_same_position_gives_the_same_bytes_in_any_folder_at_any_time(store: EventStore, tmp_path: Path) -> None:
    append(store, 1_700)
    store.snapshot(tmp_path / "first", 1_300)
    append(store, 900, at=NOW + timedelta(days=1))
    store.snapshot(tmp_path / "second", 2_600)
    store.snapshot(tmp_path / "second", 1_300)
    store.snapshot(tmp_path / "third", 1_300)
    assert contents(tmp_path / "first") == contents(tmp_path / "second") == contents(tmp_path / "third")
    assert set(contents(tmp_path / "first")) == names((1, 1_000), (1_001, 1_300))


def test_both_databases_give_the_same_bytes(postgres_url: str, tmp_path: Path) -> None:
    for number, url in enumerate((f"sqlite:///{tmp_path}/events.db", postgres_url)):
        with EventStore(url, PARAMS, None) as store:
            append(store, 1_200)
            store.snapshot(tmp_path / str(number), 1_200)
    assert contents(tmp_path / "0") == contents(tmp_path / "1")


@pytest.mark.parametrize(("events", "spans"), [(0, [(1, 0)]), (1, [(1, 1)]), (1_000, [(1, 1_000)])])
def test_there_is_always_a_table_to_read(
    store: EventStore, tmp_path: Path, events: int, spans: list[tuple[int, int]]
) -> None:
    append(store, events)
    store.snapshot(tmp_path, events)
    assert set(contents(tmp_path)) == names(*spans)
    assert EVENTS.check(pl.read_parquet(tmp_path)).height == events


def test_a_position_that_is_not_there_yet_is_refused(store: EventStore, tmp_path: Path) -> None:
    append(store, 3)
    for position in (4, -1, 2**70):
        with pytest.raises(StoreError, match=r"no position .*; it goes from 0 to 3"):
            store.snapshot(tmp_path / "snapshot", position)


def test_a_folder_that_cannot_be_written_is_an_answer(store: EventStore, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="taken"):
        store.snapshot(tmp_path / "taken", 0)


def test_what_a_killed_snapshot_left_is_cleared_and_other_files_are_let_be(store: EventStore, tmp_path: Path) -> None:
    (tmp_path / ".pages").mkdir()
    (tmp_path / ".pages" / "000099.arrow").write_text("half a page")
    (tmp_path / "notes.txt").write_text("mine")
    append(store, 10)
    store.snapshot(tmp_path, 10)
    assert set(contents(tmp_path)) == names((1, 10)) | {"notes.txt"}


def test_a_folder_of_another_store_is_refused_and_left_as_it_was(
    store: EventStore, tmp_path: Path, another: EventStore
) -> None:
    append(another, 1_500, at=NOW + timedelta(seconds=1))
    append(store, 1_500)
    another.snapshot(tmp_path, 1_500)
    before = contents(tmp_path)
    says = r"events-000000000001-000000001000\.parquet: it holds events of another store; snapshot into another folder"
    with pytest.raises(StoreError, match=says):
        store.snapshot(tmp_path, 1_500)
    assert contents(tmp_path) == before


def test_stores_that_began_alike_are_told_apart_by_the_last_event(
    store: EventStore, tmp_path: Path, another: EventStore
) -> None:
    for user_id, each in enumerate((store, another), start=1):
        append(each, 4)
        append(each, 1, user_id)
    another.snapshot(tmp_path, 5)
    with pytest.raises(StoreError, match="another store"):
        store.snapshot(tmp_path, 5)


def test_a_partition_that_is_broken_is_named(store: EventStore, tmp_path: Path) -> None:
    append(store, 3)
    (path,) = store.snapshot(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"events-000000000001-000000000003\.parquet: cannot be read; remove it"):
        store.snapshot(tmp_path, 3)


def test_only_files_named_as_partitions_are_removed(store: EventStore, tmp_path: Path) -> None:
    foreign = {
        "events-mine.parquet",
        "events-1-5.parquet",
        "events-000000000001-000000000005.parquet.bak",
        "events-000000000001-000000000005-without-me.parquet",
    }
    for name in foreign | names((1, 5)):
        (tmp_path / name).write_text("")
    append(store, 10)
    store.snapshot(tmp_path, 10)
    assert set(contents(tmp_path)) == names((1, 10)) | foreign


def test_a_partition_without_its_first_and_last_events_or_any_is_kept(store: EventStore, tmp_path: Path) -> None:
    for user_id, count in ((8, 10), (7, 980), (8, 10), (9, 5)):
        append(store, count, user_id)
    for user_id in (8, 9):
        store.forget(user_id, NOW)
    first = store.snapshot(tmp_path, 1_005)
    before = contents(tmp_path)
    assert store.snapshot(tmp_path, 1_005) == first
    assert contents(tmp_path) == before
    assert pl.read_parquet(tmp_path / "*.parquet").height == 980


def test_a_forgotten_viewer_leaves_exactly_the_partitions_that_held_them(store: EventStore, tmp_path: Path) -> None:
    for user_id, count in ((7, 1_000), (8, 500), (7, 1_500), (8, 20)):
        append(store, count, user_id)
    store.snapshot(tmp_path, 3_020)
    before = contents(tmp_path)
    assert store.forget(8, NOW) == 520
    store.snapshot(tmp_path, 3_020)
    after = contents(tmp_path)
    untouched = names((1, 1_000), (2_001, 3_000))
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert set(after) - untouched == {
        "events-000000001001-000000002000-without-500.parquet",
        "events-000000003001-000000003020-without-20.parquet",
        "forgotten.csv",
    }
    left = EVENTS.check(pl.read_parquet(tmp_path / "*.parquet"))
    assert (left["user_id"].unique().to_list(), left.height) == ([7], 2_500)
    store.snapshot(tmp_path / "another", 3_020)
    assert contents(tmp_path / "another") == after


def test_who_was_forgotten_stays_noted_until_the_new_note_is_whole(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, 2, 8)
    store.forget(8, NOW)
    store.snapshot(tmp_path, 2)
    noted = (tmp_path / "forgotten.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", full)
    with pytest.raises(StoreError, match="no space left"):
        store.snapshot(tmp_path, 2)
    assert (tmp_path / "forgotten.csv").read_bytes() == noted


def test_an_event_that_is_undone_leaves_its_partition_alone(store: EventStore, tmp_path: Path) -> None:
    append(store, 1_500)
    store.snapshot(tmp_path, 1_500)
    before = contents(tmp_path)
    assert store.undo(7, ["e1200"]) == 1
    store.snapshot(tmp_path, 1_500)
    after = contents(tmp_path)
    assert set(after) == names((1, 1_000)) | {"events-000000001001-000000001500-without-1.parquet"}
    assert before.items() & after.items() == {(name, before[name]) for name in names((1, 1_000))}
    assert "e1200" not in pl.read_parquet(tmp_path / "*.parquet")["event_id"]
