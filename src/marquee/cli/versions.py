"""The registry on the command line: which models there are, which is served, who changed that, and changing it."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from marquee.cli.show import DATABASE, DatabaseUrl, out, params_of

_LISTED = 10  # changes of champion that are shown


def _beside_the_events() -> str:
    from marquee.registry import beside

    return beside(os.environ.get("MARQUEE_DATABASE_URL", DATABASE), Path(os.environ.get("MARQUEE_STATE", "state")))


Registry = Annotated[
    str,
    typer.Option(
        "--registry",
        envvar="MARQUEE_REGISTRY_URL",
        default_factory=_beside_the_events,
        help="sqlite:///file or http://host:port of MLflow; beside the event store if not given",
    ),
]
Why = Annotated[str, typer.Option(help="Is kept in the audit, with your name and the time.")]

versions = typer.Typer()


@versions.command("models")
def models(registry: Registry) -> None:
    """All versions with what they are worth, and who became champion when, and why."""
    from marquee import registry as known

    table = Table("version", "alias", "registered", "verdict", "events up to", "git", "fingerprint", box=None)
    for version in known.versions(registry):
        at, tags = f"{version.registered_at.astimezone(UTC):%Y-%m-%d %H:%M}", version.tags
        told = (tags.get("verdict", ""), tags.get("event position", ""), tags.get("git revision", "")[:10])
        table.add_row(version.name, ", ".join(version.aliases), at, *map(escape, told), version.fingerprint[:12])
    out.print(table)
    for change in known.changes(registry)[:_LISTED]:
        before = f" after {change.before}" if change.before else ""
        out.print(escape(f"{change.at[:19]}  version {change.version}{before}, by {change.by}: {change.why}"))


@versions.command("register")
def register(
    folder: Annotated[Path, typer.Argument(help="A model folder; it is copied.")],
    registry: Registry,
    champion: Annotated[bool, typer.Option("--champion", help="Serve it from now on.")] = False,
) -> None:
    """Put a model into the registry as its next version."""
    from marquee import registry as known
    from marquee.loop.signature import signed

    version = known.register(registry, folder, signed(known.NOTHING))
    if champion:
        known.promote(registry, version, getpass.getuser(), "registered as champion", datetime.now(UTC))
    out.print(escape(f"{folder} is version {version}{', and champion' if champion else ''}"))


@versions.command("promote")
def promote(
    version: Annotated[str, typer.Argument(help="As `marquee models` shows it.")],
    registry: Registry,
    why: Why = "by hand",
) -> None:
    """Make a version champion, whatever the gate said."""
    from marquee import registry as known

    known.promote(registry, version, getpass.getuser(), why, datetime.now(UTC))
    out.print(escape(f"version {version} is champion"))


@versions.command("rollback")
def rollback(registry: Registry, why: Why = "by hand") -> None:
    """Make the champion before this one champion again."""
    from marquee import registry as known

    version = known.roll_back(registry, getpass.getuser(), why, datetime.now(UTC))
    out.print(f"version {version} is champion again")


@versions.command("reproduce")
def reproduce(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="As `marquee models` shows it.")],
    registry: Registry,
    into: Annotated[
        Path | None, typer.Option(help="A folder that is made for it; state/reproduced/VERSION if not given.")
    ] = None,
    database: DatabaseUrl = DATABASE,
) -> None:
    """Make a version again from what is kept of it; is it the same to the byte? In the project's folder."""
    from marquee.data.events import EventStore
    from marquee.loop import reproducing

    folder = into or Path("state/reproduced") / version
    with EventStore(database, params_of(context).events, None) as store:
        found = reproducing.reproduce(registry, version, folder, store, lambda line: out.print(escape(line)))
    if found.is_equal:
        out.print(f"equal: {found.folder} is version {version} to the byte, fingerprint {found.fingerprint[:12]}")
        return
    out.print(f"not equal: {found.folder} is not version {version}; these files differ:")
    for name in found.differ:
        out.print(escape(f"  {name}"))
    raise typer.Exit(1)
