"""Copies: what is nearly the same as a title that a viewer refused comes after all other candidates.

Genres are no part of that: where nothing else is known, all dramas would be copies of one.

A ranker may well like a title the better for a dislike of its like: it has learnt that who dislikes one has watched
such. Its order stands among the others, and among the copies.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marquee.model.arrange import Rows, Scored
from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources.content import Content


def copies_last(scored: Scored, histories: Histories, content: Content, least: float) -> Scored:
    """Titles whose cosine, as far as it is of more than genres, is at least `least` are near copies."""
    refused = histories.where(histories.hides & (histories.strength <= 0))
    copies = _copies(scored, refused, content, least)
    if not copies.any():
        return scored
    asked = scored.counts > 0
    starts = scored.starts[:-1][asked]
    spread = np.maximum.reduceat(scored.score, starts) - np.minimum.reduceat(scored.score, starts)  # of each viewer
    size = np.repeat(spread + 1, scored.counts[asked])
    return replace(scored, score=np.where(copies, scored.score - size, scored.score).astype(np.float32))


def _copies(scored: Scored, refused: Histories, content: Content, least: float) -> Mask:
    """Which candidates are near copies of anything that their own viewer refused."""
    near, vectors = np.zeros(len(scored.title), bool), content.vectors
    parts, terms = (vectors.indptr, vectors.indices, vectors.data), (vectors.shape[1], content.genres)
    rows, others = (scored.starts, scored.title), (refused.starts, refused.title)
    _mark(*parts, *terms, *rows, *others, np.float32(least), near)
    return near


@compiled
def _mark(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    terms: int,
    genres: int,
    starts: Ints,
    title: Rows,
    refused_starts: Ints,
    refused: Rows,
    least: np.float32,
    near: Mask,
) -> None:
    for viewer in range(len(starts) - 1):
        others = refused[refused_starts[viewer] : refused_starts[viewer + 1]]
        if not len(others):
            continue
        ends, other, value = _by_term(indptr, indices, data, terms, genres, others)
        alike = np.empty(len(others), np.float32)
        for row in range(starts[viewer], starts[viewer + 1]):
            alike[:] = 0
            for cell in range(indptr[title[row]], indptr[title[row] + 1]):
                for n in range(ends[indices[cell]], ends[indices[cell] + 1]):
                    alike[other[n]] += data[cell] * value[n]
            near[row] = np.any(alike >= least)


@compiled
def _by_term(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, terms: int, genres: int, titles: Rows
) -> tuple[Ints, Ints, Floats]:
    """The rows of these titles turned around: where each term's cells end and the next one's begin, and the cells; of
    genres there are none.
    """
    ends = np.zeros(terms + 2, np.int64)
    for title in titles:
        for cell in range(indptr[title], indptr[title + 1]):
            if indices[cell] >= genres:
                ends[indices[cell] + 2] += 1
    ends = np.cumsum(ends)
    place, value = np.empty(ends[-1], np.int64), np.empty(ends[-1], np.float32)
    for n in range(len(titles)):
        for cell in range(indptr[titles[n]], indptr[titles[n] + 1]):
            if indices[cell] >= genres:
                at = ends[indices[cell] + 1]
                place[at], value[at] = n, data[cell]
                ends[indices[cell] + 1] += 1
    return ends, place, value
