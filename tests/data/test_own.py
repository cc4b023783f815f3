"""Data of one's own is read from Parquet or csv, whatever its times look like."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.data import lines, own
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.tables import TITLES

HEADER = "user_id,title_id,rating,rated_at\n"
AT = datetime(2005, 9, 6, 10, 30, 15, tzinfo=UTC)
SECONDS = int(AT.timestamp())


def saved(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


def read(path: Path, rejects: Rejects) -> list[tuple[object, ...]]:
    with rejects:
        return pl.concat(own.ratings(path, rejects)).select("user_id", "title_id", "rating", "rated_at").rows()


def read_titles(path: Path, rejects: Rejects) -> pl.DataFrame:
    with rejects:
        return TITLES.check(own.titles(path, rejects))


def set_aside(rejects: Rejects) -> list[tuple[object, ...]]:
    return pl.read_csv(rejects.path, schema_overrides={"text": pl.String}).rows()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (str(SECONDS), AT),
        (f"{SECONDS}.5", AT + timedelta(seconds=0.5)),
        (str(SECONDS * 1000), AT),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2005-09-06", datetime(2005, 9, 6, tzinfo=UTC)),
        ("2005-09-06T10:30:15", AT),
        ("2005-09-06 10:30:15.000", AT),
        ("2005-09-06T10:30:15Z", AT),
        ("2005-09-06T10:30:15.000Z", AT),
        ("2005-09-06 12:30:15+02:00", AT),
        ("2005-09-06T12:30:15+0200", AT),
        ("2005-09-06 10:30", AT.replace(second=0)),
        ("2005-09-06T10:30Z", AT.replace(second=0)),
    ],
)
def test_a_time_is_read_in_every_usual_way(tmp_path: Path, rejects: Rejects, text: str, at: datetime) -> None:
    path = saved(tmp_path / "ratings.csv", f"{HEADER}7,3,4.5,{text}\n")
    assert read(path, rejects) == [(7, 3, 4.5, at)]
    assert set_aside(rejects) == []


def test_ways_to_tell_the_time_may_mix_within_one_file(tmp_path: Path, rejects: Rejects) -> None:
    path = saved(
        tmp_path / "ratings.csv", f"{HEADER}1,1,4,{SECONDS}\n2,1,4,2005-09-06T12:30:15+02:00\n3,1,4,2005-09-06\n"
    )
    assert [at for *_, at in read(path, rejects)] == [AT, AT, datetime(2005, 9, 6, tzinfo=UTC)]


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([AT]),
        pl.Series([AT.replace(tzinfo=None)]),
        pl.Series([AT.astimezone(timezone(timedelta(hours=2)))]),
        pl.Series([AT]).dt.cast_time_unit("ns").dt.convert_time_zone("Asia/Tokyo"),
        pl.Series([SECONDS]),
        pl.Series([SECONDS * 1000]),
        pl.Series([float(SECONDS)]),
        pl.Series(["2005-09-06T10:30:15Z"]),
    ],
)
def test_parquet_may_hold_times_of_any_type(tmp_path: Path, rejects: Rejects, times: pl.Series) -> None:
    frame = pl.DataFrame({"user_id": [7], "title_id": ["3"], "rating": [4], "rated_at": times, "note": ["left alone"]})
    frame.write_parquet(tmp_path / "ratings.parquet")
    assert read(tmp_path, rejects) == [(7, 3, 4.0, AT)]


def test_parquet_may_hold_days(tmp_path: Path, rejects: Rejects) -> None:
    frame = pl.DataFrame({"rated_at": [date(2005, 9, 6)], "rating": [4.0], "title_id": [3.0], "user_id": [7]})
    frame.write_parquet(tmp_path / "mine.parquet")
    assert read(tmp_path / "mine.parquet", rejects) == [(7, 3, 4.0, datetime(2005, 9, 6, tzinfo=UTC))]


def test_columns_may_stand_in_any_order_beside_others_and_in_quotes(tmp_path: Path, rejects: Rejects) -> None:
    text = '\ufeffname,rating,"rated_at", user_id,title_id\r\n'
    text += '"Good, Bad, Ugly",4.5,"2005-09-06","7",3\r\n,1, 2005-09-06,8 ,"3"'
    at = datetime(2005, 9, 6, tzinfo=UTC)
    assert read(saved(tmp_path / "mine.csv", text), rejects) == [(7, 3, 4.5, at), (8, 3, 1.0, at)]
    assert set_aside(rejects) == []


def test_csv_lines_that_do_not_parse_are_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    bad = ["7.5,3,4,2005-09-06", "x,3,4,2005-09-06", "-7,3,4,2005-09-06", ",3,4,2005-09-06", "7,3,good,2005-09-06"]
    bad += ["7,3,4,yesterday", "7,3,4,2005-02-30", "7,3,4", "7,3,4,2005-09-06,9", "7,3,4,-5", "7,3,4,1e300"]
    text = HEADER + "".join(f"{line}\n\n" for line in bad) + f"7,3,4,{SECONDS}"
    assert read(saved(tmp_path / "ratings.csv", text), rejects) == [(7, 3, 4.0, AT)]
    assert set_aside(rejects) == [
        ("ratings.csv", 2 + 2 * number, "does not parse", line) for number, line in enumerate(bad)
    ]


def test_parquet_rows_that_do_not_parse_are_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    ids = [7.0, 7.5, None, float("nan"), -1.0]
    frame = pl.DataFrame({"user_id": ids, "title_id": [3] * 5, "rating": [4] * 5, "rated_at": [SECONDS] * 5})
    frame.write_parquet(tmp_path / "ratings.parquet")
    assert read(tmp_path, rejects) == [(7, 3, 4.0, AT)]
    assert set_aside(rejects) == [
        ("ratings.parquet", line, "does not parse", f"{user_id},3,4,{SECONDS}")
        for line, user_id in ((2, "7.5"), (3, ""), (4, "NaN"), (5, "-1.0"))
    ]


def test_a_quote_without_its_pair_spoils_its_own_line_only(tmp_path: Path, rejects: Rejects) -> None:
    text = f'{HEADER}"1,3,4,{SECONDS}\n2,3,4,{SECONDS}\n"3",3,4,"{SECONDS}"\n'
    assert [user for user, *_ in read(saved(tmp_path / "ratings.csv", text), rejects)] == [2, 3]
    assert set_aside(rejects) == [("ratings.csv", 2, "does not parse", f'"1,3,4,{SECONDS}')]


GOOD = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 99), st.floats(0.5, 5, width=16), st.integers(0, 2**31))
BAD = st.sampled_from(["1.5,2,3,4", "a", "1,2,3,4,5", '"1,2,3,4', "1,2,3,2005-13-01", "1,2,,4"])


@settings(max_examples=50)
@given(st.lists(GOOD | BAD, min_size=1, max_size=20), st.integers(1, 100))
def test_good_lines_are_kept_and_bad_ones_counted_whatever_the_size_of_a_piece(
    tmp_path_factory: pytest.TempPathFactory, given_lines: Sequence[tuple[int, int, float, int] | str], size: int
) -> None:
    folder = tmp_path_factory.mktemp("own")
    texts = [line if isinstance(line, str) else "{},{},{},{}".format(*line) for line in given_lines]
    path = saved(folder / "ratings.csv", HEADER + "".join(f"{text}\n" for text in texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", size)
        rejects = Rejects(folder / "rejects.csv")
        found = read(path, rejects)
    assert [row[:3] for row in found] == [line[:3] for line in given_lines if not isinstance(line, str)]
    assert [text for *_, text in set_aside(rejects)] == [line for line in given_lines if isinstance(line, str)]


def test_a_missing_column_is_told_with_what_is_needed(tmp_path: Path, rejects: Rejects) -> None:
    path = saved(tmp_path / "mine.csv", "user_id,title_id,rating\n1,2,3\n")
    sentence = r"^ratings: no column rated_at in .*mine\.csv; it needs user_id, title_id, rating, rated_at$"
    with pytest.raises(SourceError, match=sentence):
        read(path, rejects)
    pl.DataFrame({"user_id": [1]}).write_parquet(tmp_path / "mine.parquet")
    with pytest.raises(SourceError, match=r"ratings: no column title_id in .*mine\.parquet"):
        read(tmp_path / "mine.parquet", rejects)
    twice = saved(tmp_path / "twice.csv", "user_id,title_id,user_id,rating,rated_at\n")
    with pytest.raises(SourceError, match=r"ratings: two columns user_id in .*twice\.csv"):
        read(twice, rejects)


def test_a_column_of_titles_stands_once(tmp_path: Path, rejects: Rejects) -> None:
    saved(tmp_path / "titles.csv", "title_id,name,year,year\n1,One,2001,2001\n")
    with pytest.raises(SourceError, match=r"titles: two columns year in .*titles\.csv; keep one of them"):
        read_titles(tmp_path, rejects)


LISTS = pl.Series([["a"]])
STRUCTS = pl.Series([{"a": 1}])
BYTES = pl.Series([b"\xff"])
FLAGS = pl.Series([True])
CATEGORIES = pl.Series(["7"], dtype=pl.Categorical)
DECIMALS = pl.Series([7], dtype=pl.Decimal(10, 1))


@pytest.mark.parametrize(
    ("column", "values", "wanted"),
    [
        *(("user_id", values, "whole numbers or text") for values in (LISTS, STRUCTS, FLAGS, CATEGORIES, DECIMALS)),
        *(("title_id", values, "whole numbers or text") for values in (LISTS, FLAGS, BYTES)),
        *(("rating", values, "numbers or text") for values in (BYTES, FLAGS, STRUCTS)),
        *(("rated_at", values, "dates, times, numbers or text") for values in (LISTS, FLAGS, BYTES)),
    ],
)
def test_a_column_of_ratings_in_another_type_fails_with_its_name(
    tmp_path: Path, rejects: Rejects, column: str, values: pl.Series, wanted: str
) -> None:
    sound = pl.DataFrame({"user_id": [7], "title_id": [3], "rating": [4], "rated_at": [SECONDS]})
    sound.with_columns(values.alias(column)).write_parquet(tmp_path / "ratings.parquet")
    with pytest.raises(SourceError) as caught:
        read(tmp_path, rejects)
    file = tmp_path / "ratings.parquet"
    assert str(caught.value) == f"ratings: column {column} in {file} is {values.dtype}; write it anew as {wanted}"


@pytest.mark.parametrize(
    ("column", "values", "wanted"),
    [
        *(("title_id", values, "whole numbers or text") for values in (LISTS, FLAGS)),
        *(("year", values, "whole numbers or text") for values in (LISTS, FLAGS)),
        *((column, values, "text") for column in ("name", "artwork") for values in (LISTS, STRUCTS, BYTES)),
        *(("genres", values, "text or lists of text") for values in (STRUCTS, BYTES, pl.Series([[1]]))),
    ],
)
def test_a_column_of_titles_in_another_type_fails_with_its_name(
    tmp_path: Path, rejects: Rejects, column: str, values: pl.Series, wanted: str
) -> None:
    sound = pl.DataFrame({"title_id": [7], "name": ["A"]})
    sound.with_columns(values.alias(column)).write_parquet(tmp_path / "titles.parquet")
    with pytest.raises(SourceError) as caught:
        read_titles(tmp_path, rejects)
    file = tmp_path / "titles.parquet"
    assert str(caught.value) == f"titles: column {column} in {file} is {values.dtype}; write it anew as {wanted}"


def test_a_file_that_ends_within_a_line_fails_with_the_line(tmp_path: Path, rejects: Rejects) -> None:
    path = saved(tmp_path / "ratings.csv", f"{HEADER}7,3,4,{SECONDS}\n7,3,4")
    with pytest.raises(SourceError, match=r"ratings\.csv:3: the file is cut short within this line"):
        read(path, rejects)


def test_no_titles_are_an_error_wherever_they_are_looked_for(tmp_path: Path, rejects: Rejects) -> None:
    none = {"user_id": pl.UInt64, "title_id": pl.UInt64, "rating": pl.Float32, "rated_at": pl.Int64}
    pl.DataFrame(schema=none).write_parquet(tmp_path / "ratings.parquet")
    with pytest.raises(SourceError, match=r"ratings: holds no title"):
        read_titles(tmp_path, rejects)
    saved(tmp_path / "titles.csv", "title_id,name\n")
    with pytest.raises(SourceError, match=r"titles\.csv: holds no title; .* one line for each title"):
        read_titles(tmp_path, rejects)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then something else"])
def test_a_damaged_parquet_file_is_told_with_its_name(tmp_path: Path, rejects: Rejects, content: bytes) -> None:
    (tmp_path / "ratings.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"ratings\.parquet: not a Parquet file that can be read"):
        read(tmp_path, rejects)


def test_no_ratings_and_ratings_in_two_forms_are_errors(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"no ratings\.parquet and no ratings\.csv; set source\.path"):
        read(tmp_path, rejects)
    with pytest.raises(SourceError, match=r"nowhere\.csv: no ratings\.parquet and no ratings\.csv"):
        read(tmp_path / "nowhere.csv", rejects)
    saved(tmp_path / "ratings.csv", HEADER)
    pl.DataFrame({"user_id": [1]}).write_parquet(tmp_path / "ratings.parquet")
    with pytest.raises(SourceError, match=r"holds ratings\.parquet and ratings\.csv; keep one"):
        read(tmp_path, rejects)


def test_titles_may_have_any_column_of_the_table_and_others(tmp_path: Path, rejects: Rejects) -> None:
    saved(tmp_path / "ratings.csv", HEADER)
    text = "title_id,name,year,genres,kind,description,imdb\n"
    text += '3,"Amélie, again",2001,Comedy | Romance,movie,"two\nlines",tt1\n70000,Next,,,,,\n'
    saved(tmp_path / "titles.csv", text)
    titles = read_titles(tmp_path / "ratings.csv", rejects)
    assert titles.select("title_id", "name", "year", "genres", "kind", "description").rows() == [
        (3, "Amélie, again", 2001, ["Comedy", "Romance"], "movie", "two\nlines"),
        (70000, "Next", None, [], None, None),
    ]


def test_titles_may_come_as_parquet_with_lists(tmp_path: Path, rejects: Rejects) -> None:
    frame = pl.DataFrame({"title_id": [3, 4], "name": ["A", "B"], "year": [2001.0, None], "cast": [["X", "Y"], None]})
    frame.write_parquet(tmp_path / "titles.parquet")
    assert read_titles(tmp_path, rejects).select("title_id", "name", "year", "cast").rows() == [
        (3, "A", 2001, ["X", "Y"]),
        (4, "B", None, []),
    ]


def test_titles_that_do_not_parse_and_those_told_twice_are_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    text = "title_id,name,year,kind\n1,One,2001,movie\n1.5,Half,2001,\n2,,2001,\n3,Odd,20x1,\n"
    text += "4,Kind,2001,opera\n5,Short\n1,Again,,\n"
    saved(tmp_path / "titles.csv", text)
    assert read_titles(tmp_path, rejects)["name"].to_list() == ["One"]
    assert set_aside(rejects) == [
        ("titles.csv", 3, "does not parse", "1.5,Half,2001,"),
        ("titles.csv", 4, "does not parse", "2,,2001,"),
        ("titles.csv", 5, "does not parse", "3,Odd,20x1,"),
        ("titles.csv", 6, "does not parse", "4,Kind,2001,opera"),
        ("titles.csv", 7, "does not parse", "5,Short"),
        ("titles.csv", 8, "duplicate", "1,Again,,"),
    ]


def test_a_titles_file_without_names_is_an_error(tmp_path: Path, rejects: Rejects) -> None:
    saved(tmp_path / "titles.csv", "title_id,year\n")
    with pytest.raises(SourceError, match=r"titles: no column name in .*titles\.csv; it needs title_id, name"):
        read_titles(tmp_path, rejects)


def test_without_titles_every_title_that_was_rated_is_one(tmp_path: Path, rejects: Rejects) -> None:
    saved(tmp_path / "ratings.csv", f"{HEADER}1,123,4,{SECONDS}\n1,7,4,{SECONDS}\n2,123,4,{SECONDS}\n2,x,4,{SECONDS}\n")
    titles = read_titles(tmp_path, rejects)
    assert titles.select("title_id", "name", "year").rows() == [(7, "Title 7", None), (123, "Title 123", None)]
    assert set_aside(rejects) == []


def test_what_is_blank_in_a_list_is_nothing_however_the_list_is_written() -> None:
    words, lists = pl.Series(["NZ| AU |", "", None]), pl.Series([["NZ", " AU ", "", None], [None], None])
    assert own.listed(words).to_list() == own.listed(lists).to_list() == [["NZ", "AU"], [], []]
