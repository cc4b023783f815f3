"""What commands share: where they print, the options they have in common, the params they were started with."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marquee.params import Params, read_params

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DatabaseUrl = Annotated[
    str, typer.Option("--database", envvar="MARQUEE_DATABASE_URL", help="sqlite:///file or postgresql://user@host/name")
]
Into = Annotated[Path, typer.Option(help="The folder of tables/, rejects/, reports/ and metrics/.")]
UserId = Annotated[int, typer.Argument(min=1, help="The viewer's id.")]

DATABASE = "sqlite:///state/events.db"
DATA = Path("data")


@dataclass(frozen=True)
class Asked:
    """What was said of params before the command's name; read when a command asks for them, since help needs none."""

    file: Path | None
    changes: tuple[str, ...]


def params_of(context: typer.Context) -> Params:
    """The project's: those of the folder that the command runs in."""
    asked = _asked(context)
    return read_params(asked.file or Path("params.yaml"), asked.changes)


def recipe_of(context: typer.Context) -> Params:
    """The recipe that Marquee ships with, wherever the command runs."""
    asked = _asked(context)
    with as_file(files("marquee") / "params.yaml") as shipped:
        return read_params(asked.file or shipped, asked.changes)


def _asked(context: typer.Context) -> Asked:
    assert isinstance(context.obj, Asked)
    return context.obj
