"""Claims about names that are one title and names that are not, and the precision on a labelled sample."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.matching import CANDIDATES, Matcher
from marquee.params import CatalogueParams, read_params

ROOT = Path(__file__).parents[2]
PARAMS = read_params(ROOT / "params.yaml").catalogue
NAMES = {"name": pl.String, "year": pl.Int16, "kind": pl.String}

Title = tuple[str, int | None, str | None]


def frame(titles: list[Title], number: str) -> pl.DataFrame:
    return pl.DataFrame(titles, schema=NAMES, orient="row").with_row_index(number)


def matches(wanted: list[Title], known: list[Title], params: CatalogueParams = PARAMS) -> pl.DataFrame:
    return Matcher(frame(known, "key"), params).matches(frame(wanted, "row"))


def confidence(wanted: Title, known: Title) -> float:
    found = matches([wanted], [known])
    return float(found["confidence"].item()) if found.height else 0.0


def is_match(wanted: Title, known: Title) -> bool:
    return confidence(wanted, known) >= PARAMS.confidence


def movie(name: str, year: int | None = 2000) -> Title:
    return name, year, "movie"


SAME = [
    ("The Matrix", "Matrix, The"),
    ("Lord of the Rings: The Two Towers: Extended Edition", "The Lord of the Rings: The Two Towers"),
    ("Amelie", "Amélie"),
    ("Rocky II", "Rocky 2"),
    ("Kill Bill: Vol. 2", "Kill Bill: Volume Two"),
    ("The Godfather, Part II", "The Godfather: Part 2"),
    ("Twelve Monkeys", "12 Monkeys"),
    ("Mr. & Mrs. Smith", "Mister and Mrs. Smith"),
    ("Spider-Man", "Spiderman"),
    ("S.W.A.T.", "SWAT"),
    ("M*A*S*H", "MASH"),
    ("8½", "8 1/2"),
    ("20,000 Leagues Under the Sea", "20000 Leagues under the Sea"),
    ("Bean: The Movie", "Bean"),
    ("Rugrats: The Movie", "The Rugrats Movie"),
    ("Scarface: 20th Anniversary Edition", "Scarface"),
    ("Finding Nemo (Widescreen)", "Finding Nemo"),
    ("Finding Nemo: Widescreen", "Finding Nemo"),
    ("Postino, Il (The Postman)", "Il Postino"),
    ("Shall We Dance? (Shall We Dansu?)", "Shall We Dansu?"),
    ("Tim Burton's The Nightmare Before Christmas", "The Nightmare Before Christmas"),
    ("Star Trek II: The Wrath of Khan", "Star Trek: The Wrath of Khan"),
    ("Die Hard 2: Die Harder", "Die Hard 2"),
    ("Harry Potter and the Prisoner of Azkaban", "Harry Potter and the Prisonner of Azkaban"),
    ("東京物語", "東京物語"),
    ("24", "24"),
]
DIFFERENT = [
    ("Kill Bill: Vol. 1", "Kill Bill: Vol. 2"),
    ("Shrek 2", "Shrek"),
    ("Shrek 2", "Shrek 3"),
    ("Rocky III", "Rocky IV"),
    ("28 Days Later", "28 Weeks Later"),
    ("2 Fast 2 Furious", "The Fast and the Furious"),
    ("Blade Runner 2049", "Blade Runner"),
    ("Monster", "Monsters, Inc."),
    ("Ray", "Roy"),
    ("Robots", "Robot"),
    ("Borat", "Borat: Cultural Learnings of America"),
    ("The Matrix: Revisited", "The Matrix"),
    ("Kabali (Hindi Version)", "Petta (Hindi Version)"),
    ("Alpha River (The True Story)", "Beta Station (The True Story)"),
    ("", ""),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_title_however_it_is_written(one: str, other: str) -> None:
    assert is_match(movie(one), movie(other))
    assert is_match(movie(other), movie(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_titles_however_alike(one: str, other: str) -> None:
    assert not is_match(movie(one), movie(other))
    assert not is_match(movie(other), movie(one))


@given(st.integers(2, 30), st.integers(2, 30), st.sampled_from(["Saw {}", "Iron Harbour: Vol. {}", "Show: Season {}"]))
def test_numbers_that_differ_are_never_even_candidates(one: int, other: int, name: str) -> None:
    found = matches([(name.format(one), 2000, None)], [(name.format(other), 2000, None)])
    assert found.height == (one == other)


def test_a_year_may_be_off_by_one_but_not_by_more() -> None:
    sure = [confidence(movie("Crimson Harbour", 2000), movie("Crimson Harbour", 2000 + off)) for off in (0, 1, 2, 9)]
    assert sure == sorted(sure, reverse=True)
    assert [each >= PARAMS.confidence for each in sure] == [True, True, False, False]


def test_of_remakes_the_year_decides() -> None:
    found = matches([movie("King Kong", 1976)], [movie("King Kong", year) for year in (1933, 1976, 2005)])
    assert found.filter(pl.col("rank") == 1)["key"].item() == 1


def test_without_a_year_one_title_is_enough_but_remakes_are_a_guess() -> None:
    assert is_match(("The Italian Job", None, None), movie("The Italian Job", 2003))
    both = matches([("The Italian Job", None, None)], [movie("The Italian Job", year) for year in (1969, 2003)])
    assert both.height == 2
    assert (both["confidence"] < PARAMS.confidence).all()


def test_without_a_year_an_article_alone_does_not_tell_remakes_apart() -> None:
    both = matches([("The Crimson Ring", None, None)], [movie("The Crimson Ring", 2002), movie("Crimson Ring", 1998)])
    assert both.height == 2
    assert (both["confidence"] < PARAMS.confidence).all()


def test_two_of_one_name_and_year_are_a_guess_unless_one_is_far_better_known() -> None:
    twins = frame([movie("Hidden River")] * 2, "key")
    wanted = frame([movie("Hidden River")], "row")
    guess = Matcher(twins, PARAMS).matches(wanted)
    assert (guess["confidence"] < PARAMS.confidence).all()
    known = Matcher(twins.with_columns(pl.Series("votes", [12, 40_000])), PARAMS).matches(wanted)
    assert known["key"].to_list() == [1, 0]
    assert (known["confidence"] >= PARAMS.confidence).to_list() == [True, False]


def test_a_season_is_found_in_its_series_also_years_later() -> None:
    friends = ("Friends", 1994, "series")
    assert is_match(("Friends: Season 1", 1994, None), friends)
    assert is_match(("Friends: The Complete Ninth Season", 2002, None), friends)
    assert is_match(("Pokemon: Vol. 1", 1998, None), ("Pokémon", 1997, "series"))


def test_a_series_asked_for_is_its_first_season_rather_than_a_later_one() -> None:
    assert is_match(("Friends", 1994, "series"), ("Friends: Season 1", 1994, None))
    assert not is_match(("Friends", 1994, "series"), ("Friends: Season 3", 1996, None))


def test_a_movie_is_not_the_series_of_its_name() -> None:
    assert not is_match(movie("Fargo", 2014), ("Fargo", 2014, "series"))
    assert not is_match(("Sex and the City: Season 4", 2001, None), movie("Sex and the City", 2001))
    both = matches([("Fargo", 2014, None)], [("Fargo", 2014, "series"), movie("Fargo", 2014)])
    assert both["key"].to_list() == [1, 0]


def test_a_year_written_in_the_name_counts() -> None:
    assert is_match(("Toy Story (1995)", None, None), movie("Toy Story", 1995))
    assert not is_match(("Toy Story (1995)", None, None), movie("Toy Story", 2005))


def test_any_name_of_a_title_finds_it_once() -> None:
    names = frame([movie("Spirited Away"), movie("Sen to Chihiro no Kamikakushi")], "key").with_columns(key=7)
    found = Matcher(names, PARAMS).matches(frame([movie("Sen to Chihiro no kamikakushi")], "row"))
    assert found["key"].to_list() == [7]


def test_the_best_few_are_numbered_by_confidence() -> None:
    years = (2000, 2001, 2002, 2003, 2004)
    found = matches([movie("Silent Station")], [movie("Silent Station", year) for year in years])
    assert found["rank"].to_list() == [1, 2, 3][:CANDIDATES]
    assert found["confidence"].to_list() == sorted(found["confidence"], reverse=True)
    assert found["key"][0] == 0


def test_what_is_less_than_doubtful_is_not_listed() -> None:
    wanted, known = movie("Silent Station", 2000), movie("Silent Station", 2002)
    between = confidence(wanted, known)
    strict = CatalogueParams(metadata="", confidence=0.95, doubtful=between + 0.01)
    assert PARAMS.doubtful <= between < PARAMS.confidence
    assert matches([wanted], [known], strict).is_empty()


def test_nothing_is_found_for_nothing_or_in_nothing() -> None:
    columns = {"row": pl.UInt32, "key": pl.UInt32, "confidence": pl.Float32, "rank": pl.UInt8}
    for found in (matches([], [movie("Alien")]), matches([movie("Alien")], []), matches([], [])):
        assert found.is_empty()
        assert found.schema == columns


@given(st.text(), st.text())
def test_no_name_breaks_the_matcher(one: str, other: str) -> None:
    found = matches([(one, None, None), (one, 2000, "movie")], [(other, 2000, None), (one, 2000, "movie")])
    assert found["confidence"].is_between(0, 1).all()


def test_the_order_of_the_names_does_not_matter() -> None:
    known = [movie(name, year) for name in ("Iron Door", "The Iron Door", "Iron Doors 2") for year in (1999, 2000)]
    wanted = [movie("Iron Door", 2000), movie("Iron Doors II", 2000), movie("The Iron Dor", 2001)]
    there = {(row, known[key], sure) for row, key, sure, _ in matches(wanted, known).iter_rows()}
    back = {(row, known[::-1][key], sure) for row, key, sure, _ in matches(wanted, known[::-1]).iter_rows()}
    assert there == back
    assert len(there) >= len(wanted)


def test_precision_on_the_labelled_sample_is_at_least_97_percent() -> None:
    types = {"wanted_year": pl.Int16, "wanted_kind": pl.String, "year": pl.Int16}
    pairs = pl.read_csv(Path(__file__).parent / "matching_sample.csv", schema_overrides=types)
    asked = pairs.select(name="wanted", year="wanted_year", kind="wanted_kind")
    names = pairs.select(*NAMES).unique(maintain_order=True).with_row_index("key")
    wanted = asked.unique(maintain_order=True).with_row_index("row")
    same = pairs.filter(pl.col("same") == "yes").join(names, on=[*NAMES], nulls_equal=True)
    truth = wanted.join(
        same.select("key", name="wanted", year="wanted_year", kind="wanted_kind"), on=[*NAMES], nulls_equal=True
    ).select("row", "key")
    assert truth["row"].is_unique().all()
    found = Matcher(names, PARAMS).matches(wanted)
    sure = found.filter((pl.col("rank") == 1) & (pl.col("confidence") >= PARAMS.confidence))
    right = sure.join(truth, on=["row", "key"])
    precision, recall = right.height / sure.height, right.height / truth.height
    print(f"{pairs.height} pairs, {wanted.height} titles: precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
    assert precision >= 0.97
    assert recall >= 0.95
