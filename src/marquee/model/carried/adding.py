"""Adding: sources that add up the cells of a matrix, titles x titles, each times what the row of the history counts.

Those of one matrix are asked together: its cells are looked up once for all of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.carried.without import Without
from marquee.model.compiled import compiled
from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources.adding import cells_of

Values = Callable[[Deeds], Floats]  # how much each row counts

_SLIGHT = np.float32(0.005)  # of what the row counts most that counts most: a smaller change of another is none


class Adding:
    def __init__(self, matrix: sp.csr_array, asked: Sequence[Values], history: Histories, title: Ints) -> None:
        self._matrix, self._asked, self._history, self._title = matrix, asked, history, title
        self._counts = self._of_sources(history)

    def carried(self, place: Ints) -> Floats:
        carried = np.zeros((*self._counts.shape, len(place)), np.float32)
        some = np.flatnonzero(self._counts.any(axis=0))
        carried[:, some] = self._counts[:, some, None] * self._cells(some, self._title[place])
        return carried

    def lost(self, without: Without) -> Floats:
        change = self._counts[:, None] - self._of_sources(without)
        change[np.abs(change) <= _SLIGHT * np.abs(self._counts).max(axis=1, initial=0)[:, None, None]] = 0
        some = np.flatnonzero(change.any(axis=(0, 1)))
        lost = change[:, :, some] @ self._cells(some, self._title)
        return lost.astype(np.float32, copy=False)

    def _of_sources(self, deeds: Deeds) -> Floats:
        return np.stack([values(deeds) for values in self._asked], dtype=np.float32)

    def _cells(self, rows: Ints, title: Ints) -> Floats:
        """What the titles of these rows of the history say of each title."""
        cells, column = np.zeros((len(rows), len(title) + 1), np.float32), np.empty(self._matrix.shape[1], np.uint32)
        column[:], column[title] = len(title), np.arange(len(title))
        _look_up(*cells_of(self._matrix), self._history.title[rows], column, cells)
        return cells[:, :-1]


@compiled
def _look_up(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    column: NDArray[np.uint32],
    cells: Floats,
) -> None:
    """What nobody asks about has a column too: to put it there is sooner done than to find out."""
    for n in range(len(mine)):
        of_title = slice(indptr[mine[n]], indptr[mine[n] + 1])
        others, numbers, to = indices[of_title], data[of_title], cells[n]
        for cell in range(len(others)):
            to[column[others[cell]]] = numbers[cell]
