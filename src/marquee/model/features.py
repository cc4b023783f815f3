"""The ranker's features: one definition, called by training and by serving.

`describe` answers one row a candidate, one column a name in `names_of`. To add a feature: a field of Viewer, Title or
Match, and its value in the function below it; the names are those of the fields. Everything is as of the request: it
uses the history handed over, what the sources and profiles knew of the past, and `as_of`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marquee.model.candidates import Candidates, ranks_within
from marquee.model.compiled import compiled
from marquee.model.histories import ATTRIBUTES, Floats, Histories, Ints
from marquee.model.profiles import DAY_MS, YEAR_MS, TitleProfiles
from marquee.model.sources.adding import of_sparse
from marquee.model.titles import Titles

RECENT = 10  # titles of a history that say what the viewer is up to now
TOP = 10  # a source's scores are measured against its best of the viewer's candidates


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of titles, and the stars to expect of each candidate."""

    titles: Titles
    profiles: TitleProfiles
    expected: Floats


def describe(candidates: Candidates, histories: Histories, as_of: Ints, known: Known) -> tuple[tuple[str, ...], Floats]:
    """FEATURES: their names, and rows x names; NaN where something is not known."""
    names = names_of(candidates.sources)
    table = np.empty((len(names), len(candidates.title)), np.float32)
    said = len(candidates.sources) * len(said_by(""))
    _tell_what_sources_say(candidates, table[:said])
    rows = candidates.starts, candidates.title, known.expected
    _tell(*rows, as_of, _past_of(histories, known.titles), _facts_of(known), table[said:])
    return names, table.T


@cache
def names_of(sources: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of the columns."""
    said = [name for source in sources for name in said_by(source)]
    told = [f"viewer_{name}" for name in ATTRIBUTES]
    return (*said, *Viewer._fields, *told, *Title._fields, *Match._fields)


def said_by(source: str) -> tuple[str, str, str]:
    """The features in which a source speaks."""
    return f"{source}_score", f"{source}_relative", f"{source}_rank"


def _tell_what_sources_say(candidates: Candidates, said: Floats) -> None:
    """Each source's score, the score against the viewer's best ones, and the rank.

    The relative score and the rank mean the same whatever the source was fitted on.
    """
    scores = np.ascontiguousarray(candidates.scores.T)
    ranks = ranks_within(candidates.starts, scores)
    said[::3], said[1::3] = scores, np.nan
    np.log2(ranks, out=said[2::3])
    _against_best(candidates.starts, scores, ranks, said[1::3])


@compiled
def _against_best(starts: Ints, scores: Floats, ranks: Floats, relative: Floats) -> None:
    """Each score over the mean of the viewer's best of that source; NaN where those say next to nothing."""
    for viewer in range(len(starts) - 1):
        for source in range(len(scores)):
            total, count = 0.0, 0
            for row in range(starts[viewer], starts[viewer + 1]):
                if ranks[source, row] <= TOP:
                    total += scores[source, row]
                    count += 1
            if total > 1e-6 * count:
                best = np.float32(total / count)
                for row in range(starts[viewer], starts[viewer + 1]):
                    relative[source, row] = scores[source, row] / best


class _Past(NamedTuple):
    """Of histories, what is looked at."""

    starts: Ints
    title: NDArray[np.int32]
    rating: Floats
    at: Ints
    stars: Floats
    attributes: Floats
    tastes: Floats


class _Facts(NamedTuple):
    """Of titles, what is looked at."""

    share: Floats
    mean: Floats
    spread: Floats
    depth: Floats
    first_at: Ints
    last_at: Ints
    first_seen: Floats
    last_seen: Floats
    year: Floats
    genres: tuple[NDArray[Any], NDArray[Any]]


def _past_of(histories: Histories, titles: Titles) -> _Past:
    rows = histories.starts, histories.title, histories.rating, histories.at
    return _Past(*rows, histories.mean_rating, histories.attributes, _tastes(histories, titles))


def _facts_of(known: Known) -> _Facts:
    of, titles = known.profiles, known.titles
    watched = of.share, of.mean, of.spread, of.depth, of.first_at, of.last_at
    seen = of.first_seen, of.last_seen
    return _Facts(*watched, *seen, titles.years, (titles.genres.indptr, titles.genres.indices))


def _tastes(histories: Histories, titles: Titles) -> Floats:
    """How much more of each genre a viewer watches than there is of it, as a logarithm."""
    shares, ones = titles.genre_shares, np.ones(len(histories.title), np.float32)
    watched = of_sparse(titles.genres, histories, ones) + shares
    tastes: Floats = np.log(watched / watched.sum(axis=1, keepdims=True) / shares)
    return tastes


class Viewer(NamedTuple):
    """What is told of a viewer on each of their rows, besides the attributes; NaN of one without a history."""

    viewer_count: float
    viewer_mean: float
    viewer_spread: float
    viewer_mainstream: float
    viewer_mainstream_recent: float
    viewer_depth_recent: float
    viewer_first_seen_recent: float
    viewer_year_recent: float
    viewer_days_since: float
    viewer_days_active: float
    viewer_days_recent: float


@compiled
def _viewer(past: _Past, viewer: int, as_of: int, facts: _Facts) -> Viewer:
    rows = slice(past.starts[viewer], past.starts[viewer + 1])
    title, stars = past.title[rows], past.stars[viewer]
    recent = title[-RECENT:]
    first_at, recent_at, last_at = _moments(past, viewer)
    return Viewer(
        viewer_count=np.log2(1 + len(title)) if len(title) else np.nan,
        viewer_mean=np.float64(stars),
        viewer_spread=_spread(past.rating[rows], stars),
        viewer_mainstream=_mean_of(facts.share, title),
        viewer_mainstream_recent=_mean_of(facts.share, recent),
        viewer_depth_recent=_mean_of(facts.depth, recent),
        viewer_first_seen_recent=_mean_of(facts.first_seen, recent),
        viewer_year_recent=_mean_of(facts.year, recent),
        viewer_days_since=_log_days(as_of - last_at),
        viewer_days_active=_log_days(last_at - first_at),
        viewer_days_recent=_log_days(last_at - recent_at),
    )


class Title(NamedTuple):
    """What is told of a title, whoever the viewer is."""

    title_share: float
    title_mean: float
    title_spread: float
    title_depth: float
    title_age: float
    title_days_since: float


@compiled
def _title(title: int, as_of: int, facts: _Facts) -> Title:
    return Title(
        title_share=np.float64(facts.share[title]),
        title_mean=np.float64(facts.mean[title]),
        title_spread=np.float64(facts.spread[title]),
        title_depth=np.float64(facts.depth[title]),
        title_age=_log_days(np.float64(as_of - facts.first_at[title])),
        title_days_since=_log_days(np.float64(as_of - facts.last_at[title])),
    )


class Match(NamedTuple):
    """How a title goes with a viewer."""

    match_mainstream: float
    match_depth: float
    match_place: float
    match_first_seen: float
    match_age: float
    match_still_watched: float
    match_mean: float
    match_year: float
    match_stars: float
    match_stars_above: float
    match_genres: float


@compiled
def _match(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    viewer: Viewer, last_seen: float, told: Title, title: int, facts: _Facts, stars: float, tastes: Floats
) -> Match:
    return Match(
        match_mainstream=told.title_share - viewer.viewer_mainstream_recent,
        match_depth=told.title_depth - viewer.viewer_depth_recent,
        match_place=told.title_depth - viewer.viewer_count,
        match_first_seen=facts.first_seen[title] - viewer.viewer_first_seen_recent,
        match_age=last_seen - facts.first_seen[title],
        match_still_watched=last_seen - facts.last_seen[title],
        match_mean=told.title_mean - viewer.viewer_mean,
        match_year=facts.year[title] - viewer.viewer_year_recent,
        match_stars=stars,
        match_stars_above=stars - viewer.viewer_mean,
        match_genres=_genre_match(title, facts.genres, tastes),
    )


_OF_VIEWER = len(Viewer._fields)
_OF_TITLE = _OF_VIEWER + len(ATTRIBUTES)  # where its features begin
_OF_MATCH = _OF_TITLE + len(Title._fields)


@compiled
def _tell(starts: Ints, title: Ints, expected: Floats, as_of: Ints, past: _Past, facts: _Facts, table: Floats) -> None:  # noqa: PLR0913, PLR0917
    """Features x rows: all but what sources say."""
    for user in range(len(starts) - 1):
        rows = slice(starts[user], starts[user + 1])
        viewer, last_seen = _viewer(past, user, as_of[user], facts), _years(_moments(past, user)[2])
        for column, value in enumerate(viewer):
            table[column, rows] = value
        for column, value in enumerate(past.attributes[user]):
            table[_OF_VIEWER + column, rows] = value
        for row in range(starts[user], starts[user + 1]):
            told = _title(title[row], as_of[user], facts)
            for column, value in enumerate(told):
                table[_OF_TITLE + column, row] = value
            match = _match(viewer, last_seen, told, title[row], facts, np.float64(expected[row]), past.tastes[user])
            for column, value in enumerate(match):
                table[_OF_MATCH + column, row] = value


@compiled
def _moments(past: _Past, viewer: int) -> tuple[float, float, float]:
    """Of the first row, of the first recent one, and of the last."""
    first, end = past.starts[viewer], past.starts[viewer + 1]
    if first == end:
        return np.nan, np.nan, np.nan
    return np.float64(past.at[first]), np.float64(past.at[max(first, end - RECENT)]), np.float64(past.at[end - 1])


@compiled
def _spread(ratings: Floats, mean: np.float32) -> float:
    total, count = 0.0, 0
    for rating in ratings:
        if not np.isnan(rating):
            total += (rating - mean) ** 2
            count += 1
    return np.float64(np.sqrt(np.float32(total / count))) if count else np.nan


@compiled
def _genre_match(title: int, genres: tuple[NDArray[Any], NDArray[Any]], tastes: Floats) -> float:
    """The mean taste for the title's genres."""
    starts, genre = genres
    first, end = starts[title], starts[title + 1]
    total = np.float32(0)
    for cell in range(first, end):
        total += tastes[genre[cell]]
    return np.float64(total / np.float32(end - first)) if first < end else np.nan


@compiled
def _mean_of(values: Floats, titles: NDArray[np.int32]) -> float:
    """Of the values that are known; NaN where none is."""
    total, count = 0.0, 0
    for title in titles:
        if not np.isnan(values[title]):
            total += values[title]
            count += 1
    return np.float64(np.float32(total / count)) if count else np.nan


@compiled
def _log_days(milliseconds: float) -> float:
    return float(np.log2(1 + np.maximum(milliseconds, 0) / DAY_MS))


@compiled
def _years(milliseconds: float) -> float:
    return np.float64(np.float32(milliseconds / YEAR_MS))
