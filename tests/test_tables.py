"""The check at the door between rooms: a frame is the table, or every difference is named."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.errors import TableError
from marquee.tables import RATINGS, TITLES, WHEN, smallest_id_type

NOON = datetime(2005, 1, 1, 12, tzinfo=UTC)


def ratings(**changes: pl.Series) -> pl.DataFrame:
    columns = {
        "user_id": pl.Series([1, 1, 2], dtype=pl.UInt32),
        "title_id": pl.Series([7, 9, 7], dtype=pl.UInt16),
        "rating": pl.Series([1.0, 5.0, 3.0], dtype=pl.Float32),
        "rated_at": pl.Series([NOON] * 3, dtype=WHEN),
    }
    return pl.DataFrame(columns | changes)


def test_a_right_frame_comes_back_as_it_was() -> None:
    assert RATINGS.check(ratings()).equals(ratings())


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (ratings().drop("rated_at"), "ratings: no column rated_at"),
        (ratings(extra=pl.Series([1, 2, 3])), "unknown column extra"),
        (ratings(rating=pl.Series([1.0, 5.0, 3.0])), "column rating is Float64, not Float32"),
        (ratings(rating=pl.Series([1.0, None, 3.0], dtype=pl.Float32)), "column rating has 1 nulls"),
        (ratings().reverse(), "not sorted by user_id, rated_at"),
    ],
)
def test_each_difference_is_named(frame: pl.DataFrame, says: str) -> None:
    with pytest.raises(TableError, match=says):
        RATINGS.check(frame)


def test_what_a_source_does_not_know_is_completed_as_not_known() -> None:
    bare = pl.DataFrame({"title_id": [2, 1], "name": ["B", "A"]}, schema_overrides={"title_id": pl.UInt16})
    titles = TITLES.check(TITLES.complete(bare))
    assert titles["name"].to_list() == ["A", "B"]
    assert titles.row(0, named=True)["genres"] == []
    assert titles.row(0, named=True)["year"] is None


@given(st.integers(0, 2**64 - 1))
def test_the_smallest_id_type_holds_the_largest_id(largest: int) -> None:
    kind = smallest_id_type(largest)
    assert pl.Series([largest], dtype=kind).to_list() == [largest]
    half_as_wide = {"UInt16": 0, "UInt32": 2**16, "UInt64": 2**32}
    assert largest >= half_as_wide[str(kind)]
