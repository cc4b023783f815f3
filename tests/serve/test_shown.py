"""What was shown reaches the store: all of it on a clean stop, none of it on the path of a request."""

import json
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic, sleep

import numpy as np
import pytest

from marquee.data.events import EventStore, Receipt
from marquee.errors import StoreError
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.served import Served
from marquee.serve.shown import Shown, halved, packed, unpacked
from tests.serve.conftest import KNOWN, NOW, STRANGER


class Flaky:
    """A real store, away for a while; it counts how often it was asked."""

    def __init__(self, store: EventStore) -> None:
        self.store, self.is_away, self.asked = store, True, threading.Event()

    def append(self, events: Sequence[object], now: datetime) -> Receipt:
        self.asked.set()
        if self.is_away:
            raise StoreError("event store: away")
        return self.store.append(events, now)

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def wait_for(condition: Callable[[], object]) -> None:
    end = monotonic() + 30
    while not condition():
        assert monotonic() < end
        sleep(0.005)


def details(store: EventStore, user_id: int) -> list[dict[str, object]]:
    return [json.loads(event.detail or "") for event in store.history(user_id, 10_000) if event.kind == "shown"]


def test_a_list_is_written_as_it_was_shown(answers: Answers, served: Served, store: EventStore, shown: Shown) -> None:
    reply = answers.recommend(s.RecommendRequest(user_id=KNOWN, k=9), NOW)
    shown.stop(10)
    events = sorted(
        (event for event in store.history(KNOWN, 100) if event.kind == "shown"),
        key=lambda event: int(event.event_id.rpartition("-")[2]),
    )
    assert [event.title_id for event in events] == [title.title_id for title in reply.titles]
    told = [json.loads(event.detail or "") for event in events]
    assert [detail["rank"] for detail in told] == list(range(1, 10))
    assert {(detail["list"], detail["model"], detail["shelf"]) for detail in told} == {
        (reply.list_id, "7", "top_picks")
    }
    assert [detail["score"] for detail in told] == [title.score for title in reply.titles]
    assert len(unpacked(told[0]["features"])) == len(served.recommender.feature_names)
    params = served.recommender.params.arrange
    assert [detail["propensity"] == 1 for detail in told] == [rank != params.slot for rank in range(1, 10)]


def test_the_slot_explores_as_often_as_its_propensity_says(answers: Answers, store: EventStore, shown: Shown) -> None:
    lists = 300
    for _ in range(lists):
        answers.recommend(s.RecommendRequest(user_id=STRANGER, k=8), NOW)
    shown.stop(30)
    at_slot = [float(str(detail["propensity"])) for detail in details(store, STRANGER) if detail["rank"] == 8]
    explored = np.mean([propensity < 0.5 for propensity in at_slot])
    assert len(at_slot) == lists
    assert 0.04 < explored < 0.18  # asked for is a tenth


def test_every_shelf_of_a_page_is_a_list_of_its_own(answers: Answers, store: EventStore, shown: Shown) -> None:
    page = answers.shelves(s.ShelvesRequest(user_id=KNOWN, k=3), NOW)
    shown.stop(10)
    told = Counter((str(detail["list"]), str(detail["shelf"])) for detail in details(store, KNOWN))
    assert told == {(shelf.list_id, shelf.shelf): len(shelf.titles) for shelf in page.shelves}


def test_what_was_shown_is_nothing_that_the_viewer_did(answers: Answers, shown: Shown) -> None:
    answers.recommend(s.RecommendRequest(user_id=STRANGER), NOW)
    wait_for(lambda: not shown.waiting)
    viewer = answers.viewer(STRANGER, NOW)
    assert (viewer.known, viewer.events, viewer.titles) == (False, 0, 0)
    assert len(answers.export(STRANGER, NOW).events) == 10


def test_none_is_lost_on_a_clean_stop(served: Served, store: EventStore) -> None:
    shown = Shown(store)
    answers = Answers(lambda: served, store, shown)
    lists = {answers.recommend(s.RecommendRequest(user_id=KNOWN, k=20), NOW).list_id for _ in range(20)}
    assert (shown.waiting, shown.written) == (400, 0)
    shown.start()
    shown.stop(30)
    assert (shown.waiting, shown.written, shown.dropped) == (0, 400, 0)
    assert {detail["list"] for detail in details(store, KNOWN)} == lists


def test_what_was_shown_waits_for_a_store_that_is_away(served: Served, store: EventStore) -> None:
    flaky = Flaky(store)
    shown = Shown(flaky)  # type: ignore[arg-type]
    shown.start()
    Answers(lambda: served, store, shown).recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    assert flaky.asked.wait(30)
    assert shown.waiting == 10
    flaky.is_away = False
    wait_for(lambda: shown.written == 10)
    shown.stop(10)
    assert (len(details(store, KNOWN)), shown.dropped) == (10, 0)


def test_a_list_that_cannot_be_written_is_dropped_and_the_next_one_written(served: Served, store: EventStore) -> None:
    shown = Shown(store)
    answers = Answers(lambda: served, store, shown)
    answers.recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    note = shown._notes[0]
    shown._notes[0] = replace(note, score=note.score[:-1])
    shown.start()
    wait_for(lambda: shown.dropped == 10)
    answers.recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    wait_for(lambda: shown.written == 10)
    shown.stop(10)
    assert (len(details(store, KNOWN)), shown.waiting) == (10, 0)


def test_what_finds_no_room_is_dropped_counted_and_told_of(
    served: Served, store: EventStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Shown(store)
    answers = Answers(lambda: served, store, shown)
    answers.recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    shown._room = 2 * shown._notes[0].size
    assert not shown.is_losing
    for _ in range(3):
        assert len(answers.recommend(s.RecommendRequest(user_id=KNOWN), NOW).titles) == 10
    assert (shown.waiting, shown.dropped, shown.is_losing) == (20, 20, True)
    assert [record.getMessage().partition(" are")[0] for record in caplog.records] == ["10 shown titles"]
    shown.start()
    shown.stop(10)
    assert shown.written == 20
    monkeypatch.setattr("marquee.serve.shown._LASTS_S", 0)
    assert not shown.is_losing


def test_a_pause_is_made_to_gather_a_batch_and_none_where_one_is_full(
    served: Served, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many batches as fast as they can be written, though a pause would last for ever."""
    monkeypatch.setattr("marquee.serve.shown._GATHER_S", 3_600)
    monkeypatch.setattr("marquee.serve.shown._AT_ONCE", 100)
    shown = Shown(store)
    answers = Answers(lambda: served, store, shown)
    for _ in range(20):
        answers.recommend(s.RecommendRequest(user_id=KNOWN, k=50), NOW)
    shown.start()
    wait_for(lambda: shown.written == 1_000)
    answers.recommend(s.RecommendRequest(user_id=KNOWN, k=50), NOW)
    assert shown.waiting == 50
    shown.stop(10)
    assert shown.written == 1_050


def test_what_waits_is_little_however_many_titles_were_looked_at(served: Served, store: EventStore) -> None:
    shown = Shown(store)
    Answers(lambda: served, store, shown).shelves(s.ShelvesRequest(user_id=KNOWN, k=20), NOW)
    assert len(shown._notes) > 3
    for note in shown._notes:
        assert len(pickle.dumps(note)) < note.size < 1_000 + 300 * len(note.title_ids)


def test_a_stop_does_not_wait_for_ever_for_all_that_waits(served: Served, store: EventStore) -> None:
    shown = Shown(store)
    for _ in range(3):
        Answers(lambda: served, store, shown).recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    shown._ends_at = monotonic()
    shown.start()
    shown.stop(-1)
    assert (shown.written, shown.dropped, shown.waiting) == (0, 30, 0)


def test_a_stop_does_not_wait_for_ever_for_a_store_that_stays_away(served: Served, store: EventStore) -> None:
    shown = Shown(Flaky(store))  # type: ignore[arg-type]
    shown.start()
    Answers(lambda: served, store, shown).recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    shown.stop(0.1)
    assert (shown.written, shown.dropped, shown.waiting) == (0, 10, 0)


def test_features_are_packed_to_three_digits() -> None:
    features = np.array([0.12345, np.nan, 1e9, -3.0], np.float32)
    told, nothing = packed(halved(np.stack([features, np.full(4, np.nan, np.float32)])))
    np.testing.assert_allclose(unpacked(told or ""), np.array([0.12345, np.nan, 65_504, -3.0]), rtol=1e-3)
    assert nothing is None
