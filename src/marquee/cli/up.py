"""`marquee up`: everything that runs, in one terminal with one log, until Ctrl-C."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from marquee import logs
from marquee.cli.show import DATA, out
from marquee.logs import Form
from marquee.params import read_params
from marquee.up.parts import House, Part, Ports, all_parts

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
_WHAT = {
    Part.SERVICE: "recommends: the page of its endpoints",
    Part.REGISTRY: "MLflow: every model, and which is champion",
    Part.WATCH_API: "the stand-in for the watch API: who watches what, now",
    Part.FLOWS: "Prefect: what runs when, and how it went",
    Part.DRIFT: "Evidently: how far the world has moved, look by look",
}
_WAY_OUT = "end it, or move all ports with `--port-offset 100` (MARQUEE_PORT_OFFSET=100 for `make up`)"

running = typer.Typer()


@running.command("up")
def up(
    only: Annotated[list[Part] | None, typer.Option(help="Just this part; once for each. All if not given.")] = None,
    without: Annotated[
        list[Part] | None, typer.Option(envvar="MARQUEE_UP_WITHOUT", help="Not this part; once for each.")
    ] = None,
    port_offset: Annotated[
        int, typer.Option(min=0, max=50_000, envvar="MARQUEE_PORT_OFFSET", help="Added to every port.")
    ] = 0,
    check: Annotated[bool, typer.Option("--check", help="Only see that nothing is in the way of it.")] = False,
) -> None:
    """Run the service, the registry, the watch API's stand-in, the flows and the pages on drift, until Ctrl-C."""
    from marquee.serve.settings import read_settings
    from marquee.up import databases, together

    settings = read_settings(os.environ)
    house = House(
        parts=(frozenset(only) if only else all_parts()) - frozenset(without or ()),
        ports=Ports(settings.port).moved(port_offset),
        state=settings.state.resolve(),
        database_url=settings.database_url,
        surroundings=os.environ,
    )
    programs = house.programs()
    with ExitStack() as alone:
        alone.enter_context(together.only_one(house.state / "up.lock"))
        together.check_ports(programs, _WAY_OUT)
        if check:
            return
        if house.parts & {Part.REGISTRY, Part.FLOWS}:
            databases.prepare(house.database_url)
        log = _JsonLog() if settings.log is Form.JSON else _Log([program.name for program in programs])
        if Part.REGISTRY in house.parts:
            register_first(house, settings.model, log.say)
        code = together.run(programs, log.tell, lambda: log.welcome(house))
    raise typer.Exit(code)


def register_first(house: House, model: Path, say: Callable[[str], None]) -> None:
    """A model that the registry has never seen is champion, unless the gate refuses it beside the one there is; those
    that it knows have been judged.
    """
    from marquee import registry as versions
    from marquee.model.folder import fingerprint_of

    registry = house.databases.mlflow
    versions.settle(registry, house.registered)
    if fingerprint_of(model) in {version.fingerprint for version in versions.versions(registry)}:
        return
    champion = versions.champion(registry)
    version, is_refused = _registered(registry, model, say)
    if champion is not None and is_refused:
        say(f"{model} is version {version} in the registry; the gate refuses it: version {champion} stays champion")
        return
    versions.promote(registry, version, "marquee up", "made by hand, and never seen before", datetime.now(UTC))
    say(f"{model} is version {version} in the registry, and champion")


def _registered(registry: str, model: Path, say: Callable[[str], None]) -> tuple[str, bool]:
    """And whether the gate refuses it. What the pipeline left comes with all that a challenger is held against later;
    any other model comes alone, and nobody can judge it.
    """
    from marquee import registry as versions
    from marquee.loop import retraining
    from marquee.loop.signature import signed

    if model.resolve() != (DATA / "model").resolve() or not retraining.is_whole(DATA):
        return versions.register(registry, model, signed(versions.NOTHING)), False
    say(f"{model} is measured ...")
    found = retraining.judge(registry, read_params(Path("params.yaml")), DATA)
    version = retraining.register(registry, DATA, retraining.position(DATA), found)
    return version, not found.verdict.promoted


class _Log:
    """A line a line, each with the name of who said it; in colour on a terminal."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names))
        self._colours = dict(zip(names, cycle(_COLOURS), strict=False))

    def tell(self, name: str, line: str) -> None:
        out.print(Text.assemble((f"{name:<{self._width}} | ", self._colours[name]), Text.from_ansi(line)))

    def say(self, line: str) -> None:
        out.print(line)

    def welcome(self, house: House) -> None:
        width = max(map(len, house.addresses.values()))
        out.print()
        for part, address in house.addresses.items():
            out.print(f"  [bold]{part:<10}[/] {address:<{width}}   {_WHAT[part]}")
        out.print()
        if Part.SERVICE in house.parts:
            address = house.addresses[Part.SERVICE]
            out.print(f"""  Try  curl --json '{{"user_id": 1, "k": 5, "explain": true}}' {address}/recommend""")
        out.print("  Ctrl-C stops all of it.\n")


class _JsonLog:
    """An object a line, for whoever collects them."""

    def tell(self, name: str, line: str) -> None:
        typer.echo(logs.wrapped(name, line))

    def say(self, line: str) -> None:
        self.tell("up", line)

    def welcome(self, house: House) -> None:
        self.say(f"Ready: {', '.join(house.addresses.values())}; Ctrl-C stops all of it.")
