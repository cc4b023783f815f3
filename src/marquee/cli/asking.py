"""What the commands of model.py do: read what was handed over, call the recommender, write what came of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from marquee.cli.show import err
from marquee.data import handed
from marquee.errors import ModelError
from marquee.model import asked, recommender
from marquee.model.attributes import with_attributes
from marquee.model.explain import Reason
from marquee.model.folder import check_place, load_model, save_model, sha256_of
from marquee.model.histories import Histories, histories_of, rows_of
from marquee.model.interactions import interactions
from marquee.model.recommender import Recommender
from marquee.model.stars import NO_MOMENT
from marquee.params import Params, Recipe
from marquee.stages.saving import save_frame

EVERYBODY = "all"


def fit(params: Params, ratings: Path, titles: Path | None, viewers: Path | None, folder: Path) -> str:
    """The fingerprint of the new model."""
    check_place(folder)
    known = handed.titles(titles) if titles else None
    told = handed.viewers(viewers) if viewers else None
    fitted = recommender.fit(_done(ratings, params), known, params, told)
    files = {"ratings": ratings, "titles": titles, "viewers": viewers}
    trained_on = {name: sha256_of(path) for name, path in files.items() if path}
    return save_model(folder, fitted.contents({"trained_on": trained_on}))


def recommend_known(folder: Path, users: str, viewers: Path | None, k: int, to: Path) -> None:
    whole = _loaded(folder)
    histories = whole.histories
    if users != EVERYBODY:
        histories, strangers = asked.histories_for(whole.histories, handed.viewer_ids(Path(users)).to_numpy())
        _say(len(strangers), len(histories))
    save_frame(asked.lists(whole, _told(whole, histories, viewers), k), to)


def recommend_handed(folder: Path, ratings: Path, viewers: Path | None, k: int, to: Path) -> None:
    whole = _loaded(folder)
    done = histories_of(_done(ratings, whole.params), whole.titles.ids)
    _say(int(np.count_nonzero(done.counts == 0)), len(done))
    histories = replace(done, attributes=asked.attributes_for(whole.histories, done.user_ids))
    save_frame(asked.lists(whole, _told(whole, histories, viewers), k), to)


def stars(folder: Path, pairs: Path, to: Path) -> None:
    whole, wanted = _loaded(folder), handed.pairs(pairs)
    never = np.full(wanted.height, NO_MOMENT)
    save_frame(asked.predicted(whole.stars, whole.histories, whole.titles, wanted, never), to)


def similar(folder: Path, title_id: int, k: int) -> pl.DataFrame:
    whole = _loaded(folder)
    return asked.similar(whole, _row_of(whole, title_id), k)


def explain(folder: Path, user_id: int, title_id: int) -> tuple[Reason, pl.Series]:
    """The reason, and the names of all titles."""
    whole = _loaded(folder)
    history, strangers = asked.histories_for(whole.histories, np.array([user_id]))
    if len(strangers):
        raise ModelError(f"viewer {user_id} is unknown to the model in {folder}; ask for one that it was fitted on")
    as_of, title = asked.now(whole.histories, history), np.array([_row_of(whole, title_id)])
    pool = whole.propose(history, as_of, ()).pool
    (reason,) = whole.explainer.reasons(history, title, pool, as_of)
    return reason, whole.titles.frame["name"]


def _done(ratings: Path, params: Recipe) -> pl.DataFrame:
    told = handed.ratings(ratings, datetime.now(UTC))
    return interactions(told.lazy(), None, params.signals, params.star).collect()


def _loaded(folder: Path) -> Recommender:
    return recommender.restored(load_model(folder))


def _told(whole: Recommender, histories: Histories, viewers: Path | None) -> Histories:
    return with_attributes(histories, handed.viewers(viewers), whole.regions) if viewers else histories


def _row_of(whole: Recommender, title_id: int) -> int:
    (row,) = rows_of(whole.titles.ids, np.array([title_id]))
    if row < 0:
        raise ModelError(f"title {title_id} is unknown to the model; ask for one that it was fitted on")
    return int(row)


def _say(strangers: int, of: int) -> None:
    if strangers:
        err.print(f"{strangers:,} of {of:,} viewers are unknown to the model: they get what is popular")
