"""Chunks of any reader become one sorted table; every rating is either in it or in the rejects."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.data import ratings
from marquee.data.ratings import RatingsSummary, write_ratings
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.tables import RATINGS, WHEN

NOW = datetime(2006, 1, 1, tzinfo=UTC)
DAY = datetime(2005, 6, 1, tzinfo=UTC)
Row = tuple[int, int, float, datetime]

CHUNK: dict[str, Any] = {
    "user_id": pl.UInt32,
    "title_id": pl.UInt64,
    "rating": pl.Float32,
    "rated_at": WHEN,
    "line": pl.UInt32,
}


def titles(*ids: int) -> pl.DataFrame:
    return pl.DataFrame({"title_id": pl.Series(ids or range(1, 100), dtype=pl.UInt16)})


def chunks(rows: Sequence[Row], size: int = 1_000_000, **types: Any) -> Iterator[pl.DataFrame]:
    numbered = [(*row, line) for line, row in enumerate(rows, 1)]
    for start in range(0, len(rows), size):
        chunk = pl.DataFrame(numbered[start : start + size], CHUNK | types, orient="row")
        yield chunk.with_columns(file=pl.lit("mine.txt", pl.Categorical))


class Written:
    """What came of some rows."""

    def __init__(self, folder: Path, rows: Sequence[Row], size: int = 1_000_000, **types: Any) -> None:
        out = folder / "tables" / "ratings.parquet"
        with Rejects(folder / "rejects.csv") as rejects:
            self.summary: RatingsSummary = write_ratings(chunks(rows, size, **types), titles(), out, rejects, NOW)
        self.table = RATINGS.check(pl.read_parquet(out))
        self.rows = self.table.rows()
        self.rejects = pl.read_csv(rejects.path).rows()


def test_ratings_are_sorted_by_viewer_and_time_and_then_as_they_came_in_the_smallest_types(tmp_path: Path) -> None:
    rows = [(9, 5, 4.0, DAY), (3, 7, 2.5, DAY + timedelta(days=1)), (3, 8, 1.0, DAY), (3, 2, 5.0, DAY)]
    written = Written(tmp_path, rows)
    assert written.rows == [rows[2], rows[3], rows[1], rows[0]]
    assert written.table.select("user_id", "title_id").dtypes == [pl.UInt16, pl.UInt16]
    assert written.rejects == []


@pytest.mark.parametrize(("user_id", "kind"), [(2**16, pl.UInt32), (2**32, pl.UInt64), (2**63 - 1, pl.UInt64)])
def test_an_id_of_any_size_finds_a_type_that_holds_it(tmp_path: Path, user_id: int, kind: pl.DataType) -> None:
    rows = [(user_id, 5, 4.0, DAY), (3, 7, 2.5, DAY), (user_id - 1, 7, 2.5, DAY)]
    written = Written(tmp_path, rows, user_id=pl.UInt64)
    assert written.rows == [rows[1], rows[2], rows[0]]
    assert written.table.schema["user_id"] == kind


@pytest.mark.parametrize("user_id", [0, 2**63, 2**64 - 1])
def test_an_id_that_no_event_may_name_is_set_aside(tmp_path: Path, user_id: int) -> None:
    written = Written(tmp_path, [(user_id, 5, 4.0, DAY), (1, 5, 4.0, DAY)], user_id=pl.UInt64)
    assert [row[0] for row in written.rows] == [1]
    assert written.rejects == [("mine.txt", 1, "id out of range", f"{user_id},5,4.0,2005-06-01T00:00:00Z")]


def test_the_summary_counts_what_was_read_kept_and_set_aside(tmp_path: Path) -> None:
    rows = [(1, 1, 4.0, DAY), (1, 2, 7.0, DAY), (2, 1, 3.0, DAY + timedelta(days=2)), (2, 1, 3.0, DAY)]
    assert Written(tmp_path, rows).summary == RatingsSummary(
        lines=4,
        ratings=2,
        users=2,
        titles=1,
        rejected={"rating out of range": 1, "duplicate": 1},
        first=DAY,
        last=DAY + timedelta(days=2),
    )


@pytest.mark.parametrize("rating", [0.0, 0.49, 5.5, -3.0, 1e9, float("nan"), float("inf")])
def test_a_rating_out_of_range_is_set_aside(tmp_path: Path, rating: float) -> None:
    written = Written(tmp_path, [(1, 1, 4.0, DAY), (1, 2, rating, DAY)])
    assert written.rows == [(1, 1, 4.0, DAY)]
    [(file, line, reason, text)] = written.rejects
    assert (file, line, reason) == ("mine.txt", 2, "rating out of range")
    assert text.startswith("1,2,")


def test_the_ends_of_the_range_are_ratings(tmp_path: Path) -> None:
    rows = [(1, 1, 0.5, DAY), (1, 2, 5.0, DAY)]
    assert Written(tmp_path, rows).rows == rows


def test_a_title_that_nobody_knows_is_set_aside(tmp_path: Path) -> None:
    written = Written(tmp_path, [(1, 1, 4.0, DAY), (1, 2**40, 4.0, DAY), (1, 0, 4.0, DAY)])
    assert written.rows == [(1, 1, 4.0, DAY)]
    assert written.rejects == [
        ("mine.txt", 2, "unknown title", "1,1099511627776,4.0,2005-06-01T00:00:00Z"),
        ("mine.txt", 3, "unknown title", "1,0,4.0,2005-06-01T00:00:00Z"),
    ]


def test_a_date_in_the_future_is_set_aside_and_now_is_not_the_future(tmp_path: Path) -> None:
    rows = [(1, 1, 4.0, NOW), (1, 2, 4.0, NOW + timedelta(milliseconds=1))]
    written = Written(tmp_path, rows)
    assert written.rows == rows[:1]
    assert written.rejects == [("mine.txt", 2, "date in the future", "1,2,4.0,2006-01-01T00:00:00Z")]


def test_a_line_with_two_faults_is_set_aside_once(tmp_path: Path) -> None:
    written = Written(tmp_path, [(1, 1, 4.0, DAY), (1, 2**40, 9.0, NOW + timedelta(days=1))])
    assert written.rejects == [("mine.txt", 2, "rating out of range", "1,1099511627776,9.0,2006-01-02T00:00:00Z")]


def test_of_a_pair_the_latest_rating_stands_and_the_others_are_set_aside(tmp_path: Path) -> None:
    rows = [(1, 1, 4.0, DAY), (1, 1, 5.0, DAY + timedelta(days=9)), (1, 1, 3.0, DAY + timedelta(days=3))]
    written = Written(tmp_path, rows)
    assert written.rows == [rows[1]]
    assert written.rejects == [
        ("mine.txt", 1, "duplicate", "1,1,4.0,2005-06-01T00:00:00Z"),
        ("mine.txt", 3, "duplicate", "1,1,3.0,2005-06-04T00:00:00Z"),
    ]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_of_a_pair_rated_twice_at_one_time_the_later_line_stands(tmp_path: Path, size: int) -> None:
    rows = [(1, 1, 4.0, DAY), (2, 1, 1.0, DAY), (1, 1, 5.0, DAY), (1, 1, 3.0, DAY)]
    written = Written(tmp_path, rows, size)
    assert written.rows == [rows[3], rows[1]]
    assert [(line, reason) for _, line, reason, _ in written.rejects] == [(1, "duplicate"), (3, "duplicate")]


def test_the_same_viewer_and_another_title_or_the_other_way_round_is_no_duplicate(tmp_path: Path) -> None:
    rows = [(1, 1, 4.0, DAY), (1, 2, 4.0, DAY), (2, 1, 4.0, DAY), (2, 2, 4.0, DAY)]
    assert Written(tmp_path, rows).rows == rows


def test_a_source_of_nothing_but_faults_is_an_empty_table(tmp_path: Path) -> None:
    written = Written(tmp_path, [(1, 1, 9.0, DAY)])
    assert written.rows == []
    assert written.summary == RatingsSummary(1, 0, 0, 0, {"rating out of range": 1}, None, None)


def test_a_source_without_a_single_line_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ratings: the source holds none; set source\.path"):
        Written(tmp_path, [])


def test_the_summary_leaves_out_what_was_set_aside_before(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add("titles.csv", 1, "does not parse", "?")
        summary = write_ratings(chunks([(1, 1, 4.0, DAY)]), titles(), tmp_path / "r.parquet", rejects, NOW)
    assert (summary.lines, summary.rejected) == (1, {})


def test_a_run_that_fails_leaves_the_table_of_the_run_before(tmp_path: Path) -> None:
    def broken() -> Iterator[pl.DataFrame]:
        yield from chunks([(5, 5, 5.0, DAY)])
        raise SourceError("cut short")

    before = Written(tmp_path, [(1, 1, 4.0, DAY)])
    out = tmp_path / "tables" / "ratings.parquet"
    with Rejects(tmp_path / "again.csv") as rejects, pytest.raises(SourceError, match="cut short"):
        write_ratings(broken(), titles(), out, rejects, NOW)
    assert pl.read_parquet(out).rows() == before.rows
    assert [file.name for file in out.parent.iterdir()] == ["ratings.parquet"]


def test_a_table_that_cannot_be_put_in_place_leaves_nothing_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(Path, "replace", away)
    with pytest.raises(OSError, match="read-only"):
        Written(tmp_path, [(1, 1, 4.0, DAY)])
    assert list((tmp_path / "tables").iterdir()) == []


def test_a_table_takes_the_place_of_the_parts_that_a_cluster_made(tmp_path: Path) -> None:
    (tmp_path / "tables" / "ratings.parquet").mkdir(parents=True)
    (tmp_path / "tables" / "ratings.parquet" / "part-00000.parquet").write_text("")
    assert Written(tmp_path, [(1, 1, 4.0, DAY)]).rows == [(1, 1, 4.0, DAY)]
    assert [file.name for file in (tmp_path / "tables").iterdir()] == ["ratings.parquet"]


def expected(rows: Sequence[Row]) -> list[Row]:
    """What should be kept, told the slow way."""
    latest: dict[tuple[int, int], Row] = {}
    for row in rows:
        pair = (row[0], row[1])
        if 0.5 <= row[2] <= 5 and row[1] in range(1, 100) and row[3] <= NOW and row[3] >= latest.get(pair, row)[3]:
            latest.pop(pair, None)
            latest[pair] = row
    return sorted(latest.values(), key=lambda row: (row[0], row[3]))


ROWS = st.lists(
    st.tuples(
        st.integers(1, 5) | st.sampled_from([2**32 - 1, 70_000]),
        st.integers(0, 6) | st.sampled_from([99, 100, 2**50]),
        st.sampled_from([0.0, 0.5, 1.0, 3.5, 5.0, 5.5]),
        st.sampled_from([NOW - timedelta(seconds=seconds) for seconds in (-1, 0, 1, 3_600, 86_400, 10**9)]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60)
@given(ROWS, st.integers(1, 70))
def test_every_rating_is_in_the_table_or_in_the_rejects(
    tmp_path_factory: pytest.TempPathFactory, rows: Sequence[Row], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings, "ROWS", 8)
        patch.setattr(ratings, "_SAMPLED", 2)
        written = Written(tmp_path_factory.mktemp("ratings"), rows, size)
    assert written.rows == expected(rows)
    assert len(written.rows) + len(written.rejects) == len(rows) == written.summary.lines
    assert written.summary.users == len({row[0] for row in written.rows})


def test_times_too_far_apart_for_the_fast_sort_are_sorted_all_the_same(tmp_path: Path) -> None:
    seeded = random.Random(1)
    rows = [
        (seeded.randrange(1, 2**63), 1 + n % 9, 4.0, DAY - timedelta(milliseconds=seeded.randrange(10**12)))
        for n in range(500)
    ]
    written = Written(tmp_path, rows, 50, user_id=pl.UInt64)
    assert written.rows == expected(rows)
