"""Neighbours: titles that the same viewers watch, and what viewers alike watch; the last of a history counts most.

Likeness is a cosine: `title_neighbours` of two titles' viewers, `viewer_neighbours` of two viewers' titles.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.best import best_of
from marquee.model.compiled import compiled
from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources import Arrays, narrow, square_arrays, square_of
from marquee.model.sources.adding import of_sparse, opinions, opinions_of
from marquee.model.sources.pairs import Pairs, among_all
from marquee.params import TitleNeighboursParams, ViewerNeighboursParams

_NEXT_TO_NOTHING = 0.01
_BLOCK = 1_024  # titles whose likeness to all others is in memory at once


@dataclass(frozen=True, eq=False)
class TitleNeighbours:
    name: ClassVar[str] = "title_neighbours"
    likeness: sp.csr_array  # titles x titles: [watched, neighbour]; only the nearest
    recent: int  # how many titles of a history are looked at

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        return opinions_of(self.likeness, histories, self.values(histories))

    def values(self, deeds: Deeds) -> Floats:
        """How much each row counts: the last title wanted one, the one before it half, ...; of length 1 together."""
        from_end = deeds.wanted_after
        return _of_length_one(deeds, np.where((deeds.strength > 0) & (from_end < self.recent), 1 / (from_end + 1), 0))

    def arrays(self) -> Arrays:
        return {**square_arrays(self.likeness), "recent": np.array(self.recent)}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        return cls(square_of(arrays), int(arrays["recent"]))


@dataclass(frozen=True, eq=False)
class ViewerNeighbours:
    """What viewers alike watched shortly before and after the titles that both have watched.

    Keeps what a sample of viewers watched, in order: asking all would take longer than anybody waits.
    """

    name: ClassVar[str] = "viewer_neighbours"
    starts: Ints  # kept viewer v watched title[starts[v]] to title[starts[v + 1]], oldest first
    title: NDArray[np.int32]
    titles: int
    nearest: int  # how many viewers are asked
    fade: float  # the last title of a history counts one, the one before it `fade`, then its square
    closeness: float  # the title next to one that both watched counts one, the one after it `closeness`
    before: float  # what those count that were watched before it, beside those after it

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        around = np.zeros((len(histories), self.titles), np.float32)
        self.add_around(self.meetings(histories), histories.user, self._every_title, around)
        opinions(around)
        return around

    def values(self, histories: Histories) -> Floats:
        """How much each row of the histories counts."""
        wanted = histories.strength > 0
        values = np.where(wanted, np.power(np.float32(self.fade), histories.wanted_after), np.float32(0))
        return np.where(values > _NEXT_TO_NOTHING, values, np.float32(0))

    def likeness(self, histories: Histories) -> Floats:
        """How alike each viewer is to each that is kept: the cosine of what they watched, what is recent first."""
        return of_sparse(self._directions, histories, _of_length_one(histories, self.values(histories)))

    def meetings(self, histories: Histories) -> "Meetings":
        known = self._known.get(histories)
        if known is None:
            known = self._known[histories] = self._meetings(histories)
        return known

    @cached_property
    def _known(self) -> "WeakKeyDictionary[Histories, Meetings]":
        """Of histories that somebody still asks about: a list is made, and then explained."""
        return WeakKeyDictionary()

    def _meetings(self, histories: Histories) -> "Meetings":
        rows = histories.starts, histories.title, self.values(histories)
        return Meetings(*_meet(self.starts, self.title, self.titles, *rows, *self._nearest(histories)))

    def _nearest(self, histories: Histories) -> tuple[Ints, Floats]:
        """The viewers who are asked, and how much each of them counts: by likeness, one together."""
        likeness = self.likeness(histories)
        nearest = best_of(likeness, self.nearest)
        alike = likeness[np.arange(len(nearest))[:, None], nearest]
        return nearest, alike / np.maximum(alike.sum(axis=1, keepdims=True), np.float32(1e-9))

    def add_around(self, meetings: "Meetings", to: Ints, column: NDArray[np.int32], sums: Floats) -> None:
        """To the run of the sums that each row of the histories adds `to`: what was watched around it.

        Of titles that have a column: it is -1 for those that are not asked about.
        """
        reach = np.power(np.float32(self.closeness), np.arange(_steps(self.closeness), dtype=np.float32))
        met = meetings.places, meetings.counts
        _add_around(self.title, *met, to, column, reach, np.float32(self.before), sums)

    @cached_property
    def _every_title(self) -> NDArray[np.int32]:
        return np.arange(self.titles, dtype=np.int32)

    @cached_property
    def _owner(self) -> NDArray[np.int32]:
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def _directions(self) -> sp.csr_array:
        """Titles x kept viewers, each viewer of length 1."""
        lengths = np.sqrt(np.maximum(np.diff(self.starts), 1)).astype(np.float32)
        cells = (1 / lengths[self._owner], (self.title, self._owner))
        return narrow(sp.csr_array(cells, shape=(self.titles, len(lengths)), dtype=np.float32))

    def arrays(self) -> Arrays:
        settings = np.array([self.nearest, self.fade, self.closeness, self.before])
        return {"starts": self.starts, "title": self.title, "titles": np.array(self.titles), "settings": settings}

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        nearest, fade, closeness, before = arrays["settings"].tolist()
        return cls(arrays["starts"], arrays["title"], int(arrays["titles"]), int(nearest), fade, closeness, before)


class Meetings(NamedTuple):
    """Where viewers who are asked watched what histories watched."""

    places: Ints  # meetings x 4: row of the histories; place among all that is kept; where that viewer's begin, end
    counts: Floats  # how much each is worth


@compiled
def _meet(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    kept_starts: Ints,
    kept_title: NDArray[np.int32],
    titles: int,
    starts: Ints,
    title: NDArray[np.int32],
    values: Floats,
    nearest: Ints,
    weights: Floats,
) -> tuple[Ints, Floats]:
    value_of, row_of = np.zeros(titles, np.float32), np.empty(titles, np.int64)
    places, counts, met = np.empty((256, 4), np.int64), np.empty(256, np.float32), 0
    for viewer in range(len(starts) - 1):
        for row in range(starts[viewer], starts[viewer + 1]):
            value_of[title[row]], row_of[title[row]] = values[row], row
        for number in range(nearest.shape[1]):
            if weights[viewer, number] > 0:
                first, end = kept_starts[nearest[viewer, number]], kept_starts[nearest[viewer, number] + 1]
                found = np.empty(end - first, np.int64)
                count = _find(kept_title[first:end], value_of, found)
                while met + count > len(counts):
                    places, counts = np.concatenate((places, places)), np.concatenate((counts, counts))
                for at in found[:count]:
                    of_title = kept_title[first + at]
                    places[met, 0], places[met, 1] = row_of[of_title], first + at
                    places[met, 2], places[met, 3] = first, end
                    counts[met] = weights[viewer, number] * value_of[of_title]
                    met += 1
        for row in range(starts[viewer], starts[viewer + 1]):
            value_of[title[row]] = 0
    return places[:met], counts[:met]


@compiled
def _find(watched: NDArray[np.int32], value_of: Floats, found: Ints) -> int:
    """How many of these titles count, and where."""
    count = 0
    for place in range(len(watched)):
        found[count] = place
        count += value_of[watched[place]] != 0
    return count


@compiled
def _add_around(  # noqa: PLR0913, PLR0917
    kept_title: NDArray[np.int32],
    places: Ints,
    counts: Floats,
    to: Ints,
    column: NDArray[np.int32],
    reach: Floats,
    before: np.float32,
    sums: Floats,
) -> None:
    for meeting in range(len(counts)):
        row, place, first, end = places[meeting]
        total = sums[to[row]]
        _add_near(kept_title[place + 1 : end], 1, column, counts[meeting], reach, total)
        _add_near(kept_title[first:place], -1, column, counts[meeting] * before, reach, total)


@compiled
def _add_near(  # noqa: PLR0913, PLR0917
    watched: NDArray[np.int32],
    step: int,
    column: NDArray[np.int32],
    weight: np.float32,
    reach: Floats,
    total: Floats,
) -> None:
    """The nearest is the first or, backwards, the last."""
    place = 0 if step > 0 else len(watched) - 1
    for k in range(min(len(reach), len(watched))):
        where = column[watched[place + step * k]]
        if where >= 0:
            total[where] += weight * reach[k]


def _steps(closeness: float) -> int:
    """After how many titles next to nothing is left."""
    return max(int(np.ceil(np.log(_NEXT_TO_NOTHING) / np.log(closeness))), 1)


def _of_length_one(deeds: Deeds, values: NDArray[np.floating[Any]]) -> Floats:
    """Of each viewer, the values of all rows together."""
    answer: Floats = (values / np.maximum(np.sqrt(deeds.total(values**2)), 1e-9)).astype(np.float32)
    return answer


def _wanted(histories: Histories) -> Histories:
    return histories.where(histories.strength > 0)


def title_neighbours_of(pairs: Pairs, params: TitleNeighboursParams) -> TitleNeighbours:
    every, viewers = np.arange(len(pairs.supported)), np.diag(pairs.together).copy()
    asked = [every[first : first + _BLOCK] for first in range(0, len(every), _BLOCK)]
    blocks = [_nearest(pairs.together[some], viewers, some, params) for some in asked]
    nearest = sp.csr_array(sp.vstack(blocks, format="csr") if blocks else (0, 0))
    return TitleNeighbours(among_all(nearest, pairs.supported, pairs.titles), params.recent)


def _nearest(likeness: Floats, viewers: Floats, some: Ints, params: TitleNeighboursParams) -> sp.csr_array:
    """The nearest of some titles: the cosine of their viewers, lower where few have watched either."""
    likeness /= np.maximum(np.sqrt(np.outer(viewers[some], viewers)) + np.float32(params.shrinkage), 1)
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
    told = params.nearest, params.fade, params.closeness, params.before
    return ViewerNeighbours(kept.starts, kept.title, titles, *told)
