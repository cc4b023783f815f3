"""Lists: what is recommended, what never is, and what becomes of everything odd that is asked."""

import gc
import weakref
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from marquee.data.events import Deeds, EventStore, Receipt
from marquee.errors import RequestError, StoreError
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.served import Served, open_served
from marquee.serve.shown import Shown
from tests.model.conftest import OF_GENRE
from tests.serve.conftest import ALL, BARE, KNOWN, NEW, NOW, STRANGER, an_event, do, near_copy, seen_by


def listed(answers: Answers, user_id: int = KNOWN, **wishes: object) -> s.ListReply:
    return answers.recommend(s.RecommendRequest.model_validate({"user_id": user_id, **wishes}), NOW)


def ids(reply: s.ListReply) -> list[int]:
    return [title.title_id for title in reply.titles]


def finish(answers: Answers, user_id: int, title_id: int, **more: object) -> s.FinishedReply:
    request = {"user_id": user_id, "title_id": title_id, **more}
    return answers.finished(s.FinishedRequest.model_validate(request), NOW)


def test_a_list_has_what_a_page_needs_and_names_its_model(answers: Answers, served: Served) -> None:
    reply = listed(answers, k=12)
    assert (reply.user_id, reply.model, reply.at, reply.known, reply.degraded) == (KNOWN, "7", NOW, True, False)
    assert [title.rank for title in reply.titles] == list(range(1, 13))
    assert len(set(ids(reply))) == 12
    for title in reply.titles:
        row = served.row_of(title.title_id)
        assert row is not None
        assert (title.name, title.year) == (served.told["name"][row], served.told["year"][row])
        assert title.stars is not None
        assert 1 <= title.stars <= 5
        assert title.reason is None
    assert listed(answers).list_id != listed(answers).list_id


def test_nothing_that_was_seen_is_listed(answers: Answers, served: Served) -> None:
    assert set(ids(listed(answers, k=1000))).isdisjoint(seen_by(served.recommender, KNOWN))


def test_a_finished_title_never_comes_back(answers: Answers) -> None:
    finished: list[int] = []
    for user_id in (KNOWN, STRANGER):
        for _ in range(8):
            finished.append(ids(listed(answers, user_id))[0])
            following = finish(answers, user_id, finished[-1]).next
            assert set(ids(following)).isdisjoint(finished)
        page = answers.shelves(s.ShelvesRequest(user_id=user_id, k=1000), NOW)
        told = {title.title_id for shelf in page.shelves for title in shelf.titles}
        assert told.isdisjoint(finished)
        assert set(ids(listed(answers, user_id, k=1000))).isdisjoint(finished)
        finished.clear()


@pytest.mark.parametrize("kind", ["disliked", "not_interested", "abandoned"])
def test_a_dislike_never_raises_the_title_or_its_near_copies(answers: Answers, store: EventStore, kind: str) -> None:
    before = ids(listed(answers, k=30))
    disliked = next(near_copy(title) for title in before if title < NEW[0] and near_copy(title) in before)
    above = before.index(near_copy(disliked))
    do(store, an_event("no", kind, disliked, user_id=KNOWN))
    after = listed(answers, k=1000)
    assert disliked not in ids(after)
    assert ids(after).index(near_copy(disliked)) > above
    candidates = [title.title_id for title in after.titles if title.score is not None]
    assert candidates[-1] == near_copy(disliked)


def test_stars_or_a_thumb_with_the_finish_count_at_once(answers: Answers) -> None:
    reply = finish(answers, STRANGER, 45, rating=1.0, thumb="down")
    assert (reply.events.accepted, reply.events.refused) == (3, ())
    assert answers.viewer(STRANGER, NOW).mean_stars == 1.0


# Who asks


def test_an_unknown_viewer_gets_what_is_popular(answers: Answers, served: Served) -> None:
    reply = listed(answers, STRANGER, k=20, explain=True)
    assert (reply.known, len(reply.titles)) == (False, 20)
    popular = np.argsort(-served.recommender.watched)[:60]
    among = [served.row_of(title_id) in popular for title_id in ids(reply)]
    assert np.mean(among) > 0.8


def test_who_was_born_seconds_ago_gets_what_their_first_deeds_are_like(answers: Answers, store: EventStore) -> None:
    westerns = range(2 * OF_GENRE + 1, 3 * OF_GENRE + 1)
    do(store, *(an_event(str(title), "liked", title) for title in westerns[::8]))
    reply = listed(answers, STRANGER)
    assert reply.known
    assert np.mean([title_id in westerns for title_id in ids(reply)]) > 0.5


def test_an_unknown_title_in_a_history_is_no_obstacle(answers: Answers, store: EventStore) -> None:
    do(store, an_event("a", "liked", 2**62), an_event("b", "searched", None, detail="x"), an_event("c", "liked", 7))
    assert len(listed(answers, STRANGER).titles) == 10


def test_a_viewer_who_has_seen_everything_gets_an_empty_list(answers: Answers, store: EventStore) -> None:
    do(store, *(an_event(str(title), "watch_finished", title) for title in range(1, ALL + 1)))
    assert listed(answers, STRANGER, k=1000, explain=True).titles == ()
    assert answers.shelves(s.ShelvesRequest(user_id=STRANGER), NOW).shelves == ()


# How many, and of what


@pytest.mark.parametrize("shelf", [None, "trending"])
def test_none_are_listed_if_none_are_asked_for(answers: Answers, shelf: str | None) -> None:
    reply = listed(answers, k=0, shelf=shelf, explain=True)
    assert (reply.titles, reply.model, bool(reply.list_id)) == ((), "7", True)


def test_more_than_there_are_is_all_there_are(answers: Answers, served: Served) -> None:
    everything = listed(answers, k=1000)
    assert len(everything.titles) == ALL - len(seen_by(served.recommender, KNOWN))
    assert len(set(ids(everything))) == len(everything.titles)
    filled_up = [title.score is None for title in everything.titles]
    assert filled_up == sorted(filled_up)
    assert any(filled_up)


def test_a_list_is_shorter_where_fewer_are_allowed(answers: Answers) -> None:
    reply = listed(answers, STRANGER, k=50, filters={"genres": ["Crime"], "first_year": 1960, "last_year": 1964})
    assert sorted(ids(reply)) == [1, 2, 3, 4, 5, *NEW[:5]]


def test_a_title_of_which_nothing_is_known_can_be_listed(answers: Answers) -> None:
    reply = listed(answers, STRANGER, k=1000, explain=True)
    (bare,) = (title for title in reply.titles if title.title_id == BARE)
    assert (bare.year, bare.genres, bare.maturity) == (None, (), None)
    assert "NaN" not in reply.model_dump_json()


def test_everything_filtered_out_is_an_empty_list(answers: Answers) -> None:
    assert listed(answers, filters={"first_year": 2100}, explain=True).titles == ()
    assert listed(answers, exclude=list(range(1, ALL + 1))).titles == ()


@pytest.mark.parametrize("shelf", [None, "trending", "new_for_you"])
@pytest.mark.parametrize(
    "filters",
    [
        {"genres": ["Dramas", "TV Comedies"]},
        {"first_year": 1970, "last_year": 1972},
        {"kind": "series"},
        {"age": 12},
        {"kind": "movie", "age": 13, "genres": ["Crime"]},
    ],
)
def test_every_title_is_as_the_filters_say(answers: Answers, filters: dict[str, object], shelf: str | None) -> None:
    asked = s.Filters.model_validate(filters)
    allowed = {"age": {"G"}, "kind": {"G", "PG-13"}}
    titles = listed(answers, k=15, filters=filters, shelf=shelf).titles
    assert titles or shelf == "new_for_you"
    for title in titles:
        assert not asked.genres or set(asked.genres) & set(title.genres)
        assert asked.first_year is None or asked.first_year <= (title.year or 0) <= (asked.last_year or 0)
        assert asked.kind in (None, title.kind)
        assert asked.age is None or title.maturity in allowed["kind" if asked.kind else "age"]


def test_a_genre_that_no_title_is_of_is_told_with_those_there_are(answers: Answers) -> None:
    with pytest.raises(RequestError, match="no title is of genre 'Opera'; there are Crime, Dramas, "):
        listed(answers, filters={"genres": ["Opera"]})


def test_what_is_excluded_is_not_listed_and_unknown_ids_do_not_matter(answers: Answers) -> None:
    first = ids(listed(answers))
    assert set(ids(listed(answers, exclude=[*first[:3], 2**63 - 1]))).isdisjoint(first[:3])


def test_the_dial_makes_titles_less_alike(answers: Answers, served: Served) -> None:
    alike = {}
    for dial in (0.0, 1.0):
        features = served.shop.features[np.searchsorted(served.titles.ids, ids(listed(answers, diversity=dial)))]
        alike[dial] = float((features @ features.T).mean())
    assert alike[1.0] < alike[0.0] / 1.5


# When


def test_a_moment_in_the_future_or_in_another_time_zone_is_the_moment_of_the_list(answers: Answers) -> None:
    assert listed(answers, at="2031-01-01T00:30:00+05:30").at.isoformat() == "2030-12-31T19:00:00+00:00"


def test_the_day_ends_where_the_viewer_is_not_where_the_service_is(answers: Answers, store: EventStore) -> None:
    """Half past midnight in Kolkata is before eight in the evening of the day before in London."""
    do(
        store,
        an_event("b", "rated", 7, value=5.0, happened_at="2026-02-28T20:00:00Z"),
        an_event("a", "rated", 7, value=1.0, happened_at="2026-03-01T00:30:00+05:30"),
    )
    assert answers.viewer(STRANGER, NOW).mean_stars == 5.0


def test_of_equal_moments_what_was_told_last_counts(answers: Answers, store: EventStore) -> None:
    do(store, an_event("z", "rated", 7, value=1.0), an_event("a", "rated", 7, value=5.0))
    assert answers.viewer(STRANGER, NOW).mean_stars == 5.0


def test_an_event_of_the_future_is_refused_unless_clocks_differ_by_as_much(answers: Answers) -> None:
    soon, late = ((NOW + timedelta(seconds=ahead)).isoformat() for ahead in (60, 3_600))
    told = (an_event("soon", "liked", 7, happened_at=soon), an_event("late", "liked", 8, happened_at=late))
    reply = answers.events(s.EventsRequest(events=told), NOW)
    assert (reply.accepted, [refused.event_id for refused in reply.refused]) == (1, ["late"])
    assert len(listed(answers, STRANGER).titles) == 10


# Why


def test_a_reason_names_what_carries_the_title(answers: Answers, store: EventStore) -> None:
    do(store, *(an_event(str(title), "liked", title) for title in (41, 43, 45, 47)))
    liked = {"Dramas 0", "Dramas 2", "Dramas 4", "Dramas 6"}
    reasons = [title.reason for title in listed(answers, STRANGER, explain=True).titles]
    assert all(reason is not None and reason.sentence for reason in reasons)
    carriers = [carrier for reason in reasons if reason for carrier in reason.carriers]
    assert {carrier.name for carrier in carriers} <= liked
    assert carriers
    assert any(name in reason.sentence for reason in reasons if reason for name in liked)


# The model and the store


def test_an_answer_takes_the_model_once(served: Served, store: EventStore, shown: Shown) -> None:
    taken: list[Served] = []

    def current() -> Served:
        taken.append(served)
        return served

    one = Answers(current, store, shown)
    listed(one, explain=True)
    one.shelves(s.ShelvesRequest(user_id=KNOWN), NOW)
    one.search(s.SearchRequest(query="crime", user_id=KNOWN), NOW)
    one.stars(s.StarsRequest(user_id=KNOWN, title_ids=(1, 2)), NOW)
    assert len(taken) == 4


class Away:
    """A store that cannot be reached."""

    def _away(self, *_: object) -> StoreError:
        return StoreError("event store: away")

    def append(self, events: Sequence[object], now: datetime) -> Receipt:
        raise self._away(events, now)

    def deeds(self, user_id: int, limit: int) -> Deeds:
        raise self._away(user_id, limit)

    def forgotten(self) -> dict[int, int]:
        raise self._away()

    def export(self, user_id: int) -> None:
        raise self._away(user_id)

    def forget(self, user_id: int, now: datetime) -> int:
        raise self._away(user_id, now)


def test_without_the_store_lists_come_from_the_training_and_say_so(served: Served, answers: Answers) -> None:
    alone = Answers(lambda: served, Away(), Shown(Away()))  # type: ignore[arg-type]
    reply = listed(alone, explain=True)
    assert (reply.degraded, reply.known) == (True, True)
    assert sorted(ids(reply)) != sorted(ids(listed(alone, STRANGER)))
    assert alone.shelves(s.ShelvesRequest(user_id=KNOWN), NOW).degraded
    assert alone.stars(s.StarsRequest(user_id=KNOWN, title_ids=(1,)), NOW).degraded
    assert alone.search(s.SearchRequest(query="crime", user_id=KNOWN), NOW).degraded
    assert alone.viewer(KNOWN, NOW).degraded
    assert not listed(answers).degraded


def test_without_the_store_nothing_is_said_to_be_stored(served: Served) -> None:
    alone = Answers(lambda: served, Away(), Shown(Away()))  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        finish(alone, KNOWN, 5)
    with pytest.raises(StoreError):
        alone.events(s.EventsRequest(events=(an_event("a", "liked"),)), NOW)
    with pytest.raises(StoreError):
        alone.sign_up(s.SignUpRequest(), NOW)


def test_the_shelf_of_a_list_can_be_chosen(answers: Answers) -> None:
    new = ids(listed(answers, shelf="new_for_you", k=100))
    assert set(NEW) <= set(new)
    assert len(new) < 20


def test_a_model_that_is_served_no_more_is_gone_at_once(model_folder: Path, store: EventStore, shown: Shown) -> None:
    gc.disable()  # in a service its hour comes seldom, and what it has set aside it never looks at
    try:
        every = [open_served(model_folder, "8", NOW)]
        answers, gone = Answers(lambda: every[0], store, shown), weakref.ref(every[0].recommender)
        answers.recommend(s.RecommendRequest(user_id=KNOWN, explain=True), NOW)
        answers.shelves(s.ShelvesRequest(user_id=STRANGER, explain=True), NOW)
        answers.search(s.SearchRequest(query="westerns", user_id=KNOWN), NOW)
        every.clear()
        assert gone() is None
    finally:
        gc.enable()
