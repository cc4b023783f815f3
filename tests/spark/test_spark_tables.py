"""Claims about tables that are made on Spark."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.sql import SparkSession

from marquee.model.interactions import before_events, interactions
from marquee.spark.tables import write_interactions
from marquee.spark.viewers import whole_viewers
from marquee.tables import EVENTS, INTERACTIONS, KINDS_OF_EVENT, WHEN
from tests.model.conftest import small_params
from tests.spark.conftest import ROWS

DAY = 86_400_000
PARAMS = small_params()


def ratings(everything: pl.DataFrame) -> pl.DataFrame:
    return everything.select(
        pl.col("user_id").cast(pl.UInt32), pl.col("title_id").cast(pl.UInt16), "rating", rated_at="at"
    )


def events(count: int) -> pl.DataFrame:
    """Of viewers with ratings and without, of many kinds, several of a pair and several at once."""
    rng = np.random.default_rng(5)
    kinds = rng.choice(KINDS_OF_EVENT, count)
    at = (rng.integers(0, 500, count) * DAY).tolist()
    return pl.DataFrame(
        {
            "position": np.arange(1, count + 1),
            "event_id": [f"e{number}" for number in range(count)],
            "user_id": rng.integers(200, 400, count),
            "title_id": rng.integers(1, 30, count),
            "kind": kinds.tolist(),
            "value": [float(rng.integers(1, 6)) if kind == "rated" else None for kind in kinds],
            "happened_at": at,
            "recorded_at": at,
            "source": "tests",
            "detail": None,
        },
        {**EVENTS.columns, "happened_at": pl.Int64, "recorded_at": pl.Int64},
    ).cast({"happened_at": WHEN, "recorded_at": WHEN})


@pytest.mark.parametrize("happened", [0, 3_000])
def test_interactions_are_those_of_one_machine_row_by_row(
    spark: SparkSession, everything: pl.DataFrame, tmp_path: Path, happened: int
) -> None:
    rated, told, snapshot = ratings(everything), events(happened), tmp_path / "snapshot"
    snapshot.mkdir()
    rated.write_parquet(tmp_path / "ratings.parquet")
    for number, part in enumerate(told.iter_slices(1_000)):
        part.write_parquet(snapshot / f"{number}.parquet")
    out, before = tmp_path / "interactions.parquet", tmp_path / "before.parquet"
    write_interactions(spark, tmp_path / "ratings.parquet", snapshot, PARAMS.signals, PARAMS.star, ROWS, out, before)
    assert len(list(out.iterdir())) > 2
    stated = told.lazy() if happened else None
    for made, of in ((out, interactions), (before, before_events)):
        here = of(rated.lazy(), stated, PARAMS.signals, PARAMS.star).collect()
        there = pl.read_parquet(made)
        assert_frame_equal(there, here.cast({"user_id": pl.Int64, "title_id": pl.Int64}))
    assert INTERACTIONS.check(pl.read_parquet(out)).height


def test_a_viewer_is_never_in_two_frames_however_many_rows_they_have() -> None:
    users = np.repeat(np.arange(10), [3, 5, 4_000, 1, 1, 7, 2, 2, 900, 1])
    rows = pl.DataFrame({"user_id": users, "row": np.arange(len(users))})
    told = list(whole_viewers(rows.iter_slices(100), 10))
    assert_frame_equal(pl.concat(told), rows)
    assert sum(frame["user_id"].n_unique() for frame in told) == 10
    assert max(frame.height for frame in told) < 4_000 + 100 + 10
