"""The tables, made on Spark: ratings checked and each pair once, interactions of ratings and events.

A table is a folder of parts then: read one after the other they are the very table that one machine makes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from pyspark.sql import DataFrame, SparkSession

from marquee.data.ratings import RatingsSummary, settled, sound
from marquee.data.rejects import Rejects
from marquee.model.interactions import before_events
from marquee.model.interactions import interactions as combine
from marquee.params import Params, SparkParams
from marquee.spark.session import session
from marquee.spark.viewers import PLACE, arranged, each, place, table

Remembered = Callable[[pl.LazyFrame], pl.LazyFrame]  # ratings, without those of viewers who asked to be forgotten

_INTERACTIONS = (
    "user_id long, title_id long, strength float, rating float, label float, hides boolean, at timestamp, "
    "known_at timestamp"
)
_RATED = "user_id long, title_id long, rating float, rated_at timestamp"
_TOLD = "file string, line long, reason string, text string"
_EVENTS = ("user_id", "title_id", "kind", "value", "happened_at", "recorded_at")
_RATINGS = ("user_id", "title_id", "rating", "rated_at")


def write_ratings(  # noqa: PLR0913, PLR0917 - as `ratings.write_ratings`, and the cluster
    params: SparkParams,
    chunks: Iterable[pl.DataFrame],
    titles: pl.DataFrame,
    out: Path,
    rejects: Rejects,
    now: datetime,
) -> RatingsSummary:
    """Read here, piece by piece; brought together viewer by viewer and each pair made one there."""
    before = rejects.counts.copy()
    with TemporaryDirectory(prefix=".spark-", dir=out.parent) as folder:
        landed, superseded = Path(folder) / "landed", Path(folder) / "superseded"
        landed.mkdir()
        for number, run in enumerate(sound(chunks, titles, rejects, now)):
            run.write_parquet(landed / f"{number:08}.parquet")
        told = arranged(table(session(params), landed), params.rows).persist()
        for work, schema, to in ((_standing, _RATED, out), (_superseded, _TOLD, superseded)):
            each(told, work, schema, params.rows).write.mode("overwrite").parquet(place(to))
        told.unpersist()
        for part in sorted(superseded.iterdir()):
            rejects.add_frame(pl.read_parquet(part))
    return _summary(out, rejects.counts - before)


def _standing(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield settled([viewers]).ratings


def _superseded(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield settled([viewers]).superseded


def _summary(out: Path, rejected: Mapping[str, int]) -> RatingsSummary:
    counted = pl.scan_parquet(out).select(
        ratings=pl.len(),
        users=pl.col("user_id").n_unique(),
        titles=pl.col("title_id").n_unique(),
        first=pl.col("rated_at").min(),
        last=pl.col("rated_at").max(),
    )
    told = counted.collect(engine="streaming").row(0, named=True)
    return RatingsSummary(lines=told["ratings"] + sum(rejected.values()), rejected=dict(rejected), **told)


def write_interactions(ratings: Path, snapshot: Path, remembered: Remembered, params: Params, into: Path) -> None:
    """The interactions, and of viewers with events what they had rated before; each a folder of parts."""
    told = arranged(_told(session(params.spark), ratings, snapshot), params.spark.rows).persist()

    def combined(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
        rated, happened = _apart(viewers)
        yield combine(remembered(rated), happened, params.signals, params.star).collect()

    def rated_before(viewers: pl.DataFrame) -> Iterator[pl.DataFrame]:
        rated, happened = _apart(viewers)
        yield before_events(remembered(rated), happened, params.signals, params.star).collect()

    for name, work in (("interactions", combined), ("before_events", rated_before)):
        made = each(told, work, _INTERACTIONS, params.spark.rows)
        made.write.mode("overwrite").parquet(place(into / f"{name}.parquet"))
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
