"""The record up to a position, as Parquet partitions of a fixed number of positions each.

A file's name says which positions it covers and, when viewers asked to be forgotten, how many of them became empty.
So a name means the same bytes for ever: what is there is kept, what is missing is written, any other is removed.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl
from sqlalchemy import ColumnElement, Connection, Table, func, select

from marquee import tables
from marquee.data.events.database import Database
from marquee.data.events.schema import EVENTS, FORGOTTEN_POSITIONS

_PAGE_ROWS = 50_000  # rows in memory
_ROW_GROUP = 250_000
_NO_ROWS = pl.DataFrame(schema=dict(tables.EVENTS.columns))
_RAW = {name: pl.Int64() if kind == tables.WHEN else kind for name, kind in tables.EVENTS.columns.items()}


@dataclass(frozen=True)
class Span:
    """Positions, both ends included; none when `last` is before `first`."""

    first: int
    last: int


def write_snapshot(database: Database, partition_rows: int, folder: Path, position: int) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    pages = folder / ".pages"
    shutil.rmtree(pages, ignore_errors=True)
    wanted = tuple(_partition(database, span, folder, pages) for span in _spans(partition_rows, position))
    for other in set(folder.glob("events-*.parquet")) - set(wanted):
        other.unlink()
    return wanted


def _spans(partition_rows: int, position: int) -> Iterator[Span]:
    """Full ones and the unfinished tail; an empty record is one empty tail, so that there is always a table to read."""
    starts = range(1, position + 1, partition_rows) or [1]
    return (Span(first, min(first + partition_rows - 1, position)) for first in starts)


def _partition(database: Database, span: Span, folder: Path, pages: Path) -> Path:
    with database.read() as connection:
        path = folder / _name(span, _forgotten(connection, span))
        if path.exists():
            return path
        pages.mkdir()
        for number, frame in enumerate(chain([_NO_ROWS], _frames(connection, span))):
            frame.write_ipc(pages / f"{number:06d}.arrow")
    pl.scan_ipc(pages / "*.arrow").sink_parquet(pages / path.name, row_group_size=_ROW_GROUP)
    (pages / path.name).rename(path)
    shutil.rmtree(pages)
    return path


def _name(span: Span, forgotten: int) -> str:
    without = f"-without-{forgotten}" if forgotten else ""
    return f"events-{span.first:012d}-{span.last:012d}{without}.parquet"


def _forgotten(connection: Connection, span: Span) -> int:
    return connection.execute(select(func.count()).where(*_within(FORGOTTEN_POSITIONS, span))).scalar_one()


def _frames(connection: Connection, span: Span) -> Iterator[pl.DataFrame]:
    while rows := connection.execute(
        select(EVENTS).where(*_within(EVENTS, span)).order_by(EVENTS.c.position).limit(_PAGE_ROWS)
    ).all():
        raw = pl.DataFrame(rows, schema=_RAW, orient="row")
        yield raw.cast({"happened_at": tables.WHEN, "recorded_at": tables.WHEN})
        span = Span(rows[-1].position + 1, span.last)


def _within(table: Table, span: Span) -> tuple[ColumnElement[bool], ...]:
    return table.c.position >= span.first, table.c.position <= span.last
