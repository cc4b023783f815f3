"""The ranker's features: one definition, called by training and by serving.

`describe` answers one row a candidate, one column a name in `features_of`. To add a feature: one entry in a function
below; the names are those of the entries. Everything is as of the request: it uses the history handed over, what the
sources and profiles knew of the past, and `as_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marquee.model.candidates import Candidates, ranks_within
from marquee.model.compiled import compiled
from marquee.model.histories import ATTRIBUTES, Floats, Histories, Ints
from marquee.model.profiles import DAY_MS, TitleProfiles
from marquee.model.sources.adding import of_sparse
from marquee.model.titles import Titles

RECENT = 10  # titles of a history that say what the viewer is up to now
TOP = 10  # a source's scores are measured against its best of the viewer's candidates

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of titles, and the stars to expect of each candidate."""

    titles: Titles
    profiles: TitleProfiles
    expected: Floats


def describe(candidates: Candidates, histories: Histories, as_of: Ints, known: Known) -> tuple[tuple[str, ...], Floats]:
    """FEATURES: their names, and rows x names; NaN where something is not known."""
    viewers = _viewers(histories, as_of, known.titles, known.profiles)
    user = candidates.user
    columns = {
        **_said_by_sources(candidates),
        **{name: column[user] for name, column in viewers.items()},
        **_titles(candidates.title, as_of[user], known.profiles),
        **_match(candidates, viewers, histories, known),
    }
    table = np.empty((len(columns), len(user)), np.float32)
    for number, column in enumerate(columns.values()):
        table[number] = column
    return tuple(columns), table.T


def said_by(source: str) -> tuple[str, str, str]:
    """The features in which a source speaks."""
    return f"{source}_score", f"{source}_relative", f"{source}_rank"


def _said_by_sources(candidates: Candidates) -> Columns:
    """Each source's score, the score against the viewer's best ones, and the rank.

    The relative score and the rank mean the same whatever the source was fitted on.
    """
    scores = np.ascontiguousarray(candidates.scores.T)
    ranks, relative = ranks_within(candidates.starts, scores), np.full_like(scores, np.nan)
    _against_best(candidates.starts, scores, ranks, relative)
    every = zip(candidates.sources, scores, relative, np.log2(ranks), strict=True)
    return {name: column for source, *said in every for name, column in zip(said_by(source), said, strict=True)}


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


def _viewers(histories: Histories, as_of: Ints, titles: Titles, profiles: TitleProfiles) -> Columns:
    title, stars, begins = histories.title, histories.mean_rating, histories.starts[:-1]
    off_mean = (histories.rating - stars[histories.user]) ** 2
    recent = np.maximum(begins, histories.starts[1:] - RECENT)
    recent_at = np.where(histories.counts > 0, np.append(histories.at, 0)[recent], 0)
    columns = {
        "viewer_count": np.log2(1 + histories.counts),
        "viewer_mean": stars,
        "viewer_spread": np.sqrt(_mean_of(histories, begins, off_mean)),
        "viewer_mainstream": _mean_of(histories, begins, profiles.share[title]),
        "viewer_mainstream_recent": _mean_of(histories, recent, profiles.share[title]),
        "viewer_depth_recent": _mean_of(histories, recent, profiles.depth[title]),
        "viewer_first_seen_recent": _mean_of(histories, recent, _years(profiles.first_at[title])),
        "viewer_year_recent": _mean_of(histories, recent, titles.years[title]),
        "viewer_days_since": _log_days(as_of - histories.last_at),
        "viewer_days_active": _log_days(histories.last_at - histories.first_at),
        "viewer_days_recent": _log_days(histories.last_at - recent_at),
    }
    told = {f"viewer_{name}": histories.attributes[:, number] for number, name in enumerate(ATTRIBUTES)}
    nobody = histories.counts == 0
    return {**{name: np.where(nobody, np.nan, column) for name, column in columns.items()}, **told}


def _titles(title: Ints, as_of: Ints, profiles: TitleProfiles) -> Columns:
    return {
        "title_share": profiles.share[title],
        "title_mean": profiles.mean[title],
        "title_spread": profiles.spread[title],
        "title_depth": profiles.depth[title],
        "title_age": _log_days(as_of - profiles.first_at[title]),
        "title_days_since": _log_days(as_of - profiles.last_at[title]),
    }


def _match(candidates: Candidates, viewers: Columns, histories: Histories, known: Known) -> Columns:
    titles, profiles = known.titles, known.profiles
    user, title = candidates.user, candidates.title
    last_at = np.where(histories.counts > 0, _years(histories.last_at), np.nan)[user]
    first_seen = _years(profiles.first_at[title])
    return {
        "match_mainstream": profiles.share[title] - viewers["viewer_mainstream_recent"][user],
        "match_depth": profiles.depth[title] - viewers["viewer_depth_recent"][user],
        "match_place": profiles.depth[title] - viewers["viewer_count"][user],
        "match_first_seen": first_seen - viewers["viewer_first_seen_recent"][user],
        "match_age": last_at - first_seen,
        "match_still_watched": last_at - _years(profiles.last_at[title]),
        "match_mean": profiles.mean[title] - viewers["viewer_mean"][user],
        "match_year": titles.years[title] - viewers["viewer_year_recent"][user],
        "match_stars": known.expected,
        "match_stars_above": known.expected - viewers["viewer_mean"][user],
        "match_genres": _genre_match(user, title, histories, titles),
    }


def _genre_match(user: Ints, title: Ints, histories: Histories, titles: Titles) -> Floats:
    """How much more the viewer watches of the title's genres than there is of them, as a mean log ratio."""
    shares, ones = titles.genre_shares, np.ones(len(histories.title), np.float32)
    watched = of_sparse(titles.genres, histories, ones) + shares
    tastes = np.log(watched / watched.sum(axis=1, keepdims=True) / shares)
    genres = titles.genre_matrix[title]
    with np.errstate(invalid="ignore"):
        match = (genres * tastes[user]).sum(axis=1) / genres.sum(axis=1)
    answer: Floats = match.astype(np.float32)
    return answer


def _mean_of(histories: Histories, begins: Ints, values: Floats) -> Floats:
    """Each viewer's mean of the values of their rows from `begins` on that are known; NaN where none is."""
    means = np.full(len(histories), np.nan, np.float32)
    _average(begins, histories.starts[1:], values, means)
    return means


@compiled
def _average(begins: Ints, ends: Ints, values: Floats, means: Floats) -> None:
    for viewer in range(len(begins)):
        total, count = 0.0, 0
        for row in range(begins[viewer], ends[viewer]):
            if not np.isnan(values[row]):
                total += values[row]
                count += 1
        if count:
            means[viewer] = total / count


def _log_days(milliseconds: Ints) -> Floats:
    days: Floats = np.log2(1 + np.maximum(milliseconds, 0) / DAY_MS)
    return days


def _years(moments: Ints) -> Floats:
    years: Floats = (moments / (365.25 * DAY_MS)).astype(np.float32)
    return years
