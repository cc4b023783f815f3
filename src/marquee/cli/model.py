"""The recommender on the command line, for tables of one's own: fit a model folder, and ask it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from marquee.cli.show import out, params_of, recipe_of
from marquee.errors import ModelError

Folder = Annotated[Path, typer.Option("--model", help="A folder that `marquee fit` made.")]
Out = Annotated[Path, typer.Option("--out", help="Parquet, or csv if it ends so; what is there is replaced.")]
Viewers = Annotated[Path | None, typer.Option(help="user_id, and any of age_group, gender, region.")]
Pairs = Annotated[Path, typer.Option(help="user_id, title_id, and rated_at where the moment is known.")]
K = Annotated[int, typer.Option("--k", min=0, help="How many titles.")]
TitleId = Annotated[int, typer.Option("--title", help="The title's id.")]

model = typer.Typer()


@model.command("fit")
def fit(
    context: typer.Context,
    ratings: Annotated[Path, typer.Option(help="user_id, title_id, rating, rated_at.")],
    to: Annotated[Path, typer.Option(help="The model folder; an earlier model there is replaced.")],
    titles: Annotated[Path | None, typer.Option(help="title_id, and any other column of the titles table.")] = None,
    viewers: Viewers = None,
) -> None:
    """Fit a model by the recipe that Marquee ships with; no params.yaml, no other file is looked at."""
    from marquee.cli import asking

    fingerprint = asking.fit(recipe_of(context), ratings, titles, viewers, to)
    out.print(escape(f"{to}: model {fingerprint}"))


@model.command("recommend")
def recommend(
    context: typer.Context,
    folder: Folder,
    to: Out,
    users: Annotated[str | None, typer.Option(help="all, or a file with a column user_id.")] = None,
    histories: Annotated[Path | None, typer.Option(help="Ratings: each viewer's whole history as of now.")] = None,
    viewers: Viewers = None,
    k: K = 100,
) -> None:
    """Write each viewer's list of the k best titles, nothing already rated: user_id, title_id, rank, score.

    With `-S engine=spark` all viewers' lists are made on a cluster and written as a folder of parts.
    """
    from marquee.cli import asking

    params = recipe_of(context)
    if params.engine == "spark":
        if users != asking.EVERYBODY or (histories or viewers) is not None:
            raise ModelError(
                "recommend on a cluster makes the lists of everybody whom the model was fitted on; "
                "give --users all alone, or ask this machine with `marquee -S engine=here recommend ...`"
            )
        from marquee.cli.placing import check_out_folder

        check_out_folder(to, folder)
        from marquee.spark.lists import write_lists

        write_lists(folder, k, params.spark, to)
    elif users is not None and histories is None:
        asking.recommend_known(folder, users, viewers, k, to)
    elif histories is not None and users is None:
        asking.recommend_handed(folder, histories, viewers, k, to)
    else:
        raise ModelError("recommend needs either --users or --histories; give one of them")


@model.command("stars")
def stars(folder: Folder, pairs: Pairs, to: Out) -> None:
    """Write the rating that each viewer would give each title: user_id, title_id, rating."""
    from marquee.cli import asking

    asking.stars(folder, pairs, to)


@model.command("similar")
def similar(folder: Folder, title_id: TitleId, k: K = 20) -> None:
    """Show the titles that the same viewers want."""
    from marquee.cli import asking

    table = Table("title_id", "name", "score", box=None, header_style="dim")
    for other, name, score in asking.similar(folder, title_id, k).iter_rows():
        table.add_row(str(other), escape(name), f"{score:.3f}")
    out.print(table)


@model.command("explain")
def explain(
    folder: Folder, user_id: Annotated[int, typer.Option("--user", help="The viewer's id.")], title_id: TitleId
) -> None:
    """Say why a title is for a viewer: one sentence, what of the history carries it, what raised it."""
    from marquee.cli import asking

    told = asking.explain(folder, user_id, title_id)
    out.print(escape(told.reason.sentence))
    if told.is_rated:
        out.print("  rated already, so it is in no list; this would be why if it were not")
    for carrier, share in told.reason.carried:
        out.print(escape(f"  {share:.0%} {told.names[carrier]}"))
    for words, by in told.reason.raised:
        out.print(escape(f"  {by:+.3f} {words}"))


@model.command("tune")
def tune(
    context: typer.Context,
    minutes: Annotated[float, typer.Option(min=0, help="How long to try; a trial that has begun is finished.")],
    ratings: Annotated[
        Path | None, typer.Option(help="As for fit; without, those of data/tables, and its titles.")
    ] = None,
    titles: Annotated[Path | None, typer.Option(help="As for fit.")] = None,
) -> None:
    """Try other numbers for the ranker on the lessons of the past; params.yaml stays as it is."""
    from marquee.cli import tuning

    if ratings is None:
        ratings, titles = tuning.tables_of_project()
    found = tuning.tune(params_of(context), ratings, titles, minutes)
    out.print(tuning.told(found))
    best = max(found, key=lambda trial: trial.score)
    out.print(escape(f"{len(found)} tried; the best, for params.yaml:\n{tuning.lines(best)}"))
