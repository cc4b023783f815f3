"""The event store on the command line: add, look back, export, forget, snapshot, migrate."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.markup import escape
from rich.table import Table

from marquee.cli.show import DATA, DATABASE, DatabaseUrl, Into, UserId, err, out, params_of
from marquee.data.events import EventStore, migrate
from marquee.data.events.batch import FORGOTTEN
from marquee.data.events.database import known_url
from marquee.data.events.months import months_ago
from marquee.errors import SourceError, StoreError
from marquee.stages import tables

LISTED = 20  # refusals shown one by one; the rest is counted

events = typer.Typer(no_args_is_help=True, help="The event store: what viewers did.")


@events.command("add")
def add(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="One JSON event a line; - reads standard input.")] = None,
    database: DatabaseUrl = DATABASE,
    into: Into = DATA,
) -> None:
    """Append events from JSON lines; without a file, the live events that came with the source, if any.

    An event sent twice counts once. The invalid are refused, with their reasons, and make the exit code 1. What viewers
    did before they asked to be forgotten is refused too, as it should be: that is no failure.
    """
    params = params_of(context)
    beside = Path(params.source.path, "live_events.jsonl")
    if file is None and not beside.exists():
        out.print(escape(f"no live events came with {beside.parent}"))
        return
    file = file or beside
    total: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with EventStore(database, params.events, tables.known_titles(into)) as store, _opened(file) as lines:
        for first, batch in _batches(lines, params.events.batch_limit):
            receipt = store.append(batch, datetime.now(UTC))
            invalid = [refusal for refusal in receipt.refused if refusal.reason != FORGOTTEN]
            total += Counter(accepted=receipt.accepted, duplicates=receipt.duplicates)
            total["forgotten"] += len(receipt.refused) - len(invalid)
            for refusal in invalid:
                refused[refusal.reason] += 1
                if refused.total() <= LISTED:
                    err.print(escape(f"{file}:{first + refusal.index}: {refusal.reason}"))
    if refused.total() > LISTED:
        err.print(escape("refused in all: " + "; ".join(f"{n:,} times: {why}" for why, n in refused.most_common())))
    out.print(f"{total['accepted']:,} accepted, {total['duplicates']:,} duplicates, {refused.total():,} refused")
    if total["forgotten"]:
        out.print(f"{total['forgotten']:,} left out: their viewers asked to be forgotten after they happened")
    if refused:
        raise typer.Exit(1)


@events.command("history")
def history(
    context: typer.Context,
    user_id: UserId,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 20,
    database: DatabaseUrl = DATABASE,
) -> None:
    """What a viewer did last."""
    table = Table("happened at", "kind", "title", "value", "source", "detail", box=None, header_style="dim")
    with EventStore(_there(database), params_of(context).events, None) as store:
        for row in store.history(user_id, limit):
            at = f"{datetime.fromtimestamp(row.happened_at / 1000, UTC):%Y-%m-%d %H:%M:%S}"
            cells = (row.title_id, row.value, row.source, row.detail)
            table.add_row(at, row.kind, *(escape("" if cell is None else str(cell)) for cell in cells))
    out.print(table)


@events.command("export")
def export(context: typer.Context, user_id: UserId, database: DatabaseUrl = DATABASE) -> None:
    """Everything that is stored of a viewer, as JSON lines."""
    with EventStore(_there(database), params_of(context).events, None) as store:
        for event in store.export(user_id):
            typer.echo(json.dumps(event, ensure_ascii=False))


@events.command("forget")
def forget(
    context: typer.Context,
    user_id: UserId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseUrl = DATABASE,
) -> None:
    """Delete everything that is stored of a viewer, for good."""
    if not yes:
        typer.confirm(f"Delete every event of viewer {user_id} for good?", abort=True)
    with EventStore(_there(database), params_of(context).events, None) as store:
        out.print(f"{store.forget(user_id, datetime.now(UTC)):,} events deleted; the next snapshot is without them")


@events.command("snapshot")
def snapshot(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Gets one Parquet file for each range of positions.")],
    position: Annotated[int | None, typer.Option(help="Everything up to here; the newest if not given.")] = None,
    database: DatabaseUrl = DATABASE,
) -> None:
    """Everything recorded up to a position, as Parquet partitions that never change again."""
    with EventStore(_there(database), params_of(context).events, None) as store:
        upto = store.position() if position is None else position
        files = store.snapshot(folder, upto)
    out.print(f"position {upto:,}: {len(files)} partitions in {folder}")


@events.command("let-go")
def let_go(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A snapshot; from then on the one place where they are.")],
    months: Annotated[int, typer.Option(min=1, help="Keep so many whole months, and the one that has begun.")],
    database: DatabaseUrl = DATABASE,
) -> None:
    """Drop what was shown in older months from PostgreSQL, once the snapshot holds it; what viewers did stays."""
    with EventStore(_there(database), params_of(context).events, None) as store:
        gone = store.let_go(folder, months_ago(datetime.now(UTC), months))
    out.print(f"let go: {gone.events:,} events of {gone.months} months; {folder} holds them")


@events.command("migrate")
def migrate_store(database: DatabaseUrl = DATABASE) -> None:
    """Bring an older database to this Marquee's version; an empty one is made so when it is first used."""
    out.print(f"the event store is of version {migrate(database)}")


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    if str(file) == "-":
        yield sys.stdin
        return
    try:
        with file.open(encoding="utf-8") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise SourceError(f"{file}: no UTF-8 text ({error}); name a file of JSON lines") from error


def _batches(lines: Iterable[str], size: int) -> Iterator[tuple[int, list[object]]]:
    """Batches of events, each with the number of its first line; a line that is no JSON is the store's to refuse."""
    lines, first = iter(lines), 1
    while batch := [_event(line) for line in islice(lines, size)]:
        yield first, batch
        first += len(batch)


def _event(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _there(database: str) -> str:
    """The same URL, unless it names a file that is not there: who looks back must not be shown a new, empty store."""
    url = known_url(database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise StoreError(f"{database}: no event store there yet; `marquee events add` makes one")
    return database
