"""The `marquee` command. Thin: get, call, show. A command is one function in the file of its subject.

Errors of the project are one line and exit code 2; `marquee --debug ...` shows the traceback.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from marquee.cli.events import events
from marquee.cli.model import model
from marquee.cli.pipeline import pipeline
from marquee.cli.serving import keys, serving
from marquee.cli.shipping import shipping
from marquee.cli.show import Asked, err
from marquee.cli.up import running
from marquee.cli.versions import versions
from marquee.cli.watching import watching
from marquee.errors import MarqueeError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="What should a viewer watch next?")
app.add_typer(pipeline)
app.add_typer(model)
app.add_typer(watching)
app.add_typer(serving)
app.add_typer(versions)
app.add_typer(shipping)
app.add_typer(running)
app.add_typer(events, name="events")
app.add_typer(keys, name="keys")


def main() -> None:
    """Runs the command line; the one place where errors become words."""
    if "--debug" in sys.argv:
        app()
    try:
        app()
    except MarqueeError as error:
        err.print(f"[bold red]error:[/] {escape(' '.join(str(error).split()))}")
        sys.exit(2)
    except OSError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}; name a file or folder that can be used")
        sys.exit(2)
    except Exception as error:
        err.print(f"[bold red]a defect in Marquee:[/] {escape(repr(error))}; `marquee --debug ...` shows where")
        sys.exit(1)


@app.callback()
def options(
    context: typer.Context,
    params: Annotated[
        Path | None,
        typer.Option(help="Every number; else this folder's params.yaml, for `fit` the shipped ones."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", "-S", help="Lay key=value over the params: -S source.path=ml-25m.zip")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    context.obj = Asked(params, tuple(changes or ()))
