"""Claims about titles joined with metadata: who is believed, what stays, what is doubtful, what the report says."""

import json
from pathlib import Path

import polars as pl
import pytest

from marquee.data.catalogue import Catalogue, catalogue
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.params import read_params
from marquee.tables import TITLES
from tests.data.conftest import write_csv

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml").catalogue
NETFLIX = "type,title,director,cast,country,release_year,rating,listed_in,description"
TMDB = "genres,id,keywords,original_title,overview,production_countries,release_date,title,vote_count"


def netflix(folder: Path, *shows: tuple[str, int], kind: str = "Movie", **known: str) -> None:
    rows = [{"type": kind, "title": name, "release_year": year, **known} for name, year in shows]
    write_csv(folder / "netflix_titles.csv", NETFLIX, *rows)


def tmdb(folder: Path, name: str, year: int, **known: object) -> None:
    movie = {"id": 1, "title": name, "original_title": name, "release_date": f"{year}-05-01", "vote_count": 9, **known}
    write_csv(folder / "tmdb_5000_movies.csv", TMDB, movie)


def titles(*named: tuple[str, int | None], **known: list[object]) -> pl.DataFrame:
    columns = {"title_id": range(1, len(named) + 1), "name": [n for n, _ in named], "year": [y for _, y in named]}
    schema = {"title_id": pl.UInt16, **{name: TITLES.columns[name] for name in ("name", "year", *known)}}
    return TITLES.complete(pl.DataFrame({**columns, **known}, schema=schema))


def joined(folder: Path, rejects: Rejects, *named: tuple[str, int | None], **known: list[object]) -> Catalogue:
    return catalogue(titles(*named, **known), folder, PARAMS, rejects)


def test_a_title_learns_what_the_metadata_knows(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Matrix, The", 1999), cast="Ann Dee, Bo Lund", listed_in="Action", rating="R", description="Red.")
    (title,) = joined(folder, rejects, ("The Matrix", 1999)).titles.to_dicts()
    assert title["name"] == "The Matrix"
    assert title["kind"] == "movie"
    assert (title["cast"], title["genres"]) == (["Ann Dee", "Bo Lund"], ["Action"])
    assert (title["maturity"], title["description"]) == ("R", "Red.")
    assert (title["keywords"], title["artwork"]) == ([], None)


def test_the_result_is_the_titles_table_whatever_was_found(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Alien", 1979))
    for named in ([("Alien", 1979), ("Nowhere", None)], [("Nowhere", 1950)], []):
        found = joined(folder, rejects, *named)
        assert TITLES.check(found.titles)["name"].to_list() == [name for name, _ in named]


def test_what_the_source_knew_itself_stays(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Alien", 1979), listed_in="Horror Movies", description="In space.")
    (title,) = joined(folder, rejects, ("Alien", 1980), genres=[["Sci-Fi"]]).titles.to_dicts()
    assert (title["genres"], title["year"], title["description"]) == (["Sci-Fi"], 1980, "In space.")


def test_a_year_that_the_source_lacks_is_learnt(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Crimson Harbour", 1979))
    assert joined(folder, rejects, ("Crimson Harbour", None)).titles["year"].item() == 1979


def test_the_more_trusted_catalogue_wins_and_the_other_fills_its_gaps(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Alien", 1979), description="The first.", listed_in="", rating="")
    keywords = json.dumps([{"name": "spaceship"}])
    tmdb(folder, "Alien", 1979, overview="The second.", genres=json.dumps([{"name": "Horror"}]), keywords=keywords)
    found = joined(folder, rejects, ("Alien", 1979))
    (title,) = found.titles.to_dicts()
    assert (title["description"], title["genres"], title["keywords"]) == ("The first.", ["Horror"], ["spaceship"])
    assert found.matched == {"netflix_titles.csv": 1, "tmdb_5000_movies.csv": 1}


def test_seasons_and_editions_share_what_is_known_of_their_title(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Friends", 1994), kind="TV Show", description="Six of them.")
    seasons = joined(folder, rejects, ("Friends: Season 1", 1994), ("Friends: Season 2", 1995))
    assert seasons.titles["description"].to_list() == ["Six of them."] * 2
    assert seasons.titles["kind"].to_list() == ["series"] * 2
    netflix(folder, ("Alien", 1979), description="In space.")
    editions = joined(folder, rejects, ("Alien", 1979), ("Alien: Collector's Edition", 1979))
    assert editions.titles["description"].to_list() == ["In space."] * 2


def test_of_two_titles_that_claim_one_row_the_better_keeps_it(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Hidden Island", 2005), description="Sand.")
    found = joined(folder, rejects, ("Hidden Island", 2006), ("Hidden Island", 2005))
    assert found.titles["description"].to_list() == [None, "Sand."]
    assert found.doubtful.select("title_id", "candidate", "why").rows() == [
        (1, "Hidden Island", "another title is closer")
    ]
    assert found.unmatched == 1


def test_a_doubtful_pair_is_listed_and_not_used(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Paranormal Evening", 2007), description="Boo.")
    found = joined(folder, rejects, ("Paranormal Evening", 2009))
    assert found.titles["description"].item() is None
    (pair,) = found.doubtful.to_dicts()
    assert (pair["title"], pair["year"]) == ("Paranormal Evening", 2009)
    assert (pair["candidate"], pair["candidate_year"]) == ("Paranormal Evening", 2007)
    assert (pair["source"], pair["why"]) == ("netflix_titles.csv", "low confidence")
    assert PARAMS.doubtful <= pair["confidence"] < PARAMS.confidence


def test_a_folder_without_metadata_leaves_the_titles_as_they_are(folder: Path, rejects: Rejects) -> None:
    found = joined(folder, rejects, ("Alien", 1979))
    assert found.titles.equals(titles(("Alien", 1979)))
    assert (found.matched, found.unmatched) == ({}, 1)
    assert "1 titles, 1 of them matched by no source" in found.markdown()


def test_a_missing_folder_is_named(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        joined(tmp_path / "nowhere", rejects, ("Alien", 1979))


def test_the_metrics_are_numbers_that_json_can_hold(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Alien", 1979), ("Paranormal Evening", 2007), listed_in="Horror")
    found = joined(folder, rejects, ("Alien", 1979), ("Paranormal Evening", 2009), ("Nowhere", None), ("Ray", 2004))
    metrics = json.loads(json.dumps(found.metrics()))
    assert metrics["titles"] == 4
    assert metrics["matched"] == {"netflix_titles.csv": 0.25}
    assert (metrics["unmatched"], metrics["doubtful"]) == (3, 1)
    assert metrics["known"]["genres"] == 0.25
    assert metrics["known"]["year"] == 0.75


def test_the_report_is_readable_and_no_name_breaks_its_tables(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Alien", 1979), ("Paranormal | Evening", 2007))
    report = joined(folder, rejects, ("Alien", 1979), ("Paranormal | Evening", 2009)).markdown()
    assert "| netflix_titles.csv | 1 | 50.0% |" in report
    assert "## 1 doubtful pairs, not used" in report
    assert r"| 2 | Paranormal \| Evening (2009) | Paranormal \| Evening (2007) | 0.87 |" in report


def test_every_doubtful_pair_is_in_the_report_the_surest_first(folder: Path, rejects: Rejects) -> None:
    netflix(folder, ("Silent Station", 2007), ("Broken Mirror", 2007))
    found = joined(folder, rejects, ("Silent Station", 2010), ("Broken Mirror", 2009))
    lines = [line for line in found.markdown().splitlines() if "low confidence" in line]
    assert [line.split(" | ")[1] for line in lines] == ["Broken Mirror (2009)", "Silent Station (2010)"]
