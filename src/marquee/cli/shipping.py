"""Shipping on the command line: a model as one file that serves on a machine with nothing else of Marquee."""

from pathlib import Path
from typing import Annotated

import typer

from marquee.cli.versions import Registry

shipping = typer.Typer()


@shipping.command("package")
def package(
    registry: Registry,
    version: Annotated[
        str | None, typer.Argument(help="As `marquee models` shows it; the champion if not given.")
    ] = None,
    home: Annotated[Path, typer.Option(envvar="BENTOML_HOME", help="Of BentoML's stores.")] = Path("state/bentoml"),
) -> None:
    """Put a model, the code that serves it and the lock of what that needs into a Bento. In the project's folder."""
    from marquee import bento

    folder = bento.package(registry, version, Path(), home)
    typer.echo(f"serve it:  {bento.command('serve', folder)}")
    typer.echo(f"ship it:   {bento.command('export', folder)} marquee.bento")
