"""Claims about histories: one run of rows a viewer, oldest first, whatever the order of the table."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from marquee.model.histories import Histories, histories_of, no_histories
from marquee.tables import WHEN
from tests.model.sources.conftest import DAY, watched

TITLE_IDS = np.array([10, 20, 30])
UNEVEN = watched([], [0, 2], [], [1, 0, 2], [], rating=[4, np.nan, 1, 2, 3])


def of_rows(*rows: tuple[int, int, int]) -> Histories:
    """(user_id, title_id, day) in any order."""
    user_id, title_id, day = zip(*rows, strict=True)
    moments = pl.Series([datetime(1970, 1, 1 + d, tzinfo=UTC) for d in day], dtype=WHEN)
    numbers = {name: pl.Series(np.ones(len(rows), np.float32)) for name in ("strength", "rating", "label")}
    told = {"user_id": user_id, "title_id": title_id, **numbers, "hides": [True] * len(rows)}
    return histories_of(pl.DataFrame({**told, "at": moments, "known_at": moments}), TITLE_IDS)


def test_rows_are_sorted_by_viewer_then_time_and_of_one_moment_stay_as_they_came() -> None:
    histories = of_rows((7, 20, 5), (-3, 30, 9), (7, 30, 1), (7, 10, 5), (-3, 10, 2))
    assert histories.user_ids.tolist() == [-3, 7]
    assert histories.starts.tolist() == [0, 2, 5]
    assert histories.title.tolist() == [0, 2, 2, 1, 0]
    assert (histories.at // DAY).tolist() == [2, 9, 1, 5, 5]


def test_the_order_of_different_moments_in_the_table_does_not_matter() -> None:
    rows = [(7, 20, 5), (-3, 30, 9), (7, 30, 1), (7, 10, 6)]
    one, other = of_rows(*rows).arrays(), of_rows(*rows[::-1]).arrays()
    assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)


def test_a_title_that_the_model_does_not_know_is_left_out_and_its_viewer_stays() -> None:
    histories = of_rows((1, 20, 1), (1, 99, 2), (2, 5, 1), (3, 25, 1))
    assert histories.user_ids.tolist() == [1, 2, 3]
    assert histories.counts.tolist() == [1, 0, 0]


def test_what_was_not_rated_has_no_stars() -> None:
    moments = pl.Series([datetime(2020, 1, 1, tzinfo=UTC)], dtype=WHEN)
    row = pl.DataFrame({"user_id": [1], "title_id": [10], "hides": [True], "at": moments, "known_at": moments})
    numbers = {"strength": pl.lit(1.0), "rating": pl.lit(None, pl.Float32), "label": pl.lit(1.0)}
    assert np.isnan(histories_of(row.with_columns(**numbers), TITLE_IDS).rating).all()


def test_places_are_counted_from_the_end_of_each_history() -> None:
    assert UNEVEN.from_end.tolist() == [1, 0, 2, 1, 0]
    assert UNEVEN.user.tolist() == [1, 1, 3, 3, 3]
    assert UNEVEN.counts.tolist() == [0, 2, 0, 3, 0]


def test_the_mean_is_of_the_stars_that_were_given() -> None:
    np.testing.assert_array_equal(UNEVEN.mean_rating, np.array([np.nan, 4, np.nan, 2, np.nan], np.float32))


def test_the_first_and_last_moments_are_each_viewers_own_and_0_for_nobody() -> None:
    assert (UNEVEN.first_at // DAY).tolist() == [0, 1, 0, 1, 0]
    assert (UNEVEN.last_at // DAY).tolist() == [0, 2, 0, 3, 0]


def test_fewer_rows_leave_every_viewer_in_place() -> None:
    kept = UNEVEN.where(UNEVEN.title == 2)
    assert kept.counts.tolist() == [0, 1, 0, 1, 0]
    assert kept.title.tolist() == [2, 2]
    assert UNEVEN.last(2).title.tolist() == [0, 2, 0, 2]
    assert UNEVEN.last(0).counts.tolist() == [0] * 5


def test_viewers_are_taken_in_the_order_asked_and_more_than_once() -> None:
    some = UNEVEN.of(np.array([3, 0, 3, 1]))
    assert some.user_ids.tolist() == [4, 1, 4, 2]
    assert some.title.tolist() == [1, 0, 2, 1, 0, 2, 0, 2]
    assert len(some.attributes) == 4
    assert UNEVEN.of(np.array([], np.int64)).counts.tolist() == []


def test_a_copy_of_a_viewer_can_have_other_rows_hidden() -> None:
    copies = UNEVEN.of(np.array([1, 1]))
    assert copies.where(np.array([True, False, False, True])).title.tolist() == [0, 2]


def test_as_a_matrix_a_value_stands_where_a_viewer_has_a_row() -> None:
    dense = UNEVEN.matrix(np.arange(1, 6, dtype=np.float32), 4).toarray()
    assert dense[[1, 1, 3, 3, 3], [0, 2, 1, 0, 2]].tolist() == [1, 2, 3, 4, 5]
    assert dense.sum() == 15
    assert dense.shape == (5, 4)


def test_of_its_arrays_the_same_histories_are_made() -> None:
    again = Histories(**UNEVEN.arrays())
    assert all(getattr(again, name) is array for name, array in UNEVEN.arrays().items())


def test_nobody_has_no_history() -> None:
    nobody = no_histories()
    assert len(nobody) == len(nobody.title) == len(nobody.from_end) == len(nobody.last_at) == 0
    assert nobody.mean_rating.shape == (0,)
