"""The record up to a position, as Parquet partitions of a fixed number of positions each.

A file's name says which positions it covers and, when viewers asked to be forgotten, how many of them became empty.
So a name means the same bytes of its store for ever: what is there is kept if its first and last row are this store's,
what is missing is written, any other file with a name of this form is removed. Beside them lies who asked to
be forgotten, if anybody did, for whatever else is known of them: their ratings.

Of what was let go (letting_go.py) the file is all there is. It is made anew of itself, without whoever was forgotten.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, Table, func, insert, select

from marquee import tables
from marquee.data.events.database import Database
from marquee.data.events.schema import EVENTS, FORGOTTEN_POSITIONS, FORGOTTEN_VIEWERS, LET_GO
from marquee.errors import StoreError

FORGOTTEN = "forgotten.csv"

_PAGE_ROWS = 50_000  # rows in memory
_ROW_GROUP = 250_000
_OURS = re.compile(r"events-([0-9]{12,})-([0-9]{12,})(-without-[0-9]+)?\.parquet")  # what `_name` writes
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
    with database.read() as connection:
        let_go = connection.execute(select(LET_GO.c.position)).scalar_one()
    wanted = tuple(
        (_partition if span.first > let_go else _kept_partition)(database, span, folder, pages)
        for span in _spans(partition_rows, position)
    )
    for other in set(folder.iterdir()) - set(wanted):
        if _OURS.fullmatch(other.name):
            other.unlink()
    _save_forgotten(database, folder / FORGOTTEN)
    return wanted


def full_until(folder: Path, partition_rows: int) -> int:
    """The position up to which it holds full partitions; the last one may yet change its name."""
    found = (_OURS.fullmatch(path.name) for path in folder.iterdir())
    spans = (Span(int(each[1]), int(each[2])) for each in found if each)
    return max((span.last for span in spans if span.last - span.first + 1 == partition_rows), default=0)


def _save_forgotten(database: Database, path: Path) -> None:
    """user_id, and until when everything of theirs is to be forgotten, in milliseconds since 1970; if anybody is."""
    with database.read() as connection:
        rows = connection.execute(select(FORGOTTEN_VIEWERS).order_by(FORGOTTEN_VIEWERS.c.user_id)).all()
    if not rows:
        path.unlink(missing_ok=True)
        return
    part = path.with_suffix(".part")
    pl.DataFrame(rows, {"user_id": pl.Int64(), "until": pl.Int64()}, orient="row").write_csv(part)
    part.replace(path)


def _spans(partition_rows: int, position: int) -> Iterator[Span]:
    """Full ones and the unfinished tail; an empty record is one empty tail, so that there is always a table to read."""
    starts = range(1, position + 1, partition_rows) or [1]
    return (Span(first, min(first + partition_rows - 1, position)) for first in starts)


def _partition(database: Database, span: Span, folder: Path, pages: Path) -> Path:
    with database.read() as connection:
        path = folder / _name(span, _forgotten(connection, span))
        if path.exists():
            _check(path, _ends(connection, span))
            return path
        pages.mkdir()
        for number, frame in enumerate(chain([_NO_ROWS], _frames(connection, span))):
            frame.write_ipc(pages / f"{number:06d}.arrow")
    pl.scan_ipc(pages / "*.arrow").sink_parquet(pages / path.name, row_group_size=_ROW_GROUP)
    (pages / path.name).rename(path)
    shutil.rmtree(pages)
    return path


def _kept_partition(database: Database, span: Span, folder: Path, pages: Path) -> Path:
    """The store has only what viewers did of it, and maybe not all of that: some may have been forgotten since."""
    source = max(folder.glob(f"{_name(span, 0).removesuffix('.parquet')}*.parquet"), default=None)
    if source is None:
        raise StoreError(
            f"snapshot {folder}: lacks positions {span.first:,} to {span.last:,}, which were let go from the store; "
            "put the partition there from a copy of the snapshot"
        )
    kept = pl.scan_parquet(source)
    with database.read() as connection:
        _check_some(source, _ends(connection, span))
        viewers = connection.execute(select(FORGOTTEN_VIEWERS)).all()
    _note_forgotten(database, span, kept, viewers)
    with database.read() as connection:
        positions = _forgotten_positions(connection, span)
    path = folder / _name(span, len(positions))
    if not path.exists():
        pages.mkdir()
        kept.filter(~pl.col("position").is_in(positions)).sink_parquet(pages / path.name, row_group_size=_ROW_GROUP)
        (pages / path.name).rename(path)
        shutil.rmtree(pages)
    return path


def _note_forgotten(database: Database, span: Span, kept: pl.LazyFrame, viewers: Sequence[Row[Any]]) -> None:
    """Where the events of forgotten viewers are, which the store could not tell any more."""
    until = pl.LazyFrame(viewers, {"user_id": pl.Int64(), "until": pl.Int64()}, orient="row")
    theirs = kept.join(until, on="user_id").filter(pl.col("happened_at").dt.epoch("ms") <= pl.col("until"))
    positions = theirs.select("position").collect()["position"].to_list()
    with database.write() as connection:
        if new := set(positions) - set(_forgotten_positions(connection, span)):
            connection.execute(insert(FORGOTTEN_POSITIONS), [{"position": position} for position in sorted(new)])


def _forgotten_positions(connection: Connection, span: Span) -> Sequence[int]:
    gone = select(FORGOTTEN_POSITIONS.c.position).where(*_within(FORGOTTEN_POSITIONS, span))
    return connection.execute(gone).scalars().all()


def _check_some(path: Path, ends: pl.DataFrame) -> None:
    try:
        is_ours = (
            pl.scan_parquet(path)
            .join(ends.lazy(), on="position", how="semi")
            .collect()
            .equals(ends.unique("position").sort("position"))
        )
    except pl.exceptions.PolarsError:
        raise StoreError(f"snapshot {path}: cannot be read; put it there from a copy of the snapshot") from None
    if not is_ours:
        raise StoreError(f"snapshot {path}: it holds events of another store; snapshot into another folder")


def _check(path: Path, ends: pl.DataFrame) -> None:
    """The name does not say whose events they are."""
    kept = pl.scan_parquet(path)
    try:
        is_ours = pl.concat([kept.head(1), kept.tail(1)]).collect().equals(ends)
    except pl.exceptions.PolarsError:
        raise StoreError(f"snapshot {path}: cannot be read; remove it, and it is written anew") from None
    if not is_ours:
        raise StoreError(f"snapshot {path}: it holds events of another store; snapshot into another folder")


def _name(span: Span, forgotten: int) -> str:
    without = f"-without-{forgotten}" if forgotten else ""
    return f"events-{span.first:012d}-{span.last:012d}{without}.parquet"


def _forgotten(connection: Connection, span: Span) -> int:
    return connection.execute(select(func.count()).where(*_within(FORGOTTEN_POSITIONS, span))).scalar_one()


def _frames(connection: Connection, span: Span) -> Iterator[pl.DataFrame]:
    while rows := connection.execute(
        select(EVENTS).where(*_within(EVENTS, span)).order_by(EVENTS.c.position).limit(_PAGE_ROWS)
    ).all():
        yield _frame(rows)
        span = Span(rows[-1].position + 1, span.last)


def _ends(connection: Connection, span: Span) -> pl.DataFrame:
    """The first and the last event: twice the same if there is but one, none if there is none."""
    of_span = select(EVENTS).where(*_within(EVENTS, span)).limit(1)
    orders = (EVENTS.c.position, EVENTS.c.position.desc())
    return _frame([row for order in orders for row in connection.execute(of_span.order_by(order))])


def _frame(rows: Sequence[Row[Any]]) -> pl.DataFrame:
    raw = pl.DataFrame(rows, schema=_RAW, orient="row")
    return raw.cast({"happened_at": tables.WHEN, "recorded_at": tables.WHEN})


def _within(table: Table, span: Span) -> tuple[ColumnElement[bool], ...]:
    return table.c.position >= span.first, table.c.position <= span.last
