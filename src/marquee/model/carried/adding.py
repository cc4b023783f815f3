"""Adding: sources that add up the cells of a matrix, titles x titles, each times what the row of the history counts.

All are asked together, and of the same matrix cells are looked up once for all sources.
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

_SLIGHT = np.float32(0.005)  # of what the row counts most that counts most: a smaller change of another is none


class Adding:
    def __init__(self, asked: Sequence[tuple[sp.csr_array, Values]], history: Histories, title: Ints) -> None:
        """Those that ask the same matrix stand beside one another."""
        self._values, self._history, self._title = [values for _, values in asked], history, title
        self._counts = self._of_sources(history)
        self._runs: list[tuple[sp.csr_array, slice]] = []
        for _, run in groupby(enumerate(asked), key=lambda each: id(each[1][0])):
            (first, (matrix, _)), *others = run
            self._runs.append((matrix, slice(first, first + 1 + len(others))))

    def carried(self, place: Ints) -> Floats:
        carried = np.zeros((*self._counts.shape, len(place)), np.float32)
        for matrix, run in self._runs:
            _carry(*cells_of(matrix), self._history.title, self._title[place], self._counts[run], carried[run])
        return carried

    def lost(self, without: Without) -> Floats:
        change = self._counts[:, None] - self._of_sources(without)
        change[np.abs(change) <= _SLIGHT * np.abs(self._counts).max(axis=1, initial=0)[:, None, None]] = 0
        changes = np.any(change, axis=1)
        lost = np.empty((*change.shape[:2], len(self._title)), np.float32)
        column = self._columns(self._title)
        for matrix, run in self._runs:
            some = np.flatnonzero(changes[run].any(axis=0))
            cells = np.zeros((len(some), len(self._title) + 1), np.float32)
            _look_up(*cells_of(matrix), self._history.title[some], column, cells)
            lost[run] = change[run, :, some] @ cells[:, :-1]
        return lost

    def _of_sources(self, deeds: Deeds) -> Floats:
        return np.stack([values(deeds) for values in self._values], dtype=np.float32)

    def _columns(self, title: Ints) -> Columns:
        """Of every title; what nobody asks about has the last: to put it there is sooner done than to find out."""
        column = np.full(self._runs[0][0].shape[1], len(title), np.uint32)
        column[title] = np.arange(len(title))
        return column


@compiled
def _carry(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    asked: Ints,
    counts: Floats,
    carried: Floats,
) -> None:
    """The titles asked about are few: each is looked for among the cells of a row, which are in order."""
    for row in range(len(mine)):
        first, end = indptr[mine[row]], indptr[mine[row] + 1]
        if end > first and np.any(counts[:, row] != 0):
            for place in range(len(asked)):
                cell = _last_up_to(indices, first, end, asked[place])
                if indices[cell] == asked[place]:
                    for source in range(len(counts)):
                        carried[source, row, place] = counts[source, row] * data[cell]


@compiled
def _last_up_to(indices: NDArray[Any], first: int, end: int, wanted: int) -> int:
    """The cell of that column, if there is one; without a branch, which guessed wrong costs more than half."""
    left = end - first
    while left > 1:
        half = left // 2
        first += half * (indices[first + half] <= wanted)
        left -= half
    return first


@compiled
def _look_up(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, mine: NDArray[np.int32], column: Columns, cells: Floats
) -> None:
    for n in range(len(mine)):
        _lay_out(indptr, indices, data, mine[n], column, cells[n])


@compiled
def _lay_out(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, title: int, column: Columns, cells: Floats
) -> None:
    of_title = slice(indptr[title], indptr[title + 1])
    others, numbers = indices[of_title], data[of_title]
    for cell in range(len(others)):
        cells[column[others[cell]]] = numbers[cell]
