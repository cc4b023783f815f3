"""What commands share: where they print, the options they have in common, the params they were started with."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marquee.params import Params

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DatabaseUrl = Annotated[
    str, typer.Option("--database", envvar="MARQUEE_DATABASE_URL", help="sqlite:///file or postgresql://user@host/name")
]
Into = Annotated[Path, typer.Option(help="The folder of tables/, rejects/, reports/ and metrics/.")]
UserId = Annotated[int, typer.Argument(min=1, help="The viewer's id.")]

DATABASE = "sqlite:///state/events.db"
DATA = Path("data")


def params_of(context: typer.Context) -> Params:
    params = context.obj()
    assert isinstance(params, Params)
    return params
