"""The taste space: what each title is to a taste, and how often titles are chosen.

Its axes are the genres, eras and troupes that the metadata shows, and moods that it mostly hides: content explains a
part, and only what others watched explains the rest. An affinity is in log-odds: one more is e times as likely to be
chosen. A new kind of axis is a block in `title_traits`, with a weight in WEIGHTS and its tastes in viewers.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marquee.data.demo_world.catalogue import Catalogue, Title
from marquee.data.demo_world.people import TROUPES

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

ERAS = (1955, 1975, 1988, 1997, 2003)
WEIGHTS: Mapping[str, float] = {"genre": 1.05, "era": 0.6, "troupe": 0.7, "mood": 1.05}
COMPANIONS = 4  # titles that people go on to from a title
# How often the Prize's titles were rated, at these shares of the titles.
_SHARES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_COUNTS = (3, 30, 192, 561, 2_667, 12_300, 29_000, 97_000, 233_000)
_TOP_REACH = 0.45  # of the viewers, were all tastes flat; somewhat under one half as they are


@dataclass(frozen=True)
class TitleTraits:
    """One row a title, at place title_id - 1."""

    vectors: Floats
    appeal: Floats  # log of how often it would be chosen if all tastes were flat
    quality: Floats  # stars above the mean
    trend: Floats  # stars gained from the first day to the last
    arrival: Ints
    work: Ints
    part: Ints
    next_part: Ints  # place of the title that comes next in its work; -1 where there is none
    companions: Ints


def title_traits(catalogue: Catalogue, activity: Ints, rng: np.random.Generator) -> TitleTraits:
    """The traits of a world whose viewers rate that many titles each."""
    titles = catalogue.titles
    vectors = np.hstack([
        WEIGHTS["genre"] * _genre_axes(titles, list(catalogue.words.genres)),
        WEIGHTS["era"] * _era_axes(titles),
        WEIGHTS["troupe"] * np.eye(TROUPES)[[title.troupe for title in titles]],
        WEIGHTS["mood"] * _unit(np.array([title.mood for title in titles])),
    ]).astype(np.float32)  # fmt: skip
    work, part, arrival = (np.array([getattr(t, key) for t in titles]) for key in ("work", "part", "arrival"))
    first = _first_parts(work, part)
    fame = _fame(titles, work, rng)[first] - 0.12 * (part - 1)
    appeal = _appeal(fame, activity)
    quality = 0.3 * (0.45 * fame + 0.9 * rng.normal(size=len(titles))[first]) - 0.04 * (part - 1)
    return TitleTraits(
        vectors=vectors,
        appeal=appeal,
        quality=quality.astype(np.float32),
        trend=rng.normal(0, 0.15, len(titles)).astype(np.float32),
        arrival=arrival,
        work=work,
        part=part,
        next_part=_next_parts(work, part),
        companions=_companions(vectors, appeal + np.where(part == 1, np.float32(0), np.float32(-np.inf)), work, rng),
    )


def _unit(rows: Doubles) -> Doubles:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _genre_axes(titles: Sequence[Title], genres: Sequence[str]) -> Doubles:
    """The first genre weighs most."""
    axes = np.zeros((len(titles), len(genres)))
    for row, title in zip(axes, titles, strict=True):
        for place, genre in enumerate(title.genres):
            row[genres.index(genre)] = 0.6**place
    return _unit(axes)


def _era_axes(titles: Sequence[Title]) -> Doubles:
    years = np.array([title.year for title in titles])
    return _unit(np.exp(-np.abs(years[:, None] - np.array(ERAS)) / 6))


def _first_parts(work: Ints, part: Ints) -> Ints:
    """For each title the place of its work's first part."""
    places = np.empty(work.max() + 1, dtype=np.int64)
    places[work[part == 1]] = np.flatnonzero(part == 1)
    return places[work]


def _next_parts(work: Ints, part: Ints) -> Ints:
    order = np.lexsort((part, work))
    goes_on = work[order[1:]] == work[order[:-1]]
    following = np.full(len(work), -1)
    following[order[:-1][goes_on]] = order[1:][goes_on]
    return following


def _fame(titles: Sequence[Title], work: Ints, rng: np.random.Generator) -> Doubles:
    """New titles, and works that went on, are better known."""
    years = np.array([title.year for title in titles])
    return rng.normal(size=len(titles)) + 0.018 * (years - 1990) + 0.6 * (np.bincount(work)[work] > 1)


def _appeal(fame: Doubles, activity: Ints) -> Floats:
    """The Prize's long tail, bent so that the top title reaches as many of the viewers in a world of any size."""
    shares = (np.argsort(np.argsort(fame)) + 0.5) / len(fame)
    logs = np.interp(shares, _SHARES, np.log(_COUNTS))
    low, high = 0.05, 3.0
    for _ in range(30):
        bend = (low + high) / 2
        top = 1 / np.exp(bend * (logs - logs.max())).sum()
        reach = -np.expm1(-top * activity).mean()
        low, high = (low, bend) if reach > _TOP_REACH else (bend, high)
    return np.asarray(bend * (logs - logs.mean()), dtype=np.float32)


def _companions(vectors: Floats, appeal: Floats, work: Ints, rng: np.random.Generator) -> Ints:
    """For each title those that people go on to: of its kind and well known, but of another work."""
    found = np.empty((len(vectors), COMPANIONS), dtype=np.int64)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for begin in range(0, len(vectors), 512):
        rows = slice(begin, begin + 512)
        pull = 6 * directions[rows] @ directions.T + 0.5 * appeal
        pull += rng.gumbel(0, 0.3, pull.shape)
        pull[work[rows, None] == work] = -np.inf
        found[rows] = np.argpartition(-pull, COMPANIONS, axis=1)[:, :COMPANIONS]
    return found
