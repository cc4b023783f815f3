"""Every edition of MovieLens is read as it is downloaded."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from marquee.data import lines, movielens
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.tables import TITLES

Pack = Callable[[Path, Mapping[str, bytes], str], Path]

LATEST = {
    "ml/README.txt": b"read me",
    "ml/ratings.csv": b"userId,movieId,rating,timestamp\r\n1,2,3.5,1112486027\r\n2,1,5.0,1094785740\r\n",
    "ml/movies.csv": (
        b'movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n2,"Matrix, The (1999)",(no genres listed)\n'
    ),
    "ml/tags.csv": b'userId,movieId,tag,timestamp\n1,1,Pixar,1\n2,1,pixar ,2\n2,1,"toys, alive",3\n3,99,lost,4\n',
}
ML_1M = {
    "ml/ratings.dat": b"1::2::3.5::1112486027\n2::1::5::1094785740\n",
    "ml/movies.dat": "1::Toy Story (1995)::Adventure|Animation\n2::Misérables, Les (1995)::Drama\n".encode("latin-1"),
}
ML_10M = {**ML_1M, "ml/movies.dat": ML_1M["ml/movies.dat"].decode("latin-1").encode("utf-8")}
ML_100K = {
    "ml/u.data": b"1\t2\t3.5\t1112486027\n2\t1\t5\t1094785740\n",
    "ml/u.item": (
        "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
        "2|Misérables, Les (1995)|01-Jan-1995||http://x|0|0|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n"
        "267|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    ).encode("latin-1"),
}
RATINGS = [
    (1, 2, 3.5, datetime(2005, 4, 2, 23, 53, 47, tzinfo=UTC)),
    (2, 1, 5.0, datetime(2004, 9, 10, 3, 9, tzinfo=UTC)),
]


def read_titles(path: Path, rejects: Rejects) -> pl.DataFrame:
    with rejects:
        return TITLES.check(movielens.titles(path, rejects))


def read_ratings(path: Path, rejects: Rejects) -> list[tuple[object, ...]]:
    with rejects:
        return pl.concat(movielens.ratings(path, rejects)).drop("file", "line").rows()


def set_aside(rejects: Rejects) -> list[tuple[object, ...]]:
    return pl.read_csv(rejects.path).rows()


@pytest.mark.parametrize("files", [LATEST, ML_1M, ML_10M, ML_100K], ids=["csv", "1M", "10M", "100K"])
def test_every_edition_holds_ratings_in_every_form(
    tmp_path: Path, pack: Pack, form: str, files: Mapping[str, bytes], rejects: Rejects
) -> None:
    assert read_ratings(pack(tmp_path, files, form), rejects) == RATINGS
    assert set_aside(rejects) == []


def test_titles_of_the_csv_editions_have_genres_and_the_tags_most_given(
    tmp_path: Path, pack: Pack, rejects: Rejects
) -> None:
    titles = read_titles(pack(tmp_path, LATEST, "zip"), rejects)
    assert titles.select("title_id", "name", "year", "genres", "keywords").rows() == [
        (1, "Toy Story", 1995, ["Adventure", "Animation"], ["pixar", "toys, alive"]),
        (2, "The Matrix", 1999, [], []),
    ]
    assert set_aside(rejects) == []


@pytest.mark.parametrize("files", [ML_1M, ML_10M], ids=["Latin-1", "UTF-8"])
def test_titles_of_the_dat_editions_are_read_in_either_encoding(
    tmp_path: Path, pack: Pack, files: Mapping[str, bytes], rejects: Rejects
) -> None:
    titles = read_titles(pack(tmp_path, files, "zip"), rejects)
    assert titles.select("title_id", "name", "year", "genres").rows() == [
        (1, "Toy Story", 1995, ["Adventure", "Animation"]),
        (2, "Les Misérables", 1995, ["Drama"]),
    ]


def test_titles_of_the_smallest_edition_carry_their_genres_as_flags(
    tmp_path: Path, pack: Pack, rejects: Rejects
) -> None:
    titles = read_titles(pack(tmp_path, ML_100K, "zip"), rejects)
    assert titles.select("title_id", "name", "year", "genres").rows() == [
        (1, "Toy Story", 1995, ["Animation", "Children's", "Comedy"]),
        (2, "Les Misérables", 1995, ["Drama"]),
        (267, "unknown", None, []),
    ]


@pytest.mark.parametrize(
    ("written", "name", "year"),
    [
        ("Toy Story (1995)", "Toy Story", "1995"),
        ("Rocky VI (1986) ", "Rocky VI", "1986"),
        ("Matrix, The (1999)", "The Matrix", "1999"),
        ("American in Paris, An (1951)", "An American in Paris", "1951"),
        ("Uomo delle stelle, L' (1995)", "L'Uomo delle stelle", "1995"),
        ("Kid, The (a.k.a. Small One, The) (1984)", "The Kid (a.k.a. The Small One)", "1984"),
        ("Postman, The (Postino, Il) (1994)", "The Postman (Il Postino)", "1994"),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", "1966"),
        ("Yes, Madam (1985)", "Yes, Madam", "1985"),
        ("Big Bang Theory, The (2007-)", "The Big Bang Theory", "2007"),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", "1975"),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", "2009"),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", "1968"),
        ("Stranger Things", "Stranger Things", None),
        ("1984", "1984", None),
    ],
)
def test_a_name_is_told_without_its_year_and_with_its_article_first(written: str, name: str, year: str | None) -> None:
    assert movielens.name_and_year(written) == (name, year)


def test_only_the_tags_most_given_become_keywords(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    tags = [f"{user},1,tag {n:02},1" for n in range(30) for user in range(n)]
    files = {**LATEST, "ml/tags.csv": "\n".join(["userId,movieId,tag,timestamp", *tags]).encode()}
    titles = read_titles(pack(tmp_path, files, "folder"), rejects)
    assert titles["keywords"][0].to_list() == [f"tag {n}" for n in range(29, 29 - movielens.KEYWORDS, -1)]


def test_lines_that_are_no_ratings_are_set_aside(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    text = b"userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n1,2,3.5\nx,2,3.5,1\n1,2,3.5,2e9\n\n"
    text += b"1,2,3.5,-1\n1,2,3.5,9e18\n1,2,3.5,999999999999999\n2,1,5.0,1094785740"
    assert read_ratings(pack(tmp_path, {"ratings.csv": text}, "folder"), rejects) == RATINGS
    assert set_aside(rejects) == [
        ("ratings.csv", line, "does not parse", text)
        for line, text in (
            (3, "1,2,3.5"),
            (4, "x,2,3.5,1"),
            (5, "1,2,3.5,2e9"),
            (7, "1,2,3.5,-1"),
            (8, "1,2,3.5,9e18"),
            (9, "1,2,3.5,999999999999999"),
        )
    ]


@pytest.mark.parametrize("files", [LATEST, ML_1M, ML_100K], ids=["csv", "1M", "100K"])
def test_a_file_that_ends_within_a_line_fails_with_the_line(
    tmp_path: Path, pack: Pack, rejects: Rejects, files: Mapping[str, bytes]
) -> None:
    (name,) = (name for name in files if "ratings" in name or name.endswith("u.data"))
    cut = {name: files[name].rstrip()[:-12]}
    with pytest.raises(SourceError, match=rf"{name}:\d: the file is cut short within this line; copy or download"):
        read_ratings(pack(tmp_path, cut, "folder"), rejects)


def test_a_file_without_titles_is_an_error(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    path = pack(tmp_path, {"movies.csv": b"movieId,title,genres\n"}, "folder")
    with pytest.raises(SourceError, match=r"movies\.csv: holds no title"):
        read_titles(path, rejects)


def test_lines_keep_their_numbers_over_pieces(
    tmp_path: Path, pack: Pack, rejects: Rejects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PIECE", 40)
    path = pack(tmp_path, {"ratings.dat": b"1::2::3.5::1112486027\n" * 20 + b"1::2::x::1\n"}, "zip")
    with rejects:
        found = pl.concat(movielens.ratings(path, rejects))
    assert found["line"].to_list() == list(range(1, 21))
    assert set_aside(rejects) == [("source.zip/ratings.dat", 21, "does not parse", "1::2::x::1")]


def test_titles_and_tags_that_do_not_parse_are_set_aside(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    movies = b'movieId,title,genres\n1,Toy Story (1995),Comedy\nx,No (1995),Comedy\n3,"Two",A,B\n1,Again,A\n'
    files = {
        **LATEST,
        "ml/movies.csv": movies,
        "ml/tags.csv": b"userId,movieId,tag,timestamp\n1,1,pixar,1\n1,x,pixar,1\n1,1,,1\n1,1\n",
    }
    assert read_titles(pack(tmp_path, files, "folder"), rejects)["name"].to_list() == ["Toy Story"]
    assert set_aside(rejects) == [
        ("ml/tags.csv", 3, "does not parse", "1,x,pixar,1"),
        ("ml/tags.csv", 4, "does not parse", "1,1,,1"),
        ("ml/tags.csv", 5, "does not parse", "1,1"),
        ("ml/movies.csv", 3, "does not parse", "x,No (1995),Comedy"),
        ("ml/movies.csv", 4, "does not parse", '3,"Two",A,B'),
        ("ml/movies.csv", 5, "duplicate", "1,Again,A"),
    ]


def test_a_title_with_too_few_flags_is_set_aside(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    path = pack(tmp_path, {"u.item": ML_100K["ml/u.item"] + b"3|Cut (1995)|01-Jan-1995||http://x|0|1\n"}, "folder")
    assert read_titles(path, rejects).height == 3
    assert set_aside(rejects) == [("u.item", 4, "does not parse", "3|Cut (1995)|01-Jan-1995||http://x|0|1")]


def test_a_csv_without_its_header_is_not_read_in_the_wrong_order(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    path = pack(tmp_path, {"ratings.csv": b"movieId,userId,rating,timestamp\n1,2,3.5,1\n"}, "folder")
    with pytest.raises(SourceError, match=r"ratings\.csv: begins with 'movieId,userId.*begin with userId,movieId"):
        read_ratings(path, rejects)


def test_a_quote_without_its_pair_is_told_with_its_line(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    movies = b'movieId,title,genres\n1,Toy Story (1995),Comedy\n2,"Matrix, The' + b"x" * 200_000
    with pytest.raises(SourceError, match=r"movies\.csv:3: no csv from here on"):
        read_titles(pack(tmp_path, {"movies.csv": movies}, "folder"), rejects)


def test_no_edition_and_two_editions_are_errors(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"holds no ratings\.csv, ratings\.dat or u\.data; source\.path"):
        read_ratings(pack(tmp_path / "none", {"README": b""}, "zip"), rejects)
    both = pack(tmp_path / "both", {**LATEST, **ML_1M}, "folder")
    with pytest.raises(SourceError, match=r"holds ml/ratings\.csv and ml/ratings\.dat; .* one edition"):
        read_ratings(both, rejects)
    with pytest.raises(SourceError, match=r"holds ml/movies\.csv and ml/movies\.dat; .* one edition"):
        read_titles(both, rejects)
