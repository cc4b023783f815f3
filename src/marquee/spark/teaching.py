"""Retrieval on the cluster: sources of everybody's past, and lessons of viewers drawn, asked on the workers."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from marquee.model.folder import Contents, fingerprint_of, load_model, save_model
from marquee.model.histories import Histories, histories_of
from marquee.model.lessons import Lesson, lessons
from marquee.model.ranker import Rows
from marquee.model.recommender import params_of, recipe_of
from marquee.model.retrieval import (
    Retrieved,
    Retriever,
    affordable,
    labelled,
    requests_of,
    restored_retriever,
    together,
)
from marquee.model.titles import Titles
from marquee.params import Params
from marquee.spark.counting import Known, Past
from marquee.spark.fitting import fit_retriever
from marquee.spark.session import session
from marquee.spark.viewers import PLACE, arranged, place, table
from marquee.tables import WHEN


def retrieve(interactions: Path, titles: Titles, params: Params, beside: Path) -> Retrieved:
    """As `retrieval.retrieve`, of a table of interactions; what it leaves on the way is in a folder beside others."""
    spark, rows = session(params.spark), params.spark.rows
    with TemporaryDirectory(prefix=".spark-", dir=beside) as folder:
        scratch, read = Path(folder), table(spark, interactions)
        drawn = histories_of(_drawn(read, params, scratch / "drawn"), titles.ids)
        everybody = arranged(read, rows).persist(StorageLevel.DISK_ONLY)

        def of(known: Known, past: Histories) -> Retriever:
            return fit_retriever(Past(everybody, known, titles.ids, rows), past, titles, params, scratch)

        given = list(lessons(drawn, params.lessons, params.seed))
        within = affordable(params, given)
        taught = [
            part
            for lesson in given
            for part in _rows_of(spark, lesson, of(lesson.known, lesson.past), within, scratch / lesson.name)
        ]
        retriever = of(_everything, drawn)
        everybody.unpersist()
    return Retrieved(retriever, together(retriever.feature_names, taught))


def some_histories(interactions: Path, titles: Titles, params: Params, beside: Path) -> Histories:
    """Of the viewers that are drawn for what is learnt from viewers one by one."""
    with TemporaryDirectory(prefix=".spark-", dir=beside) as folder:
        read = table(session(params.spark), interactions)
        return histories_of(_drawn(read, params, Path(folder) / "drawn"), titles.ids)


def _everything(histories: Histories) -> Histories:
    return histories


def _drawn(read: DataFrame, params: Params, into: Path) -> pl.DataFrame:
    """Every row of so many viewers, drawn by a hash of their ids."""
    order = sql.xxhash64(sql.col("user_id"), sql.lit(params.seed))
    some = read.select("user_id").distinct().orderBy(order).limit(params.viewers)
    read.join(some, "user_id", "left_semi").write.parquet(place(into))
    found = pl.read_parquet(into).sort("user_id", *PLACE).drop(PLACE)
    return found.with_columns(pl.col(pl.Datetime).cast(WHEN))


def _rows_of(spark: SparkSession, lesson: Lesson, retriever: Retriever, params: Params, folder: Path) -> Iterator[Rows]:
    """As `retrieval.rows_of`, asked of a copy of the retriever that every worker sees."""
    recipe = {"params.yaml": recipe_of(params)}
    fingerprint = save_model(folder, Contents(retriever.parts(), recipe, {"titles": retriever.titles.frame}, {}))
    copy, negatives = str(folder.resolve()), params.lessons.negatives
    requests = list(requests_of(lesson, params.seed))
    asked = spark.sparkContext.parallelize(requests, len(requests))
    yield from asked.map(lambda of: labelled(_told(copy, fingerprint), of[0], of[1], negatives)).toLocalIterator()


@lru_cache(1)
def _told(copy: str, fingerprint: str) -> Retriever:
    """Once in a process of a worker."""
    folder = Path(copy)
    assert fingerprint_of(folder) == fingerprint
    contents = load_model(folder)
    return restored_retriever(contents.arrays, Titles(contents.frames["titles"]), params_of(contents).sources)
