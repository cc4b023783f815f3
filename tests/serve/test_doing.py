"""What viewers do: stored once, seen at once, and forgotten when they ask for it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from marquee.data.events import EventStore
from marquee.errors import NotFoundError
from marquee.model.live import viewer_of
from marquee.model.recommender import Recommender
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.answers.doing import signed_up
from marquee.serve.served import Served, served
from marquee.serve.shown import Shown
from tests.model.conftest import OF_GENRE
from tests.serve.conftest import KNOWN, NOW, STRANGER, an_event, seen_by


def finished(answers: Answers, **request: object) -> s.FinishedReply:
    asked = {"user_id": STRANGER, "title_id": 5, **request}
    return answers.finished(s.FinishedRequest.model_validate(asked), NOW)


# Events


def test_each_event_is_judged_on_its_own(answers: Answers, store: EventStore) -> None:
    bad = ({"event_id": "b"}, 3, None, an_event("c", "liked", None), an_event("d", "liked", user_id=None))
    reply = answers.events(s.EventsRequest(events=(an_event("a", "liked"), *bad)), NOW)
    assert (reply.accepted, reply.duplicates) == (1, 0)
    assert [(no.index, no.event_id) for no in reply.refused] == [(1, "b"), (2, None), (3, None), (4, "c"), (5, "d")]
    assert all(no.reason for no in reply.refused)
    assert [event.event_id for event in store.history(STRANGER, 9)] == ["a"]


def test_a_retried_post_counts_once(answers: Answers) -> None:
    told = s.EventsRequest(events=(an_event("a", "liked"), an_event("b", "rated", value=4.0)))
    assert answers.events(told, NOW).accepted == 2
    again = answers.events(told, NOW + timedelta(seconds=5))
    assert (again.accepted, again.duplicates, again.refused) == (0, 2, ())
    assert answers.viewer(STRANGER, NOW).events == 2


def test_a_retried_finish_counts_once_and_answers_the_next_list_again(answers: Answers) -> None:
    told = {"event_id": "tv-1", "happened_at": NOW.isoformat(), "rating": 4.0, "thumb": "up"}
    first, again = finished(answers, **told), finished(answers, **told)
    assert (first.events.accepted, again.events.accepted, again.events.duplicates) == (3, 0, 3)
    assert [title.title_id for title in again.next.titles[:5]] == [title.title_id for title in first.next.titles[:5]]


def test_a_title_that_is_not_there_is_neither_finished_nor_a_favourite(answers: Answers, store: EventStore) -> None:
    with pytest.raises(NotFoundError, match="title 999999999 is unknown"):
        finished(answers, title_id=999_999_999)
    with pytest.raises(NotFoundError, match="title 999999999 is unknown"):
        answers.sign_up(s.SignUpRequest(favourites=(5, 999_999_999)), NOW)
    assert store.position() == 0


def test_an_event_id_without_its_moment_is_refused_for_a_retry_would_not_say_the_same() -> None:
    with pytest.raises(ValidationError, match="event_id needs happened_at"):
        s.FinishedRequest(user_id=1, title_id=1, event_id="tv-1")


# Signing up


def test_who_signs_up_is_somebody_new_with_a_useful_list(answers: Answers, store: EventStore) -> None:
    dramas = range(OF_GENRE + 1, 2 * OF_GENRE + 1)
    reply = answers.sign_up(s.SignUpRequest(favourites=tuple(dramas[:4]), age_group="25-34", gender="other"), NOW)
    listed = [title.title_id for title in reply.next.titles]
    assert set(listed).isdisjoint(dramas[:4])
    assert np.mean([title_id in dramas for title_id in listed]) > 0.5
    viewer = answers.viewer(reply.user_id, NOW)
    assert (viewer.known, viewer.titles, viewer.age_group, viewer.gender) == (True, 4, "25-34", "other")
    assert [event.kind for event in store.history(reply.user_id, 9) if event.kind != "shown"].count("signed_up") == 1


def test_who_signs_up_without_a_word_is_known_and_gets_a_list(answers: Answers) -> None:
    first, second = (answers.sign_up(s.SignUpRequest(), NOW) for _ in range(2))
    assert first.user_id != second.user_id
    assert first.user_id < 2**53  # a browser counts no further
    assert len(first.next.titles) == 10
    assert first.next.known
    assert answers.viewer(first.user_id, NOW).age_group is None


def test_an_id_that_somebody_has_is_not_given_again(
    answers: Answers, store: EventStore, model: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, watching, forgotten, free = answers.sign_up(s.SignUpRequest(), NOW).user_id, 2**41, 2**42, 2**43
    answers.events(s.EventsRequest(events=(an_event("a", "liked", user_id=watching),)), NOW)
    answers.forget(forgotten, NOW)
    drawn = iter([signed, watching, forgotten, free])
    monkeypatch.setattr("marquee.serve.answers.doing.secrets.randbelow", lambda _: next(drawn) - 2**40)
    assert signed_up(store, s.SignUpRequest(), model.histories, NOW) == free


def test_who_signs_up_again_after_a_broken_connection_is_the_same_viewer(answers: Answers, store: EventStore) -> None:
    asked = s.SignUpRequest(favourites=(5, 6), event_id="a-phone-chose-this-one")
    first = answers.sign_up(asked, NOW)
    again = answers.sign_up(asked, NOW + timedelta(seconds=9))
    assert again.user_id == first.user_id
    done = [event.kind for event in store.history(first.user_id, 99) if event.kind != "shown"]
    assert sorted(done) == ["liked", "liked", "signed_up"]
    other = s.SignUpRequest(favourites=(5, 6), event_id="a-phone-chose-another")
    assert answers.sign_up(other, NOW).user_id != first.user_id
    answers.forget(first.user_id, NOW + timedelta(seconds=10))
    assert answers.sign_up(asked, NOW + timedelta(seconds=20)).user_id != first.user_id


def test_of_two_tries_at_once_one_viewer_comes(store: EventStore, model: Recommender) -> None:
    asked = s.SignUpRequest(favourites=(5,), event_id="sent-twice-at-once")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: signed_up(store, asked, model.histories, datetime.now(UTC)), range(32)))
    (user_id,) = found
    assert [event.kind for event in store.history(user_id, 99)].count("liked") == 1


# Being forgotten, and taking everything along


def test_who_is_forgotten_is_a_stranger_also_to_the_training(answers: Answers, served: Served) -> None:
    finished(answers, user_id=KNOWN, title_id=5)
    seen = seen_by(served.recommender, KNOWN)
    answers.forget(KNOWN, NOW)
    viewer = answers.viewer(KNOWN, NOW)
    assert (viewer.known, viewer.titles, viewer.events, viewer.recent) == (False, 0, 0, ())
    assert answers.export(KNOWN, NOW).learnt == ()
    reply = answers.recommend(s.RecommendRequest(user_id=KNOWN, k=1000), NOW)
    assert not reply.known
    assert seen & {title.title_id for title in reply.titles}


def test_another_worker_knows_who_is_forgotten(
    answers: Answers, served: Served, store: EventStore, shown: Shown
) -> None:
    other, later = Answers(lambda: served, store, shown), Answers(lambda: served, store, shown)
    answers.forget(KNOWN, NOW)
    assert not other.viewer(KNOWN, NOW).known
    store.close()
    assert not later.viewer(KNOWN, NOW).known


def test_who_was_forgotten_may_begin_anew(answers: Answers) -> None:
    answers.forget(KNOWN, NOW)
    later = NOW + timedelta(hours=1)
    told = an_event("new", "liked", 7, user_id=KNOWN, happened_at=later.isoformat())
    assert answers.events(s.EventsRequest(events=(told,)), later).accepted == 1
    viewer = answers.viewer(KNOWN, later)
    assert (viewer.known, viewer.titles, viewer.recent[0].title_id) == (True, 1, 7)


def test_an_export_is_all_that_is_kept(answers: Answers, served: Served) -> None:
    finished(answers, user_id=KNOWN, title_id=5, rating=4.5)
    told = answers.export(KNOWN, NOW)
    kinds = [event["kind"] for event in told.events]
    assert {"watch_finished", "rated"} <= set(kinds)
    assert {row["title_id"] for row in told.learnt} == seen_by(served.recommender, KNOWN)
    assert answers.export(STRANGER, NOW) == s.ExportReply(user_id=STRANGER, events=(), learnt=())


# Events that the model was trained on


def test_events_of_the_training_count_once_and_only_while_the_store_has_them(
    model: Recommender, store: EventStore, shown: Shown
) -> None:
    """The training knew stars 5 of an event; the store knows that they are 1 by now, or nothing of it."""
    rated = viewer_of(model.histories, KNOWN)
    before = rated.where(np.arange(len(rated.title)) > 0)  # all but the first row, which is of an event
    retrained = served(replace(model, before_events=before), "8", "f", NOW, {})
    one = Answers(lambda: retrained, store, shown)
    assert one.viewer(KNOWN, NOW).titles == len(rated.title) - 1
    title_id = int(model.titles.ids[rated.title[0]])
    one.events(s.EventsRequest(events=(an_event("a", "rated", title_id, value=1.0, user_id=KNOWN),)), NOW)
    viewer = one.viewer(KNOWN, NOW)
    assert (viewer.titles, viewer.recent[0].title_id, viewer.recent[0].rating) == (len(rated.title), title_id, 1.0)
