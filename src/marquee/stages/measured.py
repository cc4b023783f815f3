"""What the gate looks at: the model that was measured on the cut that decides, and the first of all its lists.

A model that ships has seen everything, also the answers of any test. Its twin was made by the same recipe and knows
only the past of the cut, so it can be held against a later challenger on the same viewers without having seen theirs.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from marquee.errors import ModelError, SourceError
from marquee.model.asked import histories_for, lists
from marquee.model.folder import Contents, load_model, save_model
from marquee.model.histories import Histories, histories_of
from marquee.model.ranker import Ranker
from marquee.model.recommender import Lister, params_of, recipe_of
from marquee.model.retrieval import restored_retriever
from marquee.model.split import Cut
from marquee.model.titles import Titles
from marquee.quality.report import DECIDES
from marquee.stages.saving import save_frame

FIRST = 10  # titles of each list that the gate looks at
_TWIN, _LISTS = Path("measured/twin"), Path("measured/lists.parquet")


def save_measured(twin: Lister, told: Mapping[str, pl.DataFrame], into: Path) -> None:
    texts = {f"ranker_{number}.txt": text for number, text in enumerate(twin.ranker.texts)}
    arrays = {**twin.retriever.parts(), "histories": twin.histories.arrays()}
    save_model(
        into / _TWIN,
        Contents(arrays, {"params.yaml": recipe_of(twin.params), **texts}, {"titles": twin.titles.frame}, {}),
    )
    first = [frame.filter(pl.col("rank") <= FIRST).with_columns(list=pl.lit(name)) for name, frame in told.items()]
    save_frame(pl.concat(first), into / _LISTS)


def twin_of(into: Path) -> Path:
    return into / _TWIN


def measured_lists(into: Path) -> dict[str, pl.DataFrame]:
    """By the name of who made them."""
    if not (into / _LISTS).exists():
        raise SourceError(f"{into / _LISTS}: nobody was measured on {DECIDES!r}; run the stage evaluate on more data")
    told = pl.read_parquet(into / _LISTS)
    return {str(name): frame.drop("list") for (name,), frame in told.group_by("list", maintain_order=True)}


def lists_of_twin(folder: Path, cut: Cut, titles: Titles) -> pl.DataFrame:
    """What an earlier model would have shown the viewers of this cut; of titles that are gone it shows nothing."""
    twin = _restored(folder)
    known = histories_of(cut.histories, twin.titles.ids)
    asked, _ = histories_for(known, cut.test["user_id"].unique().sort().cast(pl.Int64).to_numpy())
    told = lists(twin, asked, FIRST)
    return told.filter(pl.col("title_id").is_in(titles.ids.tolist()))


def _restored(folder: Path) -> Lister:
    contents = load_model(folder)
    params = params_of(contents)
    try:
        retriever = restored_retriever(contents.arrays, Titles(contents.frames["titles"]), params.sources)
        texts = tuple(contents.texts[name] for name in sorted(contents.texts) if name.startswith("ranker_"))
        return Lister(
            params, Histories(**contents.arrays["histories"]), retriever, Ranker(retriever.feature_names, texts)
        )
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}: measured by another version of Marquee ({error}); it cannot be asked") from error
