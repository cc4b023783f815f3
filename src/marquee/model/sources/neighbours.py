"""Neighbours: titles that the same viewers watch, and what viewers alike watch; the last of a history counts most.

Both are cosines: `title_neighbours` of two titles' viewers, `viewer_neighbours` of two viewers' titles.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from marquee.model.best import best_of
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays
from marquee.model.sources.adding import of_sparse, sums_of
from marquee.params import TitleNeighboursParams, ViewerNeighboursParams

_BLOCK = 1_024  # titles whose likeness to all others is in memory at once


@dataclass(frozen=True, eq=False)
class TitleNeighbours:
    name: ClassVar[str] = "title_neighbours"
    likeness: sp.csr_array  # titles x titles: [watched, neighbour]; only the nearest
    recent: int  # how many titles of a history are looked at

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        return _opinions(of_sparse(self.likeness, histories, _recent(histories, self.recent)))

    def arrays(self) -> Arrays:
        return {**_saved(self.likeness), "recent": np.array(self.recent)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(_loaded(arrays), int(arrays["recent"]))


@dataclass(frozen=True, eq=False)
class ViewerNeighbours:
    """Keeps what a sample of viewers watched: asking all would take longer than anybody waits."""

    name: ClassVar[str] = "viewer_neighbours"
    watched: sp.csr_array  # viewers x titles, ones
    nearest: int  # how many viewers are asked
    recent: int  # how many titles of a history they are compared by

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        likeness = self.likeness(histories)
        nearest = best_of(likeness, self.nearest)
        asked = np.take_along_axis(likeness, nearest, axis=1)
        return _opinions(
            sums_of(self.watched, np.arange(len(histories) + 1) * nearest.shape[1], nearest.ravel(), asked.ravel())
        )

    def likeness(self, histories: Histories) -> Floats:
        """How alike each viewer is to each that is kept: the cosine of what they watched."""
        return of_sparse(self._directions, histories, _recent(histories, self.recent))

    @cached_property
    def _directions(self) -> sp.csr_array:
        counts = np.diff(self.watched.indptr)
        return sp.csr_array((sp.diags_array(1 / np.sqrt(np.maximum(counts, 1))) @ self.watched).T, dtype=np.float32)

    def arrays(self) -> Arrays:
        return {**_saved(self.watched), "nearest": np.array(self.nearest), "recent": np.array(self.recent)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(_loaded(arrays), int(arrays["nearest"]), int(arrays["recent"]))


def _wanted(histories: Histories) -> Histories:
    return histories.where(histories.strength > 0)


def _recent(histories: Histories, recent: int) -> Floats:
    """One a row: the last title that a history wanted counts one, the one before it half, ...; of length 1 together."""
    wanted = histories.strength > 0
    before = np.concatenate([[0], np.cumsum(wanted)])
    from_end = before[histories.starts[1:]][histories.user] - before[:-1]
    values = np.where(wanted & (from_end <= recent), 1 / np.maximum(from_end, 1), 0)
    lengths = np.sqrt(np.bincount(histories.user, values**2, len(histories)))
    answer: Floats = (values / np.maximum(lengths, 1e-9)[histories.user]).astype(np.float32)
    return answer


def _opinions(scores: Floats) -> Floats:
    """What counts for nothing is no opinion."""
    np.copyto(scores, np.float32(np.nan), where=scores <= 0)
    return scores


def fit_title_neighbours(histories: Histories, titles: int, params: TitleNeighboursParams) -> TitleNeighbours:
    wanted = _wanted(histories)
    watched = wanted.matrix(np.ones(len(wanted.title), np.float32), titles)
    viewers = np.bincount(wanted.title, minlength=titles).astype(np.float32)
    blocks = [
        _nearest(watched, viewers, np.arange(first, min(first + _BLOCK, titles)), params)
        for first in range(0, titles, _BLOCK)
    ]
    return TitleNeighbours(sp.csr_array(sp.vstack(blocks, format="csr")), params.recent)


def _nearest(watched: sp.csr_array, viewers: Floats, some: Ints, params: TitleNeighboursParams) -> sp.csr_array:
    """The nearest of some titles: the cosine of their viewers, lower where few have watched either."""
    together = (watched[:, some].T @ watched).toarray()
    likeness = together / np.maximum(np.sqrt(np.outer(viewers[some], viewers)) + np.float32(params.shrinkage), 1)
    likeness[np.arange(len(some)), some] = 0
    nearest = np.sort(best_of(likeness, params.nearest), axis=1)
    starts = np.arange(len(some) + 1) * nearest.shape[1]
    values = np.take_along_axis(likeness, nearest, axis=1).ravel()
    kept = sp.csr_array((values, nearest.ravel(), starts), shape=likeness.shape)
    kept.eliminate_zeros()
    return kept


def fit_viewer_neighbours(
    histories: Histories, titles: int, params: ViewerNeighboursParams, seed: int
) -> ViewerNeighbours:
    wanted = _wanted(histories)
    users = np.flatnonzero(wanted.counts > 0)
    if len(users) > params.kept:
        users = np.sort(np.random.default_rng(seed).choice(users, params.kept, replace=False))
    kept = wanted.of(users)
    return ViewerNeighbours(kept.matrix(np.ones(len(kept.title), np.float32), titles), params.nearest, params.recent)


def _saved(matrix: sp.csr_array) -> Arrays:
    return {
        "data": matrix.data,
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "titles": np.array(matrix.shape[1]),
    }


def _loaded(arrays: Arrays) -> sp.csr_array:
    parts = (arrays["data"], arrays["indices"], arrays["indptr"])
    return sp.csr_array(parts, shape=(len(arrays["indptr"]) - 1, int(arrays["titles"])))
