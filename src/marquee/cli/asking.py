"""What the commands of model.py do: read what was handed over, call the recommender, write what came of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from rich.markup import escape

from marquee.cli.placing import check_file, check_out
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
from marquee.stages.saving import save_csv, save_frame

EVERYBODY = "all"
_POPULAR = "they get what is popular"
_NOTHING_LEFT = "no title is left that they have not rated and that may be shown to them"


def fit(params: Params, ratings: Path, titles: Path | None, viewers: Path | None, folder: Path) -> str:
    """The fingerprint of the new model."""
    check_place(folder)
    files = {name: path for name, path in (("ratings", ratings), ("titles", titles), ("viewers", viewers)) if path}
    for path in files.values():
        check_file(path)
    known = handed.titles(titles, _say) if titles else None
    told = handed.viewers(viewers, _say) if viewers else None
    done = _done(handed.ratings(ratings, datetime.now(UTC)), params)
    trained_on = {name: sha256_of(path) for name, path in files.items()}
    return save_model(folder, recommender.fit(done, known, params, told).contents({"trained_on": trained_on}))


def recommend_known(folder: Path, users: str, viewers: Path | None, k: int, to: Path) -> None:
    file = None if users == EVERYBODY else Path(users)
    if file and not file.exists():
        raise ModelError(f"--users {users}: there is no such file; give all, or a file with a column user_id")
    check_out(to, folder, (file, viewers))
    whole = _loaded(folder)
    histories = whole.histories
    if file:
        histories, strangers = asked.histories_for(whole.histories, handed.viewer_ids(file).to_numpy())
        if len(strangers):
            _say(f"{_of(len(strangers), len(histories))} viewers are unknown to the model: {_POPULAR}")
    _save_lists(whole, _told(whole, histories, viewers), k, to)


def recommend_handed(folder: Path, ratings: Path, viewers: Path | None, k: int, to: Path) -> None:
    check_out(to, folder, (ratings, viewers))
    whole = _loaded(folder)
    rows = _done(handed.histories(ratings, datetime.now(UTC)), whole.params)
    done = histories_of(rows, whole.titles.ids)
    if unknown := rows.height - len(done.title):
        _say(f"{_of(unknown, rows.height)} rows are of titles unknown to the model: they are left out")
    if without := int(np.count_nonzero(done.counts == 0)):
        _say(f"{_of(without, len(done))} viewers have rated no title that the model knows: {_POPULAR}")
    histories = replace(done, attributes=asked.attributes_for(whole.histories, done.user_ids))
    _save_lists(whole, _told(whole, histories, viewers), k, to)


def stars(folder: Path, pairs: Path, to: Path) -> None:
    check_out(to, folder, (pairs,))
    whole, wanted = _loaded(folder), handed.pairs(pairs)
    at = wanted["rated_at"].dt.epoch("ms").fill_null(NO_MOMENT).to_numpy()
    _save(asked.predicted(whole.stars, whole.histories, whole.titles, wanted, at), to)


def similar(folder: Path, title_id: int, k: int) -> pl.DataFrame:
    whole = _loaded(folder)
    return asked.similar(whole, _row_of(whole, title_id), k)


@dataclass(frozen=True)
class Explained:
    reason: Reason
    names: pl.Series  # of all titles
    is_rated: bool  # by the viewer; then the reason is of the history without it


def explain(folder: Path, user_id: int, title_id: int) -> Explained:
    whole = _loaded(folder)
    history, strangers = asked.histories_for(whole.histories, np.array([user_id]))
    if len(strangers):
        raise ModelError(f"viewer {user_id} is unknown to the model in {folder}; ask for one that it was fitted on")
    as_of, title = asked.now(whole.histories, history), np.array([_row_of(whole, title_id)])
    others = history.where(history.title != title)
    pool = whole.propose(others, as_of, ()).pool
    (reason,) = whole.explainer.reasons(others, title, pool, as_of)
    return Explained(reason, whole.titles.frame["name"], len(others.title) < len(history.title))


def _done(ratings: pl.DataFrame, params: Recipe) -> pl.DataFrame:
    return interactions(ratings.lazy(), None, params.signals, params.star).collect()


def _loaded(folder: Path) -> Recommender:
    return recommender.restored(load_model(folder))


def _told(whole: Recommender, histories: Histories, viewers: Path | None) -> Histories:
    return with_attributes(histories, handed.viewers(viewers, _say), whole.regions) if viewers else histories


def _row_of(whole: Recommender, title_id: int) -> int:
    (row,) = rows_of(whole.titles.ids, np.array([title_id]))
    if row < 0:
        raise ModelError(f"title {title_id} is unknown to the model; ask for one that it was fitted on")
    return int(row)


def _save_lists(whole: Recommender, histories: Histories, k: int, to: Path) -> None:
    made = asked.lists(whole, histories, k)
    if k and (without := len(histories) - made["user_id"].n_unique()):
        _say(f"{_of(without, len(histories))} viewers have no list: {_NOTHING_LEFT}")
    _save(made, to)


def _save(frame: pl.DataFrame, to: Path) -> None:
    (save_csv if to.suffix.lower() == ".csv" else save_frame)(frame, to)


def _say(words: str) -> None:
    err.print(escape(words))


def _of(some: int, every: int) -> str:
    return f"{some:,} of {every:,}"
