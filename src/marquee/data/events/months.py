"""Months: on PostgreSQL an event lies in a table of the month it was recorded in, what was `shown` in one of its own.

A month is made by the first event of it, and beside the others: nobody who reads waits for it. A month of what was
shown may be let go, once a snapshot holds it; what viewers did stays, for the service answers from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, text

from marquee.data.events.schema import EVENTS, SHOWN
from marquee.data.events.validity import epoch_ms, moment_of

_KINDS = ("deeds", "shown")
_PATIENCE = "5s"  # with those who read just now; whoever comes after us would wait as long
_TABLES = text("SELECT relid::regclass::text FROM pg_partition_tree('events_shown') WHERE isleaf ORDER BY 1")


@dataclass(frozen=True)
class Month:
    """Of what was shown: the table, its bounds in milliseconds since 1970, and the last position in it."""

    table: str
    first: int
    end: int
    position: int


def make(connection: Connection, recorded_at: int) -> None:
    """The month of that moment, if it is not there; in a transaction that writes."""
    first, end = _bounds(moment_of(recorded_at))
    month = f"{moment_of(first):%Y_%m}"
    if connection.execute(select(func.to_regclass(f"events_deeds_{month}"))).scalar() is not None:
        return
    for kind in _KINDS:
        table = f"events_{kind}_{month}"
        connection.execute(text(f"CREATE TABLE {table} (LIKE events)"))
        connection.execute(
            text(f"ALTER TABLE events_{kind} ATTACH PARTITION {table} FOR VALUES FROM ({first}) TO ({end})")
        )


def shown_before(connection: Connection, moment: datetime) -> Iterator[Month]:
    """The months of what was shown that had ended by then, the oldest first."""
    for table in connection.execute(_TABLES).scalars():
        at = datetime.strptime(table.rpartition("shown_")[2], "%Y_%m").replace(tzinfo=UTC)
        first, end = _bounds(at)
        if end <= epoch_ms(moment):
            last = select(func.max(EVENTS.c.position)).where(SHOWN, EVENTS.c.recorded_at.between(first, end - 1))
            yield Month(table, first, end, connection.execute(last).scalar() or 0)


def drop(connection: Connection, month: Month) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    connection.execute(text(f"DROP TABLE {month.table}"))


def months_ago(now: datetime, months: int) -> datetime:
    """When the first of so many whole months before this one began."""
    years, month = divmod(now.month - 1 - months, 12)
    return now.replace(year=now.year + years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def _bounds(at: datetime) -> tuple[int, int]:
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return epoch_ms(first), epoch_ms(after)
