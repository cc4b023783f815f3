"""Tables handed over: whatever is right is taken as it was meant, whatever is wrong is named."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from marquee.data import handed
from marquee.errors import MarqueeError, SourceError, TableError

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())


def parquet(folder: Path, **columns: object) -> Path:
    plain: dict[str, object] = {"user_id": [1, 2], "title_id": [5, 6], "rating": [3.0, 4.5], "rated_at": [SECONDS] * 2}
    path = folder / "handed.parquet"
    pl.DataFrame({name: column for name, column in (plain | columns).items() if column is not None}).write_parquet(path)
    return path


@pytest.mark.parametrize(
    "moments",
    [
        [SECONDS] * 2,
        [float(SECONDS)] * 2,
        [SECONDS * 1000] * 2,
        [NOON] * 2,
        [NOON.replace(tzinfo=None)] * 2,
        [NOON.astimezone(timezone(timedelta(hours=5)))] * 2,
        pl.Series([NOON] * 2, dtype=pl.Datetime("ns", "UTC")),
        ["2020-01-01T12:00:00Z"] * 2,
    ],
)
def test_a_moment_may_be_told_in_many_ways(tmp_path: Path, moments: object) -> None:
    assert handed.ratings(parquet(tmp_path, rated_at=moments))["rated_at"].to_list() == [NOON] * 2


def test_a_day_is_its_midnight(tmp_path: Path) -> None:
    days = [date(2020, 1, 1)] * 2
    assert handed.ratings(parquet(tmp_path, rated_at=days))["rated_at"][0] == NOON - timedelta(hours=12)


@pytest.mark.parametrize("ids", [[-7, 0], [2**62, -(2**63)], pl.Series([3, 200], dtype=pl.UInt8), [1.0, 2.0]])
def test_ids_may_be_any_whole_numbers(tmp_path: Path, ids: list[int]) -> None:
    path = parquet(tmp_path, user_id=ids, title_id=ids)
    assert handed.ratings(path).select("user_id", "title_id").rows() == sorted((int(one), int(one)) for one in ids)
    assert handed.titles(path)["title_id"].to_list() == sorted(int(one) for one in ids)


def test_of_a_title_rated_twice_the_last_rating_counts_also_at_the_same_moment(tmp_path: Path) -> None:
    rated_at = [SECONDS + 9, SECONDS, SECONDS + 9, SECONDS]
    path = parquet(tmp_path, user_id=[1] * 4, title_id=[5, 5, 5, 6], rating=[1.0, 2.0, 3.0, 4.0], rated_at=rated_at)
    assert handed.ratings(path).select("title_id", "rating").rows() == [(6, 4.0), (5, 3.0)]


def test_ratings_of_the_same_moment_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = parquet(tmp_path, user_id=[2, 1, 1, 1], title_id=[4, 9, 7, 8], rating=[3.0] * 4, rated_at=[SECONDS] * 4)
    assert handed.ratings(path).select("user_id", "title_id").rows() == [(1, 9), (1, 7), (1, 8), (2, 4)]


def test_columns_nobody_asked_for_are_left_alone_and_whole_ratings_are_ratings(tmp_path: Path) -> None:
    table = handed.ratings(parquet(tmp_path, rating=[3, 4], note=["a", "b"]))
    assert table.columns == ["user_id", "title_id", "rating", "rated_at"]
    assert table["rating"].to_list() == [3.0, 4.0]


Reads = Callable[[Path], object]


@pytest.mark.parametrize(
    ("read", "columns", "says"),
    [
        (handed.ratings, {"rating": None}, "no column rating; it needs user_id, title_id, rating, rated_at"),
        (handed.ratings, {"rating": [3.0, float("nan")]}, "rating is not a number in 1 rows, first in row 1"),
        (handed.ratings, {"rating": [None, 3.0]}, "rating is not a number in 1 rows, first in row 0"),
        (handed.ratings, {"rating": [3.0, 50.0]}, "not every rating is from 0.5 to 5.0; bring them all to that scale"),
        (handed.ratings, {"rated_at": ["x", "2020-01-01"]}, "rated_at is not a time or epoch seconds in 1 rows"),
        (handed.ratings, {"user_id": [1, None]}, "user_id is not a whole number of 64 bits in 1 rows, first in row 1"),
        (handed.ratings, {"user_id": [1.5, 2.0]}, "user_id is not a whole number"),
        (handed.ratings, {"user_id": ["a", "2"]}, "user_id is not a whole number"),
        (handed.pairs, {"title_id": [2**64 - 1, 2]}, "title_id is not a whole number of 64 bits"),
        (handed.titles, {"title_id": [5, 5]}, "title_id 5 comes twice"),
        (handed.viewers, {"user_id": [5, 5]}, "user_id 5 comes twice"),
        (handed.viewers, {"gender": ["x", None]}, "not every gender is one of female, male, other, or empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, read: Reads, columns: dict[str, object], says: str) -> None:
    with pytest.raises(TableError, match=says):
        read(parquet(tmp_path, **columns))


def test_no_rating_at_all_is_refused(tmp_path: Path) -> None:
    empty: dict[str, object] = {name: [] for name in ("user_id", "title_id", "rating", "rated_at")}
    with pytest.raises(TableError, match="holds no rating"):
        handed.ratings(parquet(tmp_path, **empty))


@pytest.mark.parametrize("name", ["nowhere.parquet", "text.parquet", "nowhere.csv", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.parquet").write_text("user_id\n1\n")
    with pytest.raises(MarqueeError, match=str(tmp_path / name)):
        handed.ratings(tmp_path / name)


def test_lists_of_viewers_are_parquet_or_text_each_viewer_once(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("user_id\n9\n-3\n9\n")
    assert handed.viewer_ids(tmp_path / "some.txt").to_list() == [-3, 9]
    assert handed.viewer_ids(parquet(tmp_path)).to_list() == [1, 2]
    (tmp_path / "none.csv").write_text("9\n-3\n")
    with pytest.raises(TableError, match="no column user_id"):
        handed.viewer_ids(tmp_path / "none.csv")


def test_titles_need_an_id_alone_and_may_have_anything_else_of_the_table(tmp_path: Path) -> None:
    titles = handed.titles(
        parquet(
            tmp_path, title_id=[6, 5], name=[None, "B"], year=[1999, None], genres=["a|b", None], kind=["movie", "x"]
        )
    )
    assert titles.select("title_id", "name", "year", "genres", "kind").rows() == [
        (5, "B", None, [], None),
        (6, "title 6", 1999, ["a", "b"], "movie"),
    ]


def test_viewers_may_tell_anything_or_nothing(tmp_path: Path) -> None:
    viewers = handed.viewers(parquet(tmp_path, user_id=[2, 1], gender=["female", None], age_group=["18-24", "56+"]))
    assert viewers.rows() == [(1, "56+", None, None), (2, "18-24", "female", None)]


def test_pairs_stay_in_their_order(tmp_path: Path) -> None:
    path = parquet(tmp_path, user_id=[2, 1], title_id=[5, 5])
    assert handed.pairs(path).rows() == [(2, 5), (1, 5)]


def test_errors_of_files_are_errors_of_the_project(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no table that can be read"):
        handed.pairs(tmp_path / "nowhere.parquet")
