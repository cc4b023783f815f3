"""Carried: how much each row of one viewer's history adds to a source's score of a title.

Exact: over the rows, what is carried sums to the source's score. A source that can be told apart so is one function
here and one line in `carried_by`; one that cannot carries nothing and leaves the others to speak.
"""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources import Source
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.content import Content, opinions
from marquee.model.sources.fitting import Recent, Weighed
from marquee.model.sources.following import Following, Sequence, faded
from marquee.model.sources.neighbours import TitleNeighbours, ViewerNeighbours


def carried_by(source: Source, history: Histories, title: Ints) -> Floats:
    """Rows of the history x titles; zeros where a source has no opinion or cannot tell."""
    match source:
        case Recent():
            carried = _by_recent(source, history, title)
        case Als():
            carried = _by_als(source, history, title)
        case Autoencoder():
            carried = _by_weights(source, whole(history), history, title)
        case Weighed():
            carried = _by_weights(source.source, source.values(history), history, title)
        case Sequence():
            carried = _by_weights(source, faded(history, source.fade) * whole(history), history, title)
        case Following():
            carried = _by_pairs(source.chances, faded(history, source.fade) * (history.strength > 0), history, title)
        case TitleNeighbours():
            carried = _by_pairs(source.likeness, _fading_wanted(history, source.recent), history, title)
        case ViewerNeighbours():
            carried = _by_viewers(source, history, title)
        case Content():
            carried = _by_content(source, history, title)
        case _:
            carried = np.zeros((len(history.title), len(title)), np.float32)
    return carried


def shares(sources: Iterable[tuple[Source, Floats]], history: Histories, title: Ints) -> Floats:
    """Rows x titles: what each row carries of a title when each source speaks with its weight (one a title).

    In one column the sizes sum to 1, or to 0 where no source that can tell speaks for the title.
    """
    total = np.zeros((len(history.title), len(title)), np.float32)
    for source, weight in sources:
        total += weight * _scaled(carried_by(source, history, title))
    return _scaled(total)


def _scaled(carried: Floats) -> Floats:
    size: Floats = np.abs(carried).sum(axis=0)
    size[size == 0] = 1
    return carried / size


def _by_recent(source: Recent, history: Histories, title: Ints) -> Floats:
    carried, recent = np.zeros((len(history.title), len(title)), np.float32), history.last(source.recent)
    carried[len(carried) - len(recent.title) :] = carried_by(source.source, recent, title)
    return carried


def _by_als(als: Als, history: Histories, title: Ints) -> Floats:
    """A fold-in is one linear solve, x = inverse(A) b, and b is a sum over the rows that were wanted."""
    confidence = als.alpha * history.strength.astype(np.float64)
    factors = als.title_factors[history.title].astype(np.float64)
    extra = np.where(confidence != 0, np.abs(confidence) - 1, 0)
    solved = als.gram + als.regularization * np.eye(len(als.gram)) + factors.T @ (extra[:, None] * factors)
    liked = np.maximum(confidence, 0)[:, None] * factors
    carried: Floats = (liked @ np.linalg.solve(solved, als.title_factors[title].T)).astype(np.float32)
    return carried


def _by_weights(source: Autoencoder | Sequence, values: Floats, history: Histories, title: Ints) -> Floats:
    row, known_row = _place(history.title.astype(np.int64), source.supported)
    column, known_column = _place(title, source.supported)
    carried = values[:, None] * source.weights[np.ix_(row, column)]
    return np.where(known_row[:, None] & known_column, carried, np.float32(0))


def _place(title: Ints, supported: NDArray[np.int32]) -> tuple[Ints, Mask]:
    """Where each title stands among the supported, and whether it does."""
    place = np.minimum(np.searchsorted(supported, title), len(supported) - 1)
    return place, supported[place] == title


def _by_pairs(pairs: sp.csr_array, values: Floats, history: Histories, title: Ints) -> Floats:
    carried: Floats = values[:, None] * pairs[history.title][:, title].toarray()
    return carried


def _by_viewers(source: ViewerNeighbours, history: Histories, title: Ints) -> Floats:
    """Who is asked follows from all rows; what they watched around each of them adds up over the rows."""
    rows = len(history.title)
    asked = np.repeat(source.asked(history), rows, axis=0)
    return source.around(np.arange(rows + 1), history.title, source.values(history), asked)[:, title]


def _by_content(content: Content, history: Histories, title: Ints) -> Floats:
    vectors = content.vectors[history.title]
    opinion = opinions(history) * (np.diff(vectors.indptr) > 0)
    liked, disliked = np.maximum(opinion, 0), np.maximum(-opinion, 0)
    weights = liked / max(liked.sum(), 1e-9) - content.against * disliked / max(disliked.sum(), 1e-9)
    length = max(float(np.linalg.norm(weights @ vectors)), 1e-9)
    carried: Floats = (weights / length)[:, None] * (vectors @ content.vectors[title].T).toarray()
    return carried.astype(np.float32)


def _fading_wanted(history: Histories, recent: int) -> Floats:
    """Of length 1: the last title that was wanted counts one, the one before it half, ...; zeros for the others."""
    wanted = np.flatnonzero(history.strength > 0)[-recent:]
    values = np.zeros(len(history.title), np.float32)
    values[wanted] = 1 / np.arange(len(wanted), 0, -1)
    length: Floats = values / max(float(np.linalg.norm(values)), 1e-9)
    return length
