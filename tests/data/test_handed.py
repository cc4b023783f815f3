"""Tables handed over: whatever is right is taken as it was meant, whatever is wrong is named."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from marquee.data import handed
from marquee.errors import MarqueeError, SourceError, TableError
from marquee.tables import TITLES

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())

ratings = partial(handed.ratings, now=NOON + timedelta(days=365))


def parquet(folder: Path, **columns: object) -> Path:
    plain: dict[str, object] = {"user_id": [1, 2], "title_id": [5, 6], "rating": [3.0, 4.5], "rated_at": [SECONDS] * 2}
    path = folder / "handed.parquet"
    pl.DataFrame({name: column for name, column in (plain | columns).items() if column is not None}).write_parquet(path)
    return path


def csv(folder: Path, *lines: str, head: str = "user_id,title_id,rating,rated_at") -> Path:
    path = folder / "handed.csv"
    path.write_text("\n".join([head, *lines, ""]))
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
    assert ratings(parquet(tmp_path, rated_at=moments))["rated_at"].to_list() == [NOON] * 2


def test_a_day_is_its_midnight(tmp_path: Path) -> None:
    days = [date(2020, 1, 1)] * 2
    assert ratings(parquet(tmp_path, rated_at=days))["rated_at"][0] == NOON - timedelta(hours=12)


@pytest.mark.parametrize("ids", [[-7, 0], [2**62, -(2**63)], pl.Series([3, 200], dtype=pl.UInt8), [1.0, 2.0]])
def test_ids_may_be_any_whole_numbers(tmp_path: Path, ids: list[int]) -> None:
    path = parquet(tmp_path, user_id=ids, title_id=ids)
    assert ratings(path).select("user_id", "title_id").rows() == sorted((int(one), int(one)) for one in ids)
    assert handed.titles(path)["title_id"].to_list() == sorted(int(one) for one in ids)


def test_of_a_title_rated_twice_the_last_rating_counts_also_at_the_same_moment(tmp_path: Path) -> None:
    rated_at = [SECONDS + 9, SECONDS, SECONDS + 9, SECONDS]
    path = parquet(tmp_path, user_id=[1] * 4, title_id=[5, 5, 5, 6], rating=[1.0, 2.0, 3.0, 4.0], rated_at=rated_at)
    assert ratings(path).select("title_id", "rating").rows() == [(6, 4.0), (5, 3.0)]


def test_ratings_of_the_same_moment_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = parquet(tmp_path, user_id=[2, 1, 1, 1], title_id=[4, 9, 7, 8], rating=[3.0] * 4, rated_at=[SECONDS] * 4)
    assert ratings(path).select("user_id", "title_id").rows() == [(1, 9), (1, 7), (1, 8), (2, 4)]


def test_columns_nobody_asked_for_are_left_alone_and_whole_ratings_are_ratings(tmp_path: Path) -> None:
    table = ratings(parquet(tmp_path, rating=[3, 4], note=["a", "b"]))
    assert table.columns == ["user_id", "title_id", "rating", "rated_at"]
    assert table["rating"].to_list() == [3.0, 4.0]


def test_what_the_first_rows_of_a_csv_look_like_says_nothing_of_those_that_follow(tmp_path: Path) -> None:
    whole = [f"{viewer},5,3,{SECONDS}" for viewer in range(200)]
    path = csv(tmp_path, *whole, f"{2**40},1e5, 3.5,{SECONDS}.0", f"{2**40}.0, 6 ,4,2020-01-01T12:00:00Z")
    assert ratings(path).tail(2).rows() == [(2**40, 100_000, 3.5, NOON), (2**40, 6, 4.0, NOON)]


def test_ids_in_text_are_taken_to_their_last_digit(tmp_path: Path) -> None:
    ids = [2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1]
    path = csv(tmp_path, *(f"{of},{-of},3,{SECONDS}" for of in ids))
    assert ratings(path).select("user_id", "title_id").rows() == [(of, -of) for of in ids]
    texts = [str(of) for of in ids]
    assert handed.pairs(parquet(tmp_path, user_id=texts, title_id=texts, rating=None, rated_at=None)).rows() == [
        (of, of, None) for of in ids
    ]


Reads = Callable[[Path], object]


@pytest.mark.parametrize(
    ("read", "columns", "says"),
    [
        (ratings, {"rating": None}, "no column rating; it needs user_id, title_id, rating, rated_at"),
        (ratings, {"rating": [3.0, float("nan")]}, "rating is not a number in 1 rows, first in row 1"),
        (ratings, {"rating": [None, 3.0]}, "rating is not a number in 1 rows, first in row 0"),
        (
            ratings,
            {"rating": [3.0, 50.0]},
            r"rating is not from 0.5 to 5.0 in 1 rows, first in row 1, .* \(50.0\); bring them all to that scale",
        ),
        (ratings, {"rated_at": ["x", "2020-01-01"]}, "rated_at is not a time or epoch seconds in 1 rows"),
        (ratings, {"user_id": [1, None]}, "user_id is not a whole number of 64 bits in 1 rows, first in row 1"),
        (ratings, {"user_id": [1.5, 2.0]}, "user_id is not a whole number"),
        (ratings, {"user_id": ["a", "2"]}, r"user_id is not a whole number .* \(a\); number them, and keep what each"),
        (
            ratings,
            {"rated_at": [SECONDS * 10**6] * 2},
            "rated_at is not a time .*; such great numbers are micro",
        ),
        (
            ratings,
            {"rated_at": [str(SECONDS * 10**9)] * 2},
            "rated_at is not a time .*; such great numbers are micro",
        ),
        (ratings, {"rated_at": [NOON, None]}, r"rated_at is not a time .* \(empty\); write seconds since 1970"),
        (ratings, {"rated_at": [-5, SECONDS]}, r"rated_at is not a time .* \(-5\); write seconds since 1970, or times"),
        (handed.pairs, {"title_id": [2**64 - 1, 2]}, "title_id is not a whole number of 64 bits"),
        (handed.titles, {"title_id": [5, 5]}, "title_id 5 comes twice"),
        (handed.viewers, {"user_id": [5, 5]}, "user_id 5 comes twice"),
        (handed.viewers, {"gender": ["x", None]}, "not every gender is one of female, male, other, or empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, read: Reads, columns: dict[str, object], says: str) -> None:
    with pytest.raises(TableError, match=says):
        read(parquet(tmp_path, **columns))


@pytest.mark.parametrize("text", ["9223372036854775808", "9007199254740993.5", "9007199254740993.0", "-", "1.5", "x"])
def test_an_id_in_text_that_is_no_whole_number_or_maybe_another_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TableError, match="title_id is not a whole number of 64 bits in 1 rows, first in row 1"):
        handed.pairs(csv(tmp_path, f"1,5,3,{SECONDS}", f"1,{text},3,{SECONDS}"))


def test_a_moment_in_the_future_is_refused_with_the_file_and_an_example(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        user_id=[1, 2, 3],
        title_id=[5] * 3,
        rating=[3.0] * 3,
        rated_at=[SECONDS, 4_000_000_000, 5_000_000_000],
    )
    says = r"handed.parquet: rated_at is in the future in 2 rows, first in row 1, counted from 0 \(2096-10-02 07:06\)"
    with pytest.raises(TableError, match=says):
        handed.ratings(path, NOON)


def test_a_moment_that_another_zone_or_a_fast_clock_explains_is_none_in_the_future(tmp_path: Path) -> None:
    path = parquet(tmp_path, rated_at=[SECONDS, SECONDS + 86_400])
    assert handed.ratings(path, NOON).height == 2
    with pytest.raises(TableError, match="in the future in 1 rows"):
        handed.ratings(path, NOON - timedelta(milliseconds=1))


def test_no_rating_at_all_is_refused(tmp_path: Path) -> None:
    empty: dict[str, object] = {name: [] for name in ("user_id", "title_id", "rating", "rated_at")}
    with pytest.raises(TableError, match="holds no rating"):
        ratings(parquet(tmp_path, **empty))


@pytest.mark.parametrize("name", ["nowhere.parquet", "text.parquet", "nowhere.csv", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.parquet").write_text("user_id\n1\n")
    with pytest.raises(MarqueeError, match=str(tmp_path / name)):
        ratings(tmp_path / name)


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


def test_titles_of_a_csv_may_leave_anything_empty(tmp_path: Path) -> None:
    path = csv(tmp_path, "5,A,1999.0,a|b,movie", "6,,,,", "7, ,2001,,x", head="title_id,name,year,genres,kind")
    assert handed.titles(path).select("title_id", "name", "year", "genres", "kind").rows() == [
        (5, "A", 1999, ["a", "b"], "movie"),
        (6, "title 6", None, [], None),
        (7, "title 7", 2001, [], None),
    ]


def test_viewers_may_tell_anything_or_nothing(tmp_path: Path) -> None:
    viewers = handed.viewers(parquet(tmp_path, user_id=[2, 1], gender=["female", None], age_group=["18-24", "56+"]))
    assert viewers.rows() == [(1, "56+", None, None), (2, "18-24", "female", None)]


def test_pairs_stay_in_their_order_and_may_have_a_moment_each(tmp_path: Path) -> None:
    path = parquet(tmp_path, user_id=[2, 1], title_id=[5, 5], rated_at=None)
    assert handed.pairs(path).rows() == [(2, 5, None), (1, 5, None)]
    told = csv(tmp_path, f"2,5,{SECONDS}", "1,5,", head="user_id,title_id,rated_at")
    assert handed.pairs(told).rows() == [(2, 5, NOON), (1, 5, None)]
    with pytest.raises(TableError, match=r"rated_at is not a time or epoch seconds in 1 rows, first in row 1"):
        handed.pairs(csv(tmp_path, "2,5,", "1,5,soon", head="user_id,title_id,rated_at"))


LISTS = [["a"], ["b"]]
STRUCTS = [{"name": "a"}, {"name": "b"}]
WRONG = {
    "lists": LISTS,
    "structs": STRUCTS,
    "bytes": [b"1", b"2"],
    "truths": [True, False],
    "days": [date(2020, 1, 1)] * 2,
    "spans": [timedelta(1)] * 2,
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in ("user_id", "title_id", "rating", "rated_at")
        for kind in WRONG
        if (name, kind) != ("rated_at", "days")  # a day is a time
    ],
)
def test_a_column_of_another_type_is_named_with_what_it_is_and_what_would_be_right(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = parquet(tmp_path, **{name: WRONG[kind]})
    with pytest.raises(TableError, match=rf"handed.parquet: {name} is \w+.*; write it anew as (numbers|dates, times)"):
        ratings(path)
    with pytest.raises(TableError, match=rf"{name} is \w+.*; write it anew as (numbers|dates, times)"):
        (ratings if name == "rating" else handed.pairs)(path)


@pytest.mark.parametrize(
    ("read", "name", "column"),
    [
        (handed.titles, "genres", [1, 2]),
        (handed.titles, "genres", [[1], [2]]),
        (handed.titles, "genres", [STRUCTS, STRUCTS]),
        (handed.titles, "name", LISTS),
        (handed.titles, "year", [date(1999, 1, 1)] * 2),
        (handed.titles, "description", [b"a", b"b"]),
        (handed.viewers, "age_group", LISTS),
        (handed.viewers, "region", STRUCTS),
        (handed.viewer_ids, "user_id", LISTS),
    ],
)
def test_whatever_table_it_is_of(tmp_path: Path, read: Reads, name: str, column: object) -> None:
    with pytest.raises(TableError, match=rf"handed.parquet: {name} is \w+.*; write it anew as (text|lists of|numbers)"):
        read(parquet(tmp_path, **{name: column}))


def test_categories_are_the_text_that_they_are(tmp_path: Path) -> None:
    of = pl.Series(["1", "2"], dtype=pl.Categorical)
    genres = pl.Series(LISTS, dtype=pl.List(pl.Categorical))
    path = parquet(tmp_path, user_id=of, title_id=of, rating=of.cast(pl.Enum(["1", "2"])), genres=genres, kind=of)
    assert ratings(path).rows() == [(1, 1, 1.0, NOON), (2, 2, 2.0, NOON)]
    assert handed.titles(path)["genres"].to_list() == LISTS


def test_what_cannot_be_taken_of_a_title_is_told_with_an_example(tmp_path: Path) -> None:
    rows = ("1,A,nineteen,Movie", "2,B,99999, SERIES", "3,C,1999.5,film", "4,D,1999.0,", "5,E,,")
    said: list[str] = []
    told = handed.titles(csv(tmp_path, *rows, head="title_id,title,year,kind"), said.append)
    assert told["year"].to_list() == [None, None, None, 1999, None]
    assert told["kind"].to_list() == ["movie", "series", None, None, None]
    of = f"{tmp_path / 'handed.csv'}: "
    assert said == [
        f"{of}ignored: title; it may have {', '.join(TITLES.columns)}",
        f"{of}year is not taken in 3 rows, first in row 0, counted from 0 (nineteen); "
        "a year is a whole number such as 1999",
        f"{of}kind is not taken in 1 rows, first in row 2, counted from 0 (film); a kind is movie or series",
    ]
    said.clear()
    handed.titles(parquet(tmp_path, user_id=None, rating=None, rated_at=None, year=[1999.0, float("nan")]), said.append)
    assert said == []


@pytest.mark.parametrize("name", ["r.tsv", "r.json", "r.csv.gz", "r"])
def test_a_file_of_another_ending_is_told_which_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(SourceError, match=rf"{name}: no table by its ending; write it as .parquet, or as .csv or .txt"):
        handed.pairs(tmp_path / name)


def test_endings_may_be_in_capitals_and_a_folder_is_no_table(tmp_path: Path) -> None:
    path = csv(tmp_path, f"1,5,3,{SECONDS}").rename(tmp_path / "R.CSV")
    assert ratings(path).height == 1
    with pytest.raises(SourceError, match="a folder, not a table; name a file in it"):
        ratings(tmp_path)


def test_histories_may_be_of_nobody(tmp_path: Path) -> None:
    empty: dict[str, object] = {name: [] for name in ("user_id", "title_id", "rating", "rated_at")}
    some = ratings(csv(tmp_path, f"1,5,3,{SECONDS}"))
    for path in (parquet(tmp_path, **empty), csv(tmp_path)):
        assert handed.histories(path, NOON).equals(some.clear())


def test_errors_of_files_are_errors_of_the_project(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no table that can be read"):
        handed.pairs(tmp_path / "nowhere.parquet")
