"""A page: its shelves, in their order, and no title on two of them."""

import numpy as np

from marquee.data.events import EventStore
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.answers.lists import PAGE
from marquee.serve.served import Served
from tests.model.conftest import OF_GENRE
from tests.serve.conftest import KNOWN, NEW, NOW, STRANGER, an_event, do, seen_by

DRAMAS = range(OF_GENRE + 1, 2 * OF_GENRE + 1)


BEGUN = NEW[0]


def page(answers: Answers, user_id: int = KNOWN, **wishes: object) -> dict[str, s.ShelfReply]:
    reply = answers.shelves(s.ShelvesRequest.model_validate({"user_id": user_id, **wishes}), NOW)
    return {shelf.shelf: shelf for shelf in reply.shelves}


def ids(shelf: s.ShelfReply) -> list[int]:
    return [title.title_id for title in shelf.titles]


def test_no_title_stands_twice_on_a_page_and_none_was_seen(answers: Answers, served: Served) -> None:
    for k in (5, 40):
        told = [title_id for shelf in page(answers, k=k).values() for title_id in ids(shelf)]
        assert len(told) == len(set(told)) > 20
        assert set(told).isdisjoint(seen_by(served.recommender, KNOWN))


def test_shelves_come_in_their_order_and_none_is_empty(answers: Answers, store: EventStore) -> None:
    do(store, an_event("a", "watch_started", BEGUN, user_id=KNOWN))
    found = page(answers, k=4)
    assert list(found) == list(PAGE)
    assert all(shelf.titles and shelf.heading for shelf in found.values())
    assert [title.rank for title in found["trending"].titles] == [1, 2, 3, 4]


def test_what_was_begun_and_not_finished_is_to_be_continued_the_latest_first(
    answers: Answers, store: EventStore
) -> None:
    at = [f"2026-02-2{day}T20:00:00Z" for day in range(9)]
    do(
        store,
        an_event("a", "watch_started", 41, happened_at=at[0]),
        an_event("b", "watch_progress", 41, value=0.4, happened_at=at[5]),
        an_event("c", "watch_started", 42, happened_at=at[1]),
        an_event("d", "watch_finished", 42, happened_at=at[2]),
        an_event("e", "watch_started", 43, happened_at=at[3]),
        an_event("f", "paused", 43, happened_at=at[4]),
        an_event("g", "watch_started", 44, happened_at=at[6]),
        an_event("h", "abandoned", 44, happened_at=at[7]),
        an_event("i", "watch_started", 2**60, happened_at=at[8]),
    )
    found = page(answers, STRANGER)
    assert ids(found["continue_watching"]) == [41, 43]
    assert not {41, 43} & set(ids(found["top_picks"]))


def test_because_you_finished_is_about_the_last_one_that_was_liked(answers: Answers, store: EventStore) -> None:
    do(
        store,
        an_event("a", "watch_finished", 50, happened_at="2026-02-20T20:00:00Z"),
        an_event("b", "disliked", 90, happened_at="2026-02-21T20:00:00Z"),
    )
    shelf = page(answers, STRANGER)["because_you_finished"]
    assert shelf.heading == "Because you finished Dramas 9"
    assert 50 not in ids(shelf)
    assert np.mean([title_id in DRAMAS or title_id in NEW for title_id in ids(shelf)]) > 0.5


def test_what_was_only_liked_is_not_said_to_be_finished(answers: Answers, store: EventStore) -> None:
    do(store, an_event("a", "liked", 50))
    assert page(answers, STRANGER)["because_you_finished"].heading == "Because you liked Dramas 9"
    do(store, an_event("b", "watch_finished", 50))
    assert page(answers, STRANGER)["because_you_finished"].heading == "Because you finished Dramas 9"


def test_what_is_new_is_what_came_last_in_the_order_of_taste(answers: Answers, store: EventStore) -> None:
    do(store, *(an_event(str(title), "liked", title) for title in range(1, 9)))
    new = page(answers, STRANGER, k=5)["new_for_you"]
    assert set(ids(new)) & set(NEW)
    assert {genre for title in new.titles for genre in title.genres} == {"Crime"}


def test_popular_is_of_the_genres_that_a_viewer_wants_more_than_others(answers: Answers, store: EventStore) -> None:
    do(store, *(an_event(str(title), "liked", title) for title in DRAMAS[:6]))
    shelf = page(answers, STRANGER)["popular_in_your_genres"]
    assert shelf.heading == "Popular in Dramas"
    assert all("Dramas" in title.genres for title in shelf.titles)


def test_a_stranger_has_a_page_of_what_is_popular_trending_and_new(answers: Answers) -> None:
    assert list(page(answers, STRANGER)) == ["top_picks", "trending", "new_for_you"]


def test_filters_hold_on_every_shelf(answers: Answers) -> None:
    found = page(answers, filters={"genres": ["Crime"]})
    assert len(found) > 2
    assert {genre for shelf in found.values() for title in shelf.titles for genre in title.genres} == {"Crime"}


def test_reasons_are_told_of_the_top_picks_as_far_as_is_asked(answers: Answers) -> None:
    every, first = page(answers, explain=True), page(answers, explain=True, explained=1)
    assert all(title.reason for title in every["top_picks"].titles)
    assert [title.reason is not None for title in first["top_picks"].titles[:3]] == [True, False, False]
