"""Shelves: titles for one viewer in other orders than the ranker's.

Each shelf scores every title, NaN for one that does not belong there; `best` takes of it what may be shown. A new shelf
is a function here and a line in the service's table of shelves.
"""

from collections.abc import Iterable
from typing import cast

import numpy as np

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.live import Told
from marquee.model.recommender import Lister
from marquee.model.sources.als import Als
from marquee.model.sources.content import Content

_STARTED = frozenset({"watch_started", "watch_progress", "paused", "rewound"})
_ENDED = frozenset({"watch_finished", "rewatched", "abandoned"})
_NEW_SHARE = 10  # one in so many titles is a new one
_GENRES = 3  # of a viewer, that count as theirs
_LIKE = 60  # titles that are like one


def best(score: Floats, allowed: Mask, k: int) -> tuple[Ints, Floats]:
    """The k best that are allowed."""
    score = np.where(allowed, score, np.float32(np.nan))
    ranked = np.argsort(-score, kind="stable")[: min(k, int(np.count_nonzero(~np.isnan(score))))]
    return ranked, score[ranked]


def likeness(lister: Lister, title: int) -> Floats:
    """How alike all titles are to this one: wanted by the same viewers; if nobody wanted it yet, of like content."""
    factors = cast("Als", lister.retriever.fitted["als"]).title_factors
    length = np.linalg.norm(factors, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = (factors @ factors[title]) / (length * length[title])
    content = cast("Content", lister.retriever.fitted["content"]).likeness(np.array([title]))[0]
    alike: Floats = np.where(np.isnan(wanted), content, wanted).astype(np.float32)
    alike[title] = np.nan
    return alike


def like(lister: Lister, title: int) -> Floats:
    """The titles most like one."""
    alike = likeness(lister, title)
    if np.count_nonzero(~np.isnan(alike)) > _LIKE:
        least = np.partition(np.nan_to_num(alike, nan=-np.inf), -_LIKE)[-_LIKE]
        alike = np.where(alike >= least, alike, np.float32(np.nan))
    return alike


def last_liked(history: Histories) -> int | None:
    """The title that the viewer finished last and thought well of."""
    liked = history.hides & (history.strength > 0) & ~(history.rating < history.mean_rating[0])
    rows = np.flatnonzero(liked)
    return int(history.title[rows[-1]]) if len(rows) else None


def begun(events: Iterable[Told], title_ids: Ints) -> Floats:
    """Titles that were begun and neither finished nor given up since, the latest first."""
    latest: dict[int, Told] = {}
    for event in sorted(events, key=lambda event: (event.happened_at, event.position)):
        if event.title_id is not None and event.kind in _STARTED | _ENDED:
            latest.pop(event.title_id, None)
            latest[event.title_id] = event
    open_ids = [title_id for title_id, event in latest.items() if event.kind in _STARTED]
    score = np.full(len(title_ids), np.nan, np.float32)
    place = np.minimum(np.searchsorted(title_ids, open_ids), len(title_ids) - 1) if open_ids else np.empty(0, int)
    known = title_ids[place] == open_ids
    score[place[known]] = np.flatnonzero(known)
    return score


def trending(lister: Lister, history: Histories, as_of: int) -> Floats:
    scores: Floats = lister.retriever.fitted["trending"].scores(history, np.array([as_of]))[0]
    return scores


def new(lister: Lister, history: Histories, as_of: int) -> Floats:
    """The titles that came last, those that nobody has watched first of all, in the order of the viewer's taste."""
    newest = _newest(lister.retriever.profiles.first_at, len(lister.titles))
    fits = lister.retriever.fitted["content"].scores(history, np.array([as_of]))[0]
    if np.isnan(fits[newest]).all():
        fits = lister.watched
    scores: Floats = np.where(newest, fits, np.float32(np.nan))
    return scores


def _newest(first_at: Ints, titles: int) -> Mask:
    mask = np.zeros(titles, bool)
    mask[np.argsort(-first_at, kind="stable")[: max(titles // _NEW_SHARE, 1)]] = True
    return mask


def popular_in(lister: Lister, genres: Mask) -> Floats:
    """The most watched titles of any of these genres."""
    belongs = lister.titles.genre_matrix @ genres.astype(np.float32) > 0
    scores: Floats = np.where(belongs, lister.watched, np.float32(np.nan))
    return scores


def own_genres(lister: Lister, history: Histories) -> Mask:
    """The genres that the viewer wants more often than others, and more often than everybody does."""
    counts, lift = tastes(lister, history)
    worth = np.log(np.maximum(lift, 1)) * np.log1p(counts)
    own = np.zeros(len(counts), bool)
    ranked = np.argsort(-worth, kind="stable")[:_GENRES]
    own[ranked[worth[ranked] > 0]] = True
    return own


def tastes(lister: Lister, history: Histories) -> tuple[Floats, Floats]:
    """Of each genre: how many titles the viewer wanted, and how many times as often as everybody does."""
    genres = lister.titles.genre_matrix
    counts = genres[history.title[history.strength > 0]].sum(axis=0)
    everybody = lister.watched @ genres
    share = everybody / max(everybody.sum(), np.float32(1e-9))
    lift = counts / np.maximum(share * max(counts.sum(), 1), np.float32(1e-9))
    return counts, lift
