"""Adding: sources that add up the cells of a matrix, titles x titles, each times what the row of the history counts.

All are asked together, and of the same matrix cells are looked up once for all sources. Rows are laid out one at a
time, for what they carry and again for what is lost: a table of all of them takes longer, it drives out of the
processor's memory what comes next.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.carried.without import Without
from marquee.model.compiled import compiled
from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources.adding import cells_of

Values = Callable[[Deeds], Floats]  # how much each row counts
Columns = NDArray[np.uint32]
_Cells = tuple[NDArray[Any], NDArray[Any], Floats, NDArray[np.int32], Columns]  # what `_lay_out` asks

_SLIGHT = np.float32(0.005)  # of what the row counts most that counts most: a smaller change of another is none


class Adding:
    def __init__(self, asked: Sequence[tuple[sp.csr_array, Values]], history: Histories, title: Ints) -> None:
        """Those that ask the same matrix stand beside one another."""
        self._values, self._titles = [values for _, values in asked], len(title)
        self._counts = self._of_sources(history)
        self._runs: list[tuple[slice, _Cells]] = []
        column = _columns(title, asked[0][0].shape[1])
        for _, run in groupby(enumerate(asked), key=lambda each: id(each[1][0])):
            (first, (matrix, _)), *others = run
            self._runs.append((slice(first, first + 1 + len(others)), (*cells_of(matrix), history.title, column)))

    def carried(self, place: Ints) -> Floats:
        carried = np.zeros((*self._counts.shape, len(place)), np.float32)
        for run, cells in self._runs:
            _carry(*cells, self._titles, self._counts[run], place, carried[run])
        return carried

    def lost(self, without: Without) -> Floats:
        counts = self._of_sources(without)
        lost = np.zeros((*counts.shape[:2], self._titles), np.float32)
        for run, cells in self._runs:
            _lose(*cells, self._counts[run], counts[run], lost[run])
        return lost

    def _of_sources(self, deeds: Deeds) -> Floats:
        return np.stack([values(deeds) for values in self._values], dtype=np.float32)


def _columns(title: Ints, titles: int) -> Columns:
    """Of every title; what nobody asks about has the last: to put it there is sooner done than to find out."""
    column = np.full(titles, len(title), np.uint32)
    column[title] = np.arange(len(title))
    return column


@compiled
def _carry(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    column: Columns,
    titles: int,
    counts: Floats,
    place: Ints,
    carried: Floats,
) -> None:
    cells = np.empty(titles + 1, np.float32)
    for row in range(len(mine)):
        if np.any(counts[:, row] != 0):
            _lay_out(indptr, indices, data, mine[row], column, cells)
            for source in range(len(counts)):
                of_row = carried[source, row]
                for n in range(len(place)):
                    of_row[n] = counts[source, row] * cells[place[n]]


@compiled
def _lose(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    column: Columns,
    counts: Floats,
    without: Floats,
    lost: Floats,
) -> None:
    """Of each source and time, the cells of every row times how much less that counts."""
    felt, cells = np.zeros(len(counts), np.float32), np.empty(lost.shape[2] + 1, np.float32)
    for source in range(len(counts)):
        for count in counts[source]:
            felt[source] = max(felt[source], _SLIGHT * abs(count))
    for row in range(len(mine)):
        is_laid_out = False
        for source in range(len(counts)):
            for time in range(without.shape[1]):
                change = counts[source, row] - without[source, time, row]
                if abs(change) > felt[source]:
                    if not is_laid_out:
                        _lay_out(indptr, indices, data, mine[row], column, cells)
                        is_laid_out = True
                    total = lost[source, time]
                    for title in range(len(total)):
                        total[title] += change * cells[title]


@compiled
def _lay_out(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, title: int, column: Columns, cells: Floats
) -> None:
    of_title = slice(indptr[title], indptr[title + 1])
    others, numbers = indices[of_title], data[of_title]
    cells[:] = 0
    for cell in range(len(others)):
        cells[column[others[cell]]] = numbers[cell]
