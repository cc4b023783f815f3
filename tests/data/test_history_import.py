"""A viewer's history from elsewhere becomes events of the catalogue's titles, and whatever does not is listed."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.data.events import EventStore, migrate
from marquee.data.history_import import HistoryImport, import_history, read_history
from marquee.data.history_import.episodes import SEASONS, sought_of
from marquee.errors import SourceError
from marquee.params import read_params
from marquee.tables import KINDS_OF_EVENT, TITLES

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

MATRIX, HEAT, AMELIE, SOLARIS, NEW_SOLARIS, LOST, LOST_2, ALIAS_1, CAFE, FARGO, FARGO_SERIES = range(1, 12)
CATALOGUE = TITLES.complete(
    pl.DataFrame(
        {
            "title_id": range(1, 12),
            "name": [
                "The Matrix",
                "Heat",
                "Amelie",
                "Solaris",
                "Solaris",
                "Lost",
                "Lost: Season 2",
                "Alias: Season 1",
                "Café, Bar: Noir",
                "Fargo",
                "Fargo",
            ],
            "year": pl.Series([1999, 1995, 2001, 1972, 2002, 2004, 2005, 2001, None, 1996, 1996], dtype=pl.Int16),
            "kind": ["movie", "movie", "movie", "movie", "movie", "series", "series", None, None, "movie", "series"],
        }
    )
)

VIEWS = (
    "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,"
    "Latest Bookmark,Country"
)
DAYS = "Title,Date"
THUMBS = "Profile Name,Title Name,Rating Type,Star Value,Thumbs Value,Device Model,Event Utc Ts,Region View Date"
WATCHED = "Date,Name,Year,Letterboxd URI"
STARS = f"{WATCHED},Rating"
DIARY = f"{WATCHED},Rating,Rewatch,Tags,Watched Date"
IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,"
    "Num Votes,Release Date,Directors"
)


def table(header: str, *rows: Mapping[str, object]) -> bytes:
    """A csv of these columns; cells that a row does not name are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header.split(","), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def view(title: str, at: str = "2021-03-14 19:22:31", duration: str = "01:50:00", **more: str) -> dict[str, str]:
    return {"Profile Name": "Ann", "Start Time": at, "Duration": duration, "Title": title, **more}


def film(name: str, year: int, **more: object) -> dict[str, object]:
    return {"Date": "2021-03-14", "Name": name, "Year": year, "Letterboxd URI": "x", **more}


def rating(title: str, stars: int, **more: object) -> dict[str, object]:
    return {
        "Const": "tt1",
        "Your Rating": stars,
        "Date Rated": "2021-03-14",
        "Title": title,
        "Title Type": "Movie",
    } | more


def imported(file: bytes | Path, confirmed: Mapping[str, int] = {}, profile: str | None = None) -> HistoryImport:
    return import_history(read_history(file, PARAMS.history_import, profile), 7, CATALOGUE, PARAMS.catalogue, confirmed)


def deeds(result: HistoryImport) -> list[tuple[Any, Any, Any]]:
    """title, kind and value of each event, in order."""
    return [(event["title_id"], event["kind"], event["value"]) for event in result.events]


def days(result: HistoryImport) -> list[str]:
    return [str(event["happened_at"])[:10] for event in result.events]


# --- each format ------------------------------------------------------------------------------------------------


def test_a_view_on_netflix_becomes_a_finished_watch_at_its_time_in_utc() -> None:
    result = imported(table(VIEWS, view("The Matrix")))
    (event,) = result.events
    assert event.pop("event_id").startswith("history-")  # type: ignore[attr-defined]
    assert event == {
        "user_id": 7,
        "title_id": MATRIX,
        "kind": "watch_finished",
        "value": None,
        "happened_at": "2021-03-14T19:22:31.000+00:00",
        "source": "netflix_history",
        "detail": None,
    }
    assert (result.format, result.sentence) == ("Netflix viewing activity", "matched 1 of 1")


def test_what_was_left_early_was_only_started_unless_its_end_was_seen() -> None:
    early = view("The Matrix", duration="00:20:00")
    the_rest = view("Heat", duration="00:20:00", Bookmark="02:40:00")
    episode = view("Lost: Season 2: Orientation", duration="00:20:00")
    kinds = {event["title_id"]: event["kind"] for event in imported(table(VIEWS, early, the_rest, episode)).events}
    assert kinds == {MATRIX: "watch_started", HEAT: "watch_finished", LOST_2: "watch_finished"}


def test_trailers_and_glances_are_skipped_and_counted() -> None:
    hook = view("The Matrix", **{"Supplemental Video Type": "HOOK"})
    named = view("Season 1 Trailer: Lost")
    glance, look = view("Heat", duration="00:01:59"), view("Heat", duration="00:02:00")
    result = imported(table(VIEWS, hook, named, glance, look))
    assert deeds(result) == [(HEAT, "watch_started", None)]
    assert result.skipped == {"trailer": 2, "played for less than 120 s": 1}
    assert result.sentence == "matched 1 of 1"


def test_with_several_profiles_one_must_be_chosen() -> None:
    file = table(VIEWS, view("The Matrix"), view("Heat", **{"Profile Name": "Ben"}))
    with pytest.raises(SourceError, match="the history: whose history\\? Choose one of its profiles: Ann, Ben"):
        imported(file)
    with pytest.raises(SourceError, match="Ann, Ben"):
        imported(file, profile="Eve")
    result = imported(file, profile=" Ben ")
    assert deeds(result) == [(HEAT, "watch_finished", None)]
    assert result.skipped == {"another profile": 1}


def test_the_short_history_of_netflix_tells_days() -> None:
    result = imported(table(DAYS, {"Title": "Heat", "Date": "3/14/21"}))
    assert result.format == "Netflix viewing history"
    assert [event["happened_at"] for event in result.events] == ["2021-03-14T00:00:00.000+00:00"]


@pytest.mark.parametrize(
    ("dates", "read_as"),
    [
        (["3/14/21"], ["2021-03-14"]),
        (["14/03/2021"], ["2021-03-14"]),
        (["14.03.21"], ["2021-03-14"]),
        (["04-03-2021"], ["2021-03-04"]),
        (["2021-03-04"], ["2021-03-04"]),
        (["2021/3/4"], ["2021-03-04"]),
        (["2021. 3. 4."], ["2021-03-04"]),
        (["4/3/21"], ["2021-04-03"]),
        (["4/3/21", "13/2/21"], ["2021-02-13", "2021-03-04"]),
        (["4/3/21", "2/13/21"], ["2021-02-13", "2021-04-03"]),
        (["1/4/21", "1/3/21", "2/2/21"], ["2021-02-02", "2021-03-01", "2021-04-01"]),
        (["4/1/21", "3/1/21", "2/2/21"], ["2021-02-02", "2021-03-01", "2021-04-01"]),
    ],
)
def test_dates_with_slashes_are_read_as_the_whole_file_suggests(dates: list[str], read_as: list[str]) -> None:
    assert days(imported(table(DAYS, *({"Title": "Heat", "Date": date} for date in dates)))) == read_as


def test_stars_and_thumbs_on_netflix_are_ratings_likes_and_dislikes() -> None:
    at = {"Profile Name": "Ann", "Event Utc Ts": "2016-01-02 03:04:05"}
    file = table(
        THUMBS,
        {**at, "Title Name": "The Matrix", "Rating Type": "star", "Star Value": "4"},
        {**at, "Title Name": "Heat", "Rating Type": "thumb", "Thumbs Value": "1"},
        {**at, "Title Name": "Amelie", "Rating Type": "thumb", "Star Value": "3", "Thumbs Value": "2"},
        {**at, "Title Name": "Lost", "Thumbs Value": "3"},
        {**at, "Title Name": "Heat", "Rating Type": "thumb", "Thumbs Value": "0"},
        {**at, "Title Name": "Heat", "Rating Type": "thumb", "Thumbs Value": "7"},
        {**at, "Title Name": "Heat", "Rating Type": "star", "Star Value": "6"},
    )
    result = imported(file)
    assert sorted(deeds(result)) == [
        (MATRIX, "rated", 4.0),
        (HEAT, "disliked", None),
        (AMELIE, "liked", None),
        (LOST, "liked", None),
    ]
    assert result.skipped == {"rating taken back": 1}
    assert [row.reason for row in result.malformed] == [
        "the thumb is neither down (1), up (2) nor twice up (3)",
        "the rating is not from 0.5 to 5",
    ]


def test_letterboxd_tells_what_was_watched_rated_and_watched_again() -> None:
    assert deeds(imported(table(WATCHED, film("Heat", 1995)))) == [(HEAT, "watch_finished", None)]
    rated = imported(table(STARS, film("Heat", 1995, Rating="4.5"), film("Amelie", 2001)))
    assert deeds(rated) == [(HEAT, "rated", 4.5)]
    assert rated.skipped == {"no rating": 1}
    diary = imported(
        table(
            DIARY,
            film("Heat", 1995, Rating="0.5", **{"Watched Date": "2021-03-10"}),
            film("The Matrix", 1999, Rewatch="Yes", **{"Watched Date": "2021-03-12"}),
        )
    )
    assert deeds(diary) == [(HEAT, "watch_finished", None), (MATRIX, "rewatched", None), (HEAT, "rated", 0.5)]
    assert days(diary) == ["2021-03-10", "2021-03-12", "2021-03-14"]
    assert [diary.format, rated.format] == ["Letterboxd diary", "Letterboxd ratings"]


def test_a_rating_that_two_files_tell_is_one_event() -> None:
    diary = imported(table(DIARY, film("Heat", 1995, Rating="4", **{"Watched Date": "2021-03-10"})))
    ratings = imported(table(STARS, film("Heat", 1995, Rating="4")))
    assert set(ids(ratings)) < set(ids(diary))


def test_a_watchlist_which_has_the_columns_of_watched_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.csv"
    path.write_bytes(table(WATCHED, film("Heat", 1995)))
    with pytest.raises(SourceError, match=r"watchlist\.csv: .* still to be watched; import watched.csv"):
        imported(path)


def test_imdb_ratings_from_1_to_10_become_halves_from_half_a_star_to_5() -> None:
    file = table(
        IMDB,
        rating("Heat", 10, Year=1995),
        rating("The Matrix", 1, Year=1999, **{"Date Rated": "Thu Aug 16 00:00:00 2012"}),
        rating("The Fabulous Destiny", 7, Year=2001, **{"Original Title": "Amelie"}),
        rating("Lost", 9, Year=2004, **{"Title Type": "TV Series"}),
        rating("Lost: Pilot", 9, Year=2004, **{"Title Type": "TV Episode"}),
        rating("Heat", 9, Year=1995, **{"Title Type": "videoGame"}),
        rating("Heat", 11, Year=1995),
    )
    result = imported(file)
    assert result.format == "IMDb ratings"
    assert sorted(deeds(result)) == [
        (MATRIX, "rated", 0.5),
        (HEAT, "rated", 5.0),
        (AMELIE, "rated", 3.5),
        (LOST, "rated", 4.5),
    ]
    assert days(result)[0] == "2012-08-16"
    assert result.skipped == {"is a TV Episode": 1, "is a videoGame": 1}
    assert [row.reason for row in result.malformed] == ["the rating is not from 1 to 10"]


AT = "2014-09-01T09:10:11.000Z"
MATRIX_ENTRY = {"movie": {"title": "The Matrix", "year": 1999, "ids": {"trakt": 1}}}
LOST_ENTRY = {"show": {"title": "Lost", "year": 2004}}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"rated_at": AT, "rating": 9, "type": "movie", **MATRIX_ENTRY}, [(MATRIX, "rated", 4.5)]),
        ({"rated_at": AT, "rating": 1, "type": "show", **LOST_ENTRY}, [(LOST, "rated", 0.5)]),
        ({"rated_at": AT, "rating": 8, "season": {"number": 2}, **LOST_ENTRY}, [(LOST_2, "rated", 4.0)]),
        ({"id": 1, "watched_at": AT, "action": "watch", **MATRIX_ENTRY}, [(MATRIX, "watch_finished", None)]),
        ({"watched_at": AT, "episode": {"season": 2, "number": 3}, **LOST_ENTRY}, [(LOST_2, "watch_finished", None)]),
        ({"watched_at": AT, "episode": {"season": 5, "number": 3}, **LOST_ENTRY}, [(LOST, "watch_finished", None)]),
        ({"watched_at": AT, "episode": {"season": 0, "number": 3}, **LOST_ENTRY}, [(LOST, "watch_finished", None)]),
        ({"watched_at": "2014-08-31T23:30:00-02:00", **MATRIX_ENTRY}, [(MATRIX, "watch_finished", None)]),
        ({"plays": 4, "last_watched_at": AT, **MATRIX_ENTRY}, [(MATRIX, "watch_finished", None)]),
        ({"plays": 4, "last_watched_at": AT, "seasons": [], **LOST_ENTRY}, [(LOST, "watch_finished", None)]),
        ({"progress": 45.5, "paused_at": AT, **MATRIX_ENTRY}, [(MATRIX, "watch_progress", 0.455)]),
    ],
)
def test_every_kind_of_entry_of_trakt_is_told(entry: object, told: list[object]) -> None:
    result = imported(json.dumps([entry]).encode())
    assert deeds(result) == told
    assert days(result) == ["2014-09-01"]
    assert (result.format, result.sentence) == ("Trakt", "matched 1 of 1")


def test_a_show_with_its_episodes_on_trakt_is_watched_once_a_day_a_season() -> None:
    def season(number: int, *watched: str) -> dict[str, object]:
        return {"number": number, "episodes": [{"number": n, "last_watched_at": at} for n, at in enumerate(watched)]}

    entry = {
        "last_watched_at": AT,
        **LOST_ENTRY,
        "seasons": [season(2, AT, AT, "2014-09-02T00:00:00.000Z"), season(1, "2014-08-01T00:00:00.000Z")],
    }
    result = imported(json.dumps([entry]).encode())
    assert list(zip([title for title, _, _ in deeds(result)], days(result), strict=True)) == [
        (LOST, "2014-08-01"),
        (LOST_2, "2014-09-01"),
        (LOST_2, "2014-09-02"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        "text",
        {"rated_at": AT, "rating": 11, **MATRIX_ENTRY},
        {"rated_at": AT, "rating": None, **MATRIX_ENTRY},
        {"rated_at": "soon", "rating": 5, **MATRIX_ENTRY},
        {"rated_at": AT, "rating": 5},
        {"rated_at": AT, "rating": 5, "movie": None},
        {"rated_at": AT, "rating": 5, "movie": {"title": " "}},
        {"rated_at": AT, "rating": 5, "movie": {"title": "Heat", "year": "soon"}},
        {"rated_at": AT, "rating": 5, "movie": {"title": "Heat", "year": 99999}},
        {"rated_at": "0001-01-01T00:00:00+14:00", "rating": 5, **MATRIX_ENTRY},
        {"progress": True, "paused_at": AT, **MATRIX_ENTRY},
        {"progress": "half", "paused_at": AT, **MATRIX_ENTRY},
        {"last_watched_at": AT, "seasons": [3], **LOST_ENTRY},
        {"watched_at": None, **MATRIX_ENTRY},
        {"listed_at": AT, **MATRIX_ENTRY},
    ],
)
def test_an_entry_that_makes_no_sense_is_listed_with_its_text(wrong: object) -> None:
    good = {"watched_at": AT, **MATRIX_ENTRY}
    result = imported(json.dumps([good, wrong]).encode())
    assert deeds(result) == [(MATRIX, "watch_finished", None)]
    assert [(row.line, row.text) for row in result.malformed] == [(2, json.dumps(wrong))]


def test_what_tells_of_no_title_is_skipped_and_counted() -> None:
    episode = {"rated_at": AT, "rating": 10, "episode": {"season": 2, "number": 3}, **LOST_ENTRY}
    assert imported(json.dumps([episode]).encode()).skipped == {"rating of a single episode": 1}
    assert imported(table(IMDB, rating("Heat", 9) | {"Your Rating": ""})).skipped == {"no rating": 1}


def test_characters_that_no_table_holds_do_no_harm() -> None:
    halves = {"watched_at": AT, "movie": {"title": "Half \ud83d of it", "year": 2001}}
    (unknown,) = imported(json.dumps([halves]).encode()).not_found
    assert unknown.label == "Half ? of it (2001)"


def test_an_export_with_nothing_in_it_is_no_error() -> None:
    for file in (b"[]", table(VIEWS), table(DAYS), table(IMDB)):
        assert imported(file).sentence == "matched 0 of 0"


# --- series -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "show", "season"),
    [
        ("Lost: Season 1: Pilot", "Lost", "Lost: Season 1"),
        ("Lost: Season 1", "Lost", "Lost: Season 1"),
        ("Lost: Season 1 (U.S.): Pilot: Part 2", "Lost", "Lost: Season 1"),
        ("Unbelievable: Limited Series: Episode 1", "Unbelievable", None),
        ("Money Heist: Part 2: Chapter 3", "Money Heist", "Money Heist: Part 2"),
        ("Star Trek: The Next Generation: Season 3: Deja Q", "Star Trek: The Next Generation", "…: Season 3"),
        ("Dark: Staffel 2: Anfänge und Enden", "Dark", "Dark: Season 2"),
        ("Bones : Saison 2 : Le bébé", "Bones", "Bones: Season 2"),
        ("Elite: Temporada 1: Bienvenidos", "Elite", "Elite: Season 1"),
        ("Luther: Series Two: Episode 1", "Luther", "Luther: Season Two"),
    ],
)
def test_an_episode_is_sought_as_its_season_and_its_show(name: str, show: str, season: str | None) -> None:
    sought = sought_of(name)
    assert (sought.name, sought.kind) == (show, "series")
    assert sought.season == (season and season.replace("…", show))


@pytest.mark.parametrize(
    "name",
    [
        "The Godfather: Part II",
        "The Hunger Games: Mockingjay: Part 1",
        "Kill Bill: Vol. 1",
        "The Lord of the Rings: The Two Towers",
        "3:10 to Yuma",
        "Season of the Witch",
        "Love: Season of Hope: A Tale",
        "Part 2",
        ":",
    ],
)
def test_the_name_of_a_movie_stays_whole(name: str) -> None:
    assert sought_of(name).name == name
    assert sought_of(name).season is None


def test_every_language_counts_its_seasons() -> None:
    assert {sought_of(f"Dark: {word.title()} 2: x").season for word in SEASONS} == {"Dark: Season 2"}


def test_an_episode_becomes_its_season_if_the_catalogue_has_it_else_the_series() -> None:
    episodes = [view("Lost: Season 1: Pilot"), view("Lost: Season 2: Orientation"), view("Alias: Season 1: Truth")]
    result = imported(table(VIEWS, *episodes))
    assert sorted(deeds(result)) == [
        (LOST, "watch_finished", None),
        (LOST_2, "watch_finished", None),
        (ALIAS_1, "watch_finished", None),
    ]


def test_another_season_than_the_one_watched_is_only_a_near_miss() -> None:
    result = imported(table(VIEWS, view("Alias: Season 4: Authorized"), view("Alias: Season 5: Prophet Five")))
    assert result.events == ()
    (miss,) = result.near_misses
    assert (miss.label, miss.lines) == ("Alias", (2, 3))
    assert [candidate.title_id for candidate in miss.candidates] == [ALIAS_1]


def test_two_episodes_on_one_day_are_one_event_at_the_time_of_the_first() -> None:
    def episode(number: int, at: str, duration: str = "00:42:00") -> dict[str, str]:
        return view(f"Lost: Season 2: Episode {number}", at, duration)

    first, second = episode(1, "2021-03-14 19:00:00", "00:05:00"), episode(2, "2021-03-14 20:00:00")
    next_day = episode(3, "2021-03-15 01:00:00")
    result = imported(table(VIEWS, next_day, second, first))
    assert [(event["kind"], event["happened_at"]) for event in result.events] == [
        ("watch_finished", "2021-03-14T19:00:00.000+00:00"),
        ("watch_finished", "2021-03-15T01:00:00.000+00:00"),
    ]
    assert result.sentence == "matched 3 of 3"


# --- what is not found ------------------------------------------------------------------------------------------


def test_every_row_is_matched_or_a_near_miss_or_not_found_or_skipped_or_malformed() -> None:
    rows = [
        rating("Heat", 8, Year=1995),
        rating("Solaris", 8),
        rating("Never Made", 8, Year=2001),
        rating("Never Made", 7, Year=2001),
        rating("Heat", 8, Year=1995, **{"Title Type": "Podcast Series"}),
        rating("Heat", 8, Year="MCMXCV"),
    ]
    result = imported(table(IMDB, *rows))
    assert (result.sentence, result.rows, result.matched) == ("matched 1 of 4", 4, 1)
    (miss,) = result.near_misses
    assert (miss.label, miss.lines) == ("Solaris", (3,))
    assert {(each.title_id, each.name, each.year) for each in miss.candidates} == {
        (SOLARIS, "Solaris", 1972),
        (NEW_SOLARIS, "Solaris", 2002),
    }
    assert all(PARAMS.catalogue.doubtful <= each.confidence < 1 for each in miss.candidates)
    assert [(each.label, each.lines) for each in result.not_found] == [("Never Made (2001)", (4, 5))]
    assert result.skipped == {"is a Podcast Series": 1}
    assert [(row.line, row.reason) for row in result.malformed] == [(7, "the year is no year")]


@pytest.mark.parametrize("label", ["Solaris", "Solaris (1990)"])
def test_a_near_miss_that_the_viewer_settles_is_matched(label: str) -> None:
    file = table(IMDB, rating("Solaris", 8, Year=1990))
    assert imported(file).events == ()
    result = imported(file, confirmed={label: NEW_SOLARIS})
    assert deeds(result) == [(NEW_SOLARIS, "rated", 4.0)]
    assert (result.sentence, result.near_misses, result.not_found) == ("matched 1 of 1", (), ())


def test_a_title_that_the_catalogue_does_not_have_cannot_be_confirmed() -> None:
    with pytest.raises(SourceError, match="confirmed as title 99, which the catalogue does not have"):
        imported(table(IMDB, rating("Solaris", 8)), confirmed={"Solaris": 99})


@pytest.mark.parametrize("name", ["Solaros", "solaris (1990)", "Solaris (2002)"])
def test_a_name_that_the_file_does_not_have_cannot_be_confirmed(name: str) -> None:
    with pytest.raises(SourceError) as error:
        imported(table(IMDB, rating("Solaris", 8, Year=1990)), confirmed={"Solaris": NEW_SOLARIS, name: HEAT})
    assert str(error.value) == (
        f'confirmed "{name}", which the file does not tell of; '
        'write the name as it is listed among the near misses, such as "Heat (1995)"'
    )


def test_a_title_that_is_found_anyway_may_be_confirmed_as_another() -> None:
    assert deeds(imported(table(IMDB, rating("Heat", 8)), confirmed={"Heat": MATRIX})) == [(MATRIX, "rated", 4.0)]


def test_a_year_tells_remakes_apart_and_without_one_the_viewer_is_asked() -> None:
    told = imported(table(STARS, film("Solaris", 1972, Rating=4), film("Solaris", 2002, Rating=3)))
    assert sorted(deeds(told)) == [(SOLARIS, "rated", 4.0), (NEW_SOLARIS, "rated", 3.0)]
    assert [miss.label for miss in imported(table(VIEWS, view("Solaris"))).near_misses] == ["Solaris"]


def test_a_movie_and_a_series_of_one_name_are_told_apart_by_kind_and_without_it_the_viewer_is_asked() -> None:
    told = imported(table(VIEWS, view("Fargo: Season 1: The Crocodile's Dilemma")))
    assert deeds(told) == [(FARGO_SERIES, "watch_finished", None)]
    for kind, title_id in (("Movie", FARGO), ("TV Mini-Series", FARGO_SERIES)):
        assert deeds(imported(table(IMDB, rating("Fargo", 8, Year=1996) | {"Title Type": kind})))[0][0] == title_id
    (miss,) = imported(table(STARS, film("Fargo", 1996, Rating=4))).near_misses
    assert {each.title_id for each in miss.candidates} == {FARGO, FARGO_SERIES}


def test_a_title_of_a_year_that_is_not_quite_right_is_a_near_miss() -> None:
    (miss,) = imported(table(STARS, film("Heat", 1998, Rating=4))).near_misses
    assert [(each.title_id, each.name, each.year) for each in miss.candidates] == [(HEAT, "Heat", 1995)]
    assert PARAMS.catalogue.doubtful <= miss.candidates[0].confidence < PARAMS.catalogue.confidence


def test_an_empty_catalogue_matches_nothing() -> None:
    history = read_history(table(VIEWS, view("Lost: Season 2: x"), view("Heat")), PARAMS.history_import)
    result = import_history(history, 7, CATALOGUE.clear(), PARAMS.catalogue, {})
    assert (result.sentence, len(result.not_found)) == ("matched 0 of 2", 2)


# --- again ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    migrate(url)
    with EventStore(url, PARAMS.events, known_titles=CATALOGUE["title_id"].to_list()) as store:
        yield store


ALL = [
    table(VIEWS, view("Lost: Season 2: a"), view("Lost: Season 2: b"), view("Heat", duration="00:10:00")),
    table(DAYS, {"Title": "Heat", "Date": "3/14/21"}),
    table(
        THUMBS, {"Profile Name": "Ann", "Title Name": "Heat", "Thumbs Value": 2, "Event Utc Ts": "2016-01-02 03:04:05"}
    ),
    table(DIARY, film("Heat", 1995, Rating="4", **{"Watched Date": "1986-03-10"})),
    table(IMDB, rating("Heat", 9, Year=1995)),
    json.dumps([{"progress": 45.5, "paused_at": AT, **MATRIX_ENTRY}, {"watched_at": AT, **MATRIX_ENTRY}]).encode(),
]


def test_the_store_takes_every_event_once_however_often_a_file_is_imported(store: EventStore) -> None:
    events = [event for file in ALL for event in imported(file).events]
    assert {event["kind"] for event in events} <= set(KINDS_OF_EVENT)
    first, again = store.append(events, NOW), store.append(events, NOW)
    assert (first.accepted, first.refused) == (len(events), ())
    assert (again.accepted, again.duplicates, again.refused) == (0, len(events), ())


def test_a_longer_export_later_adds_only_what_is_new(store: EventStore) -> None:
    morning = view("Lost: Season 2: a", at="2021-03-14 09:00:00")
    evening = view("Lost: Season 2: b", at="2021-03-14 21:00:00")
    store.append(imported(table(VIEWS, morning)).events, NOW)
    receipt = store.append(imported(table(VIEWS, view("Heat", at="2021-03-15 09:00:00"), evening, morning)).events, NOW)
    assert (receipt.accepted, receipt.duplicates, receipt.refused) == (1, 1, ())


def test_of_two_ratings_on_one_day_the_last_counts() -> None:
    rows = [
        {"Profile Name": "Ann", "Title Name": "Heat", "Event Utc Ts": f"2016-01-02 {hour}:00:00", "Star Value": stars}
        for hour, stars in (("09", 2), ("23", 5), ("12", 3))
    ]
    assert deeds(imported(table(THUMBS, *rows))) == [(HEAT, "rated", 5.0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (table(STARS, film("Heat", 1995, Rating=4)), table(STARS, film("Heat", 1995, Rating=5))),
        (table(STARS, film("Heat", 1995, Rating=4)), table(STARS, film("The Matrix", 1999, Rating=4))),
        (table(STARS, film("Heat", 1995, Rating=4)), table(STARS, film("Heat", 1995, Rating=4, Date="2021-03-15"))),
        (table(VIEWS, view("Heat")), table(VIEWS, view("Heat", duration="00:10:00"))),
        (table(STARS, film("Heat", 1995, Rating=4)), table(IMDB, rating("Heat", 8, Year=1995))),
    ],
    ids=["value", "title", "day", "kind", "source"],
)
def test_deeds_that_differ_in_anything_are_different_events(store: EventStore, one: bytes, other: bytes) -> None:
    receipt = store.append([*imported(one).events, *imported(other).events], NOW)
    assert (receipt.accepted, receipt.refused) == (2, ())


def ids(result: HistoryImport) -> list[Any]:
    return [event["event_id"] for event in result.events]


def test_another_viewer_gets_other_ids() -> None:
    history = read_history(ALL[0], PARAMS.history_import)
    others = import_history(history, 8, CATALOGUE, PARAMS.catalogue, {})
    assert not set(ids(others)) & set(ids(imported(ALL[0])))


# --- files as people have them ----------------------------------------------------------------------------------


def test_a_file_is_read_in_any_encoding_and_with_any_line_ends(tmp_path: Path) -> None:
    text = table(DAYS, {"Title": "Café, Bar: Noir", "Date": "3/14/21"}).decode()
    path = tmp_path / "whatever.txt"
    path.write_text(text, "utf-8")
    told = imported(path).events
    assert [event["title_id"] for event in told] == [CAFE]
    for variant in (
        text,
        text.replace("\r\n", "\n"),
        text.replace("\r\n", "\r"),
        text.replace("\r\n", "\r\n,\r\n\r\n"),
    ):
        for encoding in ("utf-8", "utf-8-sig", "latin-1", "cp1252"):
            assert imported(variant.encode(encoding)).events == told


def test_columns_in_another_order_and_further_ones_are_no_hindrance() -> None:
    header = ",".join(["More", *reversed(IMDB.split(","))])
    file = table(header, rating("Heat", 9, Year=1995))
    for variant in (file, file.replace(b",Title,", b", Title ,")):
        assert deeds(imported(variant)) == [(HEAT, "rated", 4.5)]


def test_lines_that_cannot_be_read_are_listed_with_their_number_and_text() -> None:
    good = table(DAYS, {"Title": "Heat", "Date": "3/14/21"}).decode()
    wrong = ["Heat", ",3/14/21", "Heat,3/14/21,more", "Heat,yesterday", "Heat,31/31/21", '"two\nlines",soon']
    result = imported((good + "\n".join(wrong)).encode())
    assert result.sentence == "matched 1 of 1"
    assert [row.text for row in result.malformed] == wrong
    assert [row.line for row in result.malformed] == [3, 4, 5, 6, 7, 8]
    assert Counter(row.reason for row in result.malformed) == {
        "1 cells, not 2": 1,
        "3 cells, not 2": 1,
        "no title": 1,
        "the date is unreadable": 3,
    }


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"", "the history: is empty"),
        (b"\xef\xbb\xbf \n", "the history: is empty"),
        (b"PK\x03\x04\x14\0", "zip archive; unpack it"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is no text"),
        ("Title,Date".encode("utf-16"), "is no text"),
        (b"Title,Date\n\x81\x8d,1/1/21", "is no text"),
        (b"id,name\n1,2\n", "no history that is known, it has columns id, name; known are Netflix viewing activity"),
        (b'[{"listed_at": 1, "movie": 2}]', "it has entries with listed_at, movie; .* rated_at, watched_at"),
        (b"[3]", "no history that is known"),
        (b'{"movies": []}', "is no list of entries"),
        (b"[{", "is no whole JSON"),
        (b"[" * 100_000, "is no whole JSON"),
        (b'Title,Date\n"' + b"x" * 200_000, r"the history:2: .*a quote may be opened there"),
    ],
)
def test_what_is_no_history_is_refused_with_the_way_out(file: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        imported(file)


def test_a_file_that_is_missing_or_too_large_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    with pytest.raises(SourceError, match=r"ratings.csv: cannot be read \(No such file"):
        imported(path)
    path.write_bytes(b"Title,Date\n")
    small = PARAMS.history_import.model_copy(update={"size_limit_bytes": 10})
    for file in (path, path.read_bytes()):
        with pytest.raises(SourceError, match=r"11 bytes are more than history_import.size_limit_bytes .* \(10\)"):
            read_history(file, small)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["movie", "show", "title", "year", "seasons", "episodes", "number", "episode", "season"])
    return st.lists(leaves, max_size=3) | st.dictionaries(keys, leaves, max_size=4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([AT, "Lost"]),
    nested,
)
times_of_entries = st.sampled_from(
    ["rated_at", "watched_at", "paused_at", "progress", "rating", "seasons", "movie", "show"]
)


def accounted_for(result: HistoryImport, rows: int) -> bool:
    return result.rows + sum(result.skipped.values()) + len(result.malformed) == rows


@settings(max_examples=60)
@given(entries=st.lists(st.dictionaries(times_of_entries, json_values) | json_values, max_size=6))
def test_no_json_breaks_the_import_and_every_entry_is_accounted_for(entries: list[Any]) -> None:
    known = {"watched_at": AT, **MATRIX_ENTRY}
    assert accounted_for(imported(json.dumps([known, *entries]).encode()), len(entries) + 1)


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["Heat", "3", "2021-03-14"]
)


@settings(max_examples=60)
@given(header=st.sampled_from([VIEWS, DAYS, THUMBS, WATCHED, STARS, DIARY, IMDB]), data=st.data())
def test_no_csv_breaks_the_import_and_every_row_is_accounted_for(header: str, data: st.DataObject) -> None:
    columns = header.split(",")
    some_row: st.SearchStrategy[Sequence[str]] = st.lists(cells, min_size=len(columns), max_size=len(columns))
    rows = data.draw(st.lists(some_row.filter(lambda row: any(cell.strip() for cell in row)), max_size=5))
    rows = [["Ann", *row[1:]] if header in (VIEWS, THUMBS) else row for row in rows]
    assert accounted_for(imported(table(header, *(dict(zip(columns, row, strict=True)) for row in rows))), len(rows))


@settings(max_examples=60)
@given(file=st.binary(max_size=200) | st.binary(max_size=100).map(b"Title,Date\n".__add__))
def test_no_bytes_break_the_import(file: bytes) -> None:
    try:
        result = imported(file)
    except SourceError as error:
        assert ";" in str(error)  # noqa: PT017 - either is an answer
    else:
        assert result.format == "Netflix viewing history"
