"""Rescored: what the sources say of a few titles when rows of one history are left out, again and again.

Most sources add up a row of numbers for each row of the history. Those numbers, for the few titles, are looked up once;
each time after that a source only weighs and adds them. A source that is not told apart here is asked anew about every
title.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Source
from marquee.model.sources.adding import sums_of_dense
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.content import Content
from marquee.model.sources.fitting import Recent, Weighed
from marquee.model.sources.following import Following, lately
from marquee.model.sources.following import Sequence as Order
from marquee.model.sources.neighbours import TitleNeighbours


@dataclass(frozen=True, eq=False)
class Without:
    """One history several times, each time with some of its rows."""

    histories: Histories
    row: Ints  # of the whole history, that each row is
    as_of: Ints

    def last(self, n: int) -> "Without":
        kept = self.histories.from_end < n
        return Without(self.histories.where(kept), self.row[kept], self.as_of)


Rescorer = Callable[[Without], Floats]  # histories x titles


def rescorers(sources: Sequence[Source], history: Histories, title: Ints) -> list[Rescorer]:
    """One a source."""
    return [_rescorer(source, history, title) for source in sources]


def _rescorer(source: Source, history: Histories, title: Ints) -> Rescorer:  # noqa: PLR0911 - one a kind of source
    match source:
        case Recent():
            return _recent(_rescorer(source.source, history, title), source.recent)
        case Als():
            return _als(source, source.title_factors[title])
        case Autoencoder():
            return _weights(source, whole, history, title)
        case Weighed():
            return _weights(source.source, source.values, history, title)
        case Order():
            return _weights(source, lambda some: lately(some, source.fade) * whole(some), history, title)
        case Following():
            chances = _cells(source.chances, history, title)
            return _opinions(chances, lambda some: lately(some, source.fade) * (some.strength > 0))
        case TitleNeighbours():
            return _opinions(_cells(source.likeness, history, title), source.values)
        case Content():
            return _content(source, history, title)
        case _:
            return lambda without: source.scores(without.histories, without.as_of)[:, title]


def _recent(rescored: Rescorer, rows: int) -> Rescorer:
    return lambda without: rescored(without.last(rows))


def _als(als: Als, factors: Floats) -> Rescorer:
    known = factors.any(axis=1)

    def rescored(without: Without) -> Floats:
        some = (without.histories.counts > 0)[:, None] & known
        scores: Floats = als.viewer_factors(without.histories) @ factors.T
        scores[~some] = np.nan
        return scores

    return rescored


def _weights(
    source: Autoencoder | Order, values: Callable[[Histories], Floats], history: Histories, title: Ints
) -> Rescorer:
    place = np.full(source.titles, -1, np.int64)
    place[source.supported] = np.arange(len(source.supported))
    row, column = place[history.title], place[title]
    cells = np.asarray(source.weights)[np.ix_(np.maximum(row, 0), column[column >= 0])]
    cells[row < 0] = 0
    where = np.flatnonzero(column >= 0).astype(np.int32)
    return lambda without: _added(cells, where, len(title), without, values(without.histories))


def _opinions(cells: Floats, values: Callable[[Histories], Floats]) -> Rescorer:
    where = np.arange(cells.shape[1], dtype=np.int32)

    def rescored(without: Without) -> Floats:
        scores = _added(cells, where, len(where), without, values(without.histories))
        return np.where(scores > 0, scores, np.float32(np.nan))

    return rescored


def _content(content: Content, history: Histories, title: Ints) -> Rescorer:
    """The cosine of two sums: the products of all pairs that they are made of are looked up."""
    mine, theirs = content.vectors[history.title], content.vectors[title]
    cells, alike = (mine @ theirs.T).toarray(), (mine @ mine.T).toarray()
    where = np.flatnonzero(np.diff(theirs.indptr) > 0).astype(np.int32)
    rows = np.arange(len(alike), dtype=np.int32)

    def rescored(without: Without) -> Floats:
        weights, starts = content.weights(without.histories), without.histories.starts
        of_each = np.nan_to_num(_added(alike, rows, len(rows), without, weights))
        spread = of_each[without.histories.user, without.row] * weights
        lengths = np.sqrt(np.maximum(np.bincount(without.histories.user, spread, len(starts) - 1), 0))
        scores = _added(np.ascontiguousarray(cells[:, where]), where, len(title), without, weights)
        return np.divide(scores, np.where(lengths > 1e-6, lengths, np.nan)[:, None], dtype=np.float32)

    return rescored


def _added(cells: Floats, where: NDArray[np.int32], width: int, without: Without, values: Floats) -> Floats:
    sums: Floats = sums_of_dense(cells, where, width, without.histories.starts, without.row, values[None])[0]
    return sums


def _cells(matrix: sp.csr_array, history: Histories, title: Ints) -> Floats:
    """Rows of the history x titles."""
    place = np.full(matrix.shape[1], -1, np.int64)
    place[title] = np.arange(len(title))
    cells = np.zeros((len(history.title), len(title)), np.float32)
    _look_up(matrix.indptr, matrix.indices, matrix.data, history.title, place, cells)
    return cells


@compiled
def _look_up(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, title: NDArray[np.int32], place: Ints, cells: Floats
) -> None:
    for row in range(len(title)):
        for cell in range(indptr[title[row]], indptr[title[row] + 1]):
            column = place[indices[cell]]
            if column >= 0:
                cells[row, column] = data[cell]
