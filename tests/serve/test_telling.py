"""Single titles: search, what is like one, what a viewer would give, and what is known of a title and a viewer."""

import numpy as np
import pytest

from marquee.data.events import EventStore
from marquee.errors import NotFoundError
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.served import Served
from tests.model.conftest import OF_GENRE
from tests.serve.conftest import ALL, BARE, KNOWN, NEW, NOW, STRANGER, an_event, do, seen_by

# Search


def found(answers: Answers, query: str, **wishes: object) -> list[s.FoundTitle]:
    request = s.SearchRequest.model_validate({"query": query, **wishes})
    reply = answers.search(request, NOW)
    assert (reply.query, reply.model, reply.degraded) == (query, "7", False)
    return list(reply.titles)


def test_titles_of_a_name_are_found_and_no_stars_are_told_to_nobody(answers: Answers) -> None:
    titles = found(answers, "westerns")
    assert {genre for title in titles for genre in title.genres} == {"Westerns"}
    assert [title.rank for title in titles] == list(range(1, 21))
    assert {title.stars for title in titles} == {None}


@pytest.mark.parametrize(
    "query", ["", " ", "/", "//..", '"', "'", "\\", "\U0001f3ac", "“”", "*", "a AND (b", "%_", "ß"]
)
def test_a_slash_a_quote_or_an_emoji_in_a_search_is_answered(answers: Answers, query: str) -> None:
    assert len(found(answers, query)) <= 20


@pytest.mark.parametrize("query", ["L'Été/Æ", "l'ete", "“L'Été/Æ” \U0001f3ac"])
def test_a_name_of_slashes_and_quotes_is_found(answers: Answers, query: str) -> None:
    assert found(answers, query)[0].title_id == BARE


def test_among_like_matches_the_viewers_taste_decides(answers: Answers, store: EventStore) -> None:
    """One title of each genre is of 1990."""
    hated, loved = (range(genre * OF_GENRE + 1, (genre + 1) * OF_GENRE + 1) for genre in (1, 2))
    do(
        store,
        *(an_event(f"l{title}", "rated", title, value=5.0) for title in loved[:12]),
        *(an_event(f"h{title}", "rated", title, value=1.0) for title in hated[:12]),
    )
    strangers = [title.title_id for title in found(answers, "1990")]
    viewers = {title.title_id: title for title in found(answers, "1990", user_id=STRANGER)}
    assert strangers.index(71) < strangers.index(111)
    assert viewers[111].rank < viewers[71].rank
    assert (viewers[111].stars or 0) > (viewers[71].stars or 5)


def test_a_search_is_filtered_and_as_long_as_asked(answers: Answers) -> None:
    assert len(found(answers, "dramas", k=3)) == 3
    assert found(answers, "dramas", k=0) == []
    years = {title.year for title in found(answers, "dramas", filters={"first_year": 1990, "last_year": 1991})}
    assert years <= {1990, 1991}
    assert len(years) == 2


# Alike


def similar(answers: Answers, title_id: int, **wishes: object) -> list[s.SimilarTitle]:
    return list(answers.similar(s.SimilarRequest.model_validate({"title_id": title_id, **wishes}), NOW).titles)


def test_what_is_similar_is_wanted_by_the_same_viewers(answers: Answers) -> None:
    titles = similar(answers, 45)
    assert 45 not in [title.title_id for title in titles]
    assert np.mean(["Dramas" in title.genres for title in titles]) > 0.7
    assert [title.score for title in titles] == sorted((title.score for title in titles), reverse=True)


def test_what_nobody_watched_is_similar_to_what_it_is_made_of(answers: Answers) -> None:
    first = similar(answers, NEW[0])[0]
    assert first.title_id == NEW[1]  # with the same people


def test_of_a_title_of_which_nothing_is_known_nothing_is_similar(answers: Answers) -> None:
    assert similar(answers, BARE) == []


def test_a_viewer_is_not_told_of_what_they_saw(answers: Answers, served: Served) -> None:
    titles = similar(answers, 45, user_id=KNOWN, k=1000)
    assert {title.title_id for title in titles}.isdisjoint(seen_by(served.recommender, KNOWN))
    assert similar(answers, 45, k=0) == []
    assert {title.kind for title in similar(answers, 45, filters={"kind": "series"})} == {"series"}


def test_a_title_that_is_not_there_is_said_to_be_so(answers: Answers) -> None:
    for asked in (ALL + 1, 2**63 - 1):
        with pytest.raises(NotFoundError, match=f"title {asked} is unknown to the model"):
            similar(answers, asked)
        with pytest.raises(NotFoundError, match=f"title {asked} is unknown to the model"):
            answers.title(asked, NOW)


# Stars


def test_stars_are_told_in_the_order_asked_for_and_none_of_unknown_titles(answers: Answers) -> None:
    asked = (BARE, 2**62, 7, NEW[0], 7)
    reply = answers.stars(s.StarsRequest(user_id=STRANGER, title_ids=asked), NOW)
    assert [title.title_id for title in reply.stars] == list(asked)
    stars = [title.stars for title in reply.stars]
    assert stars[1] is None
    assert stars[2] == stars[4]
    assert all(1 <= given <= 5 for given in stars if given is not None)
    assert answers.stars(s.StarsRequest(user_id=KNOWN, title_ids=(2**62,)), NOW).stars[0].stars is None


def test_who_gives_high_stars_is_expected_to(answers: Answers, store: EventStore) -> None:
    do(store, *(an_event(str(title), "rated", title, value=5.0) for title in range(41, 53)))
    request = s.StarsRequest(user_id=STRANGER, title_ids=(60,))
    low = answers.stars(s.StarsRequest(user_id=STRANGER + 1, title_ids=(60,)), NOW).stars[0].stars
    assert (answers.stars(request, NOW).stars[0].stars or 0) > (low or 5)


# What is known


def test_a_title_is_told_with_all_that_is_known(answers: Answers) -> None:
    title = answers.title(45, NOW)
    assert (title.name, title.year, title.kind, title.genres) == ("Dramas 4", 1964, "movie", ("Dramas",))
    assert title.cast == ("Actor 22", "Actress 22")
    assert title.mean_stars is not None
    assert title.first_at is not None
    assert title.first_at < NOW
    bare = answers.title(BARE, NOW)
    assert (bare.year, bare.description, bare.first_at, bare.cast) == (None, None, None, ())


def test_a_viewer_is_told_as_the_model_sees_them(answers: Answers, store: EventStore) -> None:
    do(
        store,
        an_event("a", "rated", 41, value=5.0, happened_at="2026-02-01T10:00:00Z"),
        an_event("b", "rated", 82, value=2.0, happened_at="2026-02-02T10:00:00Z"),
        an_event("c", "saved", 43, happened_at="2026-02-03T10:00:00Z"),
    )
    viewer = answers.viewer(STRANGER, NOW)
    assert (viewer.titles, viewer.rated, viewer.events, viewer.mean_stars) == (3, 2, 3, 3.5)
    assert [title.title_id for title in viewer.recent] == [43, 82, 41]
    assert [(taste.genre, taste.count) for taste in viewer.genres] == [("Dramas", 2), ("Westerns", 1)]
    assert viewer.genres[0].lift > 1
    assert [(era.decade, era.count) for era in viewer.eras] == [(1960, 3)]
    assert viewer.first_at is not None
    assert viewer.first_at.isoformat() == "2026-02-01T10:00:00+00:00"


def test_a_viewer_of_whom_nothing_is_known_is_told_as_that(answers: Answers) -> None:
    viewer = answers.viewer(STRANGER, NOW)
    assert (viewer.known, viewer.titles, viewer.mean_stars, viewer.last_at) == (False, 0, None, None)
    assert (viewer.genres, viewer.eras, viewer.recent) == ((), (), ())


def test_the_model_says_what_it_is(answers: Answers, served: Served) -> None:
    told = answers.model()
    assert (told.version, told.since, told.titles, told.viewers) == ("7", NOW, ALL, 200)
    assert told.fingerprint == served.fingerprint
    assert told.trained_on == {"trained_on": {"ratings": "made in tests"}}
    assert told.until < NOW
