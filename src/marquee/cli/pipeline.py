"""The pipeline on the command line: the demo world, the stages that dvc.yaml runs, and what there is by now."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from marquee.cli.show import DATA, DATABASE, DatabaseUrl, Into, out, params_of
from marquee.data.demo_world import at_netflix_scale, write_demo_world
from marquee.data.events import EventStore
from marquee.stages import tables
from marquee.stages.saving import metrics_of

SNAPSHOT = DATA / "snapshot"
_SHARES = ("matched", "known")

pipeline = typer.Typer()


class Scale(StrEnum):
    demo = "demo"
    netflix = "netflix"


@pipeline.command("demo-world")
def demo_world(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Empty, or with an earlier demo world, which is replaced.")],
    scale: Annotated[Scale, typer.Option(help="demo: as in params.yaml; netflix: 100 million ratings.")] = Scale.demo,
) -> None:
    """Write a small Netflix Prize with known tastes, its metadata and a stream of live events."""
    small = params_of(context).demo_world
    world = write_demo_world(folder, small if scale is Scale.demo else at_netflix_scale(small))
    out.print(
        f"{folder}: {world.viewers:,} viewers ({world.bots} of them bots), {world.titles:,} titles, "
        f"{world.ratings:,} ratings, {world.live_events:,} live events"
    )


@pipeline.command("titles")
def titles(context: typer.Context, into: Into = DATA) -> None:
    """Read the source's titles and join them with metadata (a stage of dvc.yaml)."""
    _show({"titles": tables.titles(params_of(context), into)})


@pipeline.command("ratings")
def ratings(context: typer.Context, into: Into = DATA) -> None:
    """Read the source's ratings, check every line, sort and save them (a stage of dvc.yaml)."""
    _show({"ratings": tables.ratings(params_of(context), into, datetime.now(UTC))})


@pipeline.command("interactions")
def interactions(
    context: typer.Context,
    snapshot: Annotated[Path, typer.Option(help="Partitions of the event store; none is no event.")] = SNAPSHOT,
    into: Into = DATA,
) -> None:
    """Put ratings and events together, one row a viewer and title (a stage of dvc.yaml)."""
    _show({"interactions": tables.interactions(params_of(context), snapshot, into)})


class Stage(StrEnum):
    SPLIT = "split"
    RETRIEVE = "retrieve"
    RANK = "rank"
    STARS = "stars"
    EVALUATE = "evaluate"
    RECOMMENDER = "recommender"


@pipeline.command("stage")
def stage(context: typer.Context, name: Stage, into: Into = DATA) -> None:
    """Make or measure models of the tables (the later stages of dvc.yaml)."""
    from marquee.stages import models

    _show({name: getattr(models, name)(params_of(context), into)})


@pipeline.command("pairs")
def pairs(
    context: typer.Context,
    which: Annotated[tables.Pairs, typer.Argument(help="The Netflix Prize's two lists of pairs.")],
    into: Into = DATA,
) -> None:
    """Read probe.txt or qualifying.txt into a table of its own."""
    _show({which: tables.pairs(params_of(context), which, into)})


@pipeline.command("status")
def status(context: typer.Context, database: DatabaseUrl = DATABASE, into: Into = DATA) -> None:
    """What there is by now: what each stage counted, and the event store."""
    with EventStore(database, params_of(context).events, None) as store:
        recorded = store.position()
    _show({**metrics_of(into), "events": {"recorded": recorded}})


def _show(counted: Mapping[str, Mapping[str, object]]) -> None:
    table = Table("stage", "what", "how much", box=None, header_style="dim")
    for stage, metrics in counted.items():
        for name, figure in metrics.items():
            table.add_row(stage, name, _words(figure, ".1%" if name in _SHARES else ",.4g"))
    out.print(table)


def _words(figure: object, form: str) -> str:
    if isinstance(figure, Mapping):
        return "\n".join(f"{name} {_words(part, form)}" for name, part in figure.items()) or "none"
    if isinstance(figure, float):
        return f"{figure:{form}}"
    return f"{figure:,}" if isinstance(figure, int) else str(figure)
