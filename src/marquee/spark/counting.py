"""What sources count, added up over all viewers: sums of each title by Spark's SQL, and squares of titles row by row.

Each share of whole viewers is counted by the functions that count on one machine. A row of a count travels as the two
lists of its entries; the counts that are not 0 meet at whoever adds up that row.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from marquee.model.histories import Floats, Histories, Ints, histories_of
from marquee.model.profiles import TitleSums, sums_of_titles
from marquee.model.sources.adding import Places
from marquee.model.sources.following import Order
from marquee.model.sources.pairs import supported_titles, wanted_by, watched_together
from marquee.model.sources.popular import last_wanted, watched_lately
from marquee.params import SourcesParams
from marquee.spark.viewers import Made, each, place

Known = Callable[[Histories], Histories]
Some = NDArray[np.integer[Any]]
Part = tuple[Some, NDArray[np.floating[Any]]]  # columns, and what is counted in them
Key = tuple[str, int]  # a count and its row

_BLOCK = 256  # titles whose rows are in a worker's memory at once
_MESSAGE = 32  # rows that travel together
_FOLDED = 32  # parts of a row that are added up at once
_SUMMED = ("rows", "rated", "stars", "squares", "depth", "wanted", "viewers")
_SUMS = (
    "title int, rows long, rated long, stars double, squares double, depth double, first_at long, last_at long, "
    "wanted long, viewers long, last_wanted long"
)
_ROW = "count string, row int, columns array<int>, values array<float>"
_ARROW = pa.schema(
    [("count", pa.string()), ("row", pa.int32()), ("columns", pa.list_(pa.int32())), ("values", pa.list_(pa.float32()))]
)


@dataclass(frozen=True, eq=False)
class Past:
    """Everybody's rows, arranged, of which only what is `known` counts."""

    arranged: DataFrame
    known: Known
    title_ids: Ints
    rows: int  # of whole viewers at a time

    def each(self, work: Callable[[Histories], Iterable[Made]], schema: str) -> DataFrame:
        """What the work makes of the histories of some whole viewers at a time."""
        known, title_ids = self.known, self.title_ids
        return each(self.arranged, lambda viewers: work(known(histories_of(viewers, title_ids))), schema, self.rows)


@dataclass(frozen=True, eq=False)
class Sums:
    titles: TitleSums
    wanted: Ints  # how often each title was
    viewers: int
    last_wanted: int


def sums_of(past: Past) -> Sums:
    """Of each title, over all viewers."""
    n = len(past.title_ids)

    def added(histories: Histories) -> Iterator[pl.DataFrame]:
        yield _sums(histories, n)

    ways = [*(sql.sum(name).alias(name) for name in _SUMMED), sql.min("first_at").alias("first_at")]
    latest = [sql.max(name).alias(name) for name in ("last_at", "last_wanted")]
    parts = past.each(added, _SUMS)
    told = pl.DataFrame(pl.from_arrow(parts.groupBy("title").agg(*ways, *latest).toArrow())).sort("title")
    titles = TitleSums(**{field.name: told[field.name].to_numpy() for field in fields(TitleSums)})
    return Sums(titles, told["wanted"].to_numpy(), int(told["viewers"][0]), int(told["last_wanted"][0]))


def _sums(histories: Histories, titles: int) -> pl.DataFrame:
    sums = sums_of_titles(histories, titles)
    return pl.DataFrame(
        {
            "title": np.arange(titles, dtype=np.int32),
            **{field.name: getattr(sums, field.name) for field in fields(TitleSums)},
            "wanted": np.bincount(histories.title, histories.strength > 0, titles).astype(np.int64),
            "viewers": np.full(titles, len(histories)),
            "last_wanted": np.full(titles, last_wanted(histories)),
        }
    )


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts by name, as a worker wrote them."""

    folder: Path
    titles: int

    def square(self, count: str) -> sp.csr_array:
        """Titles x titles."""
        return self._matrix(self._told(count), self.titles)

    def trending(self) -> sp.csr_array:
        """Bins x titles."""
        told = self._told("trending")
        return self._matrix(told, 1 + max(told["row"].to_list(), default=0))

    def _told(self, count: str) -> pl.DataFrame:
        return pl.scan_parquet(self.folder).filter(pl.col("count") == count).sort("row").collect()

    def _matrix(self, told: pl.DataFrame, rows: int) -> sp.csr_array:
        lengths = np.zeros(rows, np.int64)
        lengths[told["row"].to_numpy()] = told["columns"].list.len().to_numpy()
        columns, values = (told[name].explode().drop_nulls().to_numpy() for name in ("columns", "values"))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return sp.csr_array((values, columns, starts), shape=(rows, self.titles))


def counts_of(past: Past, sums: Sums, params: SourcesParams, folder: Path) -> Counts:
    """Every count that sources are made of, written to the folder."""
    n, until = len(past.title_ids), sums.last_wanted
    supported = supported_titles(sums.titles.rows, params.sequence.support, params.sequence.most)

    def counted(histories: Histories) -> Iterator[pa.RecordBatch]:
        for name, rows, matrix in _counted(histories, n, supported, until, params):
            yield from _messages(name, rows, matrix)

    parts = past.each(counted, _ROW).repartition("count", "row").sortWithinPartitions("count", "row")
    parts.mapInArrow(_added_up, _ROW).write.mode("overwrite").parquet(place(folder))
    return Counts(folder, n)


def _counted(
    histories: Histories, titles: int, supported: Places, until: int, params: SourcesParams
) -> Iterator[tuple[str, Some, sp.csr_array]]:
    """The counts of some viewers, some of their rows at a time."""
    every, order = np.arange(titles, dtype=np.int32), Order(histories, titles)
    together = watched_together(wanted_by(histories, titles))
    for first in range(0, titles, _BLOCK):
        some = every[first : first + _BLOCK]
        yield "together", some, sp.csr_array(together(first, first + len(some)))
        for name, of in (("following", params.following), ("following_long", params.following_long)):
            yield name, some, sp.csr_array(order.soon_after(some, every, of.fade, of.backward))
    for first in range(0, len(supported), _BLOCK):
        some = supported[first : first + _BLOCK]
        yield "sequence", some, _widened(order.soon_after(some, supported, params.sequence.fade), supported, titles)
    lately = watched_lately(histories, titles, until, params.trending.days)
    yield "trending", np.arange(lately.shape[0]), lately


def _widened(rows: Floats, columns: Places, titles: int) -> sp.csr_array:
    narrow = sp.csr_array(rows)
    return sp.csr_array((narrow.data, columns[narrow.indices], narrow.indptr), shape=(len(rows), titles))


def _messages(name: str, rows: Some, matrix: sp.csr_array) -> Iterator[pa.RecordBatch]:
    """The rows that count anything: a sparse matrix is what Arrow calls a list."""
    told = np.flatnonzero(np.diff(matrix.indptr))
    for first in range(0, len(told), _MESSAGE):
        some = told[first : first + _MESSAGE]
        part = matrix[some]
        starts = pa.array(part.indptr.astype(np.int32))
        lists = (part.indices.astype(np.int32), part.data.astype(np.float32))
        yield pa.record_batch(
            [
                pa.array([name] * len(some)),
                pa.array(rows[some].astype(np.int32)),
                *(pa.ListArray.from_arrays(starts, pa.array(values)) for values in lists),
            ],
            schema=_ARROW,
        )


def _added_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One row of each count, where its parts come one after another."""
    key: Key | None = None
    parts: list[Part] = []
    for of, part in (row for batch in batches for row in _rows(batch)):
        if of != key:
            if key:
                yield _row(key, *_folded(parts))
            key, parts = of, []
        parts.append(part)
        if len(parts) == _FOLDED:
            parts = [_folded(parts)]
    if key:
        yield _row(key, *_folded(parts))


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Key, Part]]:
    keys = zip(batch.column("count").to_pylist(), batch.column("row").to_pylist(), strict=True)
    lists = (batch.column(name) for name in ("columns", "values"))
    columns, values = ((of.offsets.to_numpy(), of.values.to_numpy(zero_copy_only=False)) for of in lists)
    for number, key in enumerate(keys):
        cut = slice(columns[0][number], columns[0][number + 1])
        yield key, (columns[1][cut], values[1][cut])


def _folded(parts: Sequence[Part]) -> Part:
    columns: Some
    columns, entry = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    sums = np.bincount(entry, np.concatenate([part[1] for part in parts]))
    return columns, np.asarray(sums, np.float64)


def _row(key: Key, columns: Some, values: NDArray[np.floating[Any]]) -> pa.RecordBatch:
    row = [[key[0]], [key[1]], [columns], [values.astype(np.float32)]]
    return pa.record_batch([pa.array(of, kind) for of, kind in zip(row, _ARROW.types, strict=True)], schema=_ARROW)
