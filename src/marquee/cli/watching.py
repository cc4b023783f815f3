"""What people watch, on the command line: the watch API, its stand-in, and a viewer's own history from elsewhere."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import sleep, time
from typing import Annotated

import typer
from rich.markup import escape

from marquee.cli.show import DATA, DATABASE, DatabaseUrl, Into, err, out, params_of
from marquee.data.events import EventStore
from marquee.data.history_import import HistoryImport, import_history, read_history
from marquee.data.watch_simulator import NAMES, Faults, WatchSimulator
from marquee.errors import ParamsError, WatchApiError
from marquee.loop.collecting import Collected, Collector, KeptPace, appended, collector
from marquee.stages import tables

STATE = Path("state")

watching = typer.Typer()


@watching.command("watch-api")
def watch_api(
    folder: Annotated[Path, typer.Argument(help="A demo world.")] = DATA / "demo",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0 takes a free one.")] = 8765,
    limit: Annotated[float, typer.Option(min=0, help="Whoever asks sooner than so many seconds gets a 429.")] = 0,
    fault: Annotated[
        list[str] | None, typer.Option(help=f"A share of the answers is at fault: html=0.2. Faults: {', '.join(NAMES)}")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """A stand-in for the watch API: tells a demo world's live events in its format, with its faults if asked."""
    faults = Faults(shares=dict(map(_share, fault or ())), seed=seed, limit_s=limit)
    with WatchSimulator(folder, faults, lambda: datetime.now(UTC), port=port) as simulator:
        typer.echo(f"the watch API of {folder} is at {simulator.url} ; Ctrl-C stops it")
        simulator.serve_forever(typer.echo)


@watching.command("watch")
def watch(
    context: typer.Context,
    calls: Annotated[int | None, typer.Option(min=1, help="Stop after so many; without it, never.")] = None,
    database: DatabaseUrl = DATABASE,
    into: Into = DATA,
) -> None:
    """Ask the watch API who is watching what, and store it; rows without sense go to rejects/watch_api.csv."""
    params = params_of(context)
    with collector(params, database, into, STATE, lambda pause_s, file: KeptPace(pause_s, file, time, sleep)) as one:
        if one is None:
            raise WatchApiError(f"{STATE}: another collector runs; two would ask more often than is allowed")
        for collected in _polls(one, calls):
            told = f"{collected.new} new, {collected.known} known, {one.rejects.total} set aside so far"
            typer.echo(f"{datetime.now(UTC):%H:%M:%S}  {told}")


def _polls(one: Collector, calls: int | None) -> Iterator[Collected]:
    """So many polls; or one after another for ever, also past those that failed."""
    for _ in count() if calls is None else range(calls):
        try:
            yield one.collect()
        except WatchApiError as error:
            if calls is not None:
                raise
            err.print(escape(f"{datetime.now(UTC):%H:%M:%S}  {error}"))


@watching.command("import-history")
def import_of_history(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An export of Netflix, Letterboxd, IMDb or Trakt.")],
    user_id: Annotated[int, typer.Option(min=1, help="The viewer whose history it is.")],
    profile: Annotated[str | None, typer.Option(help="Whose, if the file holds several profiles.")] = None,
    confirm: Annotated[
        list[str] | None, typer.Option(help='A near miss settled by you: "Heat (1995)=42", name and title_id.')
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be matched; store nothing.")] = False,
    database: DatabaseUrl = DATABASE,
    into: Into = DATA,
) -> None:
    """Bring a viewer's own history: its titles are matched with the catalogue, and what is unsure is listed."""
    params = params_of(context)
    history = read_history(file, params.history_import, profile)
    titles = tables.read_titles(into)
    imported = import_history(history, user_id, titles, params.catalogue, dict(map(_choice, confirm or ())))
    _tell(imported)
    if not dry_run:
        with EventStore(database, params.events, frozenset(titles["title_id"])) as store:
            new, known, refused = appended(store, imported.events, params.events.batch_limit)
        names = dict(titles.select("title_id", "name").iter_rows())
        for event, reason in refused:
            err.print(escape(f"  refused {event['kind']} of {names[event['title_id']]}: {reason}"))
        out.print(f"{new:,} new events, {known:,} known already, {len(refused):,} refused")


def _tell(imported: HistoryImport) -> None:
    out.print(escape(f"{imported.format}: {imported.sentence} ({imported.assumes})"))
    for near in imported.near_misses:
        choices = "; ".join(
            f"{each.title_id}: {each.name} ({each.year}), {each.confidence:.2f}" for each in near.candidates
        )
        out.print(escape(f"  near    {near.label}  ->  {choices}"))
    for missing in imported.not_found:
        out.print(escape(f"  missing {missing.label}"))
    for reason, rows in imported.skipped.items():
        out.print(escape(f"  skipped {rows:,}: {reason}"))
    for bad in imported.malformed:
        err.print(escape(f"  line {bad.line}: {bad.reason}: {bad.text}"))


def _share(fault: str) -> tuple[str, float]:
    name, _, share = fault.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise ParamsError(f"--fault {fault}: write it as name=share, such as html=0.2") from None


def _choice(confirm: str) -> tuple[str, int]:
    name, _, title_id = confirm.rpartition("=")
    if not name or not title_id.isdecimal():
        raise ParamsError(f'--confirm {confirm}: write it as "name=title_id", such as "Heat (1995)=42"')
    return name, int(title_id)
