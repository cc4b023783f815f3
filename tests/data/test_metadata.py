"""Claims about other catalogues' files: what is read from each, plain or gzipped, and what is set aside."""

import csv
import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from marquee.data.metadata import DETAILS, NAMES, Metadata, read_metadata
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from tests.data.conftest import write_csv

NETFLIX = "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description"
TMDB = "genres,id,keywords,original_title,overview,production_countries,release_date,title,vote_count"
EVERYTHING = "adult,genres,id,original_title,overview,poster_path,production_countries,release_date,title,vote_count"


def write_tsv(path: Path, *lines: str) -> None:
    path.write_text("".join(line.replace(" | ", "\t") + "\n" for line in lines), "utf-8")


def only(folder: Path, rejects: Rejects) -> Metadata:
    (known,) = read_metadata(folder, rejects)
    assert known.names.schema == NAMES
    return known


def details(known: Metadata) -> list[dict[str, object]]:
    told = known.details(known.names["key"].unique(maintain_order=True))
    assert told.schema == DETAILS
    return told.sort("key").to_dicts()


def set_aside(rejects: Rejects) -> list[tuple[str, str, str]]:
    rejects._file.flush()
    with rejects.path.open(encoding="utf-8", newline="") as file:
        return [(row["file"], row["line"], row["reason"]) for row in csv.DictReader(file)]


def a_show(**known: object) -> dict[str, object]:
    return {"type": "Movie", "title": "Silent Harbour", "release_year": 2001, **known}


def test_netflix_titles_tell_what_their_columns_say(folder: Path, rejects: Rejects) -> None:
    show = a_show(
        type="TV Show",
        director="Ana Ruiz, Bo Lund",
        cast="Cy Park,  Dee Voss",
        country="France, Peru",
        rating="TV-MA",
        listed_in="TV Dramas, TV Comedies",
        description='Two say: "stay".\nOne goes.',
    )
    write_csv(folder / "netflix_titles.csv", NETFLIX, show)
    known = only(folder, rejects)
    assert known.names.drop("key").rows() == [("Silent Harbour", 2001, "series", None)]
    (told,) = details(known)
    assert told == {
        "key": 2,
        "year": 2001,
        "kind": "series",
        "genres": ["TV Dramas", "TV Comedies"],
        "cast": ["Cy Park", "Dee Voss"],
        "directors": ["Ana Ruiz", "Bo Lund"],
        "countries": ["France", "Peru"],
        "keywords": [],
        "maturity": "TV-MA",
        "description": 'Two say: "stay".\nOne goes.',
        "regions": [],
        "artwork": None,
    }


def test_keywords_and_artwork_are_used_when_they_are_there(folder: Path, rejects: Rejects) -> None:
    show = a_show(keywords="harbour, silence", artwork="#102030 #405060")
    write_csv(folder / "netflix_titles.csv", f"{NETFLIX},keywords,artwork", show)
    (told,) = details(only(folder, rejects))
    assert (told["keywords"], told["artwork"]) == (["harbour", "silence"], "#102030 #405060")


def test_a_duration_is_no_maturity(folder: Path, rejects: Rejects) -> None:
    write_csv(folder / "netflix_titles.csv", NETFLIX, a_show(rating="74 min"))
    assert details(only(folder, rejects))[0]["maturity"] is None


def test_rows_that_make_no_sense_are_set_aside_with_their_line(folder: Path, rejects: Rejects) -> None:
    rows = (a_show(description="on two\nlines"), a_show(title=" "), a_show(release_year="soon"), a_show(type="Radio"))
    write_csv(folder / "netflix_titles.csv", NETFLIX, *rows)
    with (folder / "netflix_titles.csv").open("a", encoding="utf-8") as file:
        file.write("s9,Movie,Cut\n\n")
    assert only(folder, rejects).names.height == 1
    assert set_aside(rejects) == [
        ("netflix_titles.csv", "4", "no title"),
        ("netflix_titles.csv", "5", "release_year is no year"),
        ("netflix_titles.csv", "6", "type is neither Movie nor TV Show"),
        ("netflix_titles.csv", "7", "wrong number of columns"),
    ]


def named(*names: str) -> str:
    return json.dumps([{"id": place, "name": name} for place, name in enumerate(names)])


def test_the_5000_movies_of_tmdb_with_their_credits(folder: Path, rejects: Rejects) -> None:
    movie = {
        "id": 19,
        "title": "Metropolis",
        "original_title": "Metrópolis",
        "release_date": "1927-01-10",
        "genres": named("Drama", "Science Fiction"),
        "keywords": named("robot"),
        "production_countries": named("Germany", "United States of America"),
        "overview": "A city.",
        "vote_count": 657,
    }
    cast = [{"name": f"Actor {place}", "order": place} for place in range(40)]
    crew = [{"job": "Writer", "name": "Thea"}, {"job": "Director", "name": "Fritz"}]
    write_csv(folder / "tmdb_5000_movies.csv", TMDB, movie)
    people = {"movie_id": 19, "title": "Metropolis", "cast": json.dumps(cast), "crew": json.dumps(crew)}
    write_csv(folder / "tmdb_5000_credits.csv", "movie_id,title,cast,crew", people)
    known = only(folder, rejects)
    assert known.names.rows() == [
        (19, "Metropolis", 1927, "movie", 657.0),
        (19, "Metrópolis", 1927, "movie", 657.0),
    ]
    (told,) = details(known)
    assert told["genres"] == ["Drama", "Science Fiction"]
    assert told["keywords"] == ["robot"]
    assert told["countries"] == ["Germany", "United States"]
    assert told["directors"] == ["Fritz"]
    assert told["cast"] == [f"Actor {place}" for place in range(12)]
    assert (told["year"], told["description"], told["maturity"]) == (1927, "A city.", None)


def an_entry(**known: object) -> dict[str, object]:
    return {"adult": "False", "id": 5, "title": "Four Rooms", "original_title": "Four Rooms", "vote_count": 9, **known}


def test_movies_metadata_is_python_and_has_its_keywords_and_credits_beside_it(folder: Path, rejects: Rejects) -> None:
    movie = an_entry(
        genres=str([{"id": 1, "name": "Comedy"}]), poster_path="/four.jpg", release_date="1995-12-09", overview=""
    )
    write_csv(folder / "movies_metadata.csv", EVERYTHING, movie)
    write_csv(folder / "keywords.csv", "id,keywords", {"id": 5, "keywords": str([{"id": 2, "name": "new year's eve"}])})
    cast = str([{"name": "Tim O'Roth"}] + [{"name": "x" * 200}] * 1000)
    limit = csv.field_size_limit()
    write_csv(folder / "credits.csv", "cast,crew,id", {"id": 5, "cast": cast, "crew": "[]"})
    (told,) = details(only(folder, rejects))
    assert told["genres"] == ["Comedy"]
    assert told["keywords"] == ["new year's eve"]
    assert told["cast"][0] == "Tim O'Roth"  # type: ignore[index]
    assert told["artwork"] == "https://image.tmdb.org/t/p/w342/four.jpg"
    assert told["description"] is None
    assert set_aside(rejects) == []
    assert csv.field_size_limit() == limit


def test_a_row_broken_over_two_lines_is_set_aside_with_its_rest(folder: Path, rejects: Rejects) -> None:
    write_csv(folder / "movies_metadata.csv", EVERYTHING, an_entry())
    with (folder / "movies_metadata.csv").open("a", encoding="utf-8") as file:
        file.write("False,[],82663,Midnight Man\n")
        file.write(" - Written by Orn,[],1997-08-20,x,,/ff.jpg,[],1,,False\n")
        file.write(f"False,[],{'9' * 30},x,,,[],1,Too Large,2\n")
    assert only(folder, rejects).names["key"].to_list() == [5]
    assert set_aside(rejects) == [
        ("movies_metadata.csv", "3", "wrong number of columns"),
        ("movies_metadata.csv", "4", "no id or no title"),
        ("movies_metadata.csv", "5", "no id or no title"),
    ]


def test_a_cell_that_is_no_list_costs_only_itself(folder: Path, rejects: Rejects) -> None:
    write_csv(folder / "movies_metadata.csv", EVERYTHING, an_entry(genres="[{'id': 1, 'na", production_countries="1.0"))
    write_csv(folder / "keywords.csv", "id,keywords", {"id": 5, "keywords": str([{"name": "hotel"}])})
    (told,) = details(only(folder, rejects))
    assert (told["genres"], told["keywords"]) == ([], ["hotel"])
    reasons = [("movies_metadata.csv", "2", f"{column} is no list") for column in ("genres", "production_countries")]
    assert set_aside(rejects) == reasons


def test_a_movie_listed_twice_is_known_once(folder: Path, rejects: Rejects) -> None:
    write_csv(folder / "movies_metadata.csv", EVERYTHING, an_entry(overview="first"), an_entry(overview="again"))
    (told,) = details(only(folder, rejects))
    assert told["description"] == "first"


def imdb(folder: Path) -> None:
    write_tsv(
        folder / "title.basics.tsv",
        "tconst | titleType | primaryTitle | originalTitle | isAdult | startYear | endYear | runtimeMinutes | genres",
        'tt0000010 | movie | "Weird" City | "Weird" City | 0 | 1999 | \\N | 90 | Comedy,Drama',
        "tt0000011 | tvEpisode | Pilot | Pilot | 0 | 2001 | \\N | 20 | Drama",
        "tt0000012 | tvSeries | Blue Lights | Luces azules | 0 | \\N | \\N | \\N | \\N",
        "tt0000013 | movie | Cut short",
        "garbage",
        "tt0000014 | movie | \\N | \\N | 0 | 1999 | \\N | 90 | Comedy",
    )
    write_tsv(folder / "title.ratings.tsv", "tconst | averageRating | numVotes", "tt0000010 | 7.1 | 1200")
    write_tsv(
        folder / "title.crew.tsv",
        "tconst | directors | writers",
        "tt0000010 | nm0000002,nm0000001 | \\N",
        "tt0000012 | \\N | \\N",
    )
    write_tsv(
        folder / "title.principals.tsv",
        "tconst | ordering | nconst | category | job | characters",
        'tt0000010 | 10 | nm0000003 | actor | \\N | ["Max"]',
        'tt0000010 | 2 | nm0000001 | actress | \\N | ["Ann ""A"""]',
        "tt0000010 | 1 | nm0000002 | director | \\N | \\N",
        "tt0000011 | 1 | nm0000003 | actor | \\N | \\N",
    )
    write_tsv(
        folder / "name.basics.tsv",
        "nconst | primaryName | birthYear | deathYear | primaryProfession | knownForTitles",
        "nm0000001 | Ann Dee | \\N | \\N | actress | tt0000010",
        "nm0000002 | Bo Lund | 1950 | \\N | director | tt0000010",
        "nm0000003 | Cy Park | 1950 | \\N | actor | tt0000010",
    )


def test_imdb_tells_titles_votes_and_people(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    known = only(folder, rejects)
    assert sorted(known.names.rows(), key=str) == [
        (10, '"Weird" City', 1999, "movie", 1200.0),
        (12, "Blue Lights", None, "series", None),
        (12, "Luces azules", None, "series", None),
    ]
    film, series = details(known)
    assert film["genres"] == ["Comedy", "Drama"]
    assert film["directors"] == ["Bo Lund", "Ann Dee"]
    assert film["cast"] == ["Ann Dee", "Cy Park"]
    assert (series["genres"], series["cast"], series["directors"], series["year"]) == ([], [], [], None)


def test_broken_lines_of_imdb_are_set_aside(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    only(folder, rejects)
    assert set_aside(rejects) == [
        ("title.basics.tsv", "5", "wrong number of columns"),
        ("title.basics.tsv", "6", "wrong number of columns"),
        ("title.basics.tsv", "7", "no primaryTitle"),
    ]


def test_imdb_needs_only_its_titles(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    for name in ("title.ratings", "title.crew", "title.principals", "name.basics"):
        (folder / f"{name}.tsv").unlink()
    film, _ = details(only(folder, rejects))
    assert (film["genres"], film["cast"], film["directors"]) == (["Comedy", "Drama"], [], [])


def test_gzipped_files_tell_the_same(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    write_csv(folder / "netflix_titles.csv", NETFLIX, a_show(cast="Ann Dée"))
    plain = [(known.names.rows(), details(known)) for known in read_metadata(folder, rejects)]
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert [(known.names.rows(), details(known)) for known in read_metadata(folder, rejects)] == plain


def test_the_most_trusted_catalogue_comes_first(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    write_csv(folder / "movies_metadata.csv", EVERYTHING, an_entry())
    write_csv(folder / "tmdb_5000_movies.csv", TMDB)
    write_csv(folder / "netflix_titles.csv", NETFLIX)
    sources = [known.source for known in read_metadata(folder, rejects)]
    assert sources == ["netflix_titles.csv", "tmdb_5000_movies.csv", "movies_metadata.csv", "title.basics.tsv"]


def test_an_empty_folder_knows_nothing(folder: Path, rejects: Rejects) -> None:
    assert read_metadata(folder, rejects) == []


def test_a_missing_folder_is_named(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"nowhere: no such folder; .*catalogue\.metadata"):
        read_metadata(tmp_path / "nowhere", rejects)


ALL_FILES = ("netflix_titles.csv", "tmdb_5000_movies.csv", "movies_metadata.csv", "title.basics.tsv")


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("content", [b"", b"<html>404</html>\n", b"\x93\xff\x00caf\xe9,\n"])
def test_a_file_that_is_not_what_its_name_says_is_named(
    folder: Path, rejects: Rejects, name: str, content: bytes
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        read_metadata(folder, rejects)


@pytest.mark.parametrize("name", ["netflix_titles.csv", "title.basics.tsv"])
def test_an_archive_cut_short_is_named(folder: Path, rejects: Rejects, name: str) -> None:
    imdb(folder)
    write_csv(folder / "netflix_titles.csv", NETFLIX, *(a_show(title=f"Show {n * 7919}") for n in range(3000)))
    whole = gzip.compress((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / f"{name}.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=rf"{name}\.gz"):
        read_metadata(folder, rejects)


def test_details_of_no_title_are_none(folder: Path, rejects: Rejects) -> None:
    imdb(folder)
    write_csv(folder / "netflix_titles.csv", NETFLIX, a_show())
    write_csv(folder / "movies_metadata.csv", EVERYTHING, an_entry())
    for known in read_metadata(folder, rejects):
        told = known.details(pl.Series([], dtype=pl.Int64))
        assert told.is_empty()
        assert told.schema == DETAILS
