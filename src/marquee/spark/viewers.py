"""Whole viewers: rows of any table brought together viewer by viewer, and handed on as frames.

    arranged(table(spark, path), rows)      by viewer and place in the table, whole viewers in a partition
    each(arranged, work, schema, rows)      work(frame of whole viewers) -> frames or batches, on every partition

A viewer is never in two partitions, nor in two frames, however many rows they have. A frame has about `rows` rows: that
is what a worker holds in memory, not its partition.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from marquee.tables import WHEN

Made: TypeAlias = pl.DataFrame | pa.RecordBatch
Work = Callable[[pl.DataFrame], Iterable[Made]]

_USER, PLACE = "user_id", ("of_file", "of_row")


def table(spark: SparkSession, path: Path) -> DataFrame:
    """A table, as one file or as a folder of parts, with the place of every row in it."""
    read = spark.read.parquet(place(path), pathGlobFilter="*.parquet")
    ids = {name: sql.col(name).cast("bigint") for name in (_USER, "title_id")}
    places = dict(zip(PLACE, (sql.col("_metadata.file_path"), sql.col("_metadata.row_index")), strict=True))
    return read.withColumns({**ids, **places})


def place(path: Path) -> str:
    """As Spark names a file or folder that all of the cluster see."""
    return f"file://{path.resolve()}"


def arranged(frame: DataFrame, rows: int) -> DataFrame:
    """By viewer and place in the table, about `rows` rows a partition: viewers rise from one to the next."""
    partitions = max(-(-frame.count() // rows), 1)
    return frame.repartitionByRange(partitions, _USER).sortWithinPartitions(_USER, *PLACE).drop(*PLACE)


def each(frame: DataFrame, work: Work, schema: str, rows: int) -> DataFrame:
    """What the work makes of whole viewers, in their order."""

    def of_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for viewers in whole_viewers(map(_frame, batches), rows):
            for made in work(viewers):
                yield from batches_of(made) if isinstance(made, pl.DataFrame) else (made,)

    return frame.mapInArrow(of_partition, schema)


def whole_viewers(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows, in frames of at least so many that end where a viewer ends."""
    held: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        if not frame.height:
            continue
        held.append(frame)
        count += frame.height
        if count >= rows and held[0][_USER][0] != frame[_USER][-1]:
            together = pl.concat(held)
            end = together[_USER].search_sorted(frame[_USER][-1], "left")
            yield together[:end]
            held, count = [together[end:]], together.height - end
    if held:
        yield pl.concat(held)


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(batch))
    return frame.with_columns(pl.col(pl.Datetime).cast(WHEN))


def batches_of(frame: pl.DataFrame) -> Iterator[pa.RecordBatch]:
    """As Spark takes them: it knows no unsigned numbers, and counts time in microseconds."""
    signed = [pl.col(pl.UInt16, pl.UInt32).cast(pl.Int64), pl.col(pl.Datetime).cast(pl.Datetime("us", "UTC"))]
    return iter(frame.with_columns(signed).to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches())
