"""One viewer's history of this moment is the row that training would see."""

from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.model.histories import Histories, histories_of
from marquee.model.interactions import before_events, interactions
from marquee.model.live import (
    Signals,
    after,
    histories_before,
    history_now,
    knows,
    viewer_of,
    with_what_was_told,
)
from marquee.tables import EVENTS, KINDS_OF_EVENT, RATINGS, WHEN
from tests.model.conftest import small_params

PARAMS = small_params()
SIGNALS = Signals(PARAMS.signals, PARAMS.star)
TITLE_IDS = np.array([2, 3, 5, 7, 11, 13])
USER = 7


class Event(NamedTuple):
    position: int
    title_id: int | None
    kind: str
    value: float | None
    happened_at: int
    recorded_at: int


def ratings_frame(rows: list[tuple[int, float, int]], user_id: int = USER) -> pl.DataFrame:
    columns = {"user_id": pl.Int64, "title_id": pl.Int64, "rating": pl.Float32, "rated_at": pl.Int64}
    frame = pl.DataFrame([(user_id, *row) for row in rows], columns, orient="row")
    return frame.with_columns(pl.col("rated_at").cast(WHEN)).sort(RATINGS.sorted_by, maintain_order=True)


def events_frame(events: list[Event]) -> pl.LazyFrame:
    told = [{**event._asdict(), "event_id": str(event.position), "user_id": USER, "source": "page"} for event in events]
    frame = pl.DataFrame(told, {name: pl.Int64 if kind == WHEN else kind for name, kind in EVENTS.columns.items()})
    return frame.with_columns(pl.col("happened_at", "recorded_at").cast(WHEN)).lazy()


def trained(ratings: pl.DataFrame, events: list[Event]) -> Histories:
    told = events_frame(events) if events else None
    return histories_of(interactions(ratings.lazy(), told, PARAMS.signals, PARAMS.star).collect(), TITLE_IDS)


def rows_of(histories: Histories) -> dict[str, list[Any]]:
    names = [field.name for field in fields(Histories) if field.name not in ("user_ids", "attributes")]
    return {name: getattr(histories, name).tolist() for name in names}


moments = st.integers(1, 6).map(lambda day: day * 86_400_000)
stars = st.sampled_from([0.5, 1.0, 3.0, 3.5, 5.0])
title_ids = st.sampled_from([*TITLE_IDS.tolist(), 4, 99])


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    told = draw(st.lists(st.tuples(title_ids | st.none(), st.sampled_from(KINDS_OF_EVENT), stars, moments, moments)))
    return [
        Event(position, title_id, kind, value if kind == "rated" else None, at, max(at, known_at))
        for position, (title_id, kind, value, at, known_at) in enumerate(told, start=1)
    ]


@given(st.lists(st.tuples(title_ids, stars, moments), unique_by=lambda row: row[0]), events())
def test_it_is_the_row_that_training_would_make_of_the_same_ratings_and_events(
    rated: list[tuple[int, float, int]], told: list[Event]
) -> None:
    ratings = ratings_frame(rated)
    table = before_events(ratings.lazy(), events_frame(told), PARAMS.signals, PARAMS.star).collect()
    before = histories_before(table, TITLE_IDS) if told else trained(ratings, [])
    now = history_now(viewer_of(before, USER), told, TITLE_IDS, SIGNALS)
    expected = viewer_of(trained(ratings, told), USER)
    np.testing.assert_equal(rows_of(now), rows_of(expected))
    kept = [field.name for field in fields(Histories)]
    assert [getattr(now, name).dtype for name in kept] == [getattr(expected, name).dtype for name in kept]


def event(position: int, title_id: int, kind: str, value: float | None = None, day: int = 9) -> Event:
    return Event(position, title_id, kind, value, day * 86_400_000, day * 86_400_000)


def test_a_viewer_without_events_has_the_rows_of_training_and_nobody_elses() -> None:
    both = pl.concat([ratings_frame([(2, 4.0, 1)], 6), ratings_frame([(3, 5.0, 1), (5, 1.0, 2)])])
    known = histories_of(interactions(both.lazy(), None, PARAMS.signals, PARAMS.star).collect(), TITLE_IDS)
    assert viewer_of(known, USER).title.tolist() == [1, 2]
    assert viewer_of(known, 6).title.tolist() == [0]


def test_of_viewers_with_events_all_are_known_and_the_ratings_of_nobody_else() -> None:
    both = pl.concat([ratings_frame([(2, 4.0, 1)], 6), ratings_frame([(3, 5.0, 1), (5, 1.0, 1)])])
    told = events_frame([event(1, 2, "liked"), event(2, 3, "liked")]).with_columns(user_id=pl.Series([USER, 9]))
    table = before_events(both.lazy(), told, PARAMS.signals, PARAMS.star).collect()
    before = histories_before(table, TITLE_IDS)
    assert (before.user_ids.tolist(), before.starts.tolist()) == ([USER, 9], [0, 2, 2])
    assert (viewer_of(before, USER).title.tolist(), before.attributes.shape) == ([1, 2], (2, 3))
    assert (knows(before, 9), knows(before, 6), len(viewer_of(before, 9).title)) == (True, False, 0)


def test_without_events_nobody_is_known_to_have_any() -> None:
    table = before_events(ratings_frame([(2, 4.0, 1)]).lazy(), None, PARAMS.signals, PARAMS.star).collect()
    assert len(histories_before(table, TITLE_IDS)) == 0


@pytest.mark.parametrize("user_id", [1, 8, 2**63 - 1])
def test_a_stranger_has_an_empty_history_and_one_born_seconds_ago_what_they_did(user_id: int) -> None:
    stranger = viewer_of(trained(ratings_frame([(2, 4.0, 1)]), []), user_id)
    assert (len(stranger), len(stranger.title)) == (1, 0)
    assert np.isnan(stranger.attributes).all()
    born = history_now(stranger, [event(1, 5, "watch_finished")], TITLE_IDS, SIGNALS)
    assert (born.title.tolist(), born.hides.tolist(), born.user_ids.tolist()) == ([2], [True], [user_id])


def test_unknown_titles_in_the_events_are_left_out() -> None:
    nobody = viewer_of(trained(ratings_frame([]), []), USER)
    assert history_now(nobody, [event(1, 4, "liked"), event(2, 2**62, "liked")], TITLE_IDS, SIGNALS) is nobody


def test_stars_of_an_event_take_the_place_of_earlier_stars() -> None:
    before = viewer_of(trained(ratings_frame([(2, 5.0, 1), (3, 4.0, 2)]), []), USER)
    now = history_now(before, [event(1, 2, "rated", 1.0)], TITLE_IDS, SIGNALS)
    assert (now.title.tolist(), now.rating.tolist()) == ([1, 0], [4.0, 1.0])


def test_of_one_who_asked_to_be_forgotten_only_what_came_after_is_known() -> None:
    before = viewer_of(trained(ratings_frame([(2, 5.0, 100), (3, 4.0, 200)]), []), USER)
    assert after(before, 100).title.tolist() == [1]
    assert len(after(before, 200).title) == 0


def test_what_a_viewer_told_of_themselves_counts_more_than_what_training_knew() -> None:
    nobody = viewer_of(trained(ratings_frame([]), []), USER)
    before, told = np.array([[1, np.nan, 2]], np.float32), np.array([[3, 0, np.nan]], np.float32)
    assert with_what_was_told(nobody, before, told).attributes.tolist() == [[3, 0, 2]]
