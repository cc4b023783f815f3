"""Serving on the command line: start the service, make and revoke the keys it asks for."""

import os
import shutil
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from marquee.cli.show import DATABASE, DatabaseUrl, out, recipe_of
from marquee.data.api_keys import ApiKeys
from marquee.errors import RequestError, ServiceError

SERVICE = "marquee.serve.service:marquee"

serving = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="API keys of the service.")


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@serving.command("serve")
def serve(
    model: Annotated[Path | None, typer.Option(help="The model folder; data/model if not given.")] = None,
    database: DatabaseUrl = DATABASE,
    registry: Annotated[
        str | None, typer.Option(help="http://host:port of MLflow, whose champion is served as soon as there is one.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Any address but 127.0.0.1 needs API keys.")] = None,
    port: Annotated[int | None, typer.Option(help="3000 if not given.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 1 if not given.")] = None,
) -> None:
    """Answer over HTTP until Ctrl-C. The same as `bentoml serve` with the settings in its environment."""
    from marquee.serve.settings import read_settings, variable

    told: dict[str, object] = {"model": model, "database_url": database, "registry_url": registry}
    told |= {"host": host, "port": port, "workers": workers}
    environment = os.environ | {variable(name): str(value) for name, value in told.items() if value is not None}
    settings = read_settings(environment)
    bring_compiled(settings.compiled, environment.get("NUMBA_CACHE_DIR"))
    environment.setdefault("BENTOML_DO_NOT_TRACK", "True")
    environment.setdefault("BENTOML_HOME", str(settings.state.resolve() / "bentoml"))
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "bentoml", "serve", SERVICE], environment)  # noqa: S606


def bring_compiled(made: Path | None, kept: str | None) -> None:
    """A container begins with an empty folder, and to make the machine code of answering takes most of a minute."""
    if made is None or kept is None or Path(kept).exists():
        return
    if not made.is_dir():
        raise ServiceError(f"{made}: no such folder; make it by `NUMBA_CACHE_DIR={made} marquee compile`")
    shutil.copytree(made, kept)


@serving.command("compile")
def compile_(context: typer.Context) -> None:
    """Make the machine code that training and answering need, so that nobody waits for it later.

    It is kept where NUMBA_CACHE_DIR says, else beside the code.
    """
    from marquee.loop.compiling import compile_all

    compile_all(recipe_of(context))


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for whoever looks at the list.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may; once for each. read if not given.")] = None,
    database: DatabaseUrl = DATABASE,
) -> None:
    """Make a key and show it, this once."""
    with ApiKeys(database) as made:
        typer.echo(made.create(name, scope or [Scope.READ], datetime.now(UTC)))


@keys.command("list")
def show(database: DatabaseUrl = DATABASE) -> None:
    """All keys, the revoked too, without their secrets."""
    table = Table("id", "name", "scopes", "created", "last used", "revoked", box=None, header_style="dim")
    with ApiKeys(database) as known:
        for key in known.all():
            times = (key.created_at, key.last_used_at, key.revoked_at)
            table.add_row(key.key_id, escape(key.name), key.scopes, *map(_moment, times))
    out.print(table)


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `marquee keys list` shows it.")], database: DatabaseUrl = DATABASE
) -> None:
    """End a key for good; a running service knows within about a second."""
    with ApiKeys(database) as known:
        if not known.revoke(key_id, datetime.now(UTC)):
            raise RequestError(f"no key {key_id} to revoke; `marquee keys list` shows them")
    out.print(f"{key_id} is revoked")


def _moment(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
