"""Asked in bulk: viewers by their ids, of whom the model may never have heard, and what comes of it as tables."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marquee.model.arrange import for_region
from marquee.model.candidates import firsts
from marquee.model.histories import Floats, Histories, Ints, Mask, rows_of
from marquee.model.recommender import Lister
from marquee.model.retrieval import batches
from marquee.model.shelves import best, likeness
from marquee.model.stars import Stars
from marquee.model.titles import Titles
from marquee.tables import LISTS

Rows = NDArray[np.integer[Any]]

_PAIRS = 1 << 18  # told at once: each takes some 250 bytes

_NO_LIST = pl.DataFrame(schema={**LISTS.columns, "user_id": pl.Int64(), "title_id": pl.Int64()})


def histories_for(known: Histories, user_ids: Ints) -> tuple[Histories, Ints]:
    """A history for each of these viewers in their order, empty for strangers; and the strangers' row numbers."""
    rows = rows_of(known.user_ids, user_ids)
    is_known = rows >= 0
    histories = known.of(rows)
    attributes = attributes_for(known, user_ids)
    own = replace(histories.where(is_known[histories.user]), user_ids=user_ids, attributes=attributes)
    return own, np.flatnonzero(~is_known)


def attributes_for(known: Histories, user_ids: Ints) -> Floats:
    """What is known of these viewers; nothing of strangers."""
    rows = rows_of(known.user_ids, user_ids)
    return np.where((rows >= 0)[:, None], known.attributes[rows], np.float32(np.nan))


def rows_of_pairs(histories: Histories, titles: Titles, pairs: pl.DataFrame) -> Mask:
    """Which rows of the histories are pairs of a table (user_id, title_id)."""
    user, title = (
        rows_of(ids, pairs[name].cast(pl.Int64).to_numpy())
        for name, ids in (("user_id", histories.user_ids), ("title_id", titles.ids))
    )
    known = (user >= 0) & (title >= 0)
    return np.isin(histories.user * len(titles) + histories.title, (user * len(titles) + title)[known])


def now(known: Histories, histories: Histories) -> Ints:
    """The latest moment that anybody told of, for each viewer asked about: no clock is looked at."""
    told = (known.at, known.known_at, histories.at, histories.known_at)
    return np.full(len(histories), max(int(moments.max(initial=0)) for moments in told))


def lists(recommender: Lister, histories: Histories, k: int) -> pl.DataFrame:
    """LISTS as of now, of viewers with rising ids."""
    if not k or not len(histories):
        return _NO_LIST
    told = recommender.recommend(histories, now(recommender.histories, histories), k)
    score = _going_on(told.user, told.rank, told.score)
    return _table(recommender.titles.ids, histories.user_ids[told.user], told.title, told.rank, score)


def lists_of_sources(recommender: Lister, histories: Histories, k: int) -> Mapping[str, pl.DataFrame]:
    """LISTS of each source alone, as of now; shorter where it has fewer opinions."""
    as_of, ids, sources = now(recommender.histories, histories), recommender.titles.ids, recommender.sources

    def told(users: Ints) -> Sequence[pl.DataFrame]:
        asked = histories.of(users)
        found = firsts(sources, asked, as_of[users], k)
        return [_table(ids, asked.user_ids[user], title, rank, score) for user, title, rank, score in found]

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(told, batches(histories)))
    return {
        source.name: pl.concat([of_users[number] for of_users in parts] or [_NO_LIST])
        for number, source in enumerate(sources)
    }


def predicted(stars: Stars, known: Histories, titles: Titles, pairs: pl.DataFrame, at: Ints) -> pl.DataFrame:
    """user_id, title_id and rating of every pair in its order; of a title nobody heard of, the viewer's mean."""
    user_ids, user = np.unique(pairs["user_id"].cast(pl.Int64).to_numpy(), return_inverse=True)
    histories, _ = histories_for(known, user_ids)
    title = rows_of(titles.ids, pairs["title_id"].cast(pl.Int64).to_numpy())
    mean = np.nan_to_num(histories.mean_rating, nan=float(np.nanmean(known.rating)))
    rating = mean[user].astype(np.float32)
    heard_of = np.flatnonzero(title >= 0)
    by_viewer = heard_of[np.argsort(user[heard_of], kind="stable")]
    for start in range(0, len(by_viewer), _PAIRS):
        rows = by_viewer[start : start + _PAIRS]
        rating[rows] = stars.predict(histories, user[rows], title[rows], at[rows])
    return pairs.select("user_id", "title_id", rating=pl.Series(rating))


def similar(recommender: Lister, title: int, k: int) -> pl.DataFrame:
    """title_id, name and score of the titles most like one, as the service tells them to nobody in particular."""
    alike, score = best(likeness(recommender, title), for_region(recommender.titles, None), k)
    return recommender.titles.frame[alike].select("title_id", "name", score=pl.Series(score))


def _going_on(user: Ints, rank: Rows, score: Floats) -> Floats:
    """Scores that go on where titles only fill a list up: one less a place than the lowest of the viewer, or than 0."""
    scored, viewers = ~np.isnan(score), int(user.max(initial=-1)) + 1
    lowest, count = np.full(viewers, np.inf), np.bincount(user[scored], minlength=viewers)
    np.minimum.at(lowest, user[scored], score[scored])
    lowest[count == 0] = 0
    return np.where(scored, score, lowest[user] - (rank - count[user])).astype(np.float32)


def _table(title_ids: Ints, user_id: Ints, title: Rows, rank: NDArray[Any], score: Floats) -> pl.DataFrame:
    columns = {"user_id": user_id, "title_id": title_ids[title], "rank": rank, "score": score}
    return pl.DataFrame(columns).cast(_NO_LIST.schema)
