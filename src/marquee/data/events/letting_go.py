"""Letting go: months of what was shown leave PostgreSQL once a snapshot holds them, event by event, in full partitions.

From then on the snapshot's folder is the only place where they are; it knows what to do when a viewer is forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, select, update

from marquee.data.events import months
from marquee.data.events.database import Database
from marquee.data.events.months import Month
from marquee.data.events.schema import EVENTS, LET_GO, SHOWN
from marquee.data.events.snapshot import full_until
from marquee.errors import StoreError

_PAGE_ROWS = 50_000  # rows in memory


@dataclass(frozen=True)
class LetGo:
    months: int
    events: int


def let_go(database: Database, partition_rows: int, folder: Path, before: datetime) -> LetGo:
    """What was shown in months that had ended by then; StoreError if the snapshot should have them and has not."""
    if not database.has_months:
        raise StoreError(f"event store {database.name}: is one table; months can be let go on PostgreSQL alone")
    gone = LetGo(0, 0)
    with database.read() as connection:
        known, until = tuple(months.shown_before(connection, before)), full_until(folder, partition_rows)
    for month in known:
        if month.position <= until:
            gone = LetGo(gone.months + 1, gone.events + _held(database, folder, month))
            with database.write() as connection:
                months.drop(connection, month)
                connection.execute(
                    update(LET_GO).where(LET_GO.c.position < month.position).values(position=month.position)
                )
    return gone


def _held(database: Database, folder: Path, month: Month) -> int:
    """How many events the month has, each of which is in the snapshot."""
    kept = pl.scan_parquet(folder / "*.parquet").filter(pl.col("kind") == "shown").select("position", "event_id")
    events = 0
    with database.read() as connection:
        for page in _pages(connection, month):
            first, last = page["position"][0], page["position"][-1]
            there = kept.filter(pl.col("position").is_between(first, last)).sort("position").collect()
            if not page.join(there, on=["position", "event_id"], how="anti").is_empty():
                raise StoreError(
                    f"snapshot {folder}: lacks some of what was shown at positions {first:,} to {last:,}; "
                    "run `marquee events snapshot` into it first"
                )
            events += page.height
    return events


def _pages(connection: Connection, month: Month) -> Iterator[pl.DataFrame]:
    of_month = select(EVENTS.c.position, EVENTS.c.event_id).where(
        SHOWN, EVENTS.c.recorded_at.between(month.first, month.end - 1)
    )
    after = 0
    while rows := connection.execute(
        of_month.where(EVENTS.c.position > after).order_by(EVENTS.c.position).limit(_PAGE_ROWS)
    ).all():
        yield pl.DataFrame(rows, {"position": pl.Int64(), "event_id": pl.String()}, orient="row")
        after = rows[-1].position
