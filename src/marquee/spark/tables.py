"""The tables, made on Spark: ratings checked and each pair once, interactions of ratings and events.

A table is a folder of parts then: read one after the other they are the very table that one machine makes.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pyspark.sql import DataFrame, SparkSession

from marquee.model.interactions import before_events
from marquee.model.interactions import interactions as combine
from marquee.params import SignalsParams, StarParams
from marquee.spark.viewers import PLACE, arranged, each, table

_INTERACTIONS = (
    "user_id long, title_id long, strength float, rating float, label float, hides boolean, at timestamp, "
    "known_at timestamp"
)
_EVENTS = ("user_id", "title_id", "kind", "value", "happened_at", "recorded_at")
_RATINGS = ("user_id", "title_id", "rating", "rated_at")


def write_interactions(  # noqa: PLR0913, PLR0917 - two tables of two, by two tables of meanings
    spark: SparkSession,
    ratings: Path,
    snapshot: Path,
    signals: SignalsParams,
    star: StarParams,
    rows: int,
    out: Path,
    before: Path,
) -> None:
    """The interactions, and of viewers with events what they had rated before; each a folder of parts."""
    told = arranged(_told(spark, ratings, snapshot), rows).persist()

    def combined(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
        yield combine(*_apart(viewers), signals, star).collect()

    def rated_before(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
        yield before_events(*_apart(viewers), signals, star).collect()

    for work, to in ((combined, out), (rated_before, before)):
        each(told, work, _INTERACTIONS, rows).write.mode("overwrite").parquet(to.resolve().as_uri())
    told.unpersist()


def _told(spark: SparkSession, ratings: Path, snapshot: Path) -> DataFrame:
    """Ratings and events as rows of one table, which have the columns of either."""
    rated = _columns(table(spark, ratings), _RATINGS)
    if not any(snapshot.glob("*.parquet")):
        return rated
    return rated.unionByName(_columns(table(spark, snapshot), _EVENTS), allowMissingColumns=True)


def _columns(read: DataFrame, columns: tuple[str, ...]) -> DataFrame:
    return read.select(*columns, *PLACE)


def _apart(told: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame | None]:
    if "kind" not in told.columns:
        return told.lazy(), None
    happened = pl.col("kind").is_not_null()
    return told.lazy().filter(~happened).select(_RATINGS), told.lazy().filter(happened).select(_EVENTS)
